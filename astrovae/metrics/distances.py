# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Mean distances of draws from the truth and from each other.

These functions serve the other modules of this sub-package.
"""

import numpy as np
from scipy.special import ndtr

from .matching import PERIOD

__all__ = []


def fair_crps(residuals):
    """
    The fair score of draws minus truth, shape (N, n).
    """
    n = residuals.shape[1]
    ordered = _usable(np.sort(residuals, axis=1))
    order = 2.0 * np.arange(n) - (n - 1)
    return np.abs(ordered).mean(axis=1) - (ordered @ order) / (n * (n - 1))


def fair_circular_crps(residuals):
    """
    The same of angles in degrees, whose distance is 90 at most.

    The angle between two axes is the measure of the cuts of the
    circle in two halves that part them; the sum over all pairs is the
    integral over the cuts of the product of the numbers on each side.
    """
    half = PERIOD / 2.0
    n = residuals.shape[1]
    folded = _usable(residuals % PERIOD)
    # The remainder of a tiny negative number is rounded to the period.
    folded = np.where(folded < PERIOD, folded, folded - PERIOD)
    place = folded % half
    order = np.argsort(place, axis=1)
    first = folded < half
    # Passing an axis, the cut leaves it behind or takes it in.
    change = np.take_along_axis(np.where(first, -1.0, 1.0), order, axis=1)
    inside = np.empty((len(folded), n + 1))
    inside[:, 0] = np.count_nonzero(first, axis=1)
    inside[:, 1:] = inside[:, :1] + np.cumsum(change, axis=1)
    places = np.take_along_axis(place, order, axis=1)
    width = np.diff(places, axis=1, prepend=0.0, append=half)
    pairs = np.sum(width * inside * (n - inside), axis=1)
    to_truth = np.minimum(folded, PERIOD - folded).mean(axis=1)
    return to_truth - pairs / (n * (n - 1))


def normal_distance(offset, sigma):
    """
    The mean absolute value of a normal variable, A(mu, sigma^2).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = offset / sigma
        density = np.exp(-0.5 * scaled**2) / np.sqrt(2.0 * np.pi)
        distance = 2.0 * sigma * density + offset * (2.0 * ndtr(scaled) - 1.0)
    return np.where(sigma == 0.0, np.abs(offset), distance)


def _usable(values):
    """
    NaN in the rows that have a value which is not finite.
    """
    bad = ~np.all(np.isfinite(values), axis=1)
    return np.where(bad[:, None], np.nan, values)
