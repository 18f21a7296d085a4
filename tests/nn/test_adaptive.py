# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Adaptive moments: a Gaussian's size, shape and fluxes come back.
"""

import numpy as np
import pytest
import torch

from astrovae.nn import AdaptivePhotometry

SIZE = 64
N_SCALES = 7
# That of the galaxy itself: 0.25, 0.5, 1, ... of its variance.
OWN_SCALE = 2


def gaussian(major, minor, angle=0.0, x0=0.0):
    """Peak 1; axes in pixels, angle in radians from +x."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    x = x - x0
    along = x * np.cos(angle) + y * np.sin(angle)
    across = -x * np.sin(angle) + y * np.cos(angle)
    return np.exp(-0.5 * ((along / major) ** 2 + (across / minor) ** 2))


def measure(bands, weight=None):
    flux = np.stack(bands)
    x = torch.tensor(np.arcsinh(flux), dtype=torch.float32)[None]
    weight = torch.ones_like(x) if weight is None else weight
    features = AdaptivePhotometry(len(bands), SIZE)(x * weight, weight)[0].numpy()
    n = len(bands)
    shape, rest = features[:4], features[4:]
    signal = rest[: n * N_SCALES].reshape(n, N_SCALES)
    colours = rest[n * N_SCALES : (2 * n - 1) * N_SCALES]
    return shape, signal, colours.reshape(n - 1, N_SCALES)


@pytest.mark.parametrize(("major", "minor"), [(2, 1.2), (4, 2.5), (1.5, 1.5)])
@pytest.mark.parametrize("angle", [0.0, 0.6, 2.0])
def test_size_and_shape_come_back(major, minor, angle):
    shape, signal, _ = measure([300 * gaussian(major, minor, angle)])
    variance = (major**2 + minor**2) / 2
    ellipticity = (major**2 - minor**2) / (major**2 + minor**2)
    # Six iterations leave 4 per cent for the largest of these.
    assert np.exp(2 * shape[0]) == pytest.approx(variance, rel=0.05)
    assert shape[1] == pytest.approx(ellipticity * np.cos(2 * angle), abs=0.02)
    assert shape[2] == pytest.approx(ellipticity * np.sin(2 * angle), abs=0.02)
    assert shape[3] == pytest.approx(ellipticity, abs=0.02)
    # Seen through itself, half of its light is counted; through wider
    # Gaussians more, s / (1 + s) of it.
    total = 300 * 2 * np.pi * major * minor
    scales = 0.25 * 2.0 ** np.arange(N_SCALES)
    counted = 2 * np.sinh(signal[0])
    inner = slice(0, OWN_SCALE + 2)
    assert counted[inner] == pytest.approx(
        (total * scales / (1 + scales))[inner], rel=0.03
    )


def test_wide_galaxies_come_out_a_little_small():
    shape, _, _ = measure([300 * gaussian(6, 6)])
    assert np.exp(2 * shape[0]) == pytest.approx(0.9 * 36, rel=0.03)


def test_colours_are_those_of_the_fluxes():
    shape = gaussian(3, 2)
    _, signal, colours = measure([50 * shape, 100 * shape, 400 * shape])
    # Bright as these are, asinh is the logarithm.
    assert colours[0] == pytest.approx(np.log(2), abs=1e-3)
    assert colours[1] == pytest.approx(np.log(4), abs=1e-3)
    assert colours == pytest.approx(np.diff(signal, axis=0), abs=1e-5)


def test_gradient_of_a_colour_shows():
    red, blue = gaussian(1.5, 1.5), gaussian(4, 4)
    _, _, colours = measure([50 * blue + 20 * red, 50 * blue + 100 * red])
    assert np.all(np.diff(colours[0]) < 0)
    assert colours[0, 0] > colours[0, -1] + 0.2


def test_a_neighbour_outside_has_little_say():
    galaxy = 100 * gaussian(2, 1.5)
    alone = measure([galaxy, galaxy])
    beside = measure([galaxy + 100 * gaussian(2, 2, x0=16)] * 2)
    assert beside[0] == pytest.approx(alone[0], abs=0.03)
    inner = slice(0, OWN_SCALE + 1)
    assert beside[1][:, inner] == pytest.approx(alone[1][:, inner], abs=0.03)


def test_masked_pixels_are_filled_by_their_neighbours():
    galaxy = 100 * gaussian(3, 3)
    whole = measure([galaxy, galaxy])
    weight = torch.ones(1, 2, SIZE, SIZE)
    weight[:, 0, :, : SIZE // 2] = 0.0
    part = measure([galaxy, galaxy], weight)
    assert part[1] == pytest.approx(whole[1], abs=0.02)
    weight[:, 0] = 0.0
    lost = measure([galaxy, galaxy], weight)
    assert np.all(lost[1][0] == 0)
    assert lost[0] == pytest.approx(whole[0], abs=1e-4)


def test_a_gap_beside_the_galaxy_leaves_its_shape():
    galaxy = 100 * gaussian(3, 2)
    weight = torch.ones(1, 2, SIZE, SIZE)
    weight[:, :, :, 42:] = 0.0
    weight[:, 0, :10] = 0.0
    whole, part = measure([galaxy, galaxy])[0], measure([galaxy, galaxy], weight)[0]
    assert part == pytest.approx(whole, abs=0.02)


def test_noise_gives_finite_numbers_within_bounds():
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(200, 3, SIZE, SIZE)), dtype=torch.float32)
    features = AdaptivePhotometry(3, SIZE)(x, torch.ones_like(x))
    assert torch.isfinite(features).all()
    assert features[:, 0].exp().square().min() >= 0.49
    assert features[:, 0].exp().square().max() <= (SIZE / 8) ** 2 * 1.01
    assert features[:, 3].max() <= 0.8501
    nothing = AdaptivePhotometry(3, SIZE)(x * 0, x * 0)
    assert torch.isfinite(nothing).all()


@pytest.mark.parametrize(("n_bands", "size"), [(1, 32), (3, 64), (5, 48)])
def test_number_of_features(n_bands, size):
    layer = AdaptivePhotometry(n_bands, size)
    x = torch.zeros(2, n_bands, size, size)
    assert layer(x, x + 1).shape == (2, layer.n_features)
