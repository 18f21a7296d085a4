# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Where a value lies among draws, and arrays for it.

These functions serve the other modules of this sub-package.
"""

import astropy.units as u
import numpy as np
from astropy.cosmology import units as cu

from .matching import unpacked

__all__ = []


def rank_among(draws, values, rng):
    """
    The ranks of values (N,) among draws (N, n), as numbers in [0, 1].

    Where value and draws are of one distribution, the rank is one of
    n + 1 with equal probability; a random place inside of its step
    makes it uniform, whatever n and however many draws are equal. NaN
    where anything is not finite.
    """
    column = values[:, None]
    below = np.count_nonzero(draws < column, axis=1)
    equal = np.count_nonzero(draws == column, axis=1)
    place = rng.random(len(values)) * (equal + 1.0)
    rank = (below + place) / (draws.shape[1] + 1.0)
    good = np.isfinite(values) & np.all(np.isfinite(draws), axis=1)
    return np.where(good, rank, np.nan)


def plain_pair(samples, truth, n_axes=2):
    """
    Draws and true values as plain arrays in one unit, and that unit.

    What is masked becomes NaN. The unit is None if there is none.
    """
    samples = unpacked(samples)
    unit = getattr(samples, "unit", None)
    factor = _conversion(getattr(truth, "unit", None), unit)
    samples, truth = plain(samples), factor * plain(truth)
    if samples.ndim != n_axes or truth.shape != (len(samples), *samples.shape[2:]):
        msg = (
            f"samples of the shape {samples.shape} and a truth of the shape "
            f"{truth.shape} are not N rows of draws and N true values"
        )
        raise ValueError(msg)
    if samples.shape[1] == 0:
        msg = "there is no draw in the samples"
        raise ValueError(msg)
    return samples, truth, unit


def plain(values):
    """
    Numbers without a unit, NaN where masked.
    """
    mask = np.asarray(getattr(values, "mask", False))
    values = np.ma.getdata(getattr(values, "unmasked", values))
    values = np.asarray(getattr(values, "value", values), dtype=float)
    return np.where(mask, np.nan, values)


def _conversion(other, unit):
    """
    The factor from the truth's unit to that of the samples.
    """
    other, unit = (u.one if one is None else one for one in (other, unit))
    try:
        return other.to(unit, equivalencies=cu.dimensionless_redshift())
    except u.UnitConversionError as error:
        msg = f"'truth' has the unit '{other}', but the samples have '{unit}'"
        raise u.UnitsError(msg) from error
