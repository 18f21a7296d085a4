# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of what ends a run, what does not, and what stays.
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import NoConvergence

from astrovae import CutoutFetcher
from astrovae.fetch import conf
from astrovae.fetch.errors import FetchError
from astrovae.fetch.giving_up import GivingUp
from astrovae.fetch.services.viewer import ViewerService
from astrovae.flags import decode_flags


def fetcher(server, **kwargs):
    options = {"size": 8, "tries": 1, "connections": 1, **kwargs}
    return CutoutFetcher(server=server.url, **options)


def line(n):
    return SkyCoord(10 + 0.01 * np.arange(n), np.full(n, 2.0), unit="deg")


def name(i):
    return f"{10 + 0.01 * i:.7f}"


@pytest.mark.parametrize("fault", ["500", "502", "503", "hang up"])
def test_outage_from_the_start(server, fault, tmp_path):
    server.always["*"] = fault
    fetch = fetcher(server, connections=4, tries=2)
    with conf.set_temp("give_up_after", 6):
        images = fetch.fetch(line(40), cache=tmp_path)
    # Six objects, those under way, and two tries for each at most.
    assert len(server.log) <= 2 * (6 + 8)
    status = fetch.manifest["status"].tolist()
    assert 6 <= status.count("failed") <= 14
    assert status.count("pending") == 40 - status.count("failed")
    assert "not tried: 6 in a row had failed" in images.reasons["39"]
    # When it is over, the rest is asked for, and what failed once more.
    server.always.clear()
    server.log.clear()
    assert not fetch.fetch(line(40), cache=tmp_path).flags.any()
    assert len(server.log) == 40


def test_500_between_successes_stops_nothing(server):
    # The viewer answers so outside of its footprint.
    for i in range(1, 60):
        if i % 10:
            server.always[name(i)] = "500"
    with conf.set_temp("give_up_after", 5):
        fetch = fetcher(server)
        fetch.fetch(line(60))
    status = fetch.manifest["status"].tolist()
    assert status.count("ok") == 6
    assert status.count("failed") == 54


def test_a_corner_outside_the_footprint_stops_nothing(server):
    # A long series of them after a success: the success is tried again.
    for i in range(1, 40):
        server.always[name(i)] = "500"
    with conf.set_temp("give_up_after", 10):
        fetch = fetcher(server)
        fetch.fetch(line(41))
    status = fetch.manifest["status"].tolist()
    assert status == ["ok"] + ["failed"] * 39 + ["ok"]
    assert 2 <= server.counts[name(0)] <= 5


def test_outage_in_the_middle(server):
    for i in range(5, 200):
        server.always[name(i)] = "500"
    server.faults[name(4)].extend(["", "500"])
    server.always[name(4)] = "500"
    with conf.set_temp("give_up_after", 10):
        fetch = fetcher(server)
        images = fetch.fetch(line(200))
    assert fetch.manifest["status"].tolist().count("ok") == 5
    assert len(server.log) < 40
    assert re.search(
        r"not tried: \d+ in a row had failed, and what had arrived before does so "
        r"no more: HTTP 500",
        images.reasons["199"],
    )


def test_those_outside_do_not_hide_the_others(server, tmp_path):
    # The first run gives up: a second one begins with the others.
    for i in range(10):
        server.always[name(i)] = "500"
    with conf.set_temp("give_up_after", 5):
        fetch = fetcher(server)
        fetch.fetch(line(20), cache=tmp_path)
        assert "ok" not in fetch.manifest["status"]
        for _ in range(2):
            fetch.fetch(line(20), cache=tmp_path)
    assert fetch.manifest["status"].tolist() == ["failed"] * 10 + ["ok"] * 10


def test_come_back_tomorrow_ends_the_run(server, tmp_path):
    for i in range(20, 50):
        server.always[name(i)] = "503 tomorrow"
    fetch = fetcher(server, connections=4, tries=5)
    images = fetch.fetch(line(50), cache=tmp_path)
    assert len(server.log) <= 20 + 4
    status = fetch.manifest["status"].tolist()
    # The three under way beside the first refusal may be broken off.
    n_ok = status[:20].count("ok")
    assert 17 <= n_ok == status.count("ok")
    assert 1 <= status.count("failed") <= 4
    assert status[-1] == "pending"
    found = re.fullmatch(
        r"not tried: HTTP 503 Service Unavailable: the server asks to come back in "
        r"86400 s, at (\d{4}-\d\d-\d\d \d\d:\d\d) UTC",
        images.reasons["49"],
    )
    time = datetime.strptime(found[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    assert abs(time - datetime.now(UTC) - timedelta(days=1)) < timedelta(minutes=5)
    assert set(decode_flags(images.flags)[-1]) == {"UNREADABLE"}
    server.always.clear()
    server.log.clear()
    assert not fetch.fetch(line(50), cache=tmp_path).flags.any()
    assert len(server.log) == 50 - n_ok


def test_a_thousand_years(server):
    server.always["*"] = "503 for ever"
    images = fetcher(server).fetch(line(2))
    assert "come back in" in images.reasons["0"]
    assert "not tried" in images.reasons["1"]


@pytest.mark.parametrize(
    "error",
    [
        fits.VerifyError("card\nis broken"),
        ValueError("cannot convert float NaN to integer"),
        OverflowError("too large"),
        OSError("header missing END card"),
        NoConvergence("no solution"),
        KeyError("BAND0"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_damaged_reply_of_one_object(server, tmp_path, monkeypatch, error):
    whole = ViewerService.fetch_one

    def fetch_one(self, target, transport):
        if target.id == "1":
            raise error
        return whole(self, target, transport)

    monkeypatch.setattr(ViewerService, "fetch_one", fetch_one)
    fetch = fetcher(server)
    images = fetch.fetch(line(4), cache=tmp_path)
    assert fetch.manifest["status"].tolist() == ["ok", "failed", "ok", "ok"]
    reason = images.reasons["1"]
    assert reason.startswith(f"damaged reply: {type(error).__name__}: ")
    assert "\n" not in reason
    monkeypatch.undo()
    assert not fetch.fetch(line(4), cache=tmp_path).flags.any()


def test_a_fault_of_the_program_is_raised_and_files_stay(server, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    whole = ViewerService.fetch_one

    def fetch_one(self, target, transport):
        if target.id == "5":
            msg = "no such attribute"
            raise AttributeError(msg)
        return whole(self, target, transport)

    monkeypatch.setattr(ViewerService, "fetch_one", fetch_one)
    fetch = fetcher(server)
    with pytest.raises(AttributeError, match="no such attribute") as caught:
        fetch.fetch(line(10))
    (note,) = caught.value.__notes__
    folder = note.split("cache='")[1].split("'")[0]
    monkeypatch.undo()
    n = len(server.log)
    assert fetch.manifest["status"].tolist()[:5] == ["ok"] * 5
    assert not fetch.fetch(line(10), cache=folder).flags.any()
    assert max(server.counts.values()) == 1
    assert len(server.log) == 10 > n


def test_nothing_arrived_nothing_stays(server, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def fetch_one(self, target, transport):
        msg = "no such attribute"
        raise AttributeError(msg)

    monkeypatch.setattr(ViewerService, "fetch_one", fetch_one)
    with pytest.raises(AttributeError, match="no such attribute"):
        fetcher(server).fetch(line(3))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_what_arrived(server, monkeypatch, tmp_path):
    from astrovae.images import HDF5Writer

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def full(self, images):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(HDF5Writer, "append", full)
    with pytest.raises(OSError, match="No space left") as caught:
        fetcher(server).fetch(line(3), output=tmp_path / "set.hdf5")
    (note,) = caught.value.__notes__
    folder = Path(note.split("cache='")[1].split("'")[0])
    assert len(list(folder.glob("??/*.fits"))) == 3


def test_what_counts_as_a_row_of_failures():
    general = FetchError("down", general=True)
    doubtful = FetchError("HTTP 500", doubtful=True)
    own = FetchError("another centre")
    one = GivingUp(3)
    for errors in ([general], [doubtful], [own], [general], [doubtful]):
        one.take(errors, arrived=False)
    assert not one.reason
    one.take([general], arrived=False)
    assert one.reason == "not tried: 3 in a row had failed, the last with: down"
    # After a success the doubtful neither count nor end a row.
    two = GivingUp(3)
    two.take([], arrived=True)
    for errors in ([general], [doubtful], [doubtful], [general]):
        two.take(errors, arrived=False)
    assert not two.reason
    assert not two.wants_proof
    two.take([doubtful], arrived=False)
    assert two.wants_proof
    two.take_proof(None)
    assert not two.wants_proof
    assert not two.reason
    two.take([general], arrived=False)
    assert two.reason
