# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the viewer's faults: each is recognised, named and never kept.
"""

import re

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from astrovae import CutoutFetcher
from astrovae.fetch import conf
from astrovae.fetch.manifest import read_manifest
from astrovae.flags import GalaxyFlags, decode_flags

#: What goes wrong, again and again, and what the reason must say.
LASTING = {
    "429": r"HTTP 429 .*\(2 tries\)",
    "500": r"HTTP 500 .*\(2 tries\)",
    "502": r"HTTP 502",
    "503": r"HTTP 503",
    "400": r"HTTP 400 Bad Request$",
    "403": r"HTTP 403 Forbidden$",
    "404": r"HTTP 404 Not Found$",
    "redirect loop": r"redirects",
    "hang up": r"the connection failed.*\(2 tries\)",
    "reset": r"the connection failed.*\(2 tries\)",
    "html": r"an HTML page instead of FITS: Down for maintenance \(2 tries\)",
    "text": r"no FITS file; it begins with b'Traceback",
    "jpeg": r"no FITS file; it begins with b'\\xff",
    "empty": r"the reply is empty",
    "truncated": r"truncated FITS",
    "truncated at a block": r"truncated FITS",
    "damaged header": r"damaged FITS|truncated FITS|shape|size",
    "larger": r"larger than the \d+ bytes expected$",
    "layer": r"the server says 'no such layer'$",
    "version": r"another layer: asked for ls-dr10, got dr3$",
    "bands": r"other bands: asked for g/r/z, got g/r/i/z$",
    "clamped": r"clamped: asked for 16 pixels, got 8 x 8$",
    "scale": r"another pixel scale: asked for 0.262 arcsec, got 0.524$",
    "centre": r"another centre: 13\d.\d pixels from the position$",
    "no WCS": r"no place on the sky",
    "zeros": r"not covered: zeros in every band$",
    "NaN": r"not covered: zeros in every band$",
}
WITHOUT_COVERAGE = {"zeros", "NaN"}

#: What a moment mends.
PASSING = [
    "429",
    "429 seconds",
    "429 date",
    "500",
    "502",
    "503",
    "hang up",
    "reset",
    "html",
    "text",
    "empty",
    "truncated",
    "truncated at a block",
]


def fetcher(server, **kwargs):
    return CutoutFetcher(server=server.url, size=16, **{"tries": 2, **kwargs})


@pytest.mark.parametrize("fault", LASTING)
def test_lasting_fault_of_one_object(server, coords, tmp_path, fault):
    coords = coords[:4]
    server.always["10.0100000"] = fault
    fetch = fetcher(server)
    images = fetch.fetch(coords, cache=tmp_path)
    reason = images.reasons.pop("1")
    assert not images.reasons
    assert re.search(LASTING[fault], reason), reason
    flag = "NO_COVERAGE" if fault in WITHOUT_COVERAGE else "UNREADABLE"
    assert decode_flags(images.flags) == [[], [flag], [], []]
    assert images.mask[1].all()
    assert not images.mask[[0, 2, 3]].any()
    np.testing.assert_array_equal(images.data[1], 0)
    status = "empty" if fault in WITHOUT_COVERAGE else "failed"
    assert fetch.manifest["status"].tolist() == ["ok", status, "ok", "ok"]
    assert fetch.manifest["reason"][1] == reason
    assert "ra=10.01" in fetch.manifest["url"][1]
    # Nothing of it is in the cache as good, and it is asked for again.
    records = read_manifest(tmp_path / "manifest.ecsv")
    assert sorted(r.status for r in records.values()) == sorted(
        fetch.manifest["status"]
    )
    assert len(list(tmp_path.glob("??/*.fits"))) == 3
    server.always.clear()
    n = len(server.log)
    # That there is nothing is an answer; all else is asked for again.
    images = fetch.fetch(coords, cache=tmp_path)
    assert len(server.log) == n + (fault not in WITHOUT_COVERAGE)
    assert fetch.manifest["status"][1] == ("empty" if images.flags.any() else "ok")
    images = fetch.fetch(coords, cache=tmp_path, retry_empty=True)
    assert len(server.log) == n + 1
    assert not images.flags.any()


@pytest.mark.parametrize("fault", PASSING)
def test_passing_fault(server, coords, fault):
    server.faults["10.0100000"].append(fault)
    images = fetcher(server).fetch(coords[:3])
    assert not images.flags.any()
    assert server.counts == {"10.0000000": 1, "10.0100000": 2, "10.0200000": 1}


@pytest.mark.parametrize(("fault", "wait"), [("429 seconds", 1.0), ("429 date", 0.9)])
def test_retry_after_holds_for_everyone(server, coords, fault, wait):
    server.faults["10.0000000"].append(fault)
    images = fetcher(server, connections=2).fetch(coords)
    assert not images.flags.any()
    # What was on its way is answered; then there is silence.
    early = [t for t in server.times if t - server.times[0] < wait]
    assert len(early) <= 3
    assert len(server.times) == 11


@pytest.mark.parametrize("fault", ["late", "drip"])
def test_slow_reply(server, coords, fault):
    server.always["10.0100000"] = fault
    timeout = 0.5 if fault == "late" else 0.1
    images = fetcher(server, timeout=timeout, tries=1).fetch(coords[1:2])
    assert decode_flags(images.flags) == [["UNREADABLE"]]
    word = "no reply within 0.5 s" if fault == "late" else "did not end within 1 s"
    assert word in images.reasons["0"]


def test_nobody_there(coords):
    fetch = CutoutFetcher(server="http://127.0.0.1:9", size=16, tries=1)
    images = fetch.fetch(coords[:2])
    assert all("connection failed" in r for r in images.reasons.values())
    assert all(images.flags == int(GalaxyFlags.UNREADABLE))


def test_a_band_without_coverage_is_kept_and_flagged(server, coords, tmp_path):
    server.always["10.0000000"] = "zero band"
    fetch = fetcher(server)
    images = fetch.fetch(coords[:2], cache=tmp_path)
    assert decode_flags(images.flags) == [["MISSING_BAND"], []]
    assert images.mask[0, 0].all()
    assert not images.mask[0, 1:].any()
    assert fetch.manifest["status"].tolist() == ["ok", "ok"]
    assert fetch.manifest["reason"].tolist() == ["not covered in g", ""]


@pytest.mark.parametrize("planes", ["invvar", "maskbits"])
def test_missing_plane(server, coords, planes):
    server.always["10.0000000"] = "no planes"
    images = fetcher(server, planes=planes).fetch(coords[:1])
    assert f"no {planes} plane" in images.reasons["0"]


def test_unknown_layer_and_band(server, coords):
    images = fetcher(server, layer="ls-dr99").fetch(coords[:1])
    assert images.reasons == {"0": "the server says 'no such layer'"}
    images = fetcher(server, bands="grw").fetch(coords[:1])
    assert "got g/r/i/z" in images.reasons["0"]


def test_clamped_size(server, coords):
    server.max_size = 30
    images = fetcher(server).fetch(coords[:1])
    assert not images.reasons
    images = CutoutFetcher(server=server.url, size=40).fetch(coords[:1])
    assert images.reasons == {"0": "clamped: asked for 40 pixels, got 30 x 30"}
    assert images.shape == (1, 3, 40, 40)


def test_outside_the_footprint(server):
    coords = SkyCoord([10.0, 10.0], [85.0, 2.0], unit="deg")
    images = fetcher(server).fetch(coords)
    assert "HTTP 500" in images.reasons["0"]
    assert images.flags.tolist() == [int(GalaxyFlags.UNREADABLE), 0]


@pytest.mark.parametrize("fault", ["500", "503", "layer", "html", "hang up"])
def test_giving_up_when_all_fail(server, coords, fault):
    server.always["*"] = fault
    with conf.set_temp("give_up_after", 3):
        fetch = fetcher(server, tries=1, connections=1)
        images = fetch.fetch(coords)
    assert len(images.reasons) == 10
    assert 3 <= len(server.log) <= 5
    assert "not tried: 3 in a row had failed, the last with:" in images.reasons["9"]
    assert fetch.manifest["status"][-1] == "pending"


def test_failures_of_positions_are_no_reason_to_give_up(server, coords):
    server.always["*"] = "zeros"
    with conf.set_temp("give_up_after", 3):
        images = fetcher(server, tries=1).fetch(coords)
    assert len(server.log) == 10
    assert decode_flags(images.flags) == [["NO_COVERAGE"]] * 10
