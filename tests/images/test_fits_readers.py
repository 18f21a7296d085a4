# Licensed under a 3-clause BSD style license - see LICENSE.rst

import builtins
import gzip
import io
import os
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits, registry
from image_helpers import PIXEL, sky_scene, tan_wcs

from astrovae import GalaxyImageSet
from astrovae.exceptions import ImageFormatError
from astrovae.flags import decode_flags
from astrovae.images.frames import Frame
from astrovae.images.reprojection import parallel_axes, place

CENTRE = (150.0, 30.0)

#: A galaxy at the centre, and one to the north-east.
SOURCES = [(0.0, 0.0, 1.1, 100.0), (4.0, 3.0, 0.8, 30.0)]


def peak(image):
    return np.array(np.unravel_index(np.argmax(image), image.shape))


def test_viewer_file(write_viewer):
    rng = np.random.default_rng(1)
    cube = rng.normal(size=(3, 32, 32)).astype(np.float32)
    images = GalaxyImageSet.read(write_viewer(cube=cube))
    np.testing.assert_allclose(images.data[0], cube, rtol=1e-6)
    assert images.data.dtype == np.float32
    assert images.bands == ("g", "r", "z")
    assert images.unit == u.nmgy
    assert images.ids.tolist() == ["galaxy"]
    assert images.uncertainty is None
    assert images.mask is None
    assert abs(images.pixel_scale - PIXEL * u.arcsec) < 1e-9 * u.arcsec
    centre = SkyCoord(150 * u.deg, 2 * u.deg)
    assert images.coords[0].separation(centre) < 1e-6 * u.arcsec


@pytest.mark.parametrize("pixel", [0.1, 0.524, 1.0])
def test_viewer_values_are_per_native_pixel(write_viewer, pixel):
    # The server gives the same surface brightness whatever the scale.
    brightness = 0.3  # nmgy per arcsec**2
    cube = np.full((3, 20, 20), brightness * PIXEL**2)
    images = GalaxyImageSet.read(write_viewer(cube=cube, pixel=pixel))
    np.testing.assert_allclose(images.data, brightness * pixel**2, rtol=1e-5)
    total = images.data[0, 0].sum()
    np.testing.assert_allclose(total, brightness * (20 * pixel) ** 2, rtol=1e-5)


@pytest.mark.parametrize(
    "survey", ["DECaLS", "BASS/MzLS", "LegacySurvey", "Legacy Surveys", "DES", None]
)
def test_viewer_layers_of_the_legacy_surveys(write_viewer, survey):
    path = write_viewer(cube=np.ones((3, 8, 8)), pixel=0.524)
    if survey is None:
        fits.delval(path, "SURVEY")
    else:
        fits.setval(path, "SURVEY", value=survey)
    np.testing.assert_allclose(GalaxyImageSet.read(path).data, 4.0, rtol=1e-5)


@pytest.mark.parametrize("survey", ["SDSS", "sdss dr7", "unWISE", "DESI", "Galex"])
def test_viewer_layers_of_other_surveys(write_viewer, survey):
    # Values are per pixel of that survey: 0.396 arcsec for SDSS.
    path = write_viewer(SURVEY=survey)
    match = rf"galaxy\.fits: an image of the survey '{survey}'"
    with pytest.raises(ImageFormatError, match=match):
        GalaxyImageSet.read(path)


@pytest.mark.parametrize("kind", ["viewer", "subimage", "perband"])
def test_none_of_the_bands_wanted(write_viewer, tmp_path, kind):
    if kind == "viewer":
        path = write_viewer(bands=("W1", "W2"), BANDS="W1W2")
        found = "W1, W2"
    elif kind == "subimage":
        path = write_subimage(tmp_path / "a.fits", [(CENTRE, CENTRE, (8, 8))], "i")
        found = "i"
    else:
        path = write_band(tmp_path / "a.fits", "i")
        found = "i"
    match = f"a.fits: has the bands {found}, and none of g, r, z"
    with pytest.raises(ImageFormatError, match=match.replace("a.fits", path.name)):
        GalaxyImageSet.read(path, bands="grz")
    assert ", ".join(GalaxyImageSet.read(path).bands) == found


def test_viewer_header_that_repeats_a_band(write_viewer):
    path = write_viewer(BAND1="g")
    with pytest.raises(ImageFormatError, match=r"a band twice: \['g', 'g', 'z'\]"):
        GalaxyImageSet.read(path)


def test_viewer_zeros_are_masked(write_viewer):
    cube = np.ones((3, 32, 32))
    cube[0] = 0
    cube[1, :8] = 0
    images = GalaxyImageSet.read(write_viewer(cube=cube))
    assert images.mask[0, 0].all()
    assert images.mask[0, 1, :8].all()
    assert images.mask.sum() == 32 * 32 + 8 * 32
    assert decode_flags(images.flags) == [["MISSING_BAND", "PARTIAL_COVERAGE"]]


def test_viewer_nan_is_masked(write_viewer):
    cube = np.ones((3, 32, 32))
    cube[2, 5, 5] = np.nan
    images = GalaxyImageSet.read(write_viewer(cube=cube))
    assert images.mask.sum() == 1
    assert images.data[0, 2, 5, 5] == 0


def test_viewer_onto_a_grid(write_viewer):
    path = write_viewer(cube=np.ones((4, 64, 64)), bands="griz", pixel=0.131)
    images = GalaxyImageSet.read(
        path, bands="rz", pixel_scale=0.262 * u.arcsec, size=30
    )
    assert images.bands == ("r", "z")
    assert images.shape == (1, 2, 30, 30)
    # A quarter of the value per pixel, four pixels in one.
    np.testing.assert_allclose(images.data, 1.0, rtol=1e-5)


def test_viewer_with_inverse_variance(write_viewer):
    path = write_viewer(cube=np.ones((3, 16, 16)), pixel=0.524)
    header = fits.getheader(path)
    header["IMAGETYP"] = "invvar"
    weights = np.full((3, 16, 16), 8.0, dtype=np.float32)
    weights[0, 0, 0] = 0
    with fits.open(path, mode="append") as hdus:
        hdus.append(fits.ImageHDU(weights, header))
    images = GalaxyImageSet.read(path)
    # The flux has the factor 4, its inverse variance 1 / 16.
    np.testing.assert_allclose(images.data[0, 1], 4.0, rtol=1e-6)
    np.testing.assert_allclose(images.uncertainty.array[0, 1], 0.5, rtol=1e-6)
    assert images.mask[0, 0, 0, 0]
    with fits.open(path, mode="update") as hdus:
        hdus[1].data = weights[:2]
    with pytest.raises(ImageFormatError, match="does not fit image"):
        GalaxyImageSet.read(path)


def test_viewer_file_of_one_band(write_viewer):
    path = write_viewer(cube=np.ones((16, 16)), bands="r")
    images = GalaxyImageSet.read(path)
    assert images.bands == ("r",)
    assert images.shape == (1, 1, 16, 16)


def test_viewer_file_at_another_position(write_viewer):
    header = tan_wcs(CENTRE, (64, 64))
    cube = sky_scene(header, (64, 64), CENTRE, SOURCES)[None]
    path = write_viewer(cube=cube, bands="r", CRVAL1=CENTRE[0], CRVAL2=CENTRE[1])
    neighbour = SkyCoord(*CENTRE, unit="deg").spherical_offsets_by(
        4 * u.arcsec, 3 * u.arcsec
    )
    images = GalaxyImageSet.read(path, coords=neighbour, size=11)
    assert images.shape == (1, 1, 11, 11)
    assert images.coords[0].separation(neighbour) < 1e-6 * u.arcsec
    assert peak(images.data[0, 0]).tolist() == [5, 5]


def test_viewer_header_without_its_bands(write_viewer):
    path = write_viewer()
    with fits.open(path, mode="update") as hdus:
        del hdus[0].header["BAND2"]
    with pytest.raises(ImageFormatError, match=r"3 planes, but .*\['g', 'r'\]"):
        GalaxyImageSet.read(path)


def test_compressed_file(write_viewer, tmp_path):
    path = write_viewer()
    packed = tmp_path / "packed.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    images = GalaxyImageSet.read(packed)
    assert images.ids.tolist() == ["packed"]
    np.testing.assert_array_equal(images.data, GalaxyImageSet.read(path).data)


def test_bytes_that_end_too_soon(write_viewer, tmp_path):
    path = write_viewer()
    content = path.read_bytes()
    for name, some in [
        ("cut.fits", content[:9000]),
        ("header.fits", content[:1000]),
        ("empty.fits", b""),
        ("packed.fits.gz", gzip.compress(content)[:3000]),
    ]:
        (tmp_path / name).write_bytes(some)
    for name, match in [
        ("cut.fits", "truncated: actual file length .9000."),
        ("header.fits", "damaged FITS file|truncated"),
        ("empty.fits", "the file is empty"),
        ("packed.fits.gz", "damaged FITS file"),
    ]:
        with pytest.raises(ImageFormatError, match=match):
            GalaxyImageSet.read(tmp_path / name)


def test_foreign_content(tmp_path):
    path = tmp_path / "reply.fits"
    path.write_text("no such layer")
    with pytest.raises(ImageFormatError, match="it begins with b'no such layer'"):
        GalaxyImageSet.read(path)
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(ImageFormatError, match="neither a FITS file nor"):
        GalaxyImageSet.read(path)
    with pytest.raises(FileNotFoundError, match=r"absent\.fits: no such file"):
        GalaxyImageSet.read(tmp_path / "absent.fits")


def deny(monkeypatch, *paths):
    """
    Let files be there, but not be opened: root may open all.
    """
    opened = io.open

    def open_unless_denied(file, *args, **kwargs):
        if not isinstance(file, int) and Path(file) in paths:
            raise PermissionError(13, "Permission denied", str(file))
        return opened(file, *args, **kwargs)

    monkeypatch.setattr(io, "open", open_unless_denied)
    monkeypatch.setattr(builtins, "open", open_unless_denied)


def test_file_that_may_not_be_read(write_viewer, monkeypatch):
    path = write_viewer()
    deny(monkeypatch, path)
    match = r"galaxy\.fits: cannot be opened \(Permission denied\)"
    with pytest.raises(ImageFormatError, match=match):
        GalaxyImageSet.read(path)


def test_folder_with_a_file_that_may_not_be_read(write_viewer, make_set, monkeypatch):
    paths = [write_viewer(f"{name}.fits") for name in "abc"]
    binary = paths[0].with_name("set.dat")
    binary.touch()
    deny(monkeypatch, paths[1], binary)
    images = GalaxyImageSet.read(paths[0].parent)
    assert images.ids.tolist() == ["a", "b", "c"]
    assert decode_flags(images.flags) == [[], ["UNREADABLE"], []]
    assert images.reasons == {"b": "cannot be opened (Permission denied)"}
    images = GalaxyImageSet.read([paths[0], binary])
    assert images.reasons == {"set": "cannot be opened (Permission denied)"}
    with pytest.raises(ImageFormatError, match=r"b\.fits: cannot be opened"):
        GalaxyImageSet.read(paths[0].parent, on_error="raise")


def test_folder_that_may_not_be_read(write_viewer, tmp_path, monkeypatch):
    paths = [write_viewer(name) for name in ("a.fits", "b/b.fits")]
    stat = Path.stat

    def denied(path, **kwargs):
        if path == paths[1]:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **kwargs)

    monkeypatch.setattr(Path, "stat", denied)
    images = GalaxyImageSet.read(paths)
    assert images.reasons == {"b": "cannot be opened (Permission denied)"}
    images = GalaxyImageSet.read(tmp_path)
    assert images.reasons == {"b": "cannot be opened (Permission denied)"}
    monkeypatch.undo()
    scandir = os.scandir

    def not_b(folder):
        if Path(folder).name == "b":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", not_b)
    images = GalaxyImageSet.read(tmp_path)
    assert images.ids.tolist() == ["a"]
    assert images.meta["passed_over"] == {
        "b": "a folder that cannot be opened (Permission denied)"
    }


def test_fits_files_that_are_no_images(tmp_path):
    path = tmp_path / "table.fits"
    fits.BinTableHDU.from_columns([fits.Column("x", "D", array=[1.0])]).writeto(path)
    with pytest.raises(ImageFormatError, match="a FITS file without an image"):
        GalaxyImageSet.read(path)
    path = tmp_path / "psf.fits"
    fits.writeto(path, np.ones((9, 9)), fits.Header({"BANDS": "r", "BAND": "r"}))
    with pytest.raises(ImageFormatError, match="without a place on the sky"):
        GalaxyImageSet.read(path)
    path = tmp_path / "noband.fits"
    fits.writeto(path, np.ones((9, 9)), tan_wcs(CENTRE, (9, 9)).to_header())
    with pytest.raises(ImageFormatError, match="names no band"):
        GalaxyImageSet.read(path)


@pytest.mark.parametrize(
    ("cards", "match"),
    [
        ({"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"}, "no RA and Dec axes"),
        ({"CDELT1": 0.0}, "no usable WCS|pixels of"),
        ({"CTYPE2": "RA---TAN"}, "no usable WCS|no RA and Dec axes"),
    ],
)
def test_unusable_wcs(write_viewer, cards, match):
    with pytest.raises(ImageFormatError, match=match):
        GalaxyImageSet.read(write_viewer(**cards))


# One file per band


def write_band(path, band="r", wcs=None, data=None, weight=None, **cards):
    shape = (64, 64)
    wcs = tan_wcs(CENTRE, shape) if wcs is None else wcs
    data = sky_scene(wcs, shape, CENTRE, SOURCES) if data is None else data
    header = wcs.to_header()
    header["BAND"] = band
    header["BUNIT"] = "nanomaggy"
    header.update(cards)
    hdus = fits.HDUList([fits.PrimaryHDU(data, header)])
    if weight is not None:
        hdus.append(fits.ImageHDU(weight.astype(np.float32), header, name="WGT"))
    hdus.writeto(path)
    return path


def test_perband_with_weights(tmp_path):
    weight = np.full((64, 64), 25.0)
    weight[0, 0] = 0
    factor = 10 ** (-0.4 * (30 - 22.5))
    path = write_band(
        tmp_path / "sn_r.fits", weight=weight, BUNIT="electrons", MAGZERO=30.0
    )
    images = GalaxyImageSet.read(path)
    assert images.bands == ("r",)
    assert images.ids.tolist() == ["sn"]
    np.testing.assert_allclose(images.data[0, 0].sum(), 130 * factor, rtol=1e-3)
    np.testing.assert_allclose(
        images.uncertainty.array[0, 0, 1], 25 / factor**2, rtol=1e-5
    )
    assert images.mask[0, 0, 0, 0]
    assert images.mask.sum() == 1


@pytest.mark.parametrize(
    ("cards", "factor"),
    [
        ({"BUNIT": "nanomaggy"}, 1.0),
        ({"BUNIT": "nanomaggies", "MAGZERO": 22.5}, 1.0),
        ({"BUNIT": "", "MAGZERO": 25.0}, 0.1),
        ({"BUNIT": "uJy"}, 1 / 3.63078),
        ({"BUNIT": "adu", "ZEROPT": 27.5}, 0.01),
        # A unit of flux leaves no room for a zero point.
        ({"BUNIT": "uJy", "MAGZERO": 30.0}, 1 / 3.63078),
        ({"BUNIT": "Jy", "MAGZPT": 25.0}, 1e6 / 3.63078),
        ({"BUNIT": "electrons", "MAGZERO": 25.0}, 0.1),
        ({"BUNIT": "counts", "MAGZERO": 25.0}, 0.1),
        ({"BUNIT": "ct", "MAGZERO": 25.0}, 0.1),
        ({"BUNIT": "mag(AB)", "MAGZERO": 25.0}, 0.1),
    ],
)
def test_perband_flux_unit(tmp_path, cards, factor):
    images = GalaxyImageSet.read(write_band(tmp_path / "r.fits", **cards))
    np.testing.assert_allclose(images.data.sum(), 130 * factor, rtol=1e-3)


@pytest.mark.parametrize("unit", ["adu", "", "m", "electrons", "counts"])
def test_perband_without_zero_point(tmp_path, unit):
    path = write_band(tmp_path / "r.fits", BUNIT=unit)
    with pytest.raises(ImageFormatError, match=f"BUNIT '{unit}' is no flux"):
        GalaxyImageSet.read(path)


def test_perband_list_is_one_galaxy(tmp_path):
    paths = [write_band(tmp_path / f"sn.{band}.fits", band) for band in "zgr"]
    images = GalaxyImageSet.read(paths, bands="grz")
    assert images.ids.tolist() == ["sn"]
    assert images.bands == ("g", "r", "z")
    images = GalaxyImageSet.read(paths, format="fits.perband")
    assert images.bands == ("z", "g", "r")
    with pytest.raises(ImageFormatError, match="a band comes twice"):
        GalaxyImageSet.read([paths[0], paths[0]], format="fits.perband")


def test_perband_shapes_of_weights(tmp_path):
    path = write_band(tmp_path / "r.fits", weight=np.ones((9, 9)))
    with pytest.raises(ImageFormatError, match="image and weight differ"):
        GalaxyImageSet.read(path)


@pytest.mark.parametrize("flip", [-1, 1])
@pytest.mark.parametrize("rotation", [0.0, 17.0, 90.0, 180.0])
@pytest.mark.parametrize("pixel", [0.262, 0.2])
def test_any_orientation_becomes_north_up_east_left(tmp_path, flip, rotation, pixel):
    shape = (96, 96)
    wcs = tan_wcs(CENTRE, shape, pixel, rotation=rotation, flip=flip)
    scene = sky_scene(wcs, shape, CENTRE, SOURCES)
    path = write_band(tmp_path / "r.fits", wcs=wcs, data=scene)
    images = GalaxyImageSet.read(path)
    target = tan_wcs(CENTRE, shape, pixel)
    expected = sky_scene(target, shape, CENTRE, SOURCES)
    image = images.data[0, 0]
    assert abs(images.pixel_scale.value - pixel) < 1e-6
    assert images.coords[0].separation(SkyCoord(*CENTRE, unit="deg")) < (
        1e-6 * u.arcsec
    )
    if rotation in (0.0, 180.0):
        # Reversed axes need no interpolation.
        np.testing.assert_allclose(image, expected, atol=2e-3 * expected.max())
    np.testing.assert_allclose(image.sum(), 130, rtol=2e-3)
    inner = np.s_[30:66, 30:66]
    np.testing.assert_allclose(
        image[inner], expected[inner], atol=0.06 * expected.max()
    )
    assert peak(image).tolist() in [[47, 47], [47, 48], [48, 47], [48, 48]]


@pytest.mark.parametrize("rotation", [0.0, 30.0])
def test_reprojected_noise_agrees_with_its_weights(tmp_path, rotation):
    rng = np.random.default_rng(2)
    shape = (160, 160)
    sigma = 0.5 + np.arange(160) / 160 * np.ones(shape)
    wcs = tan_wcs(CENTRE, shape, rotation=rotation)
    values = []
    for seed in range(8):
        noise = (rng.normal(size=shape) * sigma).astype(np.float32)
        path = write_band(
            tmp_path / f"r{seed}.fits",
            wcs=wcs,
            data=noise,
            weight=sigma**-2,
        )
        images = GalaxyImageSet.read(path, pixel_scale=0.3 * u.arcsec, size=80)
        values.append(images.data[0, 0] * images.uncertainty.array[0, 0] ** 0.5)
    assert images.mask is None
    np.testing.assert_allclose(np.std(values), 1.0, atol=0.02)


def test_reprojection_conserves_flux_and_carries_the_mask():
    shape = (100, 100)
    wcs = tan_wcs(CENTRE, shape, rotation=25.0)
    data = sky_scene(wcs, shape, CENTRE, [(0, 0, 1.5, 10.0)])
    mask = np.zeros(shape, dtype=bool)
    mask[:, :20] = True
    frame = Frame("r", data, wcs, mask)
    for pixel in (0.262, 0.4, 0.15):
        n = int(26.2 / pixel)
        target = tan_wcs(CENTRE, (n, n), pixel)
        assert parallel_axes(wcs, target, (n, n)) is None
        new, new_mask, ivar = place(frame, target, (n, n))
        assert ivar is None
        np.testing.assert_allclose(new.sum(), 10.0, rtol=2e-3)
        # The frame's corners, and the rotated strip.
        assert new_mask[0, 0]
        assert not new_mask[n // 2, n // 2]
        # East is left, turned by 25 degrees: the strip is on the left.
        assert new_mask[n // 2, : n // 10].all()
        assert not new_mask[n // 2, n // 2 : -n // 10].any()


def test_flags_of_a_reprojected_frame(tmp_path):
    wcs = tan_wcs(CENTRE, (64, 64), rotation=30.0)
    path = write_band(tmp_path / "r.fits", wcs=wcs)
    images = GalaxyImageSet.read(path, pixel_scale=0.15 * u.arcsec, size=60)
    assert decode_flags(images.flags) == [["COARSE_PIXELS"]]
    images = GalaxyImageSet.read(path, pixel_scale=0.3 * u.arcsec, size=60)
    assert decode_flags(images.flags) == [["PARTIAL_COVERAGE", "SMALL_FRAME"]]


def test_bands_on_grids_of_their_own(tmp_path):
    paths = []
    for band, shape, pixel in [("g", (64, 64), 0.262), ("r", (51, 60), 0.3)]:
        wcs = tan_wcs(CENTRE, shape, pixel)
        scene = sky_scene(wcs, shape, CENTRE, SOURCES)
        path = tmp_path / f"sn_{band}.fits"
        paths.append(write_band(path, band, wcs, scene))
    images = GalaxyImageSet.read(paths, size=50)
    assert images.shape == (1, 2, 50, 50)
    assert abs(images.pixel_scale - PIXEL * u.arcsec) < 1e-6 * u.arcsec
    np.testing.assert_allclose(images.data.sum(axis=(2, 3)), 130, rtol=2e-3)
    for image in images.data[0]:
        assert np.abs(peak(image) - 24.5).max() < 1


# Subimage files


def write_subimage(path, pieces, bands="grz", invvar=True):
    """
    Write pieces: tangent point, centre and shape of each brick's part.
    """
    hdus = fits.HDUList([fits.PrimaryHDU(header=fits.Header({"IMAGETYP": "image"}))])
    for i, (tangent, centre, shape) in enumerate(pieces):
        wcs = tan_wcs(centre, shape, tangent=tangent)
        for band in bands:
            header = wcs.to_header()
            header["BAND"] = band
            header["BRICK"] = f"brick{i}"
            header["BRICK_X0"] = 100 * i
            header["BRICK_Y0"] = 200
            header["IMAGETYP"] = "image"
            scene = sky_scene(wcs, shape, CENTRE, SOURCES) + np.float32(0.001)
            hdus.append(fits.ImageHDU(scene, header))
            if invvar:
                header["IMAGETYP"] = "invvar"
                weight = np.full(shape, 100.0 + i, dtype=np.float32)
                hdus.append(fits.ImageHDU(weight, header))
    hdus.writeto(path)
    return path


def offset(east, north):
    position = SkyCoord(*CENTRE, unit="deg").spherical_offsets_by(
        east * u.arcsec, north * u.arcsec
    )
    return position.ra.deg, position.dec.deg


def test_subimage_of_one_brick_keeps_its_pixels(tmp_path):
    tangent = offset(200, -100)
    path = write_subimage(tmp_path / "one.fits", [(tangent, CENTRE, (64, 64))])
    images = GalaxyImageSet.read(path)
    assert images.shape == (1, 3, 64, 64)
    with fits.open(path) as hdus:
        np.testing.assert_array_equal(images.data[0, 1], hdus[3].data)
    np.testing.assert_array_equal(images.uncertainty.array, 100.0)
    assert images.mask is None
    assert images.coords[0].separation(SkyCoord(*CENTRE, unit="deg")) < (
        1e-3 * u.arcsec
    )


def test_subimage_without_weights(tmp_path):
    path = write_subimage(
        tmp_path / "a.fits", [(CENTRE, CENTRE, (32, 32))], invvar=False
    )
    assert GalaxyImageSet.read(path).uncertainty is None


@pytest.mark.parametrize(
    "tangents",
    [
        # The neighbouring bricks of a row, a quarter of a degree apart,
        # and two that are turned against each other by half a degree.
        (offset(450, 0), offset(-450, 0)),
        (offset(3600, 10), offset(-3600, -10)),
    ],
)
def test_subimage_of_two_bricks_is_mosaicked(tmp_path, tangents):
    # An image of 80 pixels, of which each brick has 50.
    pieces = [
        (tangents[0], offset(15 * PIXEL, 0), (80, 50)),
        (tangents[1], offset(-15 * PIXEL, 0), (80, 50)),
    ]
    path = write_subimage(tmp_path / "two.fits", pieces)
    images = GalaxyImageSet.read(path)
    assert abs(images.shape[-2] - 80) <= 1
    assert abs(images.shape[-1] - 80) <= 1
    separation = images.coords[0].separation(SkyCoord(*CENTRE, unit="deg"))
    assert separation < 0.3 * u.arcsec
    images = GalaxyImageSet.read(
        path, coords=SkyCoord(*CENTRE, unit="deg"), size=72, bands="rz"
    )
    assert images.bands == ("r", "z")
    target = tan_wcs(CENTRE, (72, 72))
    expected = sky_scene(target, (72, 72), CENTRE, SOURCES) + 0.001
    for image in images.data[0]:
        np.testing.assert_allclose(image.sum(), expected.sum(), rtol=3e-3)
        # Only the smoothing of a shift by part of a pixel.
        np.testing.assert_allclose(image, expected, atol=0.03 * expected.max())
    # Both bricks took part, each with its own weight, and no seam is masked.
    ivar = images.uncertainty.array[0, 0]
    assert ivar.min() >= 99
    assert images.mask is None
    left, right = ivar[:, :20].mean(), ivar[:, -20:].mean()
    assert left != right


def test_subimage_pieces_that_lie_apart(tmp_path):
    far = offset(4000, 0)
    path = write_subimage(
        tmp_path / "apart.fits",
        [(CENTRE, CENTRE, (32, 32)), (far, far, (32, 32))],
    )
    with pytest.raises(ImageFormatError, match="lie apart"):
        GalaxyImageSet.read(path)


def test_subimage_pieces_on_opposite_sides_of_the_sky(tmp_path):
    far = (330.0, -30.0)
    path = write_subimage(
        tmp_path / "apart.fits",
        [(CENTRE, CENTRE, (32, 32)), (far, far, (32, 32))],
    )
    with pytest.raises(ImageFormatError, match="on different parts of the sky"):
        GalaxyImageSet.read(path)


def test_planes_of_bits_that_do_not_fit(tmp_path, write_viewer):
    path = write_subimage(tmp_path / "a.fits", [(CENTRE, CENTRE, (32, 32))], "r")
    with fits.open(path, mode="append") as hdus:
        header = hdus[1].header.copy()
        header["IMAGETYP"], header["BAND"] = "maskbits", ""
        hdus.append(fits.ImageHDU(np.zeros((9, 9), dtype=np.int16), header))
    with pytest.raises(ImageFormatError, match=r"image and maskbits .* differ"):
        GalaxyImageSet.read(path)
    path = write_viewer()
    with fits.open(path, mode="append") as hdus:
        header = fits.Header({"IMAGETYP": "maskbits"})
        hdus.append(fits.ImageHDU(np.zeros((9, 9), dtype=np.int16), header))
    with pytest.raises(ImageFormatError, match=r"maskbits .* does not fit image"):
        GalaxyImageSet.read(path)


def test_planes_without_pixels(write_viewer):
    path = write_viewer()
    header = fits.getheader(path)
    for n in (1, 2, 3):
        header[f"NAXIS{n}"] = 0
    path.write_bytes(header.tostring().encode())
    with pytest.raises(ImageFormatError, match="damaged FITS file"):
        GalaxyImageSet.read(path)


def test_subimage_with_planes_that_do_not_fit(tmp_path):
    path = write_subimage(tmp_path / "a.fits", [(CENTRE, CENTRE, (32, 32))], "r")
    with fits.open(path, mode="update") as hdus:
        hdus[2].data = hdus[2].data[:10]
    with pytest.raises(ImageFormatError, match="differ in shape"):
        GalaxyImageSet.read(path)
    with fits.open(path, mode="update") as hdus:
        del hdus[1]
    with pytest.raises(ImageFormatError, match="no image plane"):
        GalaxyImageSet.read(path, format="legacysurvey.subimage")


# The registry


def test_formats_are_registered():
    formats = registry.get_formats(GalaxyImageSet)
    found = dict(zip(formats["Format"], formats["Write"], strict=True))
    for name in ("legacysurvey.viewer", "legacysurvey.subimage", "fits.perband"):
        assert found[name] == "No"
    assert found["astrovae.hdf5"] == "Yes"


def test_a_new_reader_registers_itself(tmp_path, make_set):
    def read_noise(path, n=2):
        return make_set(n, meta={"path": str(path)})

    def is_noise(origin, path, fileobj, *args, **kwargs):
        return str(path).endswith(".noise")

    registry.register_reader("noise", GalaxyImageSet, read_noise)
    registry.register_identifier("noise", GalaxyImageSet, is_noise)
    try:
        path = tmp_path / "a.noise"
        path.touch()
        assert len(GalaxyImageSet.read(path, n=3)) == 3
        registry.register_identifier("astrovae.other", GalaxyImageSet, is_noise)
        with pytest.raises(ImageFormatError, match="say format="):
            GalaxyImageSet.read(path)
    finally:
        registry.unregister_reader("noise", GalaxyImageSet)
        registry.unregister_identifier("noise", GalaxyImageSet)
        registry.unregister_identifier("astrovae.other", GalaxyImageSet)
