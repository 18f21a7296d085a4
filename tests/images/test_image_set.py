# Licensed under a 3-clause BSD style license - see LICENSE.rst

import copy
import pickle

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.nddata import (
    InverseVariance,
    NDData,
    StdDevUncertainty,
    UnknownUncertainty,
    VarianceUncertainty,
)
from astropy.utils.masked import Masked
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold, cross_val_score, train_test_split

from astrovae import GalaxyImageSet
from astrovae.flags import GalaxyFlags, decode_flags

SHAPE = (2, 3, 8, 8)
GRID = {"bands": "grz", "pixel_scale": 0.262 * u.arcsec}


def test_is_nddata(make_set):
    images = make_set(3)
    assert isinstance(images, NDData)
    assert images.shape == images.data.shape == (3, 3, 16, 16)
    assert len(images) == 3
    assert images.bands == ("g", "r", "z")
    assert images.unit == u.nmgy
    assert images.pixel_scale == 0.262 * u.arcsec
    assert images.mask is None
    assert images.uncertainty.unit == u.nmgy**-2
    assert images.psf_fwhm.shape == (3, 3)
    assert not images.is_lazy
    assert "3 galaxies, bands g r z, 16 x 16 pixels" in repr(images)
    assert repr(images) == str(images)


def test_defaults():
    images = GalaxyImageSet(np.ones(SHAPE) * u.nmgy, **GRID)
    assert images.ids.tolist() == ["0", "1"]
    assert images.coords is None
    assert np.isnan(images.psf_fwhm).all()
    assert np.isnan(images.ebv).all()
    assert images.flags.tolist() == [0, 0]
    assert images.reasons == {}
    assert np.isnan(images.table["ra"]).all()


def test_pixels_are_not_copied_unless_asked():
    data = np.ones(SHAPE, dtype=np.float32)
    assert np.shares_memory(GalaxyImageSet(data, unit="nmgy", **GRID).data, data)
    own = GalaxyImageSet(data, unit="nmgy", copy=True, **GRID)
    assert not np.shares_memory(own.data, data)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("f4", "f4"), (">f4", "f4"), ("f8", "f8"), ("i2", "f4"), ("f2", "f4")],
)
def test_type_of_pixels(dtype, expected):
    images = GalaxyImageSet(np.ones(SHAPE, dtype), unit=u.nmgy, **GRID)
    assert images.data.dtype == np.dtype(expected)
    assert images.data.dtype.isnative


def test_unit_argument_converts_quantities():
    images = GalaxyImageSet(np.ones(SHAPE) * u.nmgy, unit=u.uJy, **GRID)
    assert images.unit == u.uJy
    np.testing.assert_allclose(images.data, 3.631, rtol=1e-4)


def test_nonfinite_pixels_become_mask(make_set):
    data = np.ones((3, 3, 16, 16))
    data[1, 0, 2, 3] = np.nan
    data[2, 1, 0, 0] = -np.inf
    given = np.zeros(data.shape, dtype=bool)
    given[2, 1, 0, 0] = True
    images = make_set(data=data, n=3, mask=given)
    assert np.isfinite(images.data).all()
    assert np.isnan(data[1, 0, 2, 3])
    assert images.mask.sum() == 2
    assert images.mask[1, 0, 2, 3]
    flagged = images.flags & GalaxyFlags.NONFINITE_PIXELS
    # A pixel that was masked already is no news.
    assert (flagged > 0).tolist() == [False, True, False]


def test_masked_quantity_brings_its_mask():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[0, 0, 0, 0] = True
    data = Masked(np.ones(SHAPE) * u.nmgy, mask=mask)
    images = GalaxyImageSet(data, **GRID)
    np.testing.assert_array_equal(images.mask, mask)


def test_mask_broadcasts_and_vanishes_when_empty(make_set):
    frame = np.zeros((16, 16), dtype=bool)
    assert make_set(mask=frame).mask is None
    frame[0, :5] = True
    images = make_set(mask=frame)
    assert images.mask.shape == images.shape
    assert images.mask.sum() == 5 * 12


@pytest.mark.parametrize(
    "uncertainty",
    [
        InverseVariance(np.full(SHAPE, 4.0)),
        InverseVariance(np.full((3, 1, 1), 4.0)),
        InverseVariance(4.0 * u.nmgy**-2),
        VarianceUncertainty(np.full(SHAPE, 0.25)),
        StdDevUncertainty(np.full(SHAPE, 0.5)),
        StdDevUncertainty(np.full(SHAPE, 0.5 * 3.63078055) * u.uJy),
    ],
)
def test_uncertainty_becomes_inverse_variance(uncertainty):
    images = GalaxyImageSet(np.ones(SHAPE) * u.nmgy, uncertainty=uncertainty, **GRID)
    assert isinstance(images.uncertainty, InverseVariance)
    assert images.uncertainty.array.shape == SHAPE
    np.testing.assert_allclose(images.uncertainty.array, 4.0, rtol=1e-6)
    assert images.mask is None


def test_pixels_without_weight_are_masked():
    sigma = np.ones(SHAPE)
    sigma[0, 0, 0, 0] = np.inf
    sigma[0, 0, 0, 1] = np.nan
    sigma[0, 0, 0, 2] = 0.0
    images = GalaxyImageSet(
        np.ones(SHAPE) * u.nmgy, uncertainty=StdDevUncertainty(sigma), **GRID
    )
    assert images.mask[0, 0, 0, :3].all()
    assert images.mask.sum() == 3
    np.testing.assert_array_equal(images.uncertainty.array[0, 0, 0, :3], 0.0)


def test_setters(make_set):
    images = make_set()
    images.mask = np.ones((16, 16), dtype=bool)
    assert (images.flags == int(GalaxyFlags.NO_COVERAGE)).all()
    images.mask = None
    assert (images.flags == 0).all()
    images.uncertainty = StdDevUncertainty(np.full(images.shape, 2.0))
    np.testing.assert_allclose(images.uncertainty.array, 0.25)
    images.uncertainty = None
    assert images.uncertainty is None


def test_uncertainty_masks_alike_however_it_is_given(make_set):
    frame = np.ones((16, 16), dtype=bool)
    frame[:8] = False
    mask = np.zeros((16, 16), dtype=bool)
    mask[0, -1] = mask[-1, -1] = True
    uncertainty = InverseVariance(4.0 * frame)
    expected = make_set(mask=mask, uncertainty=uncertainty)
    images = make_set(mask=mask, uncertainty=None)
    images.uncertainty = uncertainty
    np.testing.assert_array_equal(images.mask, expected.mask)
    assert images.mask.sum() == 12 * (8 * 16 + 1)
    np.testing.assert_array_equal(images.flags, expected.flags)
    assert decode_flags(images.flags[0]) == ["PARTIAL_COVERAGE", "CENTRE_MASKED"]
    assert images.uncertainty.parent_nddata is images


def test_ebv_and_psf_fwhm_can_be_set(make_set):
    images = make_set(3, ebv=None, psf_fwhm=None)
    images.ebv = np.ma.masked_array([0.1, 0.2, 0.3], [False, True, False])
    np.testing.assert_array_equal(images.ebv, [0.1, np.nan, 0.3])
    np.testing.assert_array_equal(images.table["ebv"], images.ebv)
    images.ebv = Masked([0.1, 0.2, 0.3] * u.mag, mask=[True, False, False])
    np.testing.assert_array_equal(images.ebv, [np.nan, 0.2, 0.3])
    images.ebv = 0.02
    np.testing.assert_array_equal(images.ebv, 0.02)
    images.psf_fwhm = [1.3, np.nan, 1.1] * u.arcsec
    assert images.psf_fwhm.shape == (3, 3)
    with pytest.raises(ValueError, match="'ebv' must be finite and not negative"):
        images.ebv = [0.1, np.nan, -0.1]
    with pytest.raises(ValueError, match="'ebv' has the shape"):
        images.ebv = [0.1, 0.2]
    with pytest.raises(u.UnitsError, match="'psf_fwhm' must be an angle"):
        images.psf_fwhm = 1.2
    # What was wrong has changed nothing.
    np.testing.assert_array_equal(images.ebv, 0.02)
    assert images[1].ebv.tolist() == [0.02]
    with pytest.raises(ValueError, match="'mask' has the shape"):
        images.mask = np.ones((3, 3), dtype=bool)


@pytest.mark.parametrize(
    ("masked", "names"),
    [
        (np.s_[:], ["NO_COVERAGE"]),
        (np.s_[1], ["MISSING_BAND"]),
        (np.s_[1, :2], ["PARTIAL_COVERAGE"]),
        (np.s_[1, 7, 7], ["CENTRE_MASKED"]),
        (np.s_[0, 0, 0], []),
        (np.s_[:2, 4:12], ["PARTIAL_COVERAGE", "CENTRE_MASKED"]),
    ],
)
def test_coverage_flags(make_set, masked, names):
    mask = np.zeros((2, 3, 16, 16), dtype=bool)
    mask[0][masked] = True
    images = make_set(2, mask=mask)
    assert decode_flags(images.flags) == [names, []]


def test_centre_is_the_central_pixels_however_coarse(make_set):
    mask = np.zeros((1, 3, 16, 16), dtype=bool)
    mask[0, 0, 8, 8] = True
    images = make_set(1, mask=mask, pixel_scale=5 * u.arcsec)
    assert decode_flags(images.flags) == [["CENTRE_MASKED"]]


def test_unreadable_needs_no_further_flag(make_set):
    unreadable = int(GalaxyFlags.UNREADABLE)
    mask = np.ones((2, 3, 16, 16), dtype=bool)
    images = make_set(
        2, mask=mask, flags=[unreadable, 0], reasons={"galaxy-0": "cut short"}
    )
    assert decode_flags(images.flags) == [["UNREADABLE"], ["NO_COVERAGE"]]
    assert images[:1].reasons == {"galaxy-0": "cut short"}
    assert images[1:].reasons == {}


def test_indexing(make_set):
    images = make_set(5)
    for item, rows in [
        (3, [3]),
        (-1, [4]),
        (np.int64(2), [2]),
        (slice(1, 4, 2), [1, 3]),
        (slice(None, None, -1), [4, 3, 2, 1, 0]),
        ([3, 0, 0][:2], [3, 0]),
        (np.array([True, False, True, False, False]), [0, 2]),
        (np.array([-1, 1]), [4, 1]),
        ((np.array([4, 2]), Ellipsis), [4, 2]),
        ((slice(3), Ellipsis), [0, 1, 2]),
        ([], []),
    ]:
        part = images[item]
        assert isinstance(part, GalaxyImageSet)
        assert part.ids.tolist() == [f"galaxy-{i}" for i in rows]
        np.testing.assert_array_equal(part.data, images.data[rows])
        np.testing.assert_array_equal(
            part.uncertainty.array, images.uncertainty.array[rows]
        )
        np.testing.assert_array_equal(part.coords.ra.deg, rows)
        np.testing.assert_array_equal(part.ebv, images.ebv[rows])
        assert len(part.table) == len(part) == len(rows)


@pytest.mark.parametrize(
    ("item", "match"),
    [
        (5, "index 5 is out of range for 5 galaxies"),
        (-6, "out of range"),
        (np.array([0, 7]), "out of range for 5 galaxies"),
        (np.array([True, False]), "a mask of shape"),
        (True, "one bool"),
        ("galaxy-1", "indexed by an int"),
        (np.zeros((2, 2), int), "indexed by an int"),
        (1.5, "indexed by an int"),
        ((0, Ellipsis, 0), "indexed by an int"),
    ],
)
def test_bad_index(make_set, item, match):
    with pytest.raises(IndexError, match=match):
        make_set(5)[item]


def test_iteration_ends(make_set):
    assert [len(galaxy) for galaxy in make_set(3)] == [1, 1, 1]


def test_scikit_learn_takes_rows(make_set):
    images = make_set(6)
    y = np.arange(6.0)
    seen = []

    class Mean(BaseEstimator):
        def fit(self, X, y):
            seen.append(X.ids.tolist())
            self.mean_ = y.mean()
            return self

        def predict(self, X):
            assert isinstance(X, GalaxyImageSet)
            return np.full(len(X), self.mean_)

    scores = cross_val_score(
        Mean(), images, y, cv=KFold(3), scoring="neg_mean_squared_error"
    )
    assert np.isfinite(scores).all()
    assert seen[0] == [f"galaxy-{i}" for i in (2, 3, 4, 5)]
    train, _ = train_test_split(images, random_state=0)
    assert isinstance(train, GalaxyImageSet)


def test_slices_do_not_change_the_set(make_set):
    images = make_set(4)
    part = images[:2]
    part.mask = np.ones((16, 16), dtype=bool)
    part.meta["note"] = 1
    assert images.mask is None
    assert (images.flags == 0).all()
    assert "note" not in images.meta


def test_table(make_set):
    table = make_set(3, reasons={"galaxy-1": "why"}).table
    assert table.colnames == ["id", "ra", "dec", "psf_fwhm", "ebv", "flags"]
    assert table["ra"].unit == u.deg
    assert table["psf_fwhm"].unit == u.arcsec
    assert table["psf_fwhm"].shape == (3, 3)
    assert table.meta["flags"]["NO_COVERAGE"] == int(GalaxyFlags.NO_COVERAGE)
    assert table.meta["reasons"] == {"galaxy-1": "why"}


def test_table_is_a_copy(make_set):
    images = make_set(3)
    images.table["ebv"][:] = 9
    assert images.ebv.max() < 1


def test_concatenate(make_set):
    images = make_set(6, mask=np.eye(16, dtype=bool))
    joined = GalaxyImageSet.concatenate([images[:2], images[2:2], images[2:]])
    np.testing.assert_array_equal(joined.data, images.data)
    np.testing.assert_array_equal(joined.mask, images.mask)
    np.testing.assert_array_equal(joined.flags, images.flags)
    np.testing.assert_array_equal(joined.coords.ra, images.coords.ra)
    assert joined.ids.tolist() == images.ids.tolist()


def test_concatenate_unlike_sets(make_set):
    a = make_set(2, uncertainty=None, coords=None, reasons={"galaxy-0": "a"})
    b = make_set(1, mask=np.eye(16, dtype=bool), ids=["b"]).to(u.uJy)
    joined = GalaxyImageSet.concatenate([a, b])
    assert joined.unit == u.nmgy
    np.testing.assert_allclose(joined.data[2], b.to(u.nmgy).data[0], rtol=1e-6)
    assert joined.mask.sum(axis=(1, 2, 3)).tolist() == [0, 0, 48]
    np.testing.assert_allclose(joined.uncertainty.array[:2], 0.0)
    np.testing.assert_allclose(joined.uncertainty.array[2], 4.0, rtol=1e-5)
    assert np.isnan(joined.coords.ra[:2]).all()
    assert joined.reasons == {"galaxy-0": "a"}


@pytest.mark.parametrize(
    "other",
    [{"bands": "gri"}, {"size": 15}, {"pixel_scale": 0.3 * u.arcsec}],
)
def test_concatenate_needs_one_grid(make_set, other):
    with pytest.raises(ValueError, match="bring them to one grid with to_grid"):
        GalaxyImageSet.concatenate([make_set(1), make_set(1, ids=["b"], **other)])


def test_concatenate_refuses_repeated_ids_and_nothing(make_set):
    with pytest.raises(ValueError, match="repeated: 'galaxy-0'"):
        GalaxyImageSet.concatenate([make_set(2), make_set(1)])
    with pytest.raises(ValueError, match="at least one image set"):
        GalaxyImageSet.concatenate([])


def test_chunks(make_set):
    images = make_set(5)
    chunks = list(images.iter_chunks(2))
    assert [len(chunk) for chunk in chunks] == [2, 2, 1]
    joined = GalaxyImageSet.concatenate(chunks)
    np.testing.assert_array_equal(joined.data, images.data)
    with pytest.raises(ValueError, match="'n' must be at least 1, not 0"):
        next(images.iter_chunks(0))


def test_units(make_set):
    images = make_set(2)
    micro = images.to(u.uJy)
    # An AB magnitude of 22.5 is one nanomaggy: 3.631 uJy.
    np.testing.assert_allclose(micro.data, images.data * 3.6307805, rtol=1e-5)
    np.testing.assert_allclose(micro.uncertainty.array, 4.0 / 3.6307805**2, rtol=1e-5)
    assert micro.uncertainty.unit == u.uJy**-2
    np.testing.assert_allclose(micro.to("nmgy").data, images.data, rtol=1e-5)
    assert images.to(u.nmgy) is images
    with pytest.raises(u.UnitsError, match="'unit' has the unit 'm'"):
        images.to(u.m)
    with pytest.raises(u.UnitsError, match=r"'unit' has .* a logarithm of flux"):
        images.to(u.ABmag)


def test_copy_and_pickle(make_set):
    images = make_set(3, mask=np.eye(16, dtype=bool))
    for twin in (copy.deepcopy(images), pickle.loads(pickle.dumps(images))):
        np.testing.assert_array_equal(twin.data, images.data)
        np.testing.assert_array_equal(twin.mask, images.mask)
        np.testing.assert_array_equal(twin.uncertainty.array, images.uncertainty.array)
        assert twin.ids.tolist() == images.ids.tolist()


def test_empty_set(make_set, tmp_path):
    empty = make_set(3)[:0]
    assert len(empty) == 0
    assert "0 galaxies" in repr(empty)
    assert len(empty.table) == 0
    assert len(empty.crop(8)) == 0
    assert empty.resample(0.3 * u.arcsec, size=12).shape == (0, 3, 12, 12)
    assert empty.to_grid("gx", 0.3 * u.arcsec, 20).shape == (0, 2, 20, 20)
    assert empty.to(u.uJy).unit == u.uJy
    assert list(empty.iter_chunks()) == []
    assert len(GalaxyImageSet.concatenate([empty, empty])) == 0
    assert len(empty[[]]) == len(empty[::-1]) == 0
    angle, error, failed = empty.orientation()
    assert angle.shape == error.shape == failed.shape == (0,)
    assert angle.unit == u.deg
    empty.write(tmp_path / "empty.hdf5")
    assert GalaxyImageSet.read(tmp_path / "empty.hdf5").shape == (0, 3, 16, 16)


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"unit": None}, u.UnitsError, "'data' needs a unit of flux"),
        ({"unit": u.m}, u.UnitsError, "'data' has the unit 'm', which is no"),
        ({"unit": u.ct}, u.UnitsError, "'data' has the unit 'ct'"),
        ({"unit": u.ABmag}, u.UnitsError, "'data' has .* convert it first"),
        (
            {"data": np.full((4, 3, 16, 16), 20.0) * u.ABmag, "unit": None},
            u.UnitsError,
            r"'data' has the unit 'mag\(AB\)', a logarithm",
        ),
        ({"bands": "grg"}, ValueError, "'bands' names g more than once"),
        ({"bands": ""}, ValueError, "'bands' must name at least one band"),
        ({"bands": ("g", " ", "z")}, ValueError, "at least one band"),
        ({"bands": (1, 2, 3)}, TypeError, "'bands' must be strings"),
        (
            {"data": np.ones((4, 2, 8, 8))},
            ValueError,
            r"with 3 bands it must be \(N, 3, y, x\)",
        ),
        ({"data": np.ones((3, 16, 16))}, ValueError, "'data' has the shape"),
        ({"data": np.ones((4, 3, 0, 16))}, ValueError, "without pixels"),
        ({"data": np.full((4, 3, 2, 2), "a")}, TypeError, "must be numbers"),
        ({"pixel_scale": 0.262}, u.UnitsError, "'pixel_scale' must be an angle"),
        ({"pixel_scale": 1 * u.m}, u.UnitsError, "'pixel_scale' must be an"),
        ({"pixel_scale": -1 * u.arcsec}, ValueError, "one positive angle"),
        ({"pixel_scale": [1, 2] * u.arcsec}, ValueError, "one positive angle"),
        ({"coords": SkyCoord([1], [2], unit="deg")}, ValueError, "'coords' has"),
        ({"coords": [1, 2, 3, 4]}, TypeError, "'coords' must be a SkyCoord"),
        ({"ids": ["a", "b"]}, ValueError, "'ids' has the shape"),
        ({"ids": ["a", "b", "a", "b"]}, ValueError, "repeated: 'a', 'b'"),
        ({"flags": [1, 2]}, ValueError, "'flags' has the shape"),
        ({"ebv": [0.1, 0.2]}, ValueError, "'ebv' has the shape"),
        ({"ebv": -0.1}, ValueError, "'ebv' must be finite and not negative"),
        ({"ebv": np.inf}, ValueError, "'ebv' must be finite"),
        ({"ebv": 0.1 * u.deg}, u.UnitsError, "'ebv' must be in magnitudes"),
        ({"ebv": 0.1 * u.ABmag}, u.UnitsError, "'ebv' must be in magnitudes"),
        ({"psf_fwhm": -1 * u.arcsec}, ValueError, "'psf_fwhm' must not be"),
        ({"psf_fwhm": 1.2}, u.UnitsError, "'psf_fwhm' must be an angle"),
        ({"psf_fwhm": [1, 2] * u.arcsec}, ValueError, "'psf_fwhm' has the shape"),
        ({"mask": np.zeros((5, 5), bool)}, ValueError, "'mask' has the shape"),
        ({"mask": np.zeros((16, 16))}, TypeError, "'mask' must be boolean"),
        ({"uncertainty": np.ones(3)}, TypeError, "'uncertainty' must be an Inv"),
        (
            {"uncertainty": UnknownUncertainty(np.ones(3))},
            TypeError,
            "not UnknownUncertainty",
        ),
        (
            {"uncertainty": InverseVariance(np.ones((5, 5)))},
            ValueError,
            "'uncertainty' has the shape",
        ),
        (
            {"uncertainty": InverseVariance(-np.ones((16, 16)))},
            ValueError,
            "negative inverse variance",
        ),
        (
            {"uncertainty": InverseVariance(np.ones((16, 16)) / u.m)},
            u.UnitsError,
            "'uncertainty' has the unit '1 / m'",
        ),
    ],
)
def test_bad_input(make_set, changes, error, match):
    with pytest.raises(error, match=match):
        make_set(**changes)


def test_many_repeated_ids_are_counted(make_set):
    ids = [str(i) for i in range(8)] * 2
    with pytest.raises(ValueError, match="'4' and 3 more"):
        make_set(16, ids=ids)


def test_scalar_coordinates_for_one_galaxy(make_set):
    galactic = SkyCoord(10 * u.deg, 60 * u.deg, frame="galactic")
    images = make_set(1, coords=galactic)
    assert images.coords.shape == (1,)
    assert images.coords.frame.name == "icrs"
    assert images.coords[0].separation(galactic) < 1e-6 * u.arcsec
