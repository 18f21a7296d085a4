# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A server on loopback, and short waits.
"""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from fake_server import FakeServer

from astrovae.fetch import conf


@pytest.fixture(autouse=True)
def _short_waits():
    with conf.set_temp("backoff", 0.002), conf.set_temp("timeout", 20.0):
        yield


@pytest.fixture
def server():
    with FakeServer() as server:
        yield server


@pytest.fixture
def coords():
    """
    Ten positions; the server's faults name them by "10.0300000" and so on.
    """
    return SkyCoord(10 + 0.01 * np.arange(10), np.full(10, 2.0), unit="deg")
