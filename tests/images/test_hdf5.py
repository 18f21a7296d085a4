# Licensed under a 3-clause BSD style license - see LICENSE.rst

import pickle
import warnings

import astropy.units as u
import h5py
import numpy as np
import pytest
from astropy.nddata import InverseVariance
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from astrovae import GalaxyImageSet
from astrovae.exceptions import AstrovaeWarning, ImageFormatError
from astrovae.images import HDF5Writer
from astrovae.images.hdf5_reader import LazyPixels, read_rows
from astrovae.images.quantization import pack, pixel_noise, unpack


@pytest.fixture
def full_set(make_set):
    """
    A set that uses all that a file can hold.
    """
    mask = np.random.default_rng(3).random((7, 3, 16, 16)) < 0.1
    mask[5] = False
    ivar = np.random.default_rng(4).uniform(1, 9, (7, 3, 16, 16))
    return make_set(
        7,
        mask=mask,
        uncertainty=InverseVariance(ivar),
        flags=np.arange(7) << 10,
        reasons={"galaxy-2": "a reason with ü"},
        meta={"survey": "test", "passed_over": {"a.fits": "no image"}},
    )


def assert_same(a, b):
    np.testing.assert_array_equal(a.data, b.data)
    np.testing.assert_array_equal(a.mask, b.mask)
    np.testing.assert_array_equal(a.uncertainty.array, b.uncertainty.array)
    np.testing.assert_array_equal(a.ids, b.ids)
    np.testing.assert_array_equal(a.flags, b.flags)
    np.testing.assert_allclose(a.ebv, b.ebv)
    np.testing.assert_allclose(a.psf_fwhm, b.psf_fwhm, rtol=1e-6)
    assert a.coords.separation(b.coords).max() < 1e-9 * u.arcsec
    assert a.bands == b.bands
    assert a.unit == b.unit
    assert abs(a.pixel_scale - b.pixel_scale) < 1e-12 * u.arcsec
    assert a.reasons == b.reasons


def test_round_trip(full_set, tmp_path):
    path = tmp_path / "set.hdf5"
    full_set.write(path)
    images = GalaxyImageSet.read(path)
    assert images.is_lazy
    assert "on disk" in repr(images)
    assert images.shape == full_set.shape
    assert images.meta == full_set.meta
    assert_same(images, full_set)
    assert not images.is_lazy


def test_plain_round_trip(tmp_path):
    images = GalaxyImageSet(
        np.ones((2, 1, 4, 5)), unit=u.uJy, bands="r", pixel_scale=1 * u.arcsec
    )
    path = tmp_path / "noending"
    images.write(path, format="astrovae.hdf5")
    # Recognised by its first bytes.
    back = GalaxyImageSet.read(path)
    assert back.coords is None
    assert back.mask is None
    assert back.uncertainty is None
    assert back.unit == u.uJy
    assert back.data.dtype == np.float64
    np.testing.assert_array_equal(back.data, images.data)


def test_nothing_is_read_before_it_is_asked_for(full_set, tmp_path, monkeypatch):
    path = tmp_path / "set.hdf5"
    full_set.write(path)
    read = []
    original = LazyPixels.read

    def spy(self):
        read.extend(self.rows.tolist())
        return original(self)

    monkeypatch.setattr(LazyPixels, "read", spy)
    images = GalaxyImageSet.read(path)
    assert len(images.table) == 7
    part = images[[6, 1, 1][:2]][::-1]
    assert part.is_lazy
    assert part.ids.tolist() == ["galaxy-1", "galaxy-6"]
    assert read == []
    np.testing.assert_array_equal(part.data, full_set.data[[1, 6]])
    assert read == [1, 6]
    assert part.mask.shape == part.shape
    assert read == [1, 6]
    assert images.is_lazy
    for chunk in images.iter_chunks(3):
        assert not chunk.is_lazy
    assert read == [1, 6, *range(7)]
    assert images.is_lazy


@given(rows=st.lists(st.integers(0, 9), max_size=15))
def test_rows_in_any_order(rows):
    values = np.arange(20).reshape(10, 2)
    with h5py.File("rows", "w", driver="core", backing_store=False) as file:
        file["values"] = values
        got = read_rows(file["values"], np.array(rows, dtype=int))
    np.testing.assert_array_equal(got, values[rows])


def test_lazy_sets_can_be_sent_to_other_processes(full_set, tmp_path):
    full_set.write(tmp_path / "set.hdf5")
    images = pickle.loads(pickle.dumps(GalaxyImageSet.read(tmp_path / "set.hdf5")))
    assert images.is_lazy
    assert_same(images, full_set)


def test_lazy_sets_can_be_changed_written_and_joined(full_set, tmp_path):
    full_set.write(tmp_path / "set.hdf5")
    lazy = GalaxyImageSet.read(tmp_path / "set.hdf5")
    lazy[2:5].write(tmp_path / "part.hdf5")
    assert lazy.is_lazy
    assert_same(GalaxyImageSet.read(tmp_path / "part.hdf5"), full_set[2:5])
    assert_same(GalaxyImageSet.concatenate([lazy[:2], lazy[2:]]), full_set)
    lazy.mask = None
    assert lazy.mask is None
    again = GalaxyImageSet.read(tmp_path / "set.hdf5")
    again.uncertainty = None
    assert again.uncertainty is None
    np.testing.assert_array_equal(again.data, full_set.data)


def test_writing_is_whole_or_not_at_all(full_set, tmp_path, monkeypatch):
    path = tmp_path / "set.hdf5"
    full_set[:2].write(path)
    with pytest.raises(FileExistsError, match="overwrite=True replaces it"):
        full_set.write(path)

    def fail(*args):
        msg = "disk full"
        raise RuntimeError(msg)

    monkeypatch.setattr(HDF5Writer, "_append_chunk", fail)
    with pytest.raises(RuntimeError, match="disk full"):
        full_set.write(path, overwrite=True)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["set.hdf5"]
    assert_same(GalaxyImageSet.read(path), full_set[:2])
    full_set.write(path, overwrite=True)
    assert_same(GalaxyImageSet.read(path), full_set)


def test_a_replaced_file_is_noticed(full_set, tmp_path):
    path = tmp_path / "set.hdf5"
    full_set.write(path)
    images = GalaxyImageSet.read(path)
    full_set[::-1].write(path, overwrite=True)
    with pytest.raises(ImageFormatError, match="replaced since it was opened"):
        images[0].data  # noqa: B018


def test_appending(full_set, tmp_path):
    path = tmp_path / "set.hdf5"
    with HDF5Writer(path) as writer:
        writer.append(full_set[5])  # no mask, so far
        writer.append(full_set[:0])
        assert len(writer) == 1
    early = GalaxyImageSet.read(path)
    with HDF5Writer(path, mode="a") as writer:
        assert len(writer) == 1
        writer.append(full_set[:2])
        writer.append(full_set[2:5])
    assert_same(GalaxyImageSet.read(path), full_set[[5, 0, 1, 2, 3, 4]])
    # A set that was opened before goes on.
    np.testing.assert_array_equal(early.data, full_set[5].data)


def test_appending_sets_without_weights_or_mask(make_set, tmp_path):
    path = tmp_path / "set.hdf5"
    with HDF5Writer(path, mode="a") as writer:
        writer.append(make_set(1, ids=["a"], uncertainty=None, coords=None))
        writer.append(make_set(1, ids=["b"], mask=np.eye(16, dtype=bool)))
    images = GalaxyImageSet.read(path)
    assert images.mask.sum(axis=(1, 2, 3)).tolist() == [0, 48]
    assert not images.uncertainty.array[0].any()
    np.testing.assert_allclose(images.uncertainty.array[1], 4.0)
    assert np.isnan(images.coords.ra[0])


def test_interrupted_append_leaves_the_rows_before(full_set, tmp_path):
    path = tmp_path / "set.hdf5"
    full_set[:3].write(path)
    with h5py.File(path, "r+") as file:
        file["data"].resize(5, axis=0)
        file["id"].resize(4, axis=0)
    images = GalaxyImageSet.read(path)
    assert_same(images, full_set[:3])
    with HDF5Writer(path, mode="a") as writer:
        writer.append(full_set[3:])
    assert_same(GalaxyImageSet.read(path), full_set)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({}, "'ids' are in .* already: galaxy-0"),
        ({"bands": "gri", "ids": ["x"]}, "does not continue a file of"),
        ({"size": 8, "ids": ["x"]}, "does not continue a file of"),
        ({"unit": u.uJy, "ids": ["x"], "uncertainty": None}, "does not continue"),
        ({"pixel_scale": 1 * u.arcsec, "ids": ["x"]}, "does not continue"),
    ],
)
def test_bad_append(make_set, tmp_path, changes, match):
    with HDF5Writer(tmp_path / "set.hdf5") as writer:
        writer.append(make_set(1))
        with pytest.raises(ValueError, match=match):
            writer.append(make_set(1, **changes))


def test_repeated_rows_are_not_written(make_set, tmp_path):
    images = make_set(3)
    path = tmp_path / "set.hdf5"
    with pytest.raises(ValueError, match="'ids' must be unique; repeated: 'galaxy-0'"):
        images[[0, 0, 1]].write(path)
    assert list(tmp_path.iterdir()) == []
    with HDF5Writer(path) as writer:
        with pytest.raises(ValueError, match="repeated: 'galaxy-1'"):
            writer.append(images[[1, 2, 1]])
        writer.append(images[:1])
        with pytest.raises(ValueError, match="repeated: 'galaxy-1'"):
            writer.append(images[[1, 1]])
        assert len(writer) == 1
    assert GalaxyImageSet.read(path).ids.tolist() == ["galaxy-0"]


def test_bad_writer_arguments(make_set, tmp_path):
    path = tmp_path / "set.hdf5"
    with pytest.raises(ValueError, match="'mode' must be x, w or a, not 'r'"):
        HDF5Writer(path, mode="r")
    with pytest.raises(ValueError, match="'quantize_level' must be positive"):
        HDF5Writer(path, quantize_level=0)
    make_set(1).write(path)
    with pytest.raises(FileExistsError, match="'w' replaces it, 'a' continues"):
        HDF5Writer(path)
    with pytest.raises(ValueError, match="holds exact pixels"):
        HDF5Writer(path, mode="a", quantize_level=4)
    with HDF5Writer(path, mode="w") as writer:
        writer.append(make_set(2))
    assert len(GalaxyImageSet.read(path)) == 2


def test_meta_that_json_does_not_know_is_named(make_set, tmp_path):
    images = make_set(1, meta={"fine": 1, "bad": object()})
    with pytest.warns(AstrovaeWarning, match=r"are not written: \['bad'\]"):
        images.write(tmp_path / "set.hdf5")
    assert GalaxyImageSet.read(tmp_path / "set.hdf5").meta == {"fine": 1}


def noisy_galaxies(n=3, size=128):
    rng = np.random.default_rng(5)
    sigma = np.array([0.004, 0.006, 0.015])[:, None, None]
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    galaxy = 50 * sigma * np.exp(-np.hypot(x, y) / 5)
    data = rng.normal(size=(n, 3, size, size)) * sigma + galaxy
    return data.astype(np.float32), np.broadcast_to(sigma**-2.0, data.shape)


def test_quantization(tmp_path):
    data, ivar = noisy_galaxies(8)
    images = GalaxyImageSet(
        data,
        unit=u.nmgy,
        bands="grz",
        pixel_scale=0.262 * u.arcsec,
        uncertainty=InverseVariance(ivar),
    )
    path = tmp_path / "set.hdf5"
    images.write(path, quantize_level=4)
    with h5py.File(path) as file:
        size = sum(file[name].id.get_storage_size() for name in file)
    assert 24_000 < size / 8 < 30_000
    back = GalaxyImageSet.read(path)
    sigma = ivar[:, :, :1, :1] ** -0.5
    error = (back.data - data) / sigma
    assert np.abs(error).max() < 0.5 / 4 * 1.1
    # A uniform rounding error, without a bias.
    np.testing.assert_allclose(error.std(), 1 / 4 / np.sqrt(12), rtol=0.1)
    assert abs(error.mean()) < 0.001
    np.testing.assert_allclose(
        back.data.sum(axis=(2, 3)), data.sum(axis=(2, 3)), rtol=0.01
    )
    np.testing.assert_allclose(back.uncertainty.array, ivar, rtol=0.008)


def test_quantized_files_are_continued_alike(tmp_path, make_set):
    path = tmp_path / "set.hdf5"
    with HDF5Writer(path, quantize_level=8) as writer:
        writer.append(make_set(2))
    with HDF5Writer(path, mode="a") as writer:
        assert writer.quantize_level == 8
        writer.append(make_set(1, ids=["more"]))
    images = GalaxyImageSet.read(path)
    np.testing.assert_allclose(images.data[2:], make_set(1).data, atol=0.1)


def test_pixel_noise():
    data, ivar = noisy_galaxies()
    measured = pixel_noise(data)
    np.testing.assert_allclose(measured, ivar[:, :, 0, 0] ** -0.5, rtol=0.05)
    narrow = np.random.default_rng(0).normal(size=(1, 1, 200, 3))
    np.testing.assert_allclose(pixel_noise(narrow), 1.0, rtol=0.1)


@given(
    data=hnp.arrays(
        np.float32,
        (2, 2, 6, 6),
        elements=st.floats(-1e8, 1e8, width=32, allow_subnormal=False),
    ),
    level=st.floats(0.5, 100),
)
def test_packing_any_pixels(data, level):
    codes, step = pack(data, level)
    back = unpack(codes, step)
    limit = 0.5001 * step[..., None, None] + 1e-6 * np.abs(data)
    assert (np.abs(back - data) <= limit).all()


@pytest.mark.parametrize("n_bytes", [0, 5, 100, 5000])
def test_truncated_file(full_set, tmp_path, n_bytes):
    path = tmp_path / "set.hdf5"
    full_set.write(path)
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(ImageFormatError, match="truncated, altered or no HDF5"):
        GalaxyImageSet.read(path)


def test_foreign_files(tmp_path):
    path = tmp_path / "other.h5"
    path.write_text("hello")
    with pytest.raises(ImageFormatError, match="truncated, altered or no HDF5"):
        GalaxyImageSet.read(path)
    with h5py.File(path, "w") as file:
        file["x"] = [1, 2]
    with pytest.raises(ImageFormatError, match="no image set of astrovae"):
        GalaxyImageSet.read(path)
    with pytest.raises(FileNotFoundError, match="no such file"):
        GalaxyImageSet.read(tmp_path / "absent.hdf5")
    with pytest.raises(FileNotFoundError, match="no such file"):
        GalaxyImageSet.read(tmp_path / "absent.hdf5", format="astrovae.hdf5")


def altered(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda f: f.attrs.update(format_version=99), "of format version 99"),
        (lambda f: f.attrs.update(n=9), "'id' has 7 rows of 9"),
        (lambda f: f.attrs.update(bands='["g"]'), "contradicts itself"),
        (lambda f: f.attrs.update(bands="[1"), "contradicts itself"),
        (lambda f: f.attrs.update(unit="m"), "contradicts itself"),
        (lambda f: f.attrs.pop("uuid"), "truncated, altered"),
        (lambda f: f.pop("data"), "truncated, altered"),
        (lambda f: f.pop("ebv"), "truncated, altered"),
        (lambda f: f["mask"].resize(3, axis=0), "'mask' has 3 rows of 7"),
        (lambda f: f["id"].__setitem__(1, "galaxy-0"), "contradicts itself"),
    ],
)
def test_altered_file(full_set, tmp_path, change, match):
    path = tmp_path / "set.hdf5"
    full_set.write(path)
    altered(path, change)
    with pytest.raises(ImageFormatError, match=match):
        GalaxyImageSet.read(path)


def test_altered_shape(full_set, tmp_path):
    path = tmp_path / "set.hdf5"
    full_set.write(path)

    def change(file):
        del file["ivar"]
        file["ivar"] = np.ones((7, 3, 4, 4))

    altered(path, change)
    with pytest.raises(ImageFormatError, match="'ivar' has the shape"):
        GalaxyImageSet.read(path)


def test_damaged_pixels_are_an_error_when_read(full_set, tmp_path):
    path = tmp_path / "set.hdf5"
    full_set.write(path)
    with h5py.File(path) as file:
        chunk = file["data"].id.get_chunk_info(3)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + 20] = b"x" * 20
    path.write_bytes(content)
    images = GalaxyImageSet.read(path)
    np.testing.assert_array_equal(images[:3].data, full_set[:3].data)
    with pytest.raises(ImageFormatError, match="truncated, altered"):
        images[3].data  # noqa: B018


def test_no_warning_in_ordinary_use(full_set, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        full_set.write(tmp_path / "set.h5")
        assert len(GalaxyImageSet.read(str(tmp_path / "set.h5"))) == 7
