# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The files of bricks while a job needs them.
"""

import tempfile
from pathlib import Path

from astrovae.fetch import replies
from astrovae.fetch.errors import FetchError, TransportError
from astrovae.fetch.servers import is_url

__all__ = ["BrickFiles"]


class BrickFiles:
    """
    Open files, of which each is downloaded once; use with ``with``.

    Parameters
    ----------
    transport : `~astrovae.fetch.transport.Transport`
        Sends the requests.
    keep : bool
        Whether files are opened several times. Then those from a server
        are kept on disk until the end.
    """

    def __init__(self, transport, *, keep):
        self._transport = transport
        self._keep = keep
        self._folder = None
        self._paths = {}
        self._failures = {}

    def __enter__(self):
        return self

    def __exit__(self, *args):
        if self._folder is not None:
            self._folder.cleanup()

    def open(self, url):
        """
        Open a file.

        Parameters
        ----------
        url : str
            Its address, or its path.

        Returns
        -------
        hdus : `~astropy.io.fits.HDUList`
            The file, complete.

        Raises
        ------
        `~astrovae.fetch.errors.FetchError`
            If it is damaged; or not there, with ``empty``. It is not
            tried again.
        """
        if url in self._failures:
            raise self._failures[url]
        try:
            if not is_url(url):
                return replies.open_reply(_read(url))
            if url in self._paths:
                return replies.open_reply(self._paths[url].read_bytes())
            return self._download(url)
        except FetchError as error:
            self._failures[url] = error
            raise

    def _download(self, url):
        def check(body):
            return body, replies.open_reply(body)

        try:
            body, hdus = self._transport.get(url, check=check)
        except TransportError as error:
            if error.status == 404:
                # The service's way to say that there were no exposures.
                raise _missing() from error
            raise
        if self._keep:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="astrovae-brick-")
            path = Path(self._folder.name) / str(len(self._paths))
            path.write_bytes(body)
            self._paths[url] = path
        return hdus


def _read(url):
    path = Path(url.removeprefix("file://")).expanduser()
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise _missing() from error
    except OSError as error:
        msg = f"the file cannot be read: {error.strerror}"
        raise TransportError(msg) from error


def _missing():
    msg = "no such file"
    return TransportError(msg, empty=True)
