# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A zero is not a measurement: masks, and the flags that follow from them.
"""

import numpy as np

from astrovae.flags import GalaxyFlags

__all__ = ["COVERAGE_FLAGS", "coverage_flags", "zeros_as_mask"]

#: The bits that follow from the mask alone.
COVERAGE_FLAGS = (
    int(GalaxyFlags.NO_COVERAGE)
    | int(GalaxyFlags.MISSING_BAND)
    | int(GalaxyFlags.PARTIAL_COVERAGE)
    | int(GalaxyFlags.CENTRE_MASKED)
)

#: The masked fraction of a band above which the coverage is partial.
PARTIAL_FRACTION = 0.1

#: The radius, in arcsec, within which a masked pixel is reported.
CENTRE_RADIUS = 1.0


def coverage_flags(mask, pixel_scale, n):
    """
    Find the coverage flags of each galaxy.

    A galaxy without any valid pixel is ``NO_COVERAGE`` and nothing
    else; a band without any is ``MISSING_BAND`` and does not count for
    ``PARTIAL_COVERAGE`` and ``CENTRE_MASKED``, which look at the
    others.

    Parameters
    ----------
    mask : `~numpy.ndarray` of bool, shape (N, bands, y, x), or None
        True where there is no measurement.
    pixel_scale : float
        The size of a pixel in arcsec.
    n : int
        The number of galaxies, for a mask that is None.

    Returns
    -------
    flags : `~numpy.ndarray` of int, shape (N,)
        Bits of `~astrovae.flags.GalaxyFlags`.
    """
    flags = np.zeros(n, dtype=np.int64)
    if mask is None or n == 0:
        return flags
    ny, nx = mask.shape[-2:]
    fraction = np.count_nonzero(mask, axis=(-2, -1)) / max(ny * nx, 1)
    empty = fraction == 1
    y, x = np.ogrid[:ny, :nx]
    radius = np.hypot(y - (ny - 1) / 2, x - (nx - 1) / 2)
    # Never fewer than the central pixels, however coarse they are.
    centre = radius <= max(CENTRE_RADIUS / pixel_scale, 0.75)
    partial = (fraction > PARTIAL_FRACTION) & ~empty
    centre_masked = mask[..., centre].any(axis=-1) & ~empty
    flags[partial.any(axis=1)] |= int(GalaxyFlags.PARTIAL_COVERAGE)
    flags[centre_masked.any(axis=1)] |= int(GalaxyFlags.CENTRE_MASKED)
    flags[empty.any(axis=1)] |= int(GalaxyFlags.MISSING_BAND)
    flags[empty.all(axis=1)] = int(GalaxyFlags.NO_COVERAGE)
    return flags


def zeros_as_mask(data):
    """
    Find the pixels that are zero because nothing was measured there.

    Survey servers fill uncovered pixels and bands with exact zeros. In
    a sky-subtracted image in floating point the noise makes an exact
    zero practically impossible (one pixel in a million at single
    precision), so every exact zero is taken for a hole.

    Parameters
    ----------
    data : `~numpy.ndarray`, shape (..., y, x)
        Pixels as they were read, before any resampling.

    Returns
    -------
    mask : `~numpy.ndarray` of bool
        True where there is no measurement.
    """
    return data == 0
