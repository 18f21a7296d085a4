# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of bricks: their grid, a mirror in a folder, and one behind HTTP.
"""

import io
import os
import shutil
import tempfile
import weakref

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from fake_server import FakeServer
from hypothesis import given
from hypothesis import strategies as st

from astrovae import CutoutFetcher
from astrovae.fetch import conf
from astrovae.fetch.brick_grid import (
    BRICK_PIXELS,
    brick_at,
    bricks_of_frame,
    count_bricks,
)
from astrovae.fetch.manifest import read_manifest
from astrovae.fetch.retries import Patience
from astrovae.fetch.services import Cutout
from astrovae.fetch.services.brick_pieces import BrickPieces
from astrovae.fetch.services.bricks import _folders
from astrovae.fetch.transport import Transport
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
                write(folder, (brick.name, kind, band), brick, window, data)
        bits = np.zeros(iy.shape, dtype=np.int16)
        bits[200, 300] = 1 << 1  # BRIGHT
        write(folder, (brick.name, "maskbits"), brick, window, bits)
    assert names == NAMES
    return root


def write(folder, names, brick, window, data):
    whole = np.zeros((BRICK_PIXELS, BRICK_PIXELS), dtype=data.dtype)
    whole[window] = data
    header = brick.wcs.to_header()
    header["DRVERSIO"] = 10000
    header["BRICKNAM"], header["IMTYPE"] = names[:2]
    if len(names) > 2:
        header["FILTER"] = f"{names[2]} DECam SDSS c0001 4720.0 1520.0"
        header["FILTERX"] = names[2]
    kind = "GZIP_2" if data.dtype.kind == "f" else "RICE_1"
    hdu = fits.CompImageHDU(
        whole, header, compression_type=kind, quantize_level=0, tile_shape=(100, 100)
    )
    hdu.writeto(folder / f"legacysurvey-{'-'.join(names)}.fits.fz")


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


def test_crowded_bricks_are_downloaded_once(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr("astrovae.fetch.services.bricks._AT_ONCE", 2)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    coords = positions(mirror, np.arange(-60, -40, 4.0))
    with FakeServer(mirror) as server:
        fetch = CutoutFetcher(
            "bricks", server=server.url, bands="gz", size=48, planes="invvar"
        )
        images = fetch.fetch(coords)
    assert not images.reasons
    # The images of two bands, of which one does not exist, and one plane.
    assert len(server.log) == len(set(server.log)) == 3
    assert not list(tmp_path.glob("astrovae-brick-*"))
    np.testing.assert_array_equal(
        images.data, fetcher(mirror, bands="gz", planes="invvar").fetch(coords).data
    )


def test_a_crowded_brick_that_fails_is_asked_for_once(mirror, monkeypatch):
    monkeypatch.setattr("astrovae.fetch.services.bricks._AT_ONCE", 2)
    with FakeServer(mirror) as server:
        server.always[f"{FOLDER}-image-g.fits.fz"] = "500"
        fetch = CutoutFetcher("bricks", server=server.url, bands="g", size=48, tries=2)
        images = fetch.fetch(positions(mirror, np.arange(-60, -40, 4.0)))
    reason = f"{FOLDER[1:]}-image-g.fits.fz: HTTP 500 Internal Server Error (2 tries)"
    assert images.reasons == dict.fromkeys("01234", reason)
    assert len(server.log) == 2


def test_memory_does_not_grow_with_the_crowd(mirror, monkeypatch):
    # The pieces of one part at a time are alive.
    monkeypatch.setattr("astrovae.fetch.services.bricks._AT_ONCE", 3)
    service = fetcher(mirror, bands="g").service
    targets = [
        service.settings.target(i, str(i), place.ra.deg, place.dec.deg)
        for i, place in enumerate(positions(mirror, np.linspace(-60, -40, 12)))
    ]
    (job,) = service.jobs(targets)
    alive, most, made = weakref.WeakSet(), 0, BrickPieces.__init__

    def counted(self, target):
        made(self, target)
        alive.add(self)

    monkeypatch.setattr(BrickPieces, "__init__", counted)
    transport = Transport(1.0, 1, Patience(0.0, 1.0))
    for _ in service.fetch(job.targets, transport):
        most = max(most, len(alive))
    assert most <= 6


def test_a_crowded_brick_can_be_interrupted(mirror, monkeypatch):
    monkeypatch.setattr("astrovae.fetch.services.bricks._AT_ONCE", 2)
    service = fetcher(mirror, bands="g").service
    targets = [
        service.settings.target(i, str(i), place.ra.deg, place.dec.deg)
        for i, place in enumerate(positions(mirror, np.linspace(-60, -40, 6)))
    ]
    transport = Transport(1.0, 1, Patience(0.0, 1.0))
    results = service.fetch(targets, transport)
    first = next(results)[1]
    transport.patience.stop()
    rest = [result for _, result in results]
    assert isinstance(first, Cutout)
    assert isinstance(rest[0], Cutout)
    assert all(error.retry and not error.empty for error in rest[1:])


FOLDER = "/coadd/123/1238p245/legacysurvey-1238p245"


def changed(content, **cards):
    """
    A coadd whose header says something else.
    """
    for key, value in cards.items():
        start = content.index(f"{key:<8}= ".encode())
        text = f"'{value:<8}'" if isinstance(value, str) else f"{value:>20}"
        card = f"{key:<8}= {text}".ljust(80).encode()
        content = content[:start] + card + content[start + 80 :]
    return content


WRONG_COADDS = [
    ("image-g", {"FILTERX": "z"}, "another band: asked for g, got z"),
    ("invvar-r", {"FILTERX": "g"}, "another band: asked for r, got g"),
    ("image-g", {"DRVERSIO": 5000}, "another layer: asked for ls-dr10, got dr5"),
    ("image-r", {"DRVERSIO": 9010}, "asked for ls-dr10, got dr9-south"),
    ("invvar-g", {"DRVERSIO": 9012}, "asked for ls-dr10, got dr9-south"),
    ("maskbits", {"DRVERSIO": 8001}, "asked for ls-dr10, got dr8-north"),
    ("image-g", {"IMTYPE": "invvar"}, "asked for image, got invvar"),
    ("invvar-g", {"IMTYPE": "depth"}, "asked for invvar, got depth"),
    ("maskbits", {"IMTYPE": "nexp"}, "asked for maskbits, got nexp"),
    ("psfsize-g", {"IMTYPE": "image"}, "asked for psfsize, got image"),
    ("image-g", {"BRICKNAM": "1241p245"}, "asked for 1238p245, got 1241p245"),
    ("image-g", {"CRVAL1": 124.137}, "another place: "),
    ("invvar-g", {"CRVAL2": 24.501}, "another place: "),
]


@pytest.mark.parametrize(("file", "cards", "reason"), WRONG_COADDS)
def test_another_coadd(mirror, file, cards, reason):
    path = f"{FOLDER}-{file}.fits.fz"
    with FakeServer(mirror) as server:
        server.files[path] = changed((mirror / path[1:]).read_bytes(), **cards)
        fetch = CutoutFetcher(
            "bricks",
            server=server.url,
            bands="gr",
            size=48,
            planes=("invvar", "maskbits", "psf"),
        )
        images = fetch.fetch(positions(mirror, [-40, 40]))
    assert list(images.reasons) == ["0"]
    assert images.reasons["0"].startswith(f"{path[1:]}: ")
    assert reason in images.reasons["0"]
    assert decode_flags(images.flags) == [["UNREADABLE"], []]


def test_a_plane_of_another_size(mirror):
    path = f"{FOLDER}-invvar-g.fits.fz"
    with fits.open(mirror / path[1:]) as hdus:
        data, header = hdus[1].data[:1810], hdus[1].header
        buffer = io.BytesIO()
        fits.CompImageHDU(data, header).writeto(buffer)
    with FakeServer(mirror) as server:
        server.files[path] = buffer.getvalue()
        fetch = CutoutFetcher(
            "bricks", server=server.url, bands="g", size=48, planes="invvar"
        )
        images = fetch.fetch(positions(mirror, [-40]))
    assert "invvar-g.fits.fz: another shape than that of" in images.reasons["0"]


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


def test_a_missing_band(mirror):
    images = fetcher(mirror, bands="grz").fetch(positions(mirror, [-40]))
    assert decode_flags(images.flags) == [["MISSING_BAND"]]


PLANES = ("invvar", "maskbits", "psf")


@pytest.mark.parametrize("file", ["invvar-r", "maskbits", "psfsize-g"])
def test_a_missing_plane_is_no_empty_sky(mirror, tmp_path, file):
    path = f"{FOLDER}-{file}.fits.fz"
    with FakeServer(mirror) as server:
        server.always[path] = "404"
        fetch = CutoutFetcher(
            "bricks", server=server.url, bands="gr", size=48, planes=PLANES
        )
        images = fetch.fetch(positions(mirror, [-40, 40]))
    reason = f"{path[1:]}: no such file, though the brick has images"
    assert images.reasons == {"0": reason}
    assert decode_flags(images.flags) == [["UNREADABLE"], []]
    assert fetch.manifest["status"].tolist() == ["failed", "ok"]
    # In a folder, too.
    shutil.copytree(mirror, tmp_path, dirs_exist_ok=True, copy_function=os.symlink)
    (tmp_path / path[1:]).unlink()
    images = fetcher(tmp_path, planes=PLANES).fetch(positions(mirror, [-40, 40]))
    assert images.reasons == {"0": reason}
    assert decode_flags(images.flags) == [["UNREADABLE"], []]


def test_a_neighbour_without_a_plane(mirror):
    # Stitched of two bricks, of which the second lacks its weights.
    path = "/coadd/124/1241p245/legacysurvey-1241p245-invvar-g.fits.fz"
    with FakeServer(mirror) as server:
        server.always[path] = "404"
        fetch = CutoutFetcher(
            "bricks", server=server.url, bands="g", size=240, planes="invvar"
        )
        images = fetch.fetch(positions(mirror, [-2]))
    assert "1241p245-invvar-g.fits.fz: no such file, though" in images.reasons["0"]


def test_the_psf_is_that_of_the_brick_with_the_position(mirror):
    with FakeServer(mirror) as server:
        fetch = CutoutFetcher(
            "bricks", server=server.url, bands="g", size=240, planes="psf"
        )
        images = fetch.fetch(positions(mirror, [-2]))
    assert not images.reasons
    assert [p for p in server.log if "psfsize" in p] == [f"{FOLDER}-psfsize-g.fits.fz"]


@pytest.fixture(scope="module")
def halves(mirror, tmp_path_factory):
    """
    Both halves of the survey: of a brick the south has g and r, and the
    north z; of its neighbour the north has g and r.
    """
    root = tmp_path_factory.mktemp("halves")
    first, second = ("coadd/123/1238p245", "coadd/124/1241p245")
    shutil.copytree(mirror / first, root / "dr10/south" / first)
    folder = root / "dr9/north" / first
    folder.mkdir(parents=True)
    for kind in ("image", "invvar"):
        content = (mirror / f"{FOLDER[1:]}-{kind}-g.fits.fz").read_bytes()
        content = changed(content, FILTERX="z", DRVERSIO=9011)
        (folder / f"legacysurvey-1238p245-{kind}-z.fits.fz").write_bytes(content)
    folder = root / "dr9/north" / second
    folder.mkdir(parents=True)
    for path in (mirror / second).glob("*"):
        content = changed(path.read_bytes(), DRVERSIO=9011)
        (folder / path.name).write_bytes(content)
    return root


def test_a_brick_is_of_one_half_of_the_survey(mirror, halves):
    # z of the first brick exists in the north only, and is not taken.
    with conf.set_temp("bricks_server", str(halves)):
        fetch = CutoutFetcher("bricks", bands="grz", size=48, planes="invvar")
        images = fetch.fetch(positions(mirror, [-60, 60]))
    assert not images.reasons
    assert decode_flags(images.flags) == [["MISSING_BAND"]] * 2
    south, north = fetch.manifest["url"]
    assert "dr10/south" in south
    assert "north" not in south
    assert "dr9/north" in north
    assert "south" not in north


def test_a_plane_is_not_taken_from_the_other_half(mirror, halves, tmp_path):
    shutil.copytree(halves, tmp_path, dirs_exist_ok=True, copy_function=os.symlink)
    name = "coadd/123/1238p245/legacysurvey-1238p245-invvar-g.fits.fz"
    (tmp_path / "dr9/north" / name).symlink_to(tmp_path / "dr10/south" / name)
    shutil.move(tmp_path / "dr10/south" / name, tmp_path / "elsewhere")
    with conf.set_temp("bricks_server", str(tmp_path)):
        fetch = CutoutFetcher("bricks", bands="g", size=48, planes="invvar")
        images = fetch.fetch(positions(mirror, [-60]))
    assert images.reasons == {"0": f"{name}: no such file, though the brick has images"}


def test_a_folder_that_is_no_root(mirror, tmp_path):
    fetch = fetcher(tmp_path)
    images = fetch.fetch(positions(mirror, np.arange(-60, -20, 10.0)))
    reason = f"no folder coadd under {tmp_path}; is this a coadd root?"
    assert all(reason in text for text in images.reasons.values())
    assert decode_flags(images.flags) == [["UNREADABLE"]] * 4
    with conf.set_temp("bricks_server", str(tmp_path)):
        images = CutoutFetcher("bricks", bands="g", size=48).fetch(
            positions(mirror, [-60])
        )
    assert images.reasons == {
        "0": "no folder dr10/south/coadd or dr9/north/coadd under "
        f"{tmp_path}; is this a coadd root?"
    }


def test_a_root_is_looked_at_once(tmp_path):
    # One look, and not one for each of many bricks.
    coords = SkyCoord(np.arange(100.0, 160.0), 24.5, unit="deg")
    images = fetcher(tmp_path, connections=1).fetch(coords)
    assert len(images.reasons) == 60
    assert "not tried: " in images.reasons["59"]
    assert "is this a coadd root?" in images.reasons["59"]


def test_a_folder_with_nothing_there_is_empty_sky(tmp_path):
    (tmp_path / "coadd").mkdir()
    images = fetcher(tmp_path).fetch(SkyCoord(10, 24.5, unit="deg"))
    assert decode_flags(images.flags) == [["NO_COVERAGE"]]


def test_an_address_that_is_no_root(mirror, tmp_path):
    coords = positions(mirror, [-40, 40])
    with FakeServer(mirror) as server:
        url = f"{server.url}/dr10"
        fetch = CutoutFetcher("bricks", server=url, bands="g", size=48)
        images = fetch.fetch(coords, cache=tmp_path)
        reason = f"no file found under {url}; is this a coadd root?"
        assert images.reasons == {"0": reason, "1": reason}
        assert decode_flags(images.flags) == [["UNREADABLE"]] * 2
        assert fetch.manifest["status"].tolist() == ["failed"] * 2
        # It is not remembered as empty sky.
        n = len(server.log)
        fetch.fetch(coords, cache=tmp_path)
        assert len(server.log) == 2 * n


def test_giving_up_where_no_file_is_found(mirror):
    coords = SkyCoord(np.arange(100.0, 160.0), 24.5, unit="deg")
    with FakeServer(mirror) as server, conf.set_temp("give_up_after", 5):
        fetch = CutoutFetcher(
            "bricks", server=f"{server.url}/dr10", bands="g", size=48, connections=1
        )
        images = fetch.fetch(coords)
    assert len(server.log) < 12
    assert len(images.reasons) == 60
    assert "is this a coadd root?" in images.reasons["59"]


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0]])
def test_misses_are_empty_sky_once_a_file_is_found(mirror, tmp_path, order):
    coords = SkyCoord([200.0, 10.0, 124.01], [10.0, 24.5, 24.5], unit="deg")[order]
    with FakeServer(mirror) as server:
        fetch = CutoutFetcher(
            "bricks", server=server.url, bands="g", size=48, connections=1
        )
        images = fetch.fetch(coords, cache=tmp_path)
    empty = ["empty", "empty", "ok"]
    assert fetch.manifest["status"].tolist() == [empty[i] for i in order]
    flags = [["NO_COVERAGE"], ["NO_COVERAGE"], []]
    assert decode_flags(images.flags) == [flags[i] for i in order]
    assert set(images.reasons.values()) == {"not covered: no coadd of its brick"}
    records = read_manifest(tmp_path / "manifest.ecsv").values()
    assert sorted(record.status for record in records) == empty


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
    coords = SkyCoord(*sky, unit="deg")
    options = {"bands": "z", "size": 64, "planes": ("invvar",)}
    images = fetcher(tmp_path, **options).fetch(coords)
    assert "another layer: asked for ls-dr10, got dr5" in images.reasons["0"]
    images = fetcher(tmp_path, layer="ls-dr5", **options).fetch(coords)
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
