# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Frames that are put together in Fourier space against galsim's own.
"""

import sys

import numpy as np
import pytest

from astrovae.simulation.conditions import point_spread_functions
from astrovae.simulation.fourier import FourierFrame, radial_transform

galsim = pytest.importorskip("galsim")

SIZE, SCALE = 96, 0.262


def conditions(fwhm=1.2, beta=3.0, shear=(0.02, -0.01)):
    return {"psf_fwhm": [fwhm], "psf_beta": [beta], "psf_shear": [shear]}


def drawn_here(index, radius, axis_ratio, angle, x, y, psf):
    frame = FourierFrame(1, SIZE, SCALE)
    shape = (radius, radius * axis_ratio, angle)
    frame.add_profile(radial_transform("sersic", index), shape, x, y, [10.0])
    return frame.draw(point_spread_functions(psf))[0]


def drawn_by_galsim(index, radius, axis_ratio, angle, x, y, psf):
    # galsim's shear keeps the area: its radius is that of the circle.
    round_radius = radius * np.sqrt(axis_ratio)
    profile = galsim.Sersic(n=index, half_light_radius=round_radius, flux=10.0)
    profile = profile.shear(q=axis_ratio, beta=angle * galsim.radians).shift(x, y)
    g1, g2 = psf["psf_shear"][0]
    moffat = galsim.Moffat(beta=psf["psf_beta"][0], fwhm=psf["psf_fwhm"][0])
    seen = galsim.Convolve([profile, moffat.shear(g1=g1, g2=g2)])
    return seen.drawImage(nx=SIZE, ny=SIZE, scale=SCALE, method="no_pixel").array


@pytest.mark.parametrize("index", [0.8, 1.0, 4.0])
@pytest.mark.parametrize(
    ("shape", "psf"),
    [
        ((1.0, 0.4, 0.6, 0.3, -0.5), conditions()),
        ((0.4, 0.8, -1.2, -1.1, 0.2), conditions(1.3, 2.5, (0.0, 0.03))),
        ((1.5, 0.5, 1.5, 0.0, 0.0), conditions(1.1, 4.0, (0.0, 0.0))),
    ],
)
def test_profiles_are_those_of_galsim(index, shape, psf):
    image = drawn_here(index, *shape, psf)
    reference = drawn_by_galsim(index, *shape, psf)
    np.testing.assert_allclose(image, reference, atol=1e-4 * reference.max())


def test_total_flux_is_kept():
    # In the padded frame exactly, whatever the profile; in the frame
    # what galsim finds there.
    frame = FourierFrame(2, SIZE, SCALE)
    table = radial_transform("sersic", 1.0)
    frame.add_profile(table, (0.8, 0.5, 0.3), 1.0, 2.0, [3.0, 0.0])
    frame.add_points(np.array([0.5, -1.0]), np.zeros(2), np.array([[1, 4.0], [2, 5.0]]))
    np.testing.assert_allclose(frame.light[:, 0, 0], [6.0, 9.0], rtol=1e-6)
    psfs = 2 * point_spread_functions(conditions(beta=4.0))
    np.testing.assert_allclose(frame.draw(psfs).sum(axis=(1, 2)), [6, 9], rtol=5e-3)


@pytest.mark.parametrize("size", [95, 96])
def test_a_point_lies_where_it_is_put(size):
    frame = FourierFrame(1, size, SCALE)
    x, y = 3.25 * SCALE, -7.5 * SCALE
    frame.add_points(np.array([x]), np.array([y]), np.array([5.0]))
    image = frame.draw(point_spread_functions(conditions(shear=(0.0, 0.0))))[0]
    rows, columns = np.indices(image.shape) - (size - 1) / 2
    near = np.hypot(columns - 3.25, rows + 7.5) < 12
    flux = image[near].sum()
    assert flux == pytest.approx(5.0, rel=0.02)
    assert (columns * image)[near].sum() / flux == pytest.approx(3.25, abs=0.01)
    assert (rows * image)[near].sum() / flux == pytest.approx(-7.5, abs=0.01)


@pytest.mark.parametrize("beta", [2.5, 3.0, 3.5, 4.0])
def test_stars_have_the_width_of_the_psf(beta):
    # Across a star in the centre of a pixel, light falls to a half at
    # FWHM / 2 and to that of Moffat's formula elsewhere.
    frame = FourierFrame(1, 95, 0.1)
    frame.add_points(np.zeros(1), np.zeros(1), np.ones(1))
    psf = point_spread_functions(conditions(1.3, beta, (0.0, 0.0)))
    image = frame.draw(psf)[0]
    radius = 0.1 * np.arange(20)
    width = 1.3 / 2 / np.sqrt(2 ** (1 / beta) - 1)
    expected = (1 + (radius / width) ** 2) ** -beta
    for across in (image[47, 47:67], image[47:67, 47]):
        np.testing.assert_allclose(across / image[47, 47], expected, atol=2e-3)


def test_a_blur_is_a_gaussian():
    images = []
    for blur in (0.0, 0.6):
        frame = FourierFrame(1, SIZE, SCALE)
        frame.add_points(np.zeros(1), np.zeros(1), np.ones(1), blur=blur)
        images.append(frame.draw(point_spread_functions(conditions()))[0])
    moffat = galsim.Moffat(beta=3.0, fwhm=1.2).shear(g1=0.02, g2=-0.01)
    blurred = galsim.Convolve([moffat, galsim.Gaussian(sigma=0.6)])
    expected = blurred.drawImage(nx=SIZE, ny=SIZE, scale=SCALE, method="no_pixel").array
    np.testing.assert_allclose(images[1], expected, atol=1e-4 * expected.max())
    assert images[1].max() < 0.7 * images[0].max()


def test_bands_do_not_mix():
    frame = FourierFrame(2, SIZE, SCALE)
    frame.add_points(np.zeros(1), np.zeros(1), np.array([[0.0, 2.0]]))
    images = frame.draw(2 * point_spread_functions(conditions()))
    assert np.all(images[0] == 0)
    assert images[1].sum() > 1.9


def test_missing_galsim_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "galsim", None)
    with pytest.raises(ImportError, match=r"galsim: pip install astrovae\[simulate"):
        radial_transform("sersic", 3.21)
