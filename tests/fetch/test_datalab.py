# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the Data Lab, on lists and pieces as it makes them.
"""

import io
import itertools
from urllib.parse import parse_qs, urlsplit

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from astrovae import CutoutFetcher
from astrovae.fetch.brick_grid import brick_at
from astrovae.flags import decode_flags

SIA, CUT = "/sia/ls_dr10", "/svc/cutout"
BANDPASS = {
    "g": "g DECam SDSS c0001 4720.0 1520.0",
    "r": "r DECam SDSS c0002 6415.0 1480.0",
    "i": "i DECam SDSS c0003 7835.0 1470.0",
}
PRODUCTS = ("image", "invvar", "model", "chi2", "psfsize", "nexp", "maskbits")

FIELDS = """
<FIELD name="obs_bandpass" datatype="char" arraysize="*"
  ucd="VOX:BandPass_ID"/>
<FIELD name="prodtype" datatype="char" arraysize="*"/>
<FIELD name="proctype" datatype="char" arraysize="*"/>
<FIELD name="access_url" datatype="char" arraysize="*"
  ucd="VOX:Image_AccessReference"/>
<FIELD name="access_format" datatype="char" arraysize="*"
  ucd="VOX:Image_Format"/>
"""


def votable(rows, status="OK", message=""):
    cells = "".join(
        "<TR>" + "".join(f"<TD>{cell}</TD>" for cell in row) + "</TR>" for row in rows
    )
    return (
        '<?xml version="1.0"?><VOTABLE version="1.1" '
        'xmlns="http://www.ivoa.net/xml/VOTable/v1.1"><RESOURCE type="results">'
        f'<INFO name="QUERY_STATUS" value="{status}">{message}</INFO>'
        f"<TABLE>{FIELDS}<DATA><TABLEDATA>{cells}</TABLEDATA></DATA></TABLE>"
        "</RESOURCE></VOTABLE>"
    ).encode()


def listing(url, bands="gri", without=(), bricks=1):
    """
    What the image access service answers: all products at the position,
    of one brick or of two, but for some (product, band).
    """

    def answer(path):
        query = {k: v[0] for k, v in parse_qs(urlsplit(path).query).items()}
        ra, dec = (float(v) for v in query["POS"].split(","))
        width, height = (float(v) for v in query["SIZE"].split(","))
        assert width == pytest.approx(height / np.cos(np.radians(dec)))
        names = [brick_at(ra, dec).name, brick_at(ra + 0.25, dec).name]
        rows = []
        for band, product, brick in itertools.product(bands, PRODUCTS, names[:bricks]):
            last = brick == names[bricks - 1]
            if not (last and (product, band) in without):
                ending = "" if product == "maskbits" else f"-{band}"
                name = f"legacysurvey-{brick}-{product}{ending}.fits.fz"
                access = (
                    f"{url}{CUT}?col=ls_dr10&amp;siaRef={name}&amp;extn=1"
                    f"&amp;POS={ra},{dec}&amp;SIZE={width},{height}"
                )
                row = (BANDPASS[band], product, "Stack", access, "image/fits")
                rows.append(row)
        return votable(rows)

    return answer


def piece(path):
    """
    What the cutout service answers.
    """
    query = {k: v[0] for k, v in parse_qs(urlsplit(path).query).items()}
    ra, dec = (float(v) for v in query["POS"].split(","))
    n = int(np.ceil(float(query["SIZE"].split(",")[1]) * 3600 / 0.262))
    _, name, product, *band = query["siaRef"].removesuffix(".fits.fz").split("-")
    brick = brick_at(ra, dec)
    brick = brick if name == brick.name else brick_at(ra + 0.25, dec)
    x, y = (int(np.rint(v - n / 2)) for v in brick.wcs.wcs_world2pix(ra, dec, 0))
    header = brick.wcs[y : y + n, x : x + n].to_header()
    header["BRICKNAM"] = brick.name
    header["IMTYPE"] = product
    header["DRVERSIO"] = 10000
    if band:
        header["FILTER"] = BANDPASS[band[0]]
    value = {"image": 3.0, "invvar": 4.0, "psfsize": 1.25}.get(product, 0)
    data = np.full((n, n), value, dtype=np.float32)
    if product == "maskbits":
        data = data.astype(np.int16)
        data[n // 2, n // 2] = 1 << 2  # SATUR_G
    buffer = io.BytesIO()
    fits.PrimaryHDU(data, header).writeto(buffer)
    return buffer.getvalue()


@pytest.fixture
def lab(server):
    server.files[SIA] = listing(server.url)
    server.files[CUT] = piece
    return server


def fetcher(lab, **kwargs):
    return CutoutFetcher(
        "datalab",
        server=lab.url + "/sia",
        **{"bands": "gr", "size": 16, "tries": 1, **kwargs},
    )


def test_images(lab, coords, tmp_path):
    fetch = fetcher(lab)
    images = fetch.fetch(coords[:2], cache=tmp_path)
    assert images.bands == ("g", "r")
    assert not images.flags.any()
    np.testing.assert_array_equal(images.data, 3)
    # A list and two images for each; nothing that was not asked for.
    assert len(lab.log) == 6
    assert sum("siaRef" in path for path in lab.log) == 4
    assert all("-image-" in path for path in lab.log if "siaRef" in path)
    fetch.fetch(coords[:2], cache=tmp_path)
    assert len(lab.log) == 6


def test_planes(lab, coords):
    fetch = fetcher(lab, planes=("invvar", "maskbits", "psf"))
    images = fetch.fetch(coords[:1])
    assert not images.reasons
    np.testing.assert_array_equal(images.uncertainty.array[0, 1], 4)
    np.testing.assert_allclose(images.psf_fwhm.to_value(u.arcsec), 1.25, rtol=1e-5)
    assert images.mask[0, 0].sum() == 1
    assert not images.mask[0, 1].any()


BRICKS = (brick_at(10.0, 2.0).name, brick_at(10.25, 2.0).name)


@pytest.mark.parametrize("bricks", [1, 2])
@pytest.mark.parametrize(
    ("planes", "without", "reason"),
    [
        ("invvar", [("invvar", "r")], "invvar r of brick"),
        ("invvar", [("invvar", "g"), ("invvar", "r")], "invvar g of brick"),
        ("maskbits", [("maskbits", b) for b in "gri"], "maskbits of brick"),
        ("psf", [("psfsize", "g")], "psfsize g of brick"),
        (("invvar", "maskbits"), [("invvar", "r")], "invvar r of brick"),
    ],
)
def test_a_plane_that_is_not_listed(lab, coords, planes, without, reason, bricks):
    lab.files[SIA] = listing(lab.url, without=without, bricks=bricks)
    images = fetcher(lab, planes=planes).fetch(coords[:1])
    brick = BRICKS[bricks - 1]
    assert images.reasons == {"0": f"the list of images has no {reason} {brick}"}
    assert decode_flags(images.flags) == [["UNREADABLE"]]


def test_a_plane_of_another_shape(lab, coords):
    def short(path):
        content = piece(path)
        if "-invvar-r" not in path:
            return content
        with fits.open(io.BytesIO(content)) as hdus:
            hdus[0].data = hdus[0].data[1:]
            buffer = io.BytesIO()
            hdus.writeto(buffer)
        return buffer.getvalue()

    lab.files[CUT] = short
    images = fetcher(lab, planes="invvar").fetch(coords[:1])
    assert images.reasons["0"].startswith(f"invvar r of brick {BRICKS[0]} is (")


@pytest.mark.parametrize(
    ("asked", "given", "reason"),
    [
        ("-image-g", "-image-r", "another band: asked for g, got r"),
        ("-image-g", "-invvar-g", "another kind of image: asked for image, got invv"),
        ("-invvar-r", "-image-r", "another kind of image: asked for invvar, got ima"),
        ("-maskbits", "-nexp-g", "another kind of image: asked for maskbits, got nex"),
    ],
)
def test_a_piece_that_is_another(lab, coords, asked, given, reason):
    lab.files[CUT] = lambda path: piece(path.replace(asked, given))
    images = fetcher(lab, planes=("invvar", "maskbits")).fetch(coords[:1])
    assert reason in images.reasons["0"]


def test_a_piece_of_another_release(lab, coords):
    lab.files["/sia/ls_dr9"] = listing(lab.url)
    images = fetcher(lab, layer="ls-dr9").fetch(coords[:1])
    assert images.reasons == {"0": "another layer: asked for ls-dr9, got dr10"}


def test_a_band_that_does_not_exist(lab, coords):
    fetch = fetcher(lab, bands="gz")
    images = fetch.fetch(coords[:1])
    assert decode_flags(images.flags) == [["MISSING_BAND"]]
    assert fetch.manifest["reason"][0] == "not covered in z"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (votable([]), "not covered: no image in these bands"),
        (votable([], "ERROR", "no such collection"), "the service says no such coll"),
        (b"<html><body>502</body></html>", "no VOTable; it begins with b'<html>"),
        (votable([])[:300], "damaged VOTable"),
        (
            votable([]).replace(b"prodtype", b"whatever"),
            "the list of images has no column prodtype",
        ),
    ],
)
def test_faults_of_the_list(lab, coords, answer, reason):
    lab.files[SIA] = answer
    images = fetcher(lab).fetch(coords[:1])
    assert reason in images.reasons["0"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("truncated", "truncated FITS"), ("html", "an HTML page"), ("404", "HTTP 404")],
)
def test_faults_of_a_piece(lab, coords, fault, reason):
    lab.always[CUT] = fault
    images = fetcher(lab).fetch(coords[:1])
    assert reason in images.reasons["0"]


def test_a_piece_from_elsewhere(lab, coords):
    lab.files[CUT] = lambda path: piece(path.replace("POS=10.0", "POS=10.1"))
    images = fetcher(lab).fetch(coords[:1])
    assert images.reasons == {"0": "another centre: no piece has the position"}


def test_a_table_in_text():
    # What a list looks like to the code: text columns.
    table = Table.read(io.BytesIO(votable([("g", "image", "Stack", "u", "f")])))
    assert table.colnames[:2] == ["obs_bandpass", "prodtype"]
