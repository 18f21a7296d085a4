# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Requests per second, and peak memory, of `astrovae.CutoutFetcher`.

    python benchmarks/fetch_rate.py --rate 2000 --memory 20000

The server is a process on loopback that answers after 20 ms. With 4
connections the latency allows 200 requests per second; a bare loop of
``requests`` shows what this machine allows today.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local

import numpy as np
import requests
from astropy.coordinates import SkyCoord

from astrovae import CutoutFetcher

TESTS = Path(__file__).parents[1] / "tests" / "fetch"
LATENCY = 0.02
CONNECTIONS = 4
SERVER = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from fake_server import FakeServer
with FakeServer(latency={LATENCY}) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=2000, help="cutouts of 128 px")
    parser.add_argument("--memory", type=int, default=20000, help="cutouts to HDF5")
    parser.add_argument("--size", type=int, default=64, help="pixels of the latter")
    args = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        url = server.stdout.readline().strip()
        # Memory first: a peak never comes down again.
        measure_memory(url, args.memory, args.size)
        measure_rate(url, args.rate)
        server.stdin.close()


def measure_rate(url, n):
    """Compare a fetch with a bare loop and with what the latency allows."""
    coords = SkyCoord(np.arange(n) * 0.01, np.full(n, 2.0), unit="deg")
    fetcher = CutoutFetcher(server=url, size=128, connections=CONNECTIONS)
    payload = fetcher.fetch(coords, get_query_payload=True)
    bare = bare_rate(payload)
    print(f"what the latency allows: {CONNECTIONS / LATENCY:.0f} requests/s")
    print(f"a bare loop of requests: {bare:.0f} requests/s")
    download, seconds = fetcher._download, []

    def timed(*args):
        start = time.perf_counter(), time.process_time()
        records = download(*args)
        seconds.append(time.perf_counter() - start[0])
        seconds.append(time.process_time() - start[1])
        return records

    fetcher._download = timed
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        images = fetcher.fetch(coords, cache=folder)
        whole = time.perf_counter() - start
        start = time.perf_counter()
        fetcher.fetch(coords, cache=folder)
        again = time.perf_counter() - start
    assert not images.flags.any()
    print(f"fetched, checked and kept: {n / seconds[0]:.0f} cutouts/s of 128 px")
    print(f"    of the processor, {1000 * seconds[1] / n:.1f} ms each")
    print(f"and read into a set: {n / whole:.0f} cutouts/s; again: {n / again:.0f}")


def bare_rate(payload):
    """Requests per second without any check or file."""
    here = local()

    def get(request):
        if not hasattr(here, "session"):
            here.session = requests.Session()
        return len(here.session.get(request["url"], params=request["params"]).content)

    start = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        assert min(pool.map(get, payload)) > 0
    return len(payload) / (time.perf_counter() - start)


def measure_memory(url, n, size):
    """Peak memory of a long list, which goes to a file."""
    coords = SkyCoord(np.arange(n) * 0.01, np.full(n, 2.0), unit="deg")
    fetcher = CutoutFetcher(server=url, size=size)
    before = peak()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        images = fetcher.fetch(
            coords, cache=Path(folder) / "cache", output=Path(folder) / "set.hdf5"
        )
        assert images.shape == (n, 3, size, size)
        disk = (Path(folder) / "set.hdf5").stat().st_size
    seconds = time.perf_counter() - start
    whole = n * 3 * size**2 * 4 / 2**20
    print(
        f"{n} cutouts of {size} px to HDF5 in {seconds:.0f} s: peak memory "
        f"{peak():.0f} MiB, {before:.0f} MiB before; the pixels are {whole:.0f} MiB, "
        f"the file is {disk / 2**20:.0f} MiB"
    )


def peak():
    """Peak memory of this process in MiB."""
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kib / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main()
