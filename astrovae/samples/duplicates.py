# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Galaxies that occur in more than one catalogue.
"""

import astropy.units as u
import numpy as np
from astropy.coordinates import search_around_sky

__all__ = ["find_duplicates"]


def find_duplicates(coords, radius=1.0 * u.arcsec):
    """
    Find positions that repeat an earlier one.

    The positions are gone through in their order: one is kept if no
    kept position lies within the radius. So no two of those kept are
    within the radius of each other, and each of the others is within
    the radius of a kept one that stands before it.

    Parameters
    ----------
    coords : `~astropy.coordinates.SkyCoord`, shape (N,)
        Positions, the preferred ones first.
    radius : `~astropy.units.Quantity`, optional
        An angle; zero finds nothing.

    Returns
    -------
    repeats : `~numpy.ndarray` of int, shape (N,)
        -1 for a position that is kept, otherwise the index of the kept
        one that it repeats, the first of them if there are several.

    Raises
    ------
    `~astropy.units.UnitsError`
        If the radius is no angle.
    ValueError
        If it is negative.

    Examples
    --------
    >>> import astropy.units as u
    >>> from astropy.coordinates import SkyCoord
    >>> from astrovae.samples import find_duplicates
    >>> coords = SkyCoord([10, 20, 10.0001], [0, 0, 0], unit=u.deg)
    >>> find_duplicates(coords, 1 * u.arcsec).tolist()
    [-1, -1, 0]
    """
    radius = u.Quantity(radius)
    if not radius.unit.is_equivalent(u.deg):
        msg = f"'radius' must be an angle, not {radius.unit}"
        raise u.UnitsError(msg)
    if not radius >= 0:
        msg = f"'radius' must not be negative, not {radius}"
        raise ValueError(msg)
    repeats = np.full(len(coords), -1)
    if len(coords) < 2 or radius == 0:
        return repeats
    first, second, _, _ = search_around_sky(coords, coords, radius)
    later = first < second
    first, second = first[later], second[later]
    # By the later of each pair, then by the earlier: when a position is
    # decided, all before it are.
    for i in np.lexsort((first, second)):
        if repeats[second[i]] < 0 and repeats[first[i]] < 0:
            repeats[second[i]] = first[i]
    return repeats
