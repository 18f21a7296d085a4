# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Warnings and errors that are particular to astrovae.
"""

from astropy.utils.exceptions import AstropyUserWarning

__all__ = ["AstrovaeWarning", "ImageFormatError", "ModelFileError"]


class AstrovaeWarning(AstropyUserWarning):
    """
    The base class of every warning that astrovae issues.
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
