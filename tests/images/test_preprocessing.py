# Licensed under a 3-clause BSD style license - see LICENSE.rst

import json
import time

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from astrovae import GalaxyImageSet
from astrovae.flags import GalaxyFlags
from astrovae.images import Preprocessing
from astrovae.images.interpolation import apply_separable, bicubic_matrix
from astrovae.images.normalization import (
    EXTINCTION,
    asinh_inverse,
    asinh_stretch,
    dereddening_factor,
    eq1_inverse,
    eq1_stretch,
)

PIXEL = 0.262 * u.arcsec

PAPER = {"stretch": "eq1", "resize": "bicubic"}
STANDARD = {"stretch": "asinh", "resize": "area"}


@pytest.mark.parametrize(("n_in", "n_out"), [(128, 69), (32, 17), (10, 10), (9, 20)])
def test_bicubic_is_that_of_torch(n_in, n_out):
    import torch

    images = np.random.default_rng(0).normal(size=(2, 3, n_in, n_in))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(images),
        size=(n_out, n_out),
        mode="bicubic",
        align_corners=False,
        antialias=False,
    ).numpy()
    matrix = bicubic_matrix(n_in, n_out)
    np.testing.assert_allclose(
        apply_separable(matrix, images, matrix), expected, atol=1e-6
    )
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)


@given(
    flux=hnp.arrays(float, (2, 3, 2, 2), elements=st.floats(-1e6, 1e6)),
    scale=hnp.arrays(float, 3, elements=st.floats(1e-3, 1e3)),
    beta=st.floats(0.1, 100),
)
def test_eq1_is_tanh_of_asinh(flux, scale, beta):
    expected = np.tanh(np.arcsinh(beta * flux / scale[:, None, None]))
    np.testing.assert_allclose(
        eq1_stretch(flux, scale, beta), expected, rtol=1e-10, atol=1e-14
    )


@given(
    flux=hnp.arrays(float, (2, 3, 2, 2), elements=st.floats(-10, 10)),
    scale=hnp.arrays(float, 3, elements=st.floats(0.5, 20)),
)
def test_stretches_can_be_undone(flux, scale):
    back = eq1_inverse(eq1_stretch(flux, scale), scale)
    np.testing.assert_allclose(back, flux, rtol=1e-6, atol=1e-9)
    back = asinh_inverse(asinh_stretch(flux, scale), scale)
    np.testing.assert_allclose(back, flux, rtol=1e-9, atol=1e-9)


def test_eq1_at_the_ends():
    flux = np.array([[[[1e30, -1e30, 0.0]]]], dtype=np.float32)
    x = eq1_stretch(flux, [1.0])
    np.testing.assert_array_equal(x.ravel(), [1, -1, 0])
    assert np.isfinite(eq1_inverse([[[[1.0, -1.0]]]], [1.0])).all()


def test_stretches_do_not_change_their_input():
    flux = np.ones((1, 1, 2, 2), dtype=np.float32)
    assert eq1_stretch(flux, [2.0]).dtype == np.float32
    assert asinh_stretch(flux, [2.0]).dtype == np.float32
    np.testing.assert_array_equal(flux, 1)


def test_dereddening():
    factor = dereddening_factor(np.array([0.0, 0.1, np.nan]), ("g", "z", "x"))
    expected = [10 ** (0.04 * EXTINCTION[b]) for b in "gz"]
    np.testing.assert_allclose(factor[1], [*expected, 1.0])
    np.testing.assert_array_equal(factor[[0, 2]], 1.0)


def paper_by_hand(data, scale):
    import torch

    x = np.tanh(np.arcsinh(10 * data / np.asarray(scale)[:, None, None]))
    x = torch.nn.functional.interpolate(
        torch.from_numpy(x), size=69, mode="bicubic", align_corners=False
    )
    return x.numpy()


def test_paper_preset_end_to_end(make_set):
    images = make_set(5, size=128)
    preprocessing = Preprocessing("zrg", PIXEL, 128, 69, **PAPER).fit(images)
    data = images.data[:, ::-1].astype(float)
    scale = data.max(axis=(2, 3)).mean(axis=0)
    np.testing.assert_allclose(preprocessing.scale, scale, rtol=1e-6)
    x, valid = preprocessing.transform(images)
    assert x.dtype == np.float32
    assert x.shape == valid.shape == (5, 3, 69, 69)
    assert valid.all()
    np.testing.assert_allclose(x, paper_by_hand(data, scale), atol=2e-6)


def test_standard_preset_end_to_end(make_set):
    images = make_set(5, size=16, ebv=[0.1, 0.2, np.nan, 0.0, 0.4])
    preprocessing = Preprocessing("grz", PIXEL, 16, 8, **STANDARD)
    data = images.data.reshape(5, 3, 8, 2, 8, 2).sum(axis=(3, 5))
    # What is not known is taken to be the median of what is.
    ebv = np.where(np.isnan(images.ebv), 0.15, images.ebv)
    data = data * dereddening_factor(ebv, "grz")[..., None, None]
    center = np.median(data, axis=(2, 3), keepdims=True)
    sigma = 1.4826 * np.median(np.abs(data - center), axis=(2, 3))
    preprocessing.fit(images)
    np.testing.assert_allclose(preprocessing.scale, np.median(sigma, axis=0), rtol=1e-5)
    x, valid = preprocessing.transform(images)
    expected = np.arcsinh(data / preprocessing.scale[:, None, None])
    np.testing.assert_allclose(x, expected, atol=1e-5)
    assert valid.all()
    flux = preprocessing.inverse(x)
    assert flux.unit == u.nmgy
    np.testing.assert_allclose(flux.value, data, rtol=1e-4, atol=1e-4)


def test_unknown_extinction_is_that_of_the_training_images(make_set):
    train = make_set(
        4,
        ebv=[0.03125, np.nan, 0.09375, 0.3],
        flags=[0, 0, 0, int(GalaxyFlags.UNREADABLE)],
    )
    preprocessing = Preprocessing("grz", PIXEL, 16, 8, **STANDARD).fit(train)
    assert preprocessing.ebv == 0.0625
    twin = Preprocessing.from_dict(json.loads(json.dumps(preprocessing.to_dict())))
    assert twin.ebv == 0.0625
    images = make_set(3, ebv=[np.nan, 0.0625, 0.0])
    images.data[1] = images.data[0]
    assert twin.assumes_ebv(images).tolist() == [True, False, False]
    flux = twin.inverse(twin.transform(images)[0]).value
    np.testing.assert_array_equal(flux[0], flux[1])
    plain = images.data[:1].reshape(1, 3, 8, 2, 8, 2).sum(axis=(3, 5))
    factor = dereddening_factor(np.array([0.0625]), "grz")[..., None, None]
    np.testing.assert_allclose(flux[:1], plain * factor, rtol=1e-4, atol=1e-5)
    # A file from before says nothing of it, and nothing is assumed.
    old = {k: v for k, v in twin.to_dict().items() if k != "ebv"}
    old = Preprocessing.from_dict(old)
    assert old.ebv is None
    assert not old.assumes_ebv(images).any()
    flux = old.inverse(old.transform(images)[0]).value
    np.testing.assert_allclose(flux[:1], plain, rtol=1e-4, atol=1e-5)


def test_extinction_that_no_training_image_knows(make_set):
    images = make_set(3, ebv=None)
    preprocessing = Preprocessing("grz", PIXEL, 16, 8, ebv=0.1, **STANDARD)
    assert preprocessing.assumes_ebv(images).all()
    assert preprocessing.fit(images).ebv is None
    assert not preprocessing.assumes_ebv(images).any()


def test_the_paper_leaves_extinction_as_it_is(make_set):
    images = make_set(3, ebv=[0.1, 0.3, np.nan])
    preprocessing = Preprocessing("grz", PIXEL, 16, 8, **PAPER).fit(images)
    assert not preprocessing.assumes_ebv(images).any()
    x, _ = preprocessing.transform(images)
    images.ebv = None
    np.testing.assert_array_equal(preprocessing.transform(images)[0], x)


@pytest.mark.parametrize("preset", [PAPER, STANDARD])
def test_inverse_has_flux_per_output_pixel(preset):
    # A smooth source, so that interpolating does not change it.
    y, x = np.mgrid[:64, :64] - 31.5
    source = np.exp(-(x**2 + y**2) / (2 * 12.0**2))
    images = GalaxyImageSet(
        np.float32(source)[None, None] * u.nmgy, bands="r", pixel_scale=PIXEL
    )
    preprocessing = Preprocessing("r", PIXEL, 64, 32, scale=[5.0], **preset)
    flux = preprocessing.inverse(preprocessing.transform(images)[0])
    np.testing.assert_allclose(flux.sum().value, source.sum(), rtol=5e-3)
    assert abs(preprocessing.output_pixel_scale - 2 * PIXEL) < 1e-9 * u.arcsec


def test_scale_comes_from_the_images_that_were_given(make_set):
    images = make_set(6)
    half = Preprocessing("grz", PIXEL, 16, 8).fit(images[:3]).scale
    expected = images.data[:3].max(axis=(2, 3)).mean(axis=0)
    np.testing.assert_allclose(half, expected, rtol=1e-6)


@pytest.mark.parametrize("preset", [PAPER, STANDARD])
def test_fit_leaves_out_what_is_masked(make_set, preset):
    images = make_set(6, size=16)
    clean = Preprocessing("grz", PIXEL, 16, 8, **preset).fit(images).scale
    # More rows, which have nothing to say: an unreadable file, one
    # without coverage, and one band missing.
    mask = np.zeros((3, 3, 16, 16), dtype=bool)
    mask[:2] = True
    mask[2, 1] = True
    data = np.full(mask.shape, 1e3, dtype=np.float32)
    data[2] = images.data[0]
    data[2, 1] = 1e3
    bad = make_set(
        3,
        data=data,
        mask=mask,
        ids=["x", "y", "w"],
        flags=[int(GalaxyFlags.UNREADABLE), 0, 0],
        ebv=images.ebv[0],
    )
    both = GalaxyImageSet.concatenate([images, bad])
    found = Preprocessing("grz", PIXEL, 16, 8, **preset).fit(both).scale
    np.testing.assert_allclose(found[1], clean[1], rtol=1e-6)
    assert (found < 100).all()


@pytest.mark.parametrize("preset", [PAPER, STANDARD])
def test_masked_pixels_are_zero_and_not_valid(make_set, preset):
    mask = np.zeros((2, 3, 32, 32), dtype=bool)
    mask[0, 1, :16] = True
    mask[1] = True
    data = np.random.default_rng(0).normal(size=mask.shape)
    data[mask] = 1e6
    images = make_set(2, data=data, mask=mask, uncertainty=None)
    preprocessing = Preprocessing("grz", PIXEL, 32, 16, scale=[1, 1, 1], **preset)
    x, valid = preprocessing.transform(images)
    assert not x[~valid].any()
    assert np.abs(x).max() < 10
    assert not valid[0, 1, :7].any()
    assert valid[0, 1, 9:].all()
    assert valid[0, [0, 2]].all()
    assert not valid[1].any()
    # Away from the edge of the mask nothing is different.
    clean = make_set(2, data=np.where(mask, 0, data), uncertainty=None)
    expected, _ = preprocessing.transform(clean)
    np.testing.assert_allclose(x[0, 1, 10:], expected[0, 1, 10:], rtol=1e-5)


def test_images_come_from_any_grid_and_unit(make_set):
    images = make_set(3, size=40, pixel_scale=0.131 * u.arcsec)
    preprocessing = Preprocessing("zg", PIXEL, 16, 8, scale=[1, 1], **STANDARD)
    x, _ = preprocessing.transform(images.to(u.uJy))
    expected, _ = preprocessing.transform(images.to_grid("zg", PIXEL, 16))
    np.testing.assert_allclose(x, expected, atol=1e-5)
    x, valid = preprocessing.transform(make_set(3, bands="gr"))
    assert not valid[:, 0].any()
    assert valid[:, 1].all()


@pytest.mark.parametrize("preset", [PAPER, STANDARD])
def test_empty_set(make_set, preset):
    preprocessing = Preprocessing("grz", PIXEL, 16, 8, scale=[1, 1, 1], **preset)
    x, valid = preprocessing.transform(make_set(2)[:0])
    assert x.shape == valid.shape == (0, 3, 8, 8)
    with pytest.raises(ValueError, match="no valid image in g, r, z among 0"):
        preprocessing.fit(make_set(2)[:0])


def test_fit_reads_lazy_sets_in_chunks(make_set, tmp_path):
    images = make_set(5)
    images.write(tmp_path / "set.hdf5")
    lazy = GalaxyImageSet.read(tmp_path / "set.hdf5")
    preprocessing = Preprocessing("grz", PIXEL, 16, 8).fit(lazy)
    assert lazy.is_lazy
    expected = Preprocessing("grz", PIXEL, 16, 8).fit(images)
    np.testing.assert_array_equal(preprocessing.scale, expected.scale)


@pytest.mark.parametrize("preset", [PAPER, STANDARD])
@pytest.mark.parametrize("scale", [None, [1.5, 2.0, 0.25]])
def test_to_dict_and_back(make_set, preset, scale):
    preprocessing = Preprocessing("grz", PIXEL, 16, 8, scale=scale, beta=5, **preset)
    twin = Preprocessing.from_dict(json.loads(json.dumps(preprocessing.to_dict())))
    assert twin.to_dict() == preprocessing.to_dict()
    assert repr(twin) == repr(preprocessing)
    assert "16 pixels of 0.262 arcsec" in repr(twin)
    if scale is not None:
        for a, b in zip(
            twin.transform(make_set()), preprocessing.transform(make_set()), strict=True
        ):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"bands": "gg"}, ValueError, "'bands' names g more than once"),
        ({"pixel_scale": 0.262}, u.UnitsError, "'pixel_scale' must be an angle"),
        ({"output_size": 17}, ValueError, "between 1 and 'size'"),
        ({"output_size": 0}, ValueError, "between 1 and 'size'"),
        ({"stretch": "log"}, ValueError, "'stretch' must be one of eq1, asinh"),
        ({"resize": "nearest"}, ValueError, "'resize' must be one of bicubic"),
        # The scale of a fit would not be that of what is transformed.
        ({"resize": "area"}, ValueError, "'resize' must be 'bicubic' with .*eq1"),
        ({"stretch": "asinh"}, ValueError, "'resize' must be 'area' with .*asinh"),
        ({"ebv": -0.1}, ValueError, "'ebv' must be finite and not negative"),
        ({"beta": 0}, ValueError, "'beta' must be positive"),
        ({"scale": [1, 2]}, ValueError, "'scale' must hold 3 positive values"),
        ({"scale": [1, 2, 0]}, ValueError, "'scale' must hold 3 positive values"),
        ({"scale": [1, 2, np.nan]}, ValueError, "'scale' must hold 3 positive"),
    ],
)
def test_bad_arguments(changes, error, match):
    arguments = {"bands": "grz", "pixel_scale": PIXEL, "size": 16, "output_size": 8}
    with pytest.raises(error, match=match):
        Preprocessing(**arguments | changes)


def test_transform_before_fit(make_set):
    with pytest.raises(ValueError, match="call 'fit' first"):
        Preprocessing("grz", PIXEL, 16, 8).transform(make_set())


def test_images_that_are_zero_have_no_scale(make_set):
    images = make_set(2, data=np.zeros((2, 3, 16, 16)))
    with pytest.raises(ValueError, match="'scale' must hold 3 positive"):
        Preprocessing("grz", PIXEL, 16, 8).fit(images)


@pytest.mark.parametrize(("preset", "size"), [(PAPER, 69), (STANDARD, 64)])
def test_speed(make_set, preset, size):
    # About 0.2 ms per galaxy on one free core; the limit leaves room
    # for a busy machine, and the best of several runs counts.
    images = make_set(64, size=128, uncertainty=None)
    preprocessing = Preprocessing("grz", PIXEL, 128, size, scale=[1, 1, 1], **preset)
    times = []
    for _ in range(5):
        start = time.process_time()
        preprocessing.transform(images)
        times.append(time.process_time() - start)
    assert min(times) / 64 < 2e-3
