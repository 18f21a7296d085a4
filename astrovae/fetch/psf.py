# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The width of a PSF from its image.
"""

import numpy as np
from scipy.ndimage import zoom

__all__ = ["measure_fwhm"]

#: Steps per pixel in which the image is interpolated.
_FINE = 8

#: Pixels around the peak that are looked at.
_HALF = 12


def measure_fwhm(image, pixel_scale):
    """
    Measure the full width at half maximum.

    The area above half of the maximum, on the image interpolated by
    cubic splines, is taken for a disc; so an elongated PSF has the
    geometric mean of its widths.

    Parameters
    ----------
    image : `~numpy.ndarray`, shape (y, x)
        The PSF.
    pixel_scale : float
        The side of a pixel in arcsec.

    Returns
    -------
    fwhm : float
        Arcseconds; NaN if the image has no peak.
    """
    image = np.asarray(image, dtype=float)
    if not np.isfinite(image).all() or not image.max() > 0:
        return np.nan
    y, x = np.unravel_index(image.argmax(), image.shape)
    image = image[max(y - _HALF, 0) : y + _HALF + 1, max(x - _HALF, 0) : x + _HALF + 1]
    fine = zoom(image, _FINE, order=3, grid_mode=True, mode="nearest")
    area = np.count_nonzero(fine > fine.max() / 2) / _FINE**2
    return float(2 * np.sqrt(area / np.pi) * pixel_scale)
