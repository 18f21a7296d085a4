# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
How often the truth lies in intervals, over all and under conditions.
"""

from itertools import pairwise

import astropy.units as u
import numpy as np
from astropy.table import QTable

from .pit import ks_distance, usable_pit
from .ranks import plain

__all__ = ["COVERAGE_LEVELS", "conditional_coverage", "interval_coverage"]

#: The probabilities of the central intervals that are counted.
COVERAGE_LEVELS = (0.50, 0.68, 0.90, 0.95)

# A truth at the end of an interval is in it, whatever the rounding.
_ROUNDING = 1e-9


def interval_coverage(pit, *, levels=COVERAGE_LEVELS, confidence=0.95):
    r"""
    Count how often the truth lies in central intervals.

    The central interval of probability :math:`p` holds the truth where
    :math:`|2\,\mathrm{PIT} - 1| \le p`.

    Parameters
    ----------
    pit : array_like, shape (N,)
        PIT values, e.g. of `pit_values`; those that are masked or not
        finite do not count.
    levels : sequence of float, optional
        Probabilities of the intervals.
    confidence : float, optional
        Probability of the intervals of the fractions.

    Returns
    -------
    table : `~astropy.table.QTable`
        A row per level: ``level``, ``coverage`` (the fraction, NaN
        without a row) and ``coverage_lower`` and ``coverage_upper``,
        its binomial interval (Wilson 1927). In the meta: ``n``,
        ``n_excluded`` and ``confidence``.

    Raises
    ------
    ValueError
        If a level or a PIT value is not a probability.

    Examples
    --------
    >>> from astrovae.metrics import interval_coverage
    >>> table = interval_coverage([0.1, 0.3, 0.5, 0.7], levels=[0.5])
    >>> [round(float(table[name][0]), 2) for name in table.colnames]
    [0.5, 0.75, 0.3, 0.95]
    """
    pit, n_excluded = usable_pit(pit)
    levels = _checked(levels)
    coverage = central_coverage(pit, levels, confidence)
    names = ("coverage", "coverage_lower", "coverage_upper")
    table = QTable({"level": levels} | dict(zip(names, coverage, strict=True)))
    table.meta.update(n=len(pit), n_excluded=n_excluded, confidence=confidence)
    return table


def conditional_coverage(pit, by, *, bins=4, levels=COVERAGE_LEVELS, confidence=0.95):
    """
    Count the same in bins of another property, e.g. a magnitude.

    Intervals that hold over all may be too wide for bright galaxies
    and too narrow for faint ones.

    Parameters
    ----------
    pit : array_like, shape (N,)
        PIT values, e.g. of `pit_values`.
    by : `~astropy.units.Quantity` or array_like, shape (N,)
        The property. It should be known without the answer: in bins
        of the true value the intervals of the best possible
        distribution do not hold, either.
    bins : int, `~astropy.units.Quantity` or array_like, optional
        The number of bins with equally many rows, or the edges of the
        bins, in the unit of ``by`` if it has one.
    levels : sequence of float, optional
        Probabilities of the intervals.
    confidence : float, optional
        Probability of the intervals of the fractions.

    Returns
    -------
    table : `~astropy.table.QTable`
        A row per bin: its edges ``low`` and ``high``, of which the
        first belongs to it, the median ``middle``, ``n``, and for each
        level ``coverage_68`` (and so on) with ``_lower`` and
        ``_upper``; then ``pit_ks`` and ``pit_ks_expected`` of
        `ks_distance`. In the meta: ``n_excluded``, the rows without a
        PIT or property, ``n_outside``, those outside of all bins,
        and ``confidence``.

    Raises
    ------
    ValueError
        If the shapes differ, or the edges do not increase.
    `~astropy.units.UnitsError`
        If the edges have another unit than ``by``.
    """
    pit, values = plain(pit), plain(by)
    if pit.shape != values.shape or pit.ndim != 1:
        msg = f"'by' has the shape {values.shape}, but the PIT values {pit.shape}"
        raise ValueError(msg)
    levels = _checked(levels)
    unit = getattr(by, "unit", None)
    good = np.isfinite(pit) & np.isfinite(values)
    pit, values = pit[good], values[good]
    edges = _edges(values, bins, unit)
    # The last edge belongs to the last bin, as in a histogram.
    place = np.searchsorted(edges, values, side="right") - 1
    place[values == edges[-1]] = len(edges) - 2
    rows = []
    for i, (low, high) in enumerate(pairwise(edges)):
        inside = place == i
        middle = np.median(values[inside]) if np.any(inside) else np.nan
        rows.append(
            {"low": low, "high": high, "middle": middle}
            | {"n": int(np.count_nonzero(inside))}
            | coverage_figures(pit[inside], levels, confidence)
            | ks_figures(pit[inside])
        )
    table = QTable(rows)
    if unit is not None:
        for name in ("low", "high", "middle"):
            table[name] = u.Quantity(table[name], unit)
    outside = np.count_nonzero((place < 0) | (place >= len(edges) - 1))
    table.meta["n_excluded"] = int(np.count_nonzero(~good))
    table.meta["n_outside"] = int(outside)
    table.meta["confidence"] = confidence
    return table


def coverage_figures(pit, levels, confidence):
    """
    Coverage and its interval by column name, e.g. coverage_68_lower.
    """
    figures = {}
    columns = central_coverage(pit, levels, confidence)
    for level, *values in zip(levels, *columns, strict=True):
        name = f"coverage_{100.0 * level:g}"
        for suffix, value in zip(("", "_lower", "_upper"), values, strict=True):
            figures[name + suffix] = float(value)
    return figures


def ks_figures(pit):
    """
    The distance from uniformity by column name.
    """
    distance = ks_distance(pit)
    return {"pit_ks": distance["distance"], "pit_ks_expected": distance["expected"]}


def central_coverage(pit, levels, confidence):
    """
    Fractions in central intervals, and the ends of their intervals.
    """
    # Imported on use: it loads a great deal.
    from astropy.stats import binom_conf_interval

    if len(pit) == 0:
        return np.full((3, len(levels)), np.nan)
    depth = np.abs(2.0 * pit - 1.0)
    inside = [np.count_nonzero(depth <= level + _ROUNDING) for level in levels]
    lower, upper = binom_conf_interval(
        inside, len(pit), confidence_level=confidence, interval="wilson"
    )
    return np.array(inside) / len(pit), lower, upper


def _checked(levels):
    """
    The levels as an array.
    """
    levels = np.atleast_1d(np.asarray(levels, dtype=float))
    if np.any((levels <= 0.0) | (levels >= 1.0)):
        msg = f"the levels of intervals lie between 0 and 1, unlike {levels}"
        raise ValueError(msg)
    return levels


def _edges(values, bins, unit):
    """
    The edges of the bins as plain numbers.
    """
    if np.ndim(bins) == 0 and getattr(bins, "unit", None) is None:
        if len(values) == 0:
            msg = "there is no row to make bins of"
            raise ValueError(msg)
        kinds = np.unique(values)
        if 1 < len(kinds) <= bins:
            # A bin for each value: quantiles would put them together.
            between = 0.5 * (kinds[1:] + kinds[:-1])
            return np.concatenate([kinds[:1], between, kinds[-1:]])
        # Quantiles of many equal values are equal: fewer bins, then.
        edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, bins + 1)))
        return np.repeat(edges, 2) if len(edges) == 1 else edges
    own = getattr(bins, "unit", None)
    if own is not None and (unit is None or not own.is_equivalent(unit)):
        msg = f"'bins' has the unit {own}, but 'by' has {unit}"
        raise u.UnitsError(msg)
    edges = np.asarray(bins if own is None else bins.to_value(unit), dtype=float)
    if edges.ndim != 1 or len(edges) < 2 or np.any(np.diff(edges) <= 0.0):
        msg = f"the edges of bins must increase, unlike {edges}"
        raise ValueError(msg)
    return edges
