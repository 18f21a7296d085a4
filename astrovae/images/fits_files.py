# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Opening FITS files of strangers: whatever is wrong with one becomes an
`~astrovae.exceptions.ImageFormatError` that says what was found.
"""

import warnings
import zlib
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
from astropy.io import fits

from astrovae.exceptions import ImageFormatError

__all__ = [
    "FITS_ENDINGS",
    "NotAnImageError",
    "is_fits_name",
    "open_fits",
    "plane",
    "read_headers",
]

FITS_ENDINGS = (".fits", ".fits.gz", ".fits.fz", ".fit", ".fit.gz", ".fits.bz2")

# What astropy raises on files that were cut short or altered.
_BROKEN = (
    OSError,
    EOFError,
    TypeError,
    ValueError,
    KeyError,
    IndexError,
    zlib.error,
    fits.VerifyError,
)


class NotAnImageError(ImageFormatError):
    """
    Raised for a sound file that holds no galaxy image: it is passed
    over, where a broken one is flagged.
    """


def is_fits_name(path):
    """
    Tell whether a file is named like FITS.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    is_fits : bool
        Whether it ends in .fits, .fits.gz, .fits.fz or the like.
    """
    return str(path).lower().endswith(FITS_ENDINGS)


@contextmanager
def open_fits(path):
    """
    Open a FITS file; errors while it is open become one clear error.

    Parameters
    ----------
    path : path-like
        The file.

    Yields
    ------
    hdus : `~astropy.io.fits.HDUList`
        The open file; data must be read before it closes.

    Raises
    ------
    `~astrovae.exceptions.ImageFormatError`
        If the file is truncated, damaged or no FITS.
    """
    with warnings.catch_warnings(record=True) as caught:
        # astropy warns of a truncated file when it opens it and fails
        # later, with an error that does not say so.
        warnings.simplefilter("always")
        try:
            with fits.open(path, memmap=False) as hdus:
                yield hdus
        except (ImageFormatError, FileNotFoundError):
            raise
        except _BROKEN as error:
            found = [str(w.message) for w in caught if "truncated" in str(w.message)]
            msg = f"{path}: {_explain(path, error, found)}"
            raise ImageFormatError(msg) from error


def _explain(path, error, found):
    if found:
        return found[0]
    with Path(path).open("rb") as file:
        start = file.read(40)
    if not start:
        return "the file is empty"
    if not start.startswith((b"SIMPLE", b"\x1f\x8b", b"BZh")):
        return f"no FITS file; it begins with {start!r}"
    return f"damaged FITS file ({error})"


def read_headers(path):
    """
    Read all headers of a FITS file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    headers : tuple of `~astropy.io.fits.Header`
        One per HDU; those of compressed images as if they were not.

    Raises
    ------
    `~astrovae.exceptions.ImageFormatError`
        If the file is no FITS.
    """
    stat = Path(path).stat()
    return _read_headers(str(path), stat.st_mtime_ns, stat.st_size)


# Each registered format looks at the same headers in turn.
@lru_cache(maxsize=4)
def _read_headers(path, _mtime, _size):
    with open_fits(path) as hdus:
        return tuple(hdu.header.copy() for hdu in hdus)


def plane(hdu):
    """
    Return an HDU's pixels in the machine's byte order.

    Parameters
    ----------
    hdu : `~astropy.io.fits.ImageHDU`
        An open HDU.

    Returns
    -------
    data : `~numpy.ndarray` of float32
        The pixels, a copy.
    """
    return np.array(hdu.data, dtype=np.float32)
