# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Warnings and errors that are particular to astrovae.
"""

from astropy.utils.exceptions import AstropyUserWarning

__all__ = [
    "AstrovaeWarning",
    "CatalogueError",
    "ImageFormatError",
    "ModelFileError",
    "SpectrumError",
]


class AstrovaeWarning(AstropyUserWarning):
    """
    The base class of every warning that astrovae issues.
    """


class CatalogueError(OSError):
    """
    Raised when a published catalogue cannot be had or is not as expected.

    Examples are a table or a column that VizieR does not have, and a
    reply that was cut short.
    """


class ImageFormatError(OSError):
    """
    Raised when a file is not a galaxy image of a known format.

    Examples are a download that was cut short, a FITS file without
    an image, and a frame without the requested bands.
    """


class ModelFileError(OSError):
    """
    Raised when a model file is truncated, altered, or of a version
    that this release cannot read.
    """


class SpectrumError(OSError):
    """
    Raised when a spectrum cannot be had, read or measured.

    Examples are a server that does not answer, a file that was cut
    short, and a spectrum without uncertainties or without a good pixel.
    """
