# Licensed under a 3-clause BSD style license - see LICENSE.rst

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from image_helpers import tan_wcs

from astrovae import GalaxyImageSet
from astrovae.exceptions import AstrovaeWarning, ImageFormatError
from astrovae.flags import decode_flags
from astrovae.images.naming import file_stem, stem_without_band

GRID = {"bands": "grz", "pixel_scale": 0.262 * u.arcsec, "size": 24}


def write_band(path, band, position=(150.0, 2.0)):
    path.parent.mkdir(parents=True, exist_ok=True)
    header = tan_wcs(position, (32, 32)).to_header()
    header["BAND"] = band
    header["BUNIT"] = "nanomaggy"
    fits.writeto(path, np.ones((32, 32), dtype=np.float32), header)
    return path


@pytest.fixture
def folder(write_viewer, tmp_path):
    """
    A folder with good files, broken ones, and others.
    """
    write_viewer("b.fits")
    write_viewer("a/coarse.fits", pixel=0.524)
    write_viewer("a/c.fits", bands="zr")
    cut = write_viewer("a/cut.fits")
    cut.write_bytes(cut.read_bytes()[:9000])
    (tmp_path / "reply.fits").write_text("no such layer")
    (tmp_path / "notes.txt").write_text("hello")
    fits.writeto(tmp_path / "psf.fits", np.ones((9, 9), dtype=np.float32))
    for band in "grz":
        write_band(tmp_path / "des" / f"sn_{band}.fits", band)
    write_band(tmp_path / "des" / "lonely_z.fits", "z")
    return tmp_path


def test_folder(folder):
    images = GalaxyImageSet.read(folder, **GRID)
    assert images.ids.tolist() == ["c", "coarse", "cut", "b", "sn", "reply"]
    assert images.shape == (6, 3, 24, 24)
    flags = dict(zip(images.ids, decode_flags(images.flags), strict=True))
    assert flags["b"] == flags["sn"] == []
    assert flags["c"] == ["MISSING_BAND"]
    assert flags["coarse"] == ["COARSE_PIXELS"]
    assert flags["cut"] == flags["reply"] == ["UNREADABLE"]
    assert set(images.reasons) == {"cut", "reply"}
    assert "truncated: actual file length (9000)" in images.reasons["cut"]
    assert "begins with b'no such layer'" in images.reasons["reply"]
    assert images.meta["passed_over"] == {
        "notes.txt": "not a FITS file",
        "psf.fits": "an image without a place on the sky, such as a PSF",
        "des/lonely_z.fits": "only the band z, and no file beside it with the others",
    }
    # A file that was cut short still says where it points.
    np.testing.assert_allclose(images.coords.ra.deg[:5], 150.0)
    assert np.isnan(images.coords.ra[5])
    assert images.mask[2].all()
    assert not images.data[2].any()


def test_nothing_is_lost(folder):
    images = GalaxyImageSet.read(folder, **GRID)
    files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    stems = {file_stem(name) for name in files - set(images.meta["passed_over"])}
    assert stems - {"sn_g", "sn_r", "sn_z"} | {"sn"} == set(images.ids)


def test_list_of_files(folder):
    paths = [folder / "b.fits", str(folder / "reply.fits"), folder / "absent.fits"]
    images = GalaxyImageSet.read(paths, **GRID)
    assert images.ids.tolist() == ["b", "reply", "absent"]
    assert images.reasons["absent"] == "no such file"
    assert images.meta["passed_over"] == {}


def test_list_names_what_it_passes_over(folder):
    with pytest.warns(AstrovaeWarning, match="1 of 2 files are no galaxy images"):
        images = GalaxyImageSet.read([folder / "b.fits", folder / "psf.fits"])
    assert list(images.meta["passed_over"]) == [str(folder / "psf.fits")]


def test_images_of_other_bands_and_surveys_are_passed_over(folder, write_viewer):
    write_viewer("wise.fits", bands=("W1", "W2"), BANDS="W1W2")
    write_viewer("sdss.fits", SURVEY="SDSS")
    for band in "iy":
        write_band(folder / "des" / f"red_{band}.fits", band)
    images = GalaxyImageSet.read(folder, **GRID)
    assert images.ids.tolist() == ["c", "coarse", "cut", "b", "sn", "reply"]
    passed_over = images.meta["passed_over"]
    reason = "has the bands W1, W2, and none of g, r, z"
    assert passed_over["wise.fits"] == reason
    assert "survey 'SDSS'" in passed_over["sdss.fits"]
    for band in "iy":
        reason = "has the bands i, y, and none of g, r, z"
        assert passed_over[f"des/red_{band}.fits"] == reason
    # They are sound, so that there is nothing to raise.
    good = [folder / name for name in ("b.fits", "wise.fits")]
    with pytest.warns(AstrovaeWarning, match="1 of 2 files are no galaxy images"):
        images = GalaxyImageSet.read(good, on_error="raise", **GRID)
    assert images.ids.tolist() == ["b"]
    with pytest.raises(ImageFormatError, match="none of g, r, z"):
        GalaxyImageSet.read([folder / "wise.fits"], **GRID)


def test_list_with_folders_and_hdf5(folder, make_set):
    # An image set that is named is read; one in a folder is not.
    make_set(2).write(folder / "set.hdf5")
    with pytest.warns(AstrovaeWarning, match="1 of 5 files are no galaxy images"):
        images = GalaxyImageSet.read([folder / "set.hdf5", folder / "des"], **GRID)
    assert images.ids.tolist() == ["galaxy-0", "galaxy-1", "sn"]
    assert "SMALL_FRAME" in decode_flags(images.flags)[0]
    images = GalaxyImageSet.read(folder, **GRID)
    assert images.meta["passed_over"]["set.hdf5"] == "not a FITS file"


def test_on_error_raise(folder):
    with pytest.raises(ImageFormatError, match=r"cut\.fits: .*truncated"):
        GalaxyImageSet.read(folder, on_error="raise", **GRID)
    with pytest.raises(ValueError, match="'on_error' must be flag or raise"):
        GalaxyImageSet.read(folder, on_error="skip", **GRID)


def test_on_error_makes_one_file_a_list(folder):
    path = folder / "a" / "cut.fits"
    with pytest.raises(ImageFormatError, match="truncated"):
        GalaxyImageSet.read(path)
    images = GalaxyImageSet.read(path, on_error="flag", **GRID)
    assert decode_flags(images.flags) == [["UNREADABLE"]]
    with pytest.raises(ImageFormatError, match="no file could be read; the first"):
        GalaxyImageSet.read(path, on_error="flag")


def test_one_grid_needs_no_arguments(write_viewer, tmp_path):
    write_viewer("a.fits")
    write_viewer("b.fits")
    (tmp_path / "c.fits").write_text("nothing")
    images = GalaxyImageSet.read(tmp_path)
    assert images.shape == (3, 3, 32, 32)
    assert abs(images.pixel_scale - 0.262 * u.arcsec) < 1e-9 * u.arcsec


@pytest.mark.parametrize(
    ("other", "match"),
    [
        ({"pixel": 0.3}, "differ in pixel_scale: .* give pixel_scale="),
        ({"bands": "gri"}, "differ in bands: grz, 0.262 arcsec"),
        ({"cube": np.ones((3, 30, 30))}, "differ in size"),
        (
            {"cube": np.ones((2, 30, 30)), "bands": "gr"},
            "differ in bands and size: .* give bands=, size=",
        ),
    ],
)
def test_files_that_differ_need_arguments(write_viewer, tmp_path, other, match):
    write_viewer("a.fits")
    write_viewer("b.fits", **other)
    with pytest.raises(ValueError, match=match):
        GalaxyImageSet.read(tmp_path)
    assert len(GalaxyImageSet.read(tmp_path, **GRID)) == 2


def test_repeated_stems_become_paths(write_viewer, tmp_path):
    for name in ("a/x.fits", "b/x.fits.gz", "b/y.fits"):
        write_viewer(name)
    images = GalaxyImageSet.read(tmp_path)
    assert images.ids.tolist() == ["a/x.fits", "b/x.fits.gz", "y"]


def test_single_bands_alone_are_images(tmp_path):
    for name in ("one", "two"):
        write_band(tmp_path / f"{name}_r.fits", "r")
    images = GalaxyImageSet.read(tmp_path)
    assert images.ids.tolist() == ["one", "two"]
    assert images.bands == ("r",)
    assert len(GalaxyImageSet.read(tmp_path, bands="r")) == 2
    with pytest.raises(ImageFormatError, match="none of 2 FITS files is a galaxy"):
        GalaxyImageSet.read(tmp_path, bands="grz")


def test_two_bands_of_three_are_an_image(tmp_path):
    for band in "gr":
        write_band(tmp_path / f"sn-{band}.fits", band)
    images = GalaxyImageSet.read(tmp_path, bands="grz")
    assert decode_flags(images.flags) == [["MISSING_BAND"]]
    assert images.ids.tolist() == ["sn"]


def test_same_band_twice_is_two_galaxies(tmp_path):
    # Two names that differ only in the ending.
    for name in ("sn_r.fits", "sn_r.fits.gz", "sn_g.fits"):
        write_band(tmp_path / name, name[3])
    images = GalaxyImageSet.read(tmp_path, bands="gr")
    assert len(images) == 1
    assert list(images.meta["passed_over"]) == ["sn_r.fits.gz"]


def test_folders_without_images(tmp_path):
    with pytest.raises(ImageFormatError, match="no FITS file there"):
        GalaxyImageSet.read(tmp_path)
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(ImageFormatError, match="no FITS file there"):
        GalaxyImageSet.read(tmp_path)
    fits.writeto(tmp_path / "psf.fits", np.ones((9, 9)))
    with pytest.raises(ImageFormatError, match=r"none of 1 FITS files .* psf\.fits"):
        GalaxyImageSet.read(tmp_path)
    with pytest.raises(ImageFormatError, match="no FITS file there"):
        GalaxyImageSet.read([])


def test_bricks_are_passed_over(folder):
    header = tan_wcs((150.0, 2.0), (8, 8)).to_header()
    header["BAND0"] = "z"
    header["BRICKNAM"] = "1500p020"
    header["PRODTYPE"] = "wtmap"
    hdus = [fits.PrimaryHDU(), fits.CompImageHDU(np.ones((8, 8)), header)]
    fits.HDUList(hdus).writeto(folder / "brick-z.fits.fz")
    images = GalaxyImageSet.read(folder, **GRID)
    assert images.meta["passed_over"]["brick-z.fits.fz"] == (
        "a plane (wtmap) of the whole coadd brick 1500p020, no cutout"
    )


def test_progress_bar_is_off_where_there_is_no_terminal(folder, capsys):
    images = GalaxyImageSet.read(folder, progress=True, **GRID)
    assert len(images) == 6
    assert "reading" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.fits", "a"),
        ("x/a.b.fits.gz", "a.b"),
        ("A.FITS.FZ", "A"),
        ("a.tar", "a"),
    ],
)
def test_stems(name, stem):
    assert file_stem(name) == stem


@pytest.mark.parametrize(
    ("name", "band", "stem"),
    [
        ("sn2006bh_des_g.fits", "g", "sn2006bh_des"),
        ("g_sn.fits", "g", "sn"),
        ("image-z-123.fits.fz", "z", "image-123"),
        ("g_band_r.fits", "r", "g_band"),
        ("galaxy.fits", "g", "galaxy"),
        ("r.fits", "r", "r"),
    ],
)
def test_stems_without_band(name, band, stem):
    assert stem_without_band(name, band) == stem
