# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of fetches that are killed, interrupted, repeated or run twice
at a time.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from fake_server import FakeServer

from astrovae import CutoutFetcher
from astrovae.fetch.manifest import read_manifest

N = 500

# Imports once, then becomes a fetch for every line it reads: a process
# of its own, which can be killed, without the time of its imports.
LAUNCHER = """
import os, signal, sys
import numpy as np
import astroquery.query, requests
from astropy.coordinates import SkyCoord
from astrovae import CutoutFetcher
from astrovae.images import HDF5Writer

def fetch(url, cache, n):
    coords = SkyCoord(np.arange(n) * 0.1, np.full(n, 2.0), unit="deg")
    fetcher = CutoutFetcher(server=url, bands="r", size=8)
    try:
        images = fetcher.fetch(coords, cache=cache)
    except KeyboardInterrupt:
        status = fetcher.manifest["status"].tolist()
        return f"interrupted {status.count('ok')} {len(status)}"
    return f"done {len(images)} {int(images.flags.any())}"

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
# A shell that starts the tests in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
print("ready", flush=True)
for line in sys.stdin:
    url, cache, n, out = line.split()
    pid = os.fork()
    if pid == 0:
        text = fetch(url, cache, int(n))
        with open(out + ".part", "w") as file:
            file.write(text)
        os.rename(out + ".part", out)
        os._exit(0)
    print(pid, flush=True)
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs fork and SIGKILL")


class Fetch:
    """
    A fetch in a process of its own.
    """

    def __init__(self, launcher, server, cache, n):
        self.out = cache.parent / f"out{time.monotonic_ns()}"
        launcher.stdin.write(f"{server.url} {cache} {n} {self.out}\n")
        launcher.stdin.flush()
        self.pid = int(launcher.stdout.readline())

    @property
    def is_alive(self):
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def end(self, number=None):
        """
        Send a signal, wait for the end and return what was said.
        """
        if number is not None:
            os.kill(self.pid, number)
        wait_for(lambda: not self.is_alive, 240)
        return self.out.read_text() if self.out.exists() else "nothing"


@pytest.fixture(scope="module")
def launcher():
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.stdin.close()


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.005)


def positions(n=N):
    return SkyCoord(np.arange(n) * 0.1, np.full(n, 2.0), unit="deg")


def check_cache(folder, n):
    """
    One file per object, each complete and as its record says.
    """
    records = read_manifest(folder / "manifest.ecsv")
    assert len(records) == n
    files = sorted(folder.glob("??/*.fits"))
    assert sorted(str(f.relative_to(folder)) for f in files) == sorted(records)
    for file, record in records.items():
        content = (folder / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == record.sha256
        assert len(content) == record.bytes
        assert record.status == "ok"
    assert not list((folder / ".partial").glob("*"))


def test_killed_and_resumed(launcher, tmp_path):
    moment = random.Random()
    cache = tmp_path / "cache"
    kills = 0
    with FakeServer() as server:
        for _ in range(3):
            stop_at = len(server.log) + moment.randrange(20, 140)
            fetch = Fetch(launcher, server, cache, N)
            wait_for(lambda n=stop_at: len(server.log) >= n)
            time.sleep(moment.random() * 0.02)
            kills += fetch.end(signal.SIGKILL) == "nothing"
        images = CutoutFetcher(server=server.url, bands="r", size=8).fetch(
            positions(), cache=cache
        )
        counts = server.counts
    assert kills == 3
    assert images.shape == (N, 1, 8, 8)
    assert not images.flags.any()
    # Asked for again is only what was under way when a process died.
    assert len(counts) == N
    assert sum(counts.values()) <= N + kills * 4
    for path in (cache / ".partial").glob("*"):
        path.unlink()  # what the dead left is too young to be removed
    check_cache(cache, N)


def test_finished_list_sends_nothing(server, coords, tmp_path):
    fetcher = CutoutFetcher(server=server.url, size=16)
    first = fetcher.fetch(coords, cache=tmp_path)
    assert len(server.log) == len(coords)
    assert len(set(server.counts.values())) == 1
    again = fetcher.fetch(coords, cache=tmp_path)
    assert len(server.log) == len(coords)
    np.testing.assert_array_equal(first.data, again.data)
    # A longer list asks for what is new, and another order is served.
    ids = ["new", *(str(i) for i in reversed(range(10)))]
    more = SkyCoord(
        np.append(20.0, coords.ra.deg[::-1]), np.append(2.0, coords.dec.deg), unit="deg"
    )
    images = fetcher.fetch(more, ids, cache=tmp_path)
    assert len(server.log) == len(coords) + 1
    np.testing.assert_array_equal(images.data[1:], first.data[::-1])


def test_other_settings_ask_again(server, coords, tmp_path):
    CutoutFetcher(server=server.url, size=16).fetch(coords[:2], cache=tmp_path)
    images = CutoutFetcher(server=server.url, size=16, bands="gr").fetch(
        coords[:2], cache=tmp_path
    )
    assert len(server.log) == 4
    assert images.bands == ("g", "r")


def test_corrupt_file_is_fetched_again(server, coords, tmp_path):
    fetcher = CutoutFetcher(server=server.url, size=16)
    first = fetcher.fetch(coords[:3], cache=tmp_path)
    path = tmp_path / fetcher.manifest["file"][1]
    content = bytearray(path.read_bytes())
    content[3000] ^= 1
    path.write_bytes(content)
    again = fetcher.fetch(coords[:3], cache=tmp_path)
    assert server.counts["10.0100000"] == 2
    assert len(server.log) == 4
    np.testing.assert_array_equal(first.data, again.data)


def test_two_processes_share_the_work(launcher, tmp_path):
    n = 150
    cache = tmp_path / "cache"
    with FakeServer(latency=0.005) as server:
        fetches = [Fetch(launcher, server, cache, n) for _ in range(2)]
        assert [fetch.end() for fetch in fetches] == [f"done {n} 0"] * 2
        counts = server.counts
    assert len(counts) == n
    assert set(counts.values()) == {1}
    check_cache(cache, n)


def test_interrupt_keeps_what_has_arrived(launcher, tmp_path):
    n = 200
    cache = tmp_path / "cache"
    with FakeServer(latency=0.06) as server:
        fetch = Fetch(launcher, server, cache, n)
        wait_for(lambda: len(server.log) > 30)
        word, n_ok, n_all = fetch.end(signal.SIGINT).split()
        assert (word, int(n_all)) == ("interrupted", n)
        records = read_manifest(cache / "manifest.ecsv")
        sent = len(server.log)
        assert sent < n
        # Every reply that the server sent was kept.
        assert sum(r.status == "ok" for r in records.values()) == int(n_ok) == sent
        assert Fetch(launcher, server, cache, n).end() == f"done {n} 0"
        assert set(server.counts.values()) == {1}
    check_cache(cache, n)


def test_interrupt_without_a_cache_says_where_it_is(server, coords, monkeypatch):
    def interrupt(self, results, bar):
        raise KeyboardInterrupt

    monkeypatch.setattr("astrovae.fetch.download.Download._take", interrupt)
    fetcher = CutoutFetcher(server=server.url, size=16)
    with pytest.raises(KeyboardInterrupt) as caught:
        fetcher.fetch(coords)
    (note,) = caught.value.__notes__
    folder = note.split("cache='")[1].split("'")[0]
    monkeypatch.undo()
    before = Counter(server.counts)
    assert sum(before.values()) >= 1
    images = fetcher.fetch(coords, cache=folder)
    assert not images.flags.any()
    assert max(server.counts.values()) == 1


def test_two_fetchers_in_one_process(server, tmp_path):
    coords = positions(40)
    results = []

    def fetch():
        fetcher = CutoutFetcher(server=server.url, bands="r", size=8)
        results.append(fetcher.fetch(coords, cache=tmp_path))

    threads = [threading.Thread(target=fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(server.counts.values()) == {1}
    np.testing.assert_array_equal(results[0].data, results[1].data)
    check_cache(tmp_path, 40)
