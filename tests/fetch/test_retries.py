# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of waiting.
"""

import threading
import time
from datetime import UTC, datetime

import pytest

from astrovae.fetch.retries import Patience, retry_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60),
        ("Thu, 01 Jan 2026 00:01:00 -0000", 60),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0),
        ("", None),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
    ],
)
def test_retry_after(header, seconds):
    assert retry_after(header, NOW) == seconds


def test_backoff_grows_with_jitter():
    patience = Patience(1.0, 10.0, seed=1)
    delays = [[patience.delay(attempt) for _ in range(200)] for attempt in range(1, 8)]
    for attempt, values in enumerate(delays):
        top = min(2.0**attempt, 10.0)
        assert top / 2 <= min(values) < 0.6 * top
        assert 0.9 * top < max(values) <= top
    assert Patience(1.0, 10.0, seed=1).delay(1) == delays[0][0]


def test_a_pause_is_for_all():
    patience = Patience(1.0, 10.0)
    patience.pause_all(0.2)
    start = time.monotonic()
    assert patience.wait()
    assert time.monotonic() - start >= 0.2


def test_stop_ends_waits():
    patience = Patience(1.0, 10.0)
    threading.Timer(0.1, patience.stop).start()
    start = time.monotonic()
    assert not patience.wait(60)
    assert time.monotonic() - start < 30
    assert not patience.wait()
    assert patience.stopped
