# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
When to ask again, and after how long.
"""

import random
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["Patience", "retry_after"]


def retry_after(header, now=None):
    """
    Read the header ``Retry-After``.

    Parameters
    ----------
    header : str or None
        Its value: seconds, or a date (RFC 9110, section 10.2.3).
    now : `~datetime.datetime`, optional
        The time to count from; now, if not given.

    Returns
    -------
    seconds : float or None
        The time to wait; None without a header, or if it makes no
        sense.

    Examples
    --------
    >>> from astrovae.fetch.retries import retry_after
    >>> retry_after("120")
    120.0
    """
    text = (header or "").strip()
    if not text:
        return None
    if text.isdecimal():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    now = datetime.now(UTC) if now is None else now
    return max((date - now).total_seconds(), 0.0)


class Patience:
    """
    How long to wait before the next try, and the waiting.

    It is shared by all threads: when the server asks for a pause,
    every one of them pauses.

    Parameters
    ----------
    backoff : float
        Seconds before the second try, before the random factor.
    longest : float
        The longest wait in seconds.
    seed : int, optional
        Of the random factors, for tests.
    """

    def __init__(self, backoff, longest, seed=None):
        self.backoff = backoff
        self.longest = longest
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._resume = 0.0

    def delay(self, attempt):
        """
        Draw the wait after a failed try.

        Parameters
        ----------
        attempt : int
            The number of tries so far.

        Returns
        -------
        seconds : float
            ``backoff * 2**(attempt - 1)``, at most `longest`, times a
            random number between one half and one, so that those who
            failed together do not come back together.
        """
        seconds = self.backoff * 2.0 ** (attempt - 1)
        return min(seconds, self.longest) * self._random.uniform(0.5, 1.0)

    def pause_all(self, seconds):
        """
        Let nobody send anything for a while.

        Parameters
        ----------
        seconds : float
            How long.
        """
        self._resume = max(self._resume, time.monotonic() + seconds)

    def wait(self, seconds=0.0):
        """
        Wait, at least until a common pause is over.

        Parameters
        ----------
        seconds : float, optional
            How long at least.

        Returns
        -------
        go_on : bool
            False if everything was stopped meanwhile.
        """
        end = time.monotonic() + seconds
        while not self._stop.is_set():
            left = max(end, self._resume) - time.monotonic()
            if left <= 0:
                return True
            self._stop.wait(left)
        return False

    def stop(self):
        """
        End all waiting, now and later.
        """
        self._stop.set()

    @property
    def stopped(self):
        """
        Whether `stop` was called.
        """
        return self._stop.is_set()
