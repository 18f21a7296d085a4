# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of bricks: their grid, a mirror in a folder, and one behind HTTP.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from fake_server import FakeServer
from hypothesis import given
from hypothesis import strategies as st

from astrovae import CutoutFetcher
from astrovae.fetch.brick_grid import (
    BRICK_PIXELS,
    brick_at,
    bricks_of_frame,
    count_bricks,
)
from astrovae.fetch.services.bricks import _folders
from astrovae.flags import decode_flags

# Two neighbours in right ascension, and one to the north.
NAMES = ["1238p245", "1241p245"]
PSF = {"g": 1.3, "r": 1.2}


def test_number_of_bricks():
    assert count_bricks() == 662_174


@pytest.mark.parametrize(
    ("ra", "dec", "name", "centre"),
    [
        (123.9, 24.5, "1238p245", (123.887195121951, 24.5)),  # headers of coadds
        (59.1067, -30.4848, "0591m305", (59.1800643086817, -30.5)),
        (0.0, 0.0, "0001p000", (0.125, 0.0)),
        (359.999, 0.0, "3598p000", (359.875, 0.0)),
        (10.0, 90.0, "1800p900", (180.0, 90.0)),
        (10.0, -90.0, "1800m900", (180.0, -90.0)),
    ],
)
def test_known_bricks(ra, dec, name, centre):
    brick = brick_at(ra, dec)
    assert brick.name == name
    np.testing.assert_allclose((brick.ra, brick.dec), centre, atol=1e-9)


@given(st.floats(0, 360, exclude_max=True), st.floats(-89.8, 89.8))
def test_every_position_lies_in_the_coadds_of_its_brick(ra, dec):
    brick = brick_at(ra, dec)
    x, y = brick.wcs.wcs_world2pix(ra, dec, 0)
    assert -0.5 <= x <= BRICK_PIXELS - 0.5
    assert -0.5 <= y <= BRICK_PIXELS - 0.5
    assert abs(dec - brick.dec) <= 0.125 + 1e-9
    # A cutout of the usual size needs no neighbour.
    assert bricks_of_frame(ra, dec, 16)[0] == brick


def test_large_frames_reach_into_neighbours():
    brick = brick_at(123.9, 24.5)
    assert len(bricks_of_frame(brick.ra, brick.dec, 400)) == 1
    assert len(bricks_of_frame(brick.ra, brick.dec + 0.12, 60)) >= 2
    corner = bricks_of_frame(brick.ra + 0.137, brick.dec + 0.125, 60)
    assert 3 <= len(corner) <= 4


@pytest.mark.parametrize(
    ("layer", "folders"),
    [
        ("ls-dr10", ["dr10/south", "dr9/north"]),
        ("ls-dr9", ["dr9/south", "dr9/north"]),
        ("ls-dr9-north", ["dr9/north"]),
        ("decals-dr5", ["dr5"]),
    ],
)
def test_folders(layer, folders):
    assert _folders(layer) == folders


def test_unknown_layer():
    with pytest.raises(ValueError, match="no layer 'sdss'"):
        CutoutFetcher("bricks", layer="sdss")


def test_north_comes_first_in_the_north():
    fetcher = CutoutFetcher("bricks", bands="g")
    north, south = (
        fetcher.fetch(SkyCoord(180, dec, unit="deg"), get_query_payload=True)
        for dec in (50, 10)
    )
    assert "/dr9/north/coadd/" in north[0]["url"]
    assert "/dr10/south/coadd/" in south[0]["url"]


def sky_value(ra, dec, band):
    """
    A smooth sky, so that every piece of it can be told.
    """
    offset = 10 if band == "r" else 0
    return (5 + 10 * (ra - 124.0) + 20 * (dec - 24.5) + offset).astype(np.float32)


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    """
    Two bricks with a small window of data on both sides of their border.
    """
    root = tmp_path_factory.mktemp("mirror")
    names = []
    for ra in (123.9, 124.1):
        brick = brick_at(ra, 24.5)
        names.append(brick.name)
        folder = root / "coadd" / brick.name[:3] / brick.name
        folder.mkdir(parents=True)
        # The border, with room for a frame on both sides.
        x, _ = brick.wcs.wcs_world2pix(124.0243902, 24.5, 0)
        low = max(int(x) - 300, 0)
        window = np.s_[1600:2000, low : min(low + 600, BRICK_PIXELS)]
        iy, ix = np.mgrid[window]
        sky = brick.wcs.wcs_pix2world(ix.ravel(), iy.ravel(), 0)
        for band in "gr":
            planes = {
                "image": sky_value(*sky, band).reshape(iy.shape),
                "invvar": np.full(iy.shape, 4.0, dtype=np.float32),
                "psfsize": np.full(iy.shape, PSF[band], dtype=np.float32),
            }
            for kind, data in planes.items():
                write(folder, f"{brick.name}-{kind}-{band}", brick, window, data)
        bits = np.zeros(iy.shape, dtype=np.int16)
        bits[200, 300] = 1 << 1  # BRIGHT
        write(folder, f"{brick.name}-maskbits", brick, window, bits)
    assert names == NAMES
    return root


def write(folder, name, brick, window, data):
    whole = np.zeros((BRICK_PIXELS, BRICK_PIXELS), dtype=data.dtype)
    whole[window] = data
    header = brick.wcs.to_header()
    header["BRICKNAM"] = brick.name
    kind = "GZIP_2" if data.dtype.kind == "f" else "RICE_1"
    hdu = fits.CompImageHDU(
        whole, header, compression_type=kind, quantize_level=0, tile_shape=(100, 100)
    )
    hdu.writeto(folder / f"legacysurvey-{name}.fits.fz")


def positions(mirror, dx):
    """
    Positions by their distance from the border in arcsec of RA.
    """
    return SkyCoord(124.0243902 + np.atleast_1d(dx) / 3600 / 0.91, 24.5, unit="deg")


def fetcher(mirror, **kwargs):
    return CutoutFetcher(
        "bricks", server=mirror, **{"bands": "gr", "size": 48, **kwargs}
    )


def test_mirror(mirror):
    fetch = fetcher(mirror, planes=("invvar", "maskbits", "psf"))
    coords = SkyCoord(
        np.concatenate([positions(mirror, [-30, -20, 25]).ra.deg, [123.9, 200.0]]),
        np.array([24.5, 24.501, 24.5, 24.45, 10.0]),
        unit="deg",
    )
    images = fetch.fetch(coords, ids=list("abcde"))
    assert images.ids.tolist() == list("abcde")
    assert decode_flags(images.flags[:3]) == [[]] * 3
    # In the brick, but where it has no data; and no brick at all.
    assert decode_flags(images.flags[3:]) == [["NO_COVERAGE"]] * 2
    assert images.reasons == {
        "d": "not covered: zeros in every band",
        "e": "not covered: no coadd of its brick",
    }
    np.testing.assert_array_equal(images.uncertainty.array[:3], 4)
    np.testing.assert_allclose(
        images.psf_fwhm[:3].to_value(u.arcsec), [[1.3, 1.2]] * 3, rtol=1e-4
    )
    check_pixels(images[:3])


def check_pixels(images, atol=2e-3):
    """
    Each pixel has the value of its place on the sky.
    """
    n = images.shape[-1]
    y, x = np.mgrid[:n, :n] - (n - 1) / 2
    for i, place in enumerate(images.coords):
        dec = place.dec.deg + y * 0.262 / 3600
        ra = place.ra.deg - x * 0.262 / 3600 / np.cos(np.radians(dec))
        for j, band in enumerate(images.bands):
            valid = True if images.mask is None else ~images.mask[i, j]
            expected = sky_value(ra, dec, band)
            difference = np.where(valid, images.data[i, j] - expected, 0)
            # The frame may be moved by half a pixel: 0.13 arcsec.
            assert np.abs(difference).max() < atol
    return True


def test_frame_over_the_border_is_stitched(mirror):
    # Wider than the overlap of the bricks: both are needed.
    fetch = fetcher(mirror, size=240, planes=("invvar",))
    coords = positions(mirror, [-2, 3])
    images = fetch.fetch(coords)
    assert not images.flags.any()
    assert all(all(name in url for name in NAMES) for url in fetch.manifest["url"])
    assert images.mask is None
    check_pixels(images)
    # Turned pixels share those of the brick: a mean is less noisy.
    assert images.uncertainty.array.min() >= 3.999
    assert images.uncertainty.array.max() < 16


def test_a_brick_is_read_once(mirror):
    with FakeServer(mirror) as server:
        fetch = CutoutFetcher(
            "bricks", server=server.url, bands="gr", size=48, planes=("invvar",)
        )
        images = fetch.fetch(positions(mirror, np.arange(-60, -20, 4.0)))
        log = sorted(server.log)
    assert not images.reasons
    folder = "/coadd/123/1238p245/legacysurvey-1238p245"
    assert log == sorted(
        f"{folder}-{kind}-{band}.fits.fz"
        for kind in ("image", "invvar")
        for band in "gr"
    )
    local = fetcher(mirror, planes=("invvar",)).fetch(
        positions(mirror, np.arange(-60, -20, 4.0))
    )
    np.testing.assert_array_equal(images.data, local.data)


def test_crowded_bricks_are_read_in_parts(mirror, monkeypatch):
    monkeypatch.setattr("astrovae.fetch.services.bricks._AT_ONCE", 2)
    with FakeServer(mirror) as server:
        fetch = CutoutFetcher("bricks", server=server.url, bands="g", size=48)
        images = fetch.fetch(positions(mirror, np.arange(-60, -40, 4.0)))
    assert not images.reasons
    assert len(server.log) == 3


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("truncated", "image-g.fits.fz: truncated FITS"),
        ("500", "image-g.fits.fz: HTTP 500"),
        ("html", "image-g.fits.fz: an HTML page"),
    ],
)
def test_faults(mirror, fault, reason):
    path = "/coadd/123/1238p245/legacysurvey-1238p245-image-g.fits.fz"
    with FakeServer(mirror) as server:
        server.always[path] = fault
        fetch = CutoutFetcher("bricks", server=server.url, bands="gr", size=48, tries=1)
        images = fetch.fetch(positions(mirror, [-40, -20, 40]))
    assert list(images.reasons) == ["0", "1"]
    assert reason in images.reasons["0"]
    assert decode_flags(images.flags) == [["UNREADABLE"], ["UNREADABLE"], []]


def test_a_missing_band_and_a_missing_plane(mirror):
    images = fetcher(mirror, bands="grz").fetch(positions(mirror, [-40]))
    assert decode_flags(images.flags) == [["MISSING_BAND"]]
    path = "/coadd/123/1238p245/legacysurvey-1238p245-invvar-r.fits.fz"
    with FakeServer(mirror) as server:
        server.always[path] = "404"
        fetch = CutoutFetcher(
            "bricks", server=server.url, bands="gr", size=48, planes=("invvar",)
        )
        images = fetch.fetch(positions(mirror, [-40]))
    assert "invvar-r.fits.fz: no such file" in images.reasons["0"]


def test_damaged_file_in_a_folder(mirror, tmp_path):
    source = mirror / "coadd/123/1238p245/legacysurvey-1238p245-image-g.fits.fz"
    folder = tmp_path / "coadd/123/1238p245"
    folder.mkdir(parents=True)
    content = bytearray(source.read_bytes())
    middle = len(content) // 2
    content[middle:] = bytes(len(content) - middle)
    (folder / source.name).write_bytes(content[: middle + 500])
    images = fetcher(tmp_path, bands="g").fetch(positions(mirror, [-40]))
    assert decode_flags(images.flags) == [["UNREADABLE"]]


def test_real_brick(shared_data, tmp_path):
    folder = tmp_path / "coadd/123/1238p245"
    folder.mkdir(parents=True)
    for path in (shared_data / "images" / "brick_1238p245_dr5").glob("*.fz"):
        (folder / path.name).symlink_to(path)
    x, y = np.array([2000.0, 2030.2, 100.0]), np.array([3500.0, 3480.9, 100.0])
    sky = brick_at(123.9, 24.5).wcs.wcs_pix2world(x, y, 0)
    fetch = fetcher(tmp_path, bands="z", size=64, planes=("invvar",))
    images = fetch.fetch(SkyCoord(*sky, unit="deg"))
    whole = fits.getdata(folder / "legacysurvey-1238p245-image-z.fits.fz")
    ivar = fits.getdata(folder / "legacysurvey-1238p245-invvar-z.fits.fz")
    # To the pixel: nothing is resampled at the native scale.
    for i in range(2):
        low = [int(np.rint(c - 31.5)) for c in (y[i], x[i])]
        options = [
            np.s_[low[0] + a : low[0] + a + 64, low[1] + b : low[1] + b + 64]
            for a in (-1, 0, 1)
            for b in (-1, 0, 1)
        ]
        (same,) = [
            cut for cut in options if np.array_equal(images.data[i, 0], whole[cut])
        ]
        np.testing.assert_array_equal(images.uncertainty.array[i, 0], ivar[same])
    assert images.reasons == {"2": "not covered: zeros in every band"}
