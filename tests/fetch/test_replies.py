# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of single checks, and of what they must let pass.
"""

import contextlib
import io
import re
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from fake_server import cutout
from hypothesis import example, given, settings
from hypothesis import strategies as st

from astrovae.fetch import replies
from astrovae.fetch.errors import ReplyError
from astrovae.images.frames import standard_wcs


@pytest.mark.parametrize(
    ("layer", "version", "good"),
    [
        ("ls-dr10", "DR10", True),
        ("ls-dr10", "DR10-south", True),
        ("ls-dr10", "ls-dr10", True),
        ("ls-dr10", "DR9-north", True),  # the north of DR10 is that of DR9
        ("ls-dr10", "DR9-south", False),
        ("ls-dr10-south", "DR9-north", False),
        ("ls-dr9-south", "DR9-south", True),
        ("ls-dr9-south", "DR9-north", False),
        ("ls-dr9", "DR9-north", True),
        ("decals-dr5", "DR5", True),
        ("decals-dr5", "DR3", False),
        ("sdss", "whatever", True),
        ("ls-dr10", "", True),
    ],
)
def test_layers(layer, version, good):
    header = fits.Header({"VERSION": version})
    if good:
        replies.check_layer(header, layer)
        return
    with pytest.raises(ReplyError, match=f"asked for {layer}, got {version.lower()}"):
        replies.check_layer(header, layer)


BODY = cutout(10.0, 2.0, size=16, kinds=("invvar",))
WITHOUT_PLANE = len(cutout(10.0, 2.0, size=16))


# Cut between two HDUs it is a good file; the missing plane is noticed.
@given(st.integers(0, len(BODY) - 1).filter(lambda n: n != WITHOUT_PLANE))
@example(2880)
@example(WITHOUT_PLANE - 2880)
@example(WITHOUT_PLANE + 2880)
def test_every_truncation_is_recognised(n):
    with pytest.raises(
        ReplyError, match=r"truncated|empty|begins with|damaged"
    ) as error:
        replies.open_reply(BODY[:n]).close()
    assert error.value.retry


@given(st.binary(max_size=3000))
def test_any_bytes_are_no_fits(body):
    with pytest.raises(ReplyError):
        replies.open_reply(body).close()


#: What a card about sizes may say instead, by key.
STRANGE_SIZES = [
    ("NAXIS2", "-16"),
    ("NAXIS1", "0"),
    ("NAXIS1", "100000000000000"),
    ("NAXIS", "999"),
    ("NAXIS", "-1"),
    ("BITPIX", "17"),
    ("BITPIX", "-32.5"),
    ("NAXIS3", "'3'"),
    ("PCOUNT", "-2880"),
    ("GCOUNT", "-3"),
    ("GCOUNT", "9999999999"),
]


def with_value(body, key, value, last=True):
    """
    A file with another value in one card, by default the last such.
    """
    start = (body.rindex if last else body.index)(f"{key:<8}= ".encode())
    return (
        body[:start] + f"{key:<8}= {value:>20}".ljust(80).encode() + body[start + 80 :]
    )


def test_strange_sizes():
    # In another process, as some have kept astropy busy for ever.
    bodies = [with_value(BODY, key, value) for key, value in STRANGE_SIZES]
    code = f"""
import sys
from astrovae.fetch import replies
from astrovae.fetch.errors import ReplyError
while body := sys.stdin.buffer.read({len(BODY)}):
    try:
        replies.open_reply(body)
    except ReplyError as error:
        print(error.retry, error.reason)
"""
    result = subprocess.run(
        [sys.executable, "-c", code],
        input=b"".join(bodies),
        capture_output=True,
        timeout=60,
        check=True,
    )
    lines = result.stdout.decode().splitlines()
    assert len(lines) == len(STRANGE_SIZES)
    for line in lines:
        assert re.match("True (damaged|truncated) FITS: ", line), line


@pytest.mark.parametrize("last", [True, False])
def test_sizes_of_every_hdu_are_looked_at(last):
    body = with_value(BODY, "NAXIS2", "-16", last)
    n = 1 if last else 0
    with pytest.raises(ReplyError, match=f"damaged FITS: HDU {n} has NAXIS2 = -16"):
        replies.open_reply(body)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("ZNAXIS2", "-32", "HDU 1 has ZNAXIS2 = -32"),
        ("ZNAXIS2", "64", "should have 64 tiles, and has a table of"),
        ("ZNAXIS1", "1000000000000", "announces an image of 1000000000000 x 32"),
        ("ZTILE1", "0", "HDU 1 has tiles of 0 x 1 pixels"),
        ("ZBITPIX", "5", "HDU 1 has ZBITPIX = 5"),
        ("ZNAXIS", "x", "HDU 1 has a strange ZNAXIS: 'x'"),
    ],
)
def test_strange_sizes_of_compressed_planes(key, value, reason):
    body = with_value(compressed(), key, value)
    with pytest.raises(ReplyError, match=re.escape(reason)):
        replies.open_reply(body)


def test_a_size_that_is_given_twice():
    body = with_value(BODY, "IMAGETYP", "'IMAGE'")
    card = f"{'NAXIS2':<8}= {8:>20}".ljust(80).encode()
    start = body.rindex(b"IMAGETYP= ")
    body = body[:start] + card + body[start + 80 :]
    with pytest.raises(ReplyError, match="HDU 1 has a strange NAXIS2: '8'"):
        replies.open_reply(body)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2 * 2880 - 1), st.sampled_from(b" -=/'0123456789AZ"))
    ),
    st.booleans(),
)
def test_damaged_headers_are_refused_or_read(changes, pressed):
    body = bytearray(compressed() if pressed else BODY)
    for place, byte in changes:
        body[place] = byte
    with contextlib.suppress(ReplyError):
        replies.open_reply(bytes(body)).close()


def test_a_good_reply_passes():
    with replies.open_reply(BODY) as hdus:
        assert len(hdus) == 2
        assert replies.find_plane(hdus, "invvar") is hdus[1]
        with pytest.raises(ReplyError, match="no maskbits plane"):
            replies.find_plane(hdus, "maskbits")


def compressed():
    """
    A file with a compressed plane of 32 x 32 pixels.
    """
    hdus = fits.HDUList([fits.PrimaryHDU()])
    header = standard_wcs((10.0, 2.0), 0.262, (32, 32)).to_header()
    header.update({"BANDS": "r", "BAND0": "r", "IMAGETYP": "IMAGE"})
    data = np.ones((32, 32), dtype=np.float32)
    hdus.append(fits.CompImageHDU(data, header, compression_type="RICE_1"))
    buffer = io.BytesIO()
    hdus.writeto(buffer)
    return buffer.getvalue()


def test_compressed_planes_pass():
    with replies.open_reply(compressed()) as opened:
        image = replies.find_plane(opened, "image")
        replies.check_frame(image.header, ("r",), 32)
        wcs = replies.check_scale(image.header, 0.262)
        replies.check_centre(wcs, (32, 32), 10.0, 2.0)


@pytest.mark.parametrize(("offset", "good"), [(0.0, True), (0.5, True), (0.8, False)])
def test_centre(offset, good):
    wcs = standard_wcs((10.0, 60.0), 0.262, (32, 32))
    ra = 10.0 + offset * 0.262 / 3600 / np.cos(np.radians(60))
    if good:
        replies.check_centre(wcs, (32, 32), ra, 60.0)
        return
    with pytest.raises(ReplyError, match=r"0\.8 pixels from the position"):
        replies.check_centre(wcs, (32, 32), ra, 60.0)


def test_centre_on_the_other_side_of_the_sky():
    wcs = standard_wcs((10.0, 60.0), 0.262, (32, 32))
    with pytest.raises(ReplyError, match="another centre"):
        replies.check_centre(wcs, (32, 32), 190.0, -60.0)


def test_coverage():
    full, empty = np.ones((4, 4)), np.zeros((4, 4))
    half = np.where(np.arange(16).reshape(4, 4) < 8, 1.0, 0.0)
    assert replies.check_coverage({"g": full, "r": full}) == ""
    note = replies.check_coverage({"g": full, "r": empty, "z": half})
    assert note == "not covered in r; 50% covered in z"
    with pytest.raises(ReplyError, match="zeros in every band") as error:
        replies.check_coverage({"g": empty, "r": empty * np.nan})
    assert error.value.empty


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "the reply is empty"),
        (b"no such layer", "the server says 'no such layer'"),
        (b"<!DOCTYPE html><title>A &amp; B</title>", "instead of FITS: A & B"),
        (b"\n <html><body><h1>Server\nError (500)</h1>", "Server Error"),
        (b"<html></html>", "no title"),
        (b"\x89PNG", "begins with b'\\\\x89PNG'"),
    ],
)
def test_what_is_no_fits(text, reason):
    with pytest.raises(ReplyError, match=reason.replace("(", r"\(")):
        replies.open_reply(text)
