# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Seeing, depth and noise, by themselves and against real coadds.
"""

import numpy as np
import pytest
from astropy.io import fits
from astropy.modeling.fitting import TRFLSQFitter
from astropy.modeling.models import Moffat2D
from scipy.ndimage import binary_dilation, gaussian_filter

from astrovae.simulation import conditions as module
from astrovae.simulation.conditions import add_noise, correlate, draw_conditions

BANDS = ("g", "r", "z")
FIELD = "dr9south_ra59.1067_dec-30.4848"


@pytest.fixture(scope="module")
def drawn():
    """Conditions of 2000 frames, as arrays."""
    rng = np.random.default_rng(0)
    many = [draw_conditions(BANDS, 0.262, rng) for _ in range(2000)]
    return {name: np.array([frame[name] for frame in many]) for name in many[0]}


@pytest.fixture(scope="module")
def real_field(shared_data):
    """Per band image and inverse variance of an unresampled coadd."""
    with fits.open(shared_data / "images" / f"{FIELD}_subimage_invvar.fits") as hdus:
        planes = [hdu.data.astype(float) for hdu in hdus[1:]]
    return dict(zip(BANDS, zip(planes[::2], planes[1::2], strict=True), strict=True))


@pytest.fixture(scope="module")
def real_sky(real_field):
    """Per band the sky over its standard deviation; NaN at objects."""
    skies = {}
    for band, (image, inverse_variance) in real_field.items():
        scaled = image * np.sqrt(inverse_variance)
        bright = gaussian_filter(scaled, 1.5) > 1
        objects = binary_dilation(bright, iterations=4) | (inverse_variance <= 0)
        scaled[objects] = np.nan
        skies[band] = scaled - np.nanmean(scaled)
    return skies


def autocorrelation(noise, lag):
    """Mean of the two axes."""
    pairs = (noise[lag:], noise[:-lag]), (noise[:, lag:], noise[:, :-lag])
    return np.mean([np.nanmean(a * b) for a, b in pairs]) / np.nanmean(noise**2)


def log_slope(noise, boxes=(1, 2, 4)):
    """How the scatter of means falls with the box; white noise: -1."""
    scatters = []
    for box in boxes:
        ny, nx = (n // box * box for n in noise.shape)
        blocks = noise[:ny, :nx].reshape(ny // box, box, nx // box, box)
        scatters.append(np.nanstd(blocks.mean(axis=(1, 3))))
    return np.polyfit(np.log(boxes), np.log(scatters), 1)[0]


def test_conditions_are_those_of_decals(drawn):
    sigma, fwhm = drawn["sky_sigma"], drawn["psf_fwhm"]
    # Measured ranges of real cutouts: g 0.002-0.007, r 0.002-0.011,
    # z 0.008-0.021 nmgy per pixel.
    low, high = np.percentile(sigma, [5, 95], axis=0)
    assert np.all(low > [0.002, 0.002, 0.007])
    assert np.all(high < [0.0075, 0.011, 0.026])
    np.testing.assert_allclose(np.median(fwhm, axis=0), [1.30, 1.20, 1.10], atol=0.02)
    # 5-sigma depth of a point source: at least the survey's.
    pixels = 4 * np.pi * (fwhm / 2.3548 / 0.262) ** 2
    depth = 22.5 - 2.5 * np.log10(5 * sigma * np.sqrt(pixels))
    assert np.all(np.median(depth, axis=0) > [24.0, 23.4, 22.5])
    assert np.all(np.median(depth, axis=0) < [25.2, 24.8, 24.0])
    # Bands of one place are alike.
    for name in ("sky_sigma", "psf_fwhm"):
        assert np.corrcoef(np.log(drawn[name][:, :2].T))[0, 1] > 0.3
    assert np.all((drawn["ebv"] > 0) & (drawn["ebv"] <= 0.3))


def test_larger_pixels_hold_more_sky():
    fine, coarse = (
        draw_conditions(BANDS, scale, np.random.default_rng(1))
        for scale in (0.262, 0.524)
    )
    # White noise of four pixels, and four times their light.
    np.testing.assert_allclose(coarse["sky_sigma"], 2 * fine["sky_sigma"])
    np.testing.assert_allclose(coarse["gain"], fine["gain"])


@pytest.mark.parametrize("correlation", [0.02, 0.25, 0.48])
def test_noise_has_unit_variance_and_its_correlation(correlation):
    white = np.random.default_rng(0).standard_normal((512, 512))
    noise = correlate(white, correlation)
    assert noise.std() == pytest.approx(1, abs=0.01)
    assert noise.mean() == pytest.approx(0, abs=0.01)
    assert autocorrelation(noise, 1) == pytest.approx(correlation, abs=0.01)
    assert autocorrelation(noise, 3) == pytest.approx(0, abs=0.01)


def noisy_frame(image, correlation=0.25):
    frame = {
        "sky_sigma": np.full(len(image), 0.005),
        "gain": np.full(len(image), 2000.0),
        "correlation": np.full(len(image), correlation),
    }
    return add_noise(image, frame, np.random.default_rng(3))


def test_noise_is_that_of_the_inverse_variance():
    image = np.zeros((3, 200, 200))
    image[1] = 0.1  # bright enough that photons of the source count
    noisy, inverse_variance = noisy_frame(image)
    assert noisy.dtype == inverse_variance.dtype == np.float32
    scaled = (noisy - image) * np.sqrt(inverse_variance)
    np.testing.assert_allclose(scaled.std(axis=(1, 2)), 1, atol=0.02)
    np.testing.assert_allclose(scaled.mean(axis=(1, 2)), 0, atol=0.02)
    assert np.all(inverse_variance[0] == np.float32(0.005**-2))
    expected = 1 / (0.005**2 + 0.1 / 2000)
    np.testing.assert_allclose(inverse_variance[1], expected, rtol=1e-6)


def test_what_saturates_is_cut_and_has_no_weight():
    image = np.zeros((1, 20, 20))
    image[0, 4:7, 5] = 50.0
    image[0, 9, 9] = 0.99 * module._SATURATION
    noisy, inverse_variance = noisy_frame(image)
    np.testing.assert_array_equal(inverse_variance == 0, image == 50)
    assert noisy[0, 4:7, 5] == pytest.approx(module._SATURATION, abs=1)
    assert noisy[0, 9, 9] == pytest.approx(image[0, 9, 9], abs=1)


@pytest.mark.parametrize("band", BANDS)
def test_depth_and_seeing_of_a_real_field_are_drawn(
    drawn, real_field, shared_data, band
):
    # The field is in the Dark Energy Survey, deeper and sharper than
    # most of DECaLS: near the ends of what is drawn, but not beyond.
    i = BANDS.index(band)
    sigma = 1 / np.sqrt(np.median(real_field[band][1]))
    ends = np.percentile(drawn["sky_sigma"][:, i], [0.1, 99.9])
    assert ends[0] < sigma < ends[1]
    with fits.open(shared_data / "images" / f"{FIELD}_coaddpsf.fits") as hdus:
        psf = hdus[i].data.astype(float)
    y, x = np.indices(psf.shape) - 31.0
    start = Moffat2D(psf.max(), 0, 0, 3.0, 3.0)
    fitted = TRFLSQFitter()(start, x, y, psf)
    ends = np.percentile(drawn["psf_fwhm"][:, i], [0.05, 99.95])
    assert ends[0] < 0.262 * fitted.fwhm < ends[1]
    assert 2.3 < fitted.alpha.value < 4.0


@pytest.mark.parametrize("band", BANDS)
def test_correlation_of_real_noise_is_drawn(drawn, real_sky, band):
    sky = real_sky[band]
    assert np.mean(np.isfinite(sky)) > 0.8
    # The inverse variance of the file tells its scatter to 10 per cent.
    assert np.nanstd(sky) == pytest.approx(1, abs=0.11)
    ends = np.percentile(drawn["correlation"], [1, 99])
    assert ends[0] < autocorrelation(sky, 1) < ends[1]
    # Its kernel, Lanczos-3, has a negative lobe that the one here lacks.
    white = np.random.default_rng(1).standard_normal(sky.shape)
    alike = correlate(white, autocorrelation(sky, 1))
    assert -0.1 < autocorrelation(sky, 2) < 0
    assert autocorrelation(alike, 2) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("band", BANDS)
def test_noise_in_apertures_falls_like_that_of_a_real_field(real_sky, band):
    # The power spectrum, seen through boxes of 1, 2 and 4 pixels: white
    # noise would fall as 1 / box; correlated noise falls slower.
    sky = real_sky[band]
    white = np.random.default_rng(1).standard_normal(sky.shape)
    measured = log_slope(sky)
    assert measured > log_slope(white) + 0.03
    alike = log_slope(correlate(white, autocorrelation(sky, 1)))
    assert alike == pytest.approx(measured, abs=0.1)


def test_sky_brightness_gives_the_gain_of_real_variance_maps(real_field):
    # In the DR9 maps the variance rises with flux as flux / gain; with
    # the sky's scatter that is the brightness of the sky.
    for band in ("g", "r"):
        image = real_field[band][0].ravel()
        variance = 1 / real_field[band][1].ravel()
        sky = np.median(variance)
        bright = image > 5 * np.sqrt(sky)
        gain = 1 / np.polyfit(image[bright], variance[bright], 1)[0]
        magnitude = 22.5 - 2.5 * np.log10(sky * gain / 0.262**2)
        assert magnitude == pytest.approx(module.SKY_BRIGHTNESS[band], abs=0.3)
