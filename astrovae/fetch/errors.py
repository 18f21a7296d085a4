# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Why an object has no image.
"""

__all__ = ["FetchError", "ReplyError", "TransportError"]


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
    empty : bool, optional
        Whether the service works, but has nothing at this position.
    """

    def __init__(self, reason, *, retry=False, general=False, empty=False):
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.general = general
        self.empty = empty


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
