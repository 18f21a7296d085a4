# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What the command says on stderr.
"""

import argparse
import sys
import warnings
from contextlib import contextmanager

__all__ = ["complain", "one_line", "plain_warnings", "remark"]


def remark(text):
    """
    Say something on stderr that is no error.

    Parameters
    ----------
    text : str
        One line.
    """
    print(f"astrovae: {text}", file=sys.stderr)


def complain(text):
    """
    Say on stderr what went wrong.

    Parameters
    ----------
    text : str
        One line.
    """
    remark(f"error: {text}")


def one_line(error):
    """
    Tell an exception in one line.

    Parameters
    ----------
    error : Exception
        The exception.

    Returns
    -------
    text : str
        Its message, with its name where the message alone says little.
    """
    text = " ".join(str(error).split())
    plain = (OSError, ValueError, TypeError, ImportError, argparse.ArgumentTypeError)
    if isinstance(error, plain) and text:
        return text
    return f"{type(error).__name__}: {text}".rstrip(": ")


@contextmanager
def plain_warnings():
    """
    Show Python's warnings as one line each, ours every time.

    What astropy logs at lower levels is not shown: a verb says itself
    what it did.
    """
    from astropy import log

    from astrovae.exceptions import AstrovaeWarning

    def show(message, category, *unused, **unused_too):  # noqa: ARG001
        remark(f"warning: {' '.join(str(message).split())}")

    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=AstrovaeWarning)
        warnings.showwarning = show
        level = log.level
        log.setLevel("WARNING")
        try:
            yield
        finally:
            log.setLevel(level)
