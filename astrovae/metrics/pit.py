# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The probability integral transform (PIT), and whether it is uniform.
"""

import numpy as np
from astropy.table import QTable
from scipy.stats import binom, kstest

from .predictive import predictive_of
from .ranks import plain, plain_pair, rank_among

__all__ = [
    "ks_distance",
    "pit_from_quantiles",
    "pit_from_samples",
    "pit_histogram",
    "pit_values",
]


def pit_values(predicted, truth, name, *, label_errors=False, random_state=0):
    r"""
    Return the probability integral transform of the true values.

    It is :math:`\int_{-\infty}^{x_\mathrm{true}} p(x)\,dx`, uniform in
    [0, 1] where the distributions are right: of draws as by
    `pit_from_samples`, of an estimate with its interval with the
    distribution that `calibration` assumes. An orientation is compared
    on the circle cut opposite to the predicted one.

    Parameters
    ----------
    predicted : `~astropy.table.QTable`
        The result of ``PhysicsVAE.predict`` or
        ``PhysicsVAE.sample_posterior``.
    truth : `~astropy.table.QTable`
        The true values; matched as by `comparison_table`.
    name : str
        The parameter, e.g. ``"redshift"``.
    label_errors : bool, optional
        Whether to allow for the errors of the truth; see
        `calibration`.
    random_state : int, `~numpy.random.Generator` or None, optional
        Seed of the ranks among draws.

    Returns
    -------
    pit : `~numpy.ndarray`, shape (N,)
        A value for each row of ``predicted``; NaN where the estimate,
        its interval, a draw or the truth is missing.

    Raises
    ------
    ValueError
        If a table lacks the parameter, or rows have no match.
    """
    predictive, true = predictive_of(
        predicted, truth, name, label_errors=label_errors, random_state=random_state
    )
    return predictive.pit(true)


def pit_from_samples(samples, truth, *, random_state=0):
    """
    Return the rank of each true value among draws, as a number in [0, 1].

    The rank is one of n + 1. A random place inside of its step, and
    among draws that equal the truth, makes the PIT of calibrated draws
    exactly uniform for any number of them.

    Parameters
    ----------
    samples : `~astropy.uncertainty.Distribution` or array_like
        A distribution of the shape (N,) or an array (N, n): n draws
        per row, with or without a unit.
    truth : `~astropy.units.Quantity` or array_like, shape (N,)
        The true values, in an equivalent unit.
    random_state : int, `~numpy.random.Generator` or None, optional
        Seed of the places.

    Returns
    -------
    pit : `~numpy.ndarray`, shape (N,)
        NaN where the truth or a draw is masked or not finite.

    Raises
    ------
    ValueError
        If the shapes differ.
    `~astropy.units.UnitsError`
        If only one argument has a unit, or another one.

    Examples
    --------
    >>> from astrovae.metrics import pit_from_samples
    >>> pit = pit_from_samples([[0.1, 0.2, 0.3]], [0.25])
    >>> bool(0.5 < pit[0] <= 0.75)
    True
    """
    samples, truth, _ = plain_pair(samples, truth)
    return rank_among(samples, truth, np.random.default_rng(random_state))


def pit_from_quantiles(quantiles, levels, truth, *, random_state=0):
    """
    Return the PIT of true values from quantiles of their distributions.

    It is interpolated linearly. Beyond the outermost quantiles the
    distribution is not known: the PIT of a truth there, and of one at
    which several quantiles lie, is a random one of those possible.
    Figures at the levels of the quantiles are exact.

    Parameters
    ----------
    quantiles : `~astropy.units.Quantity` or array_like, shape (N, K)
        K quantiles per row, with or without a unit; they increase.
    levels : array_like, shape (K,)
        Their cumulative probabilities, increasing, from 0 to 1.
    truth : `~astropy.units.Quantity` or array_like, shape (N,)
        The true values, in an equivalent unit.
    random_state : int, `~numpy.random.Generator` or None, optional
        Seed of what is random.

    Returns
    -------
    pit : `~numpy.ndarray`, shape (N,)
        NaN where the truth or a quantile is masked or not finite, or
        the quantiles of a row decrease.

    Raises
    ------
    ValueError
        If the shapes differ, or the levels are not increasing
        probabilities.
    `~astropy.units.UnitsError`
        If only one argument has a unit, or another one.

    Examples
    --------
    >>> from astrovae.metrics import pit_from_quantiles
    >>> pit_from_quantiles([[0.1, 0.2, 0.4]], [0.16, 0.5, 0.84], [0.3])
    array([0.67])
    """
    quantiles, truth, _ = plain_pair(quantiles, truth)
    levels = np.asarray(levels, dtype=float)
    if levels.shape != quantiles.shape[1:]:
        msg = f"{quantiles.shape[1]} quantiles need as many levels, not {levels.size}"
        raise ValueError(msg)
    if levels[0] < 0.0 or levels[-1] > 1.0 or np.any(np.diff(levels) <= 0.0):
        msg = f"the levels are no increasing probabilities: {levels}"
        raise ValueError(msg)
    column = truth[:, None]
    left = np.count_nonzero(quantiles < column, axis=1)
    right = np.count_nonzero(quantiles <= column, axis=1)
    step = np.random.default_rng(random_state).random(len(truth))
    rows = np.arange(len(truth))
    # Between two quantiles; an end that is not known lies at 0 or 1.
    level_of = np.concatenate([[0.0], levels, [1.0]])
    last = len(levels) - 1
    low = quantiles[rows, np.clip(left - 1, 0, last)]
    high = quantiles[rows, np.clip(left, 0, last)]
    between = (left > 0) & (left <= last)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(between, (truth - low) / (high - low), step)
    pit = level_of[left] + part * (level_of[left + 1] - level_of[left])
    # At one quantile or more: from the first of them to the last.
    first, final = levels[np.clip(left, 0, last)], levels[np.clip(right - 1, 0, last)]
    pit = np.where(right > left, first + step * (final - first), pit)
    good = np.isfinite(truth) & np.all(np.isfinite(quantiles), axis=1)
    good &= np.all(np.diff(quantiles, axis=1) >= 0.0, axis=1)
    return np.where(good, pit, np.nan)


def pit_histogram(pit, *, n_bins=20, confidence=0.95):
    """
    Count PIT values in bins of equal width.

    Parameters
    ----------
    pit : array_like, shape (N,)
        PIT values; those that are masked or not finite do not count.
    n_bins : int, optional
        Number of bins.
    confidence : float, optional
        Probability with which the count of a bin of uniform PIT lies
        in its expected range.

    Returns
    -------
    table : `~astropy.table.QTable`
        A row per bin: ``low`` and ``high``, its edges, ``count``, and
        ``expected_lower`` and ``expected_upper``, quantiles of the
        binomial distribution. In the meta: ``n``, ``n_excluded`` and
        ``confidence``.
    """
    pit, n_excluded = usable_pit(pit)
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    tail = 0.5 - confidence / 2.0
    table = QTable({"low": edges[:-1], "high": edges[1:]})
    table["count"] = np.histogram(pit, edges)[0]
    for name, level in (("lower", tail), ("upper", 1.0 - tail)):
        expected = binom.ppf(level, len(pit), 1.0 / n_bins) if len(pit) else 0
        table[f"expected_{name}"] = np.full(n_bins, int(expected))
    table.meta.update(n=len(pit), n_excluded=n_excluded, confidence=confidence)
    return table


def ks_distance(pit):
    r"""
    Compare PIT values with a uniform distribution.

    Parameters
    ----------
    pit : array_like, shape (N,)
        PIT values; those that are masked or not finite do not count.

    Returns
    -------
    result : dict
        ``n`` and ``n_excluded`` (int); ``distance``, the largest
        difference of the cumulative distributions (Kolmogorov-
        Smirnov); ``expected``, its mean for n values that are uniform,
        :math:`\sqrt{\pi / 2}\,\ln 2 / (\sqrt{n} + 0.12 + 0.11 /
        \sqrt{n})` (Stephens 1970, JRSS B, 32, 115); and ``p_value``,
        the probability of a larger distance then. NaN without a
        value.

    Examples
    --------
    >>> from astrovae.metrics import ks_distance
    >>> figures = ks_distance([0.1, 0.3, 0.5, 0.7, 0.9])
    >>> round(figures["distance"], 2), round(figures["expected"], 2)
    (0.1, 0.36)
    """
    pit, n_excluded = usable_pit(pit)
    result = {"n": len(pit), "n_excluded": n_excluded}
    if len(pit) == 0:
        return result | dict.fromkeys(("distance", "expected", "p_value"), np.nan)
    test = kstest(pit, "uniform")
    root = np.sqrt(len(pit))
    expected = np.sqrt(np.pi / 2.0) * np.log(2.0) / (root + 0.12 + 0.11 / root)
    return result | {
        "distance": float(test.statistic),
        "expected": float(expected),
        "p_value": float(test.pvalue),
    }


def usable_pit(pit):
    """
    The PIT values that are finite, and the number of the others.

    Raises ValueError for what is no probability.
    """
    pit = plain(pit).ravel()
    good = np.isfinite(pit)
    if np.any((pit[good] < 0.0) | (pit[good] > 1.0)):
        msg = (
            f"PIT values are probabilities, not between {np.min(pit[good])} and "
            f"{np.max(pit[good])}"
        )
        raise ValueError(msg)
    return pit[good], int(np.count_nonzero(~good))
