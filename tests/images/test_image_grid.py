# Licensed under a 3-clause BSD style license - see LICENSE.rst

import astropy.units as u
import numpy as np
import pytest
from astropy.modeling.models import Sersic2D
from astropy.nddata import InverseVariance
from hypothesis import given
from hypothesis import strategies as st
from image_helpers import PIXEL, gaussian

from astrovae import GalaxyImageSet
from astrovae.flags import GalaxyFlags, decode_flags
from astrovae.images.interpolation import area_matrix


def galaxy_set(size, pixel, sigma=1.5, offset=(0.0, 0.0)):
    """
    Two Gaussian galaxies whose size is in arcsec, of flux 1 and 3.
    """
    one = gaussian(size, sigma, pixel, offset)
    data = np.array([one, 3 * one])[:, None].astype(np.float32)
    return GalaxyImageSet(data, unit=u.nmgy, bands="r", pixel_scale=pixel * u.arcsec)


def centroid(image):
    ny, nx = image.shape
    y, x = np.mgrid[:ny, :nx]
    return np.array([(image * x).sum(), (image * y).sum()]) / image.sum() - (
        (nx - 1) / 2,
        (ny - 1) / 2,
    )


@pytest.mark.parametrize("pixel", [0.1, 0.2, 0.262, 0.35, 0.486, 0.524, 1.0])
@pytest.mark.parametrize("size", [None, 41, 60])
def test_flux_and_centre_are_kept(pixel, size):
    images = galaxy_set(96, 0.262)
    new = images.resample(pixel * u.arcsec, size=size)
    assert new.pixel_scale == pixel * u.arcsec
    if size is None:
        assert new.shape[-1] == int(96 * 0.262 / pixel + 1e-6)
    inside = min(new.shape[-1] * pixel, 96 * 0.262) / 2
    if inside > 7.5:  # five sigma: all of the flux
        np.testing.assert_allclose(new.data.sum(axis=(1, 2, 3)), [1, 3], rtol=1e-5)
    for galaxy in new.data[:, 0]:
        assert np.abs(centroid(galaxy)).max() < 0.02


@given(
    n_in=st.integers(1, 40),
    n_out=st.integers(1, 60),
    ratio=st.floats(0.05, 20),
    shift=st.floats(-3, 3),
)
def test_area_matrix_shares_every_pixel(n_in, n_out, ratio, shift):
    matrix = area_matrix(n_in, n_out, ratio, shift)
    assert matrix.shape == (n_out, n_in)
    assert (matrix >= 0).all()
    low = n_in / 2 + shift - ratio * n_out / 2
    high = low + ratio * n_out
    left = np.arange(n_in)
    inside = np.clip(np.minimum(left + 1, high) - np.maximum(left, low), 0, 1)
    np.testing.assert_allclose(matrix.sum(axis=0), inside, atol=1e-6)
    assert matrix.sum(axis=1).max() <= ratio * (1 + 1e-9)


@given(
    size=st.integers(8, 40),
    pixel=st.floats(0.05, 1.5),
    seed=st.integers(0, 100),
)
def test_flux_is_conserved_at_any_scale(size, pixel, seed):
    data = np.random.default_rng(seed).random((1, 2, size, size))
    images = GalaxyImageSet(data * u.nmgy, bands="gr", pixel_scale=PIXEL * u.arcsec)
    # A frame that holds all of the old one.
    new_size = int(np.ceil(size * PIXEL / pixel)) + 1
    new = images.resample(pixel * u.arcsec, size=new_size)
    # Pixels at the edge are scaled up to their whole area, or masked.
    inner = area_matrix(size, new_size, pixel / PIXEL)
    whole = (
        np.outer(inner.sum(axis=1), inner.sum(axis=1)) > 0.999 * (pixel / PIXEL) ** 2
    )
    expected = np.einsum("ay,nbyx,cx->nbac", inner, data, inner)
    np.testing.assert_allclose(
        new.data[..., whole], expected[..., whole], rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(expected.sum(), data.sum(), rtol=1e-9)


@pytest.mark.parametrize(
    ("pixel", "ratio"), [(0.524, 2.0), (0.3, 0.3 / 0.262), (0.131, 0.5), (0.2, 0.763)]
)
def test_noise_agrees_with_propagated_variance(pixel, ratio):
    rng = np.random.default_rng(4)
    sigma = np.linspace(0.5, 2.0, 64)[:, None] * np.ones(64)
    data = rng.normal(size=(400, 1, 64, 64)) * sigma
    images = GalaxyImageSet(
        data * u.nmgy,
        bands="r",
        pixel_scale=0.262 * u.arcsec,
        uncertainty=InverseVariance(1 / sigma**2),
    )
    new = images.resample(pixel * u.arcsec)
    measured = new.data.var(axis=0)[0]
    predicted = 1 / new.uncertainty.array[0, 0]
    # 400 draws of a variance scatter by 7 %; their mean over pixels
    # by much less.
    assert abs(np.mean(measured / predicted) - 1) < 0.02
    assert np.std(measured / predicted) < 0.1
    if ratio < 1:
        # Finer pixels that share one old pixel share its noise.
        a, b = new.data[:, 0, :, :-1], new.data[:, 0, :, 1:]
        assert np.mean(a * b) > 0.2 * np.mean(a * a)


def test_summing_pixels_adds_variances():
    images = GalaxyImageSet(
        np.ones((1, 1, 8, 8)) * u.nmgy,
        bands="r",
        pixel_scale=0.262 * u.arcsec,
        uncertainty=InverseVariance(4.0),
    )
    new = images.resample(0.524 * u.arcsec)
    np.testing.assert_allclose(new.data, 4.0)
    np.testing.assert_allclose(new.uncertainty.array, 1.0)


def test_mask_is_carried():
    data = np.ones((1, 1, 8, 8), dtype=np.float32)
    mask = np.zeros(data.shape, dtype=bool)
    mask[0, 0, :2, :2] = True  # one new pixel wholly
    mask[0, 0, 0, 2:4] = True  # half of its neighbour
    mask[0, 0, 2:4, 0] = True
    mask[0, 0, 2, 1] = True  # three quarters of another
    data[mask] = 1e6
    images = GalaxyImageSet(
        data,
        unit=u.nmgy,
        bands="r",
        pixel_scale=0.262 * u.arcsec,
        mask=mask,
        uncertainty=InverseVariance(1.0),
    )
    new = images.resample(0.524 * u.arcsec)
    expected = np.zeros((4, 4), dtype=bool)
    expected[0, 0] = expected[1, 0] = True
    np.testing.assert_array_equal(new.mask[0, 0], expected)
    # The rest has the flux of its whole area; the half-masked pixel
    # from two pixels, so twice the noise that four would have.
    np.testing.assert_allclose(new.data[0, 0][~expected], 4.0)
    assert new.data[0, 0][expected].tolist() == [0, 0]
    np.testing.assert_allclose(1 / new.uncertainty.array[0, 0, 0, 1], 8.0)
    np.testing.assert_allclose(1 / new.uncertainty.array[0, 0, 3, 3], 4.0)


@pytest.mark.parametrize(("size", "new"), [(20, 12), (21, 13), (20, 20)])
def test_crop_keeps_pixels(make_set, size, new):
    images = make_set(2, size=size, mask=np.eye(size, dtype=bool))
    cropped = images.crop(new)
    cut = slice((size - new) // 2, (size + new) // 2)
    np.testing.assert_array_equal(cropped.data, images.data[:, :, cut, cut])
    np.testing.assert_array_equal(cropped.mask, images.mask[:, :, cut, cut])
    assert cropped.uncertainty.array.shape == cropped.shape


@pytest.mark.parametrize(("size", "new"), [(81, 40), (80, 41), (81, 80)])
def test_crop_between_even_and_odd_keeps_the_centre(size, new):
    images = galaxy_set(size, 0.262, sigma=1.0)
    cropped = images.crop(new)
    assert cropped.shape[-2:] == (new, new)
    assert np.abs(centroid(cropped.data[0, 0])).max() < 1e-3
    np.testing.assert_allclose(cropped.data[0].sum(), 1.0, rtol=1e-5)


def test_crop_of_frames_that_are_not_square(make_set):
    rng = np.random.default_rng(0)
    images = make_set(2, data=rng.normal(size=(2, 3, 12, 20)), uncertainty=None)
    np.testing.assert_array_equal(images.crop(10).data, images.data[:, :, 1:11, 5:15])


@pytest.mark.parametrize(
    ("size", "error", "match"),
    [
        (17, ValueError, "cannot crop frames of 16 x 16 pixels to 17"),
        (0, ValueError, "'size' must be at least 1 pixel, not 0"),
        (8.0, TypeError, "'size' must be an int"),
        (True, TypeError, "'size' must be an int"),
    ],
)
def test_bad_crop(make_set, size, error, match):
    with pytest.raises(error, match=match):
        make_set().crop(size)


def test_bad_resample(make_set):
    with pytest.raises(u.UnitsError, match="'pixel_scale' must be an angle"):
        make_set().resample(0.5)
    with pytest.raises(ValueError, match="'size' must be at least 1"):
        make_set().resample(0.5 * u.arcsec, size=-3)


def test_to_grid_does_nothing_when_nothing_is_to_be_done(make_set):
    images = make_set()
    assert images.to_grid() is images
    assert images.to_grid("grz", 0.262 * u.arcsec, 16) is images
    assert images.to_grid(("g", "r", "z"), (0.262 / 60) * u.arcmin) is images


def test_to_grid_orders_and_adds_bands(make_set):
    images = make_set(2)
    new = images.to_grid("zxg")
    assert new.bands == ("z", "x", "g")
    np.testing.assert_array_equal(new.data[:, 0], images.data[:, 2])
    np.testing.assert_array_equal(new.data[:, 2], images.data[:, 0])
    assert not new.data[:, 1].any()
    assert new.mask[:, 1].all()
    assert not new.mask[:, [0, 2]].any()
    assert not new.uncertainty.array[:, 1].any()
    assert np.isnan(new.psf_fwhm[:, 1]).all()
    np.testing.assert_array_equal(new.psf_fwhm[:, 0], images.psf_fwhm[:, 2])
    assert decode_flags(new.flags) == [["MISSING_BAND"]] * 2
    # The set itself has not changed.
    assert images.mask is None
    assert not images.flags.any()


def test_to_grid_pads(make_set):
    images = make_set(2)
    new = images.to_grid(size=20)
    np.testing.assert_array_equal(new.data[..., 2:-2, 2:-2], images.data)
    assert not new.mask[..., 2:-2, 2:-2].any()
    edge = np.ones((20, 20), dtype=bool)
    edge[2:-2, 2:-2] = False
    assert new.mask[..., edge].all()
    assert not new.data[..., edge].any()
    assert decode_flags(new.flags) == [["PARTIAL_COVERAGE", "SMALL_FRAME"]] * 2


def test_to_grid_pads_one_axis_and_crops_the_other(make_set):
    data = np.random.default_rng(0).normal(size=(1, 3, 12, 20))
    new = make_set(1, data=data, uncertainty=None).to_grid(size=16)
    np.testing.assert_array_equal(new.data[..., 2:-2, :], data[..., 2:-2])
    assert new.mask.sum() == 3 * 4 * 16


@pytest.mark.parametrize(
    ("pixel", "size", "flag"),
    [
        (0.262, 16, 0),
        (0.2, 16, 0),
        (0.174, 16, GalaxyFlags.COARSE_PIXELS),
        (0.3, 16, GalaxyFlags.SMALL_FRAME),
        (0.267, 16, 0),  # less than half a pixel is missing
    ],
)
def test_to_grid_flags(make_set, pixel, size, flag):
    new = make_set(1).to_grid(pixel_scale=pixel * u.arcsec, size=size)
    bits = int(GalaxyFlags.COARSE_PIXELS) | int(GalaxyFlags.SMALL_FRAME)
    assert int(new.flags[0]) & bits == int(flag)


def test_masked_everywhere_stays_masked(make_set):
    images = make_set(2, mask=np.ones((16, 16), dtype=bool))
    for new in (
        images.crop(7),
        images.resample(0.4 * u.arcsec),
        images.to_grid("rg", 0.1 * u.arcsec, 50),
    ):
        assert new.mask.all()
        assert not new.data.any()
        assert decode_flags(new.flags)[0][0] == "NO_COVERAGE"


def test_cropping_away_the_masked_part_clears_its_flag(make_set):
    mask = np.zeros((16, 16), dtype=bool)
    mask[:3] = True
    images = make_set(1, mask=mask, flags=[int(GalaxyFlags.NONFINITE_PIXELS)])
    assert decode_flags(images.flags) == [["PARTIAL_COVERAGE", "NONFINITE_PIXELS"]]
    assert decode_flags(images.crop(8).flags) == [["NONFINITE_PIXELS"]]


def test_aperture_flux_of_a_galaxy_survives_finer_pixels():
    y, x = np.mgrid[:80, :80] - 39.5
    data = Sersic2D(1, 6, 1.5, 0, 0, 0.4, 0.5)(x, y)[None, None]
    images = GalaxyImageSet(data * u.nmgy, bands="r", pixel_scale=0.262 * u.arcsec)
    new = images.resample(0.1 * u.arcsec)
    fluxes = []
    for galaxy in (images, new):
        n = galaxy.shape[-1]
        y, x = np.mgrid[:n, :n] - (n - 1) / 2
        inside = np.hypot(x, y) * galaxy.pixel_scale.value < 6
        fluxes.append(galaxy.data[0, 0][inside].sum())
    np.testing.assert_allclose(fluxes[1], fluxes[0], rtol=0.002)
