# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Flux, PSF, angle and noise of drawn images.
"""

import numpy as np
import pytest

pytest.importorskip("galsim")

from astrovae.simulation import rendering

BANDS = ("g", "r", "z")
GALAXY = {
    "disc_radius": 1.0,
    "disc_axis_ratio": 0.4,
    "bulge_radius": 0.4,
    "bulge_axis_ratio": 0.6,
    "orientation": 0.6,
}


@pytest.fixture
def quiet(monkeypatch):
    """Frames without neighbours."""
    monkeypatch.setattr(rendering, "_GALAXY_DENSITY", 0.0)
    monkeypatch.setattr(rendering, "_STAR_DENSITY", 0.0)


def draw(rng=0, *, sky_sigma=1e-6, gain=1e12, size=128, galaxy=GALAXY, flux=50.0):
    conditions = {
        "psf_fwhm": np.array([1.3, 1.2, 1.1]),
        "sky_sigma": np.full(3, sky_sigma),
        "gain": np.full(3, gain),
        "extinction": np.array([0.9, 0.95, 0.98]),
    }
    disc = np.array([1.0, 2.0, 3.0]) * flux
    bulge = np.array([0.2, 0.6, 1.0]) * flux
    image, ivar = rendering.render_galaxy(
        galaxy,
        disc,
        bulge,
        bands=BANDS,
        size=size,
        pixel_scale=0.262,
        conditions=conditions,
        rng=np.random.default_rng(rng),
    )
    return image, ivar, (disc + bulge) * conditions["extinction"]


def test_flux_is_the_catalogue_flux(quiet):
    image, _, flux = draw()
    # A Moffat PSF and a de Vaucouleurs bulge leave 1-2 % outside.
    np.testing.assert_allclose(image.sum(axis=(1, 2)), flux, rtol=0.025)
    assert np.all(image.sum(axis=(1, 2)) < flux * 1.001)


def test_colours_are_the_catalogue_colours(quiet):
    image, _, flux = draw()
    drawn = image.sum(axis=(1, 2))
    np.testing.assert_allclose(drawn / drawn[1], flux / flux[1], rtol=0.01)


@pytest.mark.parametrize("angle", [-1.4, -0.5, 0.0, 0.9, 1.55])
def test_orientation_comes_back_from_moments(quiet, angle):
    image, _, _ = draw(galaxy=GALAXY | {"orientation": angle})
    y, x = np.indices(image.shape[1:]) - (image.shape[1] - 1) / 2
    window = np.exp(-(x**2 + y**2) / (2 * 8.0**2)) * image[1]
    xx, yy, xy = ((window * m).sum() for m in (x * x, y * y, x * y))
    measured = 0.5 * np.arctan2(2 * xy, xx - yy)
    difference = (measured - angle + np.pi / 2) % np.pi - np.pi / 2
    assert np.abs(difference) < np.radians(2)


def test_psf_has_the_width_asked_for(quiet):
    # The image's half-light radius is that of the Moffat profile with
    # beta = 3.5, R50 = FWHM / 2 sqrt((2**(1 / 2.5) - 1) / (2**(1 / 3.5) - 1)).
    point = GALAXY | {"disc_radius": 0.0, "bulge_radius": 0.0}
    image, _, flux = draw(galaxy=point)
    y, x = np.indices(image.shape[1:]) - (image.shape[1] - 1) / 2
    radius = np.hypot(x, y).ravel() * 0.262
    order = np.argsort(radius)
    ratio = np.sqrt((2 ** (1 / 2.5) - 1) / (2 ** (1 / 3.5) - 1)) / 2
    for i, fwhm in enumerate((1.3, 1.2, 1.1)):
        growth = np.cumsum(image[i].ravel()[order]) / flux[i]
        half_light = np.interp(0.5, growth, radius[order])
        assert half_light / ratio == pytest.approx(fwhm, abs=0.045)


def test_noise_is_that_of_the_inverse_variance(quiet):
    clean, _, _ = draw(1)
    noisy, ivar, _ = draw(1, sky_sigma=0.005, gain=2000.0)
    scaled = (noisy - clean) * np.sqrt(ivar)
    assert scaled.std() == pytest.approx(1, abs=0.01)
    assert scaled.mean() == pytest.approx(0, abs=0.02)
    centre = scaled[:, 54:74, 54:74]
    assert centre.std() == pytest.approx(1, abs=0.06)
    # Photons of the source add to those of the sky.
    assert ivar[1].max() == pytest.approx(0.005**-2, rel=0.01)
    assert ivar[1, 64, 64] < 0.2 * ivar[1].max()


def test_conditions_are_those_of_decals():
    rng = np.random.default_rng(0)
    many = [rendering.draw_conditions(BANDS, 0.262, rng) for _ in range(800)]
    sigma = np.array([c["sky_sigma"] for c in many])
    # Measured ranges of real cutouts: g 0.002-0.007, r 0.002-0.011,
    # z 0.008-0.021 nmgy per pixel.
    low, high = np.percentile(sigma, [5, 95], axis=0)
    assert np.all(low > [0.002, 0.002, 0.007])
    assert np.all(high < [0.0075, 0.011, 0.026])
    # 5-sigma depth of a point source: at least the survey's.
    pixels = 4 * np.pi * (np.array([c["psf_fwhm"] for c in many]) / 2.3548 / 0.262) ** 2
    depth = 22.5 - 2.5 * np.log10(5 * sigma * np.sqrt(pixels))
    assert np.all(np.median(depth, axis=0) > [24.0, 23.4, 22.5])
    assert np.all(np.median(depth, axis=0) < [25.2, 24.8, 24.0])


def test_sky_brightness_gives_the_gain_of_real_variance_maps(shared_data):
    # In the DR9 maps the variance rises with flux as flux / gain; with
    # the sky's scatter that is the brightness of the sky.
    from astropy.io import fits

    name = "dr9south_ra59.1067_dec-30.4848_subimage_invvar.fits"
    with fits.open(shared_data / "images" / name) as hdus:
        for band, number in (("g", 1), ("r", 3)):
            image = hdus[number].data.astype(float).ravel()
            variance = 1 / hdus[number + 1].data.astype(float).ravel()
            sky = np.median(variance)
            bright = image > 5 * np.sqrt(sky)
            gain = 1 / np.polyfit(image[bright], variance[bright], 1)[0]
            magnitude = 22.5 - 2.5 * np.log10(sky * gain / 0.262**2)
            assert magnitude == pytest.approx(rendering.SKY_BRIGHTNESS[band], abs=0.3)


def test_neighbours_never_outshine_the_target_at_the_centre():
    rng = np.random.default_rng(2)
    placed = [
        neighbour
        for _ in range(300)
        for neighbour in rendering._place_neighbours(33.5, 1.0, rng)
    ]
    assert len(placed) / 300 == pytest.approx(17 * (37.5 / 60) ** 2, rel=0.1)
    for dx, dy, flux, _ in placed:
        assert np.hypot(dx, dy) >= 4.0 or flux["r"] <= 0.5


def test_missing_galsim_names_the_extra(monkeypatch):
    rendering._load_galsim.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "galsim", None)
    with pytest.raises(ImportError, match=r"astrovae\[simulate\]"):
        rendering._load_galsim()
    rendering._load_galsim.cache_clear()
