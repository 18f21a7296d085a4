# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Controls with the redshifts of a class.
"""

import bisect

import numpy as np
from sklearn.utils import check_random_state

__all__ = ["match_redshift"]


def match_redshift(
    redshift,
    members,
    controls,
    *,
    n_matched=10,
    max_difference=0.02,
    random_state=None,
):
    """
    Draw controls that have the redshifts of a class.

    Each member takes the nearest control that is left, in turn; then
    all take a second one, and so on. A further control is taken only
    as long as nine in ten members still find one, since the controls'
    redshifts would no longer be those of the class.

    Parameters
    ----------
    redshift : array_like, shape (N,)
        Of all galaxies; those that are not finite are not matched.
    members, controls : array_like of int
        Rows of the class and of the possible controls.
    n_matched : int, optional
        Controls per member, at most.
    max_difference : float, optional
        Largest difference of the redshifts over 1 + z.
    random_state : int, `~numpy.random.RandomState` or None, optional
        Seed of the members' order.

    Returns
    -------
    matched : `~numpy.ndarray` of int
        Rows of the chosen controls, sorted; none of them twice.
    n_unmatched : int
        Number of members without any control.
    """
    redshift = np.asarray(redshift, dtype=float)
    members, controls = np.asarray(members, int), np.asarray(controls, int)
    finite = np.isfinite(redshift)
    rng = check_random_state(random_state)
    pool = controls[finite[controls]]
    pool = pool[np.argsort(redshift[pool], kind="stable")]
    values, rows = redshift[pool].tolist(), pool.tolist()
    matched = []
    n_unmatched = len(members)
    for turn in range(n_matched):
        order = rng.permutation(members[finite[members]])
        found = _take_nearest(redshift[order], values, rows, max_difference)
        if turn == 0:
            n_unmatched -= len(found)
        elif len(found) < 0.9 * len(members):
            break
        matched += found
    return np.sort(np.array(matched, dtype=int)), n_unmatched


def _take_nearest(wanted, values, rows, max_difference):
    """
    Take for each redshift the nearest control out of sorted lists.
    """
    found = []
    for z in wanted.tolist():
        place = bisect.bisect_left(values, z)
        near = [i for i in (place - 1, place) if 0 <= i < len(values)]
        if not near:
            continue
        best = min(near, key=lambda i: abs(values[i] - z))
        if abs(values[best] - z) <= max_difference * (1.0 + z):
            values.pop(best)
            found.append(rows.pop(best))
    return found
