# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of HiPS2FITS, on replies as the CDS makes them.
"""

import io
import sys
from urllib.parse import parse_qs, urlsplit

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from astrovae import CutoutFetcher
from astrovae.flags import decode_flags

pytest.importorskip("matplotlib")
PATH = "/hips-image-services/hips2fits"


def reply(path, value=2.0, shrink=1):
    query = {k: v[0] for k, v in parse_qs(urlsplit(path).query).items()}
    assert (query["projection"], query["format"]) == ("TAN", "fits")
    size = int(query["width"]) // shrink
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = float(query["ra"]), float(query["dec"])
    wcs.wcs.crpix = [(size + 1) / 2] * 2
    scale = float(query["fov"]) / int(query["width"])
    wcs.wcs.cdelt = -scale, scale
    number = "griz".index(query["hips"][-1])
    data = np.full((size, size), value + number, dtype=np.float32)
    data[0, 0] = np.nan
    buffer = io.BytesIO()
    fits.PrimaryHDU(data, wcs.to_header()).writeto(buffer)
    return buffer.getvalue()


def fetcher(server, **kwargs):
    return CutoutFetcher(
        "hips", server=server.url + PATH, **{"size": 16, "tries": 1, **kwargs}
    )


@pytest.mark.parametrize("scale", [0.262, 0.524])
def test_images(server, coords, scale, tmp_path):
    server.files[PATH] = reply
    fetch = fetcher(server, pixel_scale=scale * u.arcsec)
    images = fetch.fetch(coords[:2], cache=tmp_path)
    assert images.bands == ("g", "r", "z")
    # Surface brightness per 0.262 arcsec pixel, as the viewer's.
    factor = (scale / 0.262) ** 2
    for i, value in enumerate((2.0, 3.0, 5.0)):
        np.testing.assert_allclose(images.data[:, i, 1:, 1:], value * factor, rtol=1e-5)
    assert images.mask[:, :, 0, 0].all()
    assert images.mask.sum() == 6
    assert len(server.log) == 6
    assert "DR10%2Fg" in server.log[0]
    fetch.fetch(coords[:2], cache=tmp_path)
    assert len(server.log) == 6


def test_faults(server, coords):
    server.files[PATH] = lambda path: reply(path, np.nan if "ra=10.0&" in path else 1)
    server.always[PATH] = None
    images = fetcher(server).fetch(coords[:2])
    assert decode_flags(images.flags) == [["NO_COVERAGE"], []]
    server.files[PATH] = lambda path: reply(path, shrink=2)
    images = fetcher(server).fetch(coords[:1])
    assert images.reasons == {"0": "band g: clamped: asked for 16 pixels, got 8 x 8"}
    server.always[PATH] = "400"
    images = fetcher(server).fetch(coords[:1])
    assert images.reasons == {"0": "band g: HTTP 400 Bad Request"}


def test_any_hips():
    fetch = CutoutFetcher("hips", layer="CDS/P/PanSTARRS/DR1/{band}", bands="g")
    (request,) = fetch.fetch({"ra": [1.0], "dec": [2.0]}, get_query_payload=True)
    assert request["params"]["hips"] == "CDS/P/PanSTARRS/DR1/g"
    assert request["url"].startswith("https://alasky.cds.unistra.fr/")
    with pytest.raises(ValueError, match="no layer 'sdss'"):
        CutoutFetcher("hips", layer="sdss")


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"astrovae\[plot\]"):
        CutoutFetcher("hips")


def test_no_planes():
    with pytest.raises(ValueError, match="no plane invvar; it has images only"):
        CutoutFetcher("hips", planes="invvar")
    with pytest.raises(ValueError, match="knows no subimage"):
        CutoutFetcher("hips", subimage=True)
