# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Why an object has no image.
"""

import struct
import zlib

from astropy.io.fits import VerifyError
from astropy.wcs import NoConvergence

__all__ = ["DAMAGE", "FetchError", "ReplyError", "TransportError", "damaged"]

#: What reading raises of a file that makes no sense: astropy of a header or
#: a WCS, numpy of numbers and shapes, the decompression of its pixels.
DAMAGE = (
    VerifyError,
    NoConvergence,
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    TypeError,
    KeyError,
    IndexError,
    struct.error,
    zlib.error,
)


class FetchError(Exception):
    """
    One object could not be fetched; the others go on.

    Parameters
    ----------
    reason : str
        What was wrong, for the manifest and the set's ``reasons``.
    retry : bool, optional
        Whether the same request may succeed in a moment.
    general : bool, optional
        Whether the reason probably concerns every object.
    doubtful : bool, optional
        Whether the reason may concern this position, or every object.
    empty : bool, optional
        Whether the service works, but has nothing at this position.
    halt : bool, optional
        Whether nothing more may be sent in this run.
    """

    def __init__(
        self,
        reason,
        *,
        retry=False,
        general=False,
        doubtful=False,
        empty=False,
        halt=False,
    ):
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.general = general
        self.doubtful = doubtful
        self.empty = empty
        self.halt = halt


class TransportError(FetchError):
    """
    There was no reply, or one with an HTTP status that says so.

    Attributes
    ----------
    status : int or None
        The HTTP status.
    after : float or None
        Seconds after which the server asks to come back.
    """

    status = None
    after = None


class ReplyError(FetchError):
    """
    The reply is not what was asked for.
    """


def damaged(error):
    """
    Turn what reading raised into the failure of one object.

    Parameters
    ----------
    error : Exception
        One of `DAMAGE`.

    Returns
    -------
    error : `ReplyError`
        It says "damaged reply", with the class and the text.
    """
    text = " ".join(str(error).split())
    return ReplyError(f"damaged reply: {type(error).__name__}: {text}".rstrip(": "))
