# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Flux, angle, structure and noise of drawn galaxies.
"""

import numpy as np
import pytest

pytest.importorskip("galsim")

from astrovae.simulation import neighbours, rendering

BANDS = ("g", "r", "z")
EXTINCTION = np.array([0.9, 0.95, 0.98])
GALAXY = {
    "disc_radius": 1.0,
    "disc_axis_ratio": 0.4,
    "disc_sersic": 1.0,
    "bulge_radius": 0.4,
    "bulge_axis_ratio": 0.6,
    "bulge_sersic": 3.0,
    "orientation": 0.6,
    "arms": 0.8,
    "arm_number": 2,
    "arm_pitch": 0.35,
    "arm_phase": 1.0,
    "disc_flux": np.array([50.0, 100.0, 150.0]),
    "bulge_flux": np.array([10.0, 30.0, 50.0]),
    "clump_flux": np.array([20.0, 20.0, 15.0]),
}
# A large disc that is seen from above.
SPIRAL = GALAXY | {
    "disc_radius": 4.0,
    "disc_axis_ratio": 1.0,
    "bulge_flux": np.zeros(3),
}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Frames without neighbours."""
    monkeypatch.setattr(neighbours, "_GALAXY_DENSITY", 0.0)
    monkeypatch.setattr(neighbours, "_STAR_DENSITY", 0.0)


def draw(galaxy=GALAXY, rng=0, *, sky_sigma=1e-6, gain=1e12, size=128):
    conditions = {
        "psf_fwhm": np.array([1.3, 1.2, 1.1]),
        "psf_beta": np.array([3.5, 3.5, 3.5]),
        "psf_shear": np.zeros((3, 2)),
        "sky_sigma": np.full(3, sky_sigma),
        "gain": np.full(3, gain),
        "correlation": np.full(3, 0.25),
        "extinction": EXTINCTION,
    }
    return rendering.render_galaxy(
        galaxy,
        bands=BANDS,
        size=size,
        pixel_scale=0.262,
        conditions=conditions,
        rng=np.random.default_rng(rng),
    )


def total_flux(galaxy):
    parts = ("disc_flux", "bulge_flux", "clump_flux")
    return sum(galaxy[name] for name in parts) * EXTINCTION


def roughness(image):
    """Power that is not symmetric under half a turn, of all power."""
    return np.sum((image - image[::-1, ::-1]) ** 2) / np.sum(image**2) / 2


def arm_amplitude(image, radius, number):
    """Amplitude of so many waves around a ring, over its mean."""
    y, x = np.indices(image.shape) - (image.shape[0] - 1) / 2
    ring = np.abs(np.hypot(x, y) * 0.262 - radius) < 0.3
    waves = image[ring] * np.exp(-1j * number * np.arctan2(y, x)[ring])
    return np.abs(waves.mean()) / image[ring].mean()


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.0])
def test_flux_is_the_catalogue_flux(radius):
    galaxy = GALAXY | {"disc_radius": radius}
    image, _ = draw(galaxy)
    flux = total_flux(galaxy)
    drawn = image.sum(axis=(1, 2))
    # A Moffat PSF and a steep bulge leave 1-2 % outside.
    np.testing.assert_allclose(drawn, flux, rtol=0.025)
    assert np.all(drawn < flux * 1.001)
    np.testing.assert_allclose(drawn / drawn[1], flux / flux[1], rtol=0.01)


@pytest.mark.parametrize("angle", [-1.4, -0.5, 0.0, 0.9, 1.55])
def test_orientation_comes_back_from_moments(angle):
    image, _ = draw(GALAXY | {"orientation": angle, "clump_flux": np.zeros(3)})
    y, x = np.indices(image.shape[1:]) - (image.shape[1] - 1) / 2
    window = np.exp(-(x**2 + y**2) / (2 * 8.0**2)) * image[1]
    xx, yy, xy = ((window * m).sum() for m in (x * x, y * y, x * y))
    measured = 0.5 * np.arctan2(2 * xy, xx - yy)
    difference = (measured - angle + np.pi / 2) % np.pi - np.pi / 2
    assert np.abs(difference) < np.radians(2)


def test_bulges_have_their_own_colour():
    # The bulge is redder than the disc: so is the centre.
    image, _ = draw(GALAXY | {"disc_radius": 3.0, "bulge_flux": total_flux(GALAXY)})
    y, x = np.indices(image.shape[1:]) - (image.shape[1] - 1) / 2
    inner = np.hypot(x, y) < 4
    outer = (np.hypot(x, y) > 14) & (np.hypot(x, y) < 30)
    blue_disc, _ = draw(SPIRAL)
    g_r = [
        -2.5 * np.log10(image[0, a].sum() / image[1, a].sum()) for a in (inner, outer)
    ]
    assert g_r[0] > g_r[1] + 0.05
    assert blue_disc[0].sum() / blue_disc[1].sum() > image[0].sum() / image[1].sum()


def test_clumps_roughen_a_disc():
    smooth = SPIRAL | {"clump_flux": np.zeros(3)}
    plain = roughness(draw(smooth)[0][1])
    for seed in range(3):
        clumpy = draw(SPIRAL, seed)[0]
        assert roughness(clumpy[1]) > 5 * plain
        # Young stars: the more so in the blue.
        assert roughness(clumpy[0]) > roughness(clumpy[2])
    assert plain < 1e-3


@pytest.mark.parametrize("number", [2, 4])
def test_arms_are_spirals_of_their_number(number):
    # Averaged over seeds, clumps on two arms make two waves around a
    # ring, on four arms four; the others do not add up.
    galaxy = SPIRAL | {"disc_radius": 6.0, "arms": 1.0, "arm_number": number}
    galaxy["disc_flux"] = np.ones(3)
    image = np.mean([draw(galaxy, i, size=64)[0][0] for i in range(20)], axis=0)
    waves = {n: arm_amplitude(image, 6.0, n) for n in (2, 3, 4)}
    assert waves.pop(number) > 1.5 * max(waves.values())
    # Without arms there is no such wave.
    scattered = galaxy | {"arms": 0.0}
    image = np.mean([draw(scattered, i, size=64)[0][0] for i in range(20)], axis=0)
    assert arm_amplitude(image, 6.0, number) < 0.3


def test_small_discs_are_smooth_and_keep_their_light():
    small = SPIRAL | {"disc_radius": 0.5}
    image, _ = draw(small)
    assert roughness(image[1]) < 0.02
    np.testing.assert_allclose(image.sum(axis=(1, 2)), total_flux(small), rtol=0.02)


def test_noise_is_that_of_the_inverse_variance():
    clean, _ = draw()
    noisy, ivar = draw(sky_sigma=0.005, gain=2000.0)
    scaled = (noisy - clean) * np.sqrt(ivar)
    assert scaled.std() == pytest.approx(1, abs=0.015)
    assert scaled.mean() == pytest.approx(0, abs=0.02)
    centre = scaled[:, 54:74, 54:74]
    assert centre.std() == pytest.approx(1, abs=0.08)
    # Photons of the source add to those of the sky.
    assert ivar[1].max() == pytest.approx(0.005**-2, rel=0.01)
    assert ivar[1, 64, 64] < 0.2 * ivar[1].max()


def test_a_bright_core_saturates():
    bright = GALAXY | {"bulge_radius": 0.1, "bulge_flux": np.full(3, 2000.0)}
    image, ivar = draw(bright)
    saturated = ivar == 0
    assert np.all(saturated[:, 63:65, 63:65])
    assert saturated.mean() < 0.02
    assert image[saturated].min() >= image[~saturated].max() - 0.01
