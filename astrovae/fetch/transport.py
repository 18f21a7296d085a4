# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Sending requests: one session per thread, as astroquery sets it up, and
patience with servers that are slow, busy or down.
"""

import threading
import time
from datetime import UTC, datetime, timedelta

from astrovae.fetch.errors import FetchError, TransportError
from astrovae.fetch.retries import Patience, retry_after

__all__ = ["Transport"]

#: The statuses that a moment may mend.
_PASSING = {408, 425, 429, 500, 502, 503, 504, 520, 522, 524}

#: Of these, those that one position alone can cause: the viewer answers so
#: outside of its footprint. Or there is an outage.
_DOUBTFUL = {500}

#: A body may take this many times the timeout to arrive.
_WHOLE = 10

_PIECE = 1 << 16

#: A hundred years: more seconds make no date.
_FOREVER = 3.2e9


class Transport:
    """
    Send requests and try again as long as it makes sense.

    Parameters
    ----------
    timeout : float
        Seconds to wait for the connection and for each piece.
    tries : int
        The times that a request is sent at most.
    patience : `~astrovae.fetch.retries.Patience`
        The waits between them.
    """

    def __init__(self, timeout, tries, patience):
        self.timeout = timeout
        self.tries = tries
        self.patience: Patience = patience
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions = []

    def get(self, url, *, check=None, largest=None):
        """
        Get one reply.

        Parameters
        ----------
        url : str
            The address, with the query.
        check : callable, optional
            Called with the body; what it returns is returned. If it
            raises a `~astrovae.fetch.errors.FetchError` with ``retry``
            the request is sent again, like after an error of HTTP.
        largest : int, optional
            The bytes that the body may have.

        Returns
        -------
        body : bytes
            The body, or what ``check`` made of it.

        Raises
        ------
        `~astrovae.fetch.errors.FetchError`
            If there is no good reply.
        """
        for attempt in range(1, self.tries + 1):
            if not self.patience.wait():
                break
            try:
                body = self._send(url, largest)
                return body if check is None else check(body)
            except FetchError as error:
                last = error
            if not last.retry or attempt == self.tries:
                raise self._final(last, attempt)
            # A server that says how long is believed; it said so to all.
            delay = self.patience.delay(attempt) + (getattr(last, "after", None) or 0)
            if not self.patience.wait(delay):
                break
        msg = "stopped before a reply came"
        raise TransportError(msg, retry=True)

    def close(self):
        """
        Close the connections of all threads.
        """
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()

    def _final(self, error, attempts):
        if attempts > 1:
            error.reason = f"{error.reason} ({attempts} tries)"
        return error

    def _send(self, url, largest):
        import requests
        from urllib3.exceptions import HTTPError

        try:
            with self._session().get(
                url, timeout=self.timeout, stream=True
            ) as response:
                self._check_status(response)
                return self._body(response, largest)
        except (requests.RequestException, HTTPError, TimeoutError) as error:
            raise self._broken(error) from error

    def _broken(self, error):
        # requests wraps urllib3, which wraps sockets: the root tells best.
        import requests

        root = _root(error)
        if isinstance(root, TimeoutError) or isinstance(error, requests.Timeout):
            msg = f"no reply within {self.timeout:g} s"
            return TransportError(msg, retry=True, general=True)
        text = f"{type(root).__name__}: {root}".rstrip(": ")
        lasting = (
            requests.TooManyRedirects,
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
        )
        if isinstance(error, lasting):
            return TransportError(f"the request failed: {text}", general=True)
        msg = f"the connection failed: {text}"
        return TransportError(msg, retry=True, general=True)

    def _check_status(self, response):
        status = response.status_code
        if status == 200:
            return
        error = TransportError(
            f"HTTP {status} {response.reason or ''}".strip(),
            retry=status in _PASSING,
            general=status not in _DOUBTFUL,
            doubtful=status in _DOUBTFUL,
        )
        error.status = status
        asked = retry_after(response.headers.get("Retry-After"))
        if asked is not None and error.retry:
            if asked > self.patience.longest:
                # It said so to all: nobody sends anything any more.
                self.patience.stop()
                error.retry, error.halt = False, True
                error.reason += (
                    f": the server asks to come back in {asked:.0f} s, "
                    f"at {_in_seconds(asked)}"
                )
            else:
                error.after = asked
                self.patience.pause_all(asked)
        raise error

    def _body(self, response, largest):
        # A server that sends a byte now and then is no good either.
        deadline = time.monotonic() + _WHOLE * self.timeout
        pieces, n = [], 0
        # Whatever has arrived; `read` would wait until the piece is full.
        read = getattr(response.raw, "read1", response.raw.read)
        while piece := read(_PIECE, decode_content=True):
            pieces.append(piece)
            n += len(piece)
            if largest is not None and n > largest:
                msg = f"the reply is larger than the {largest} bytes expected"
                raise TransportError(msg)
            if time.monotonic() > deadline:
                msg = f"the reply did not end within {_WHOLE * self.timeout:g} s"
                raise TransportError(msg, retry=True, general=True)
        return b"".join(pieces)

    def _session(self):
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = _new_session()
            with self._lock:
                self._sessions.append(session)
        return session


def _new_session():
    # astroquery's session, with its User-Agent and its log of requests,
    # but none of its cache, which pickles replies, failures included.
    from astroquery.query import BaseQuery

    from astrovae.version import __version__

    session = BaseQuery()._session
    agent = session.headers["User-Agent"]
    session.headers["User-Agent"] = f"astrovae/{__version__} {agent}"
    return session


def _in_seconds(seconds):
    # The time then, to the minute after it.
    time = datetime.now(UTC) + timedelta(seconds=min(seconds, _FOREVER) + 59)
    return time.strftime("%Y-%m-%d %H:%M UTC")


def _root(error):
    # The innermost cause, which says what happened.
    while True:
        cause = error.__cause__ or error.__context__
        if cause is None or cause is error:
            return error
        error = cause
