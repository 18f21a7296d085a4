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
from astrovae.images.checks import check_bands

__all__ = [
    "FITS_ENDINGS",
    "NotAnImageError",
    "check_wanted_bands",
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


def check_wanted_bands(names, bands, path):
    """
    Check that a file has at least one of the bands wanted.

    Parameters
    ----------
    names : sequence of str
        The file's bands.
    bands : str or sequence of str or None
        Those wanted; None if all are.
    path : path-like
        The file, for the error.

    Raises
    ------
    NotAnImageError
        If it has none of them.
    """
    if bands is None:
        return
    wanted = check_bands(bands)
    if not set(names) & set(wanted):
        msg = (
            f"{path}: has the bands {', '.join(dict.fromkeys(names))}, and none "
            f"of {', '.join(wanted)}"
        )
        raise NotAnImageError(msg)


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
        If the file is truncated, damaged or no FITS, or may not be read.
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
    try:
        with Path(path).open("rb") as file:
            start = file.read(40)
    except OSError as denied:
        return f"cannot be opened ({denied.strerror})"
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
        If the file is no FITS, or may not be read.
    """
    try:
        stat = Path(path).stat()
    except PermissionError as error:
        msg = f"{path}: cannot be opened ({error.strerror})"
        raise ImageFormatError(msg) from error
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
