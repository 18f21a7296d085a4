# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Whether the intervals of the estimates hold what they promise.
"""

import numpy as np
from astropy.table import QTable
from scipy.special import ndtr, ndtri

from .matching import (
    PERIOD,
    bounds_of,
    mean,
    shared_parameters,
    wrap,
)

__all__ = ["COVERAGE_LEVELS", "calibration", "pit_values"]

#: The probabilities of the central intervals that `calibration` counts.
COVERAGE_LEVELS = (0.50, 0.68, 0.90, 0.95)

# The columns NAME_lower and NAME_upper are the 16th and 84th percentiles.
_UPPER_PERCENTILE = 0.84


def calibration(predicted, truth):
    r"""
    Count how often the truth lies in intervals of nominal probability.

    An interval other than the central 68 % is not in the table of
    results. It is inferred from that one, under the assumption of a
    normal distribution with one width on each side of the estimate:
    a deviation from the nominal figure may come from the widths or
    from the tails. Where the width on the side of the truth is zero,
    the truth lies outside of all intervals, unless it is the estimate.
    An interval of the orientation of 180 deg and more holds every
    truth.

    Parameters
    ----------
    predicted : `~astropy.table.QTable`
        The result of ``PhysicsVAE.predict``, with ``_lower`` and
        ``_upper``.
    truth : `~astropy.table.QTable`
        The true values; matched as by `comparison_table`.

    Returns
    -------
    table : `~astropy.table.QTable`
        One row per parameter: ``n``, ``n_excluded``, ``coverage_50``,
        ``coverage_68``, ``coverage_90``, ``coverage_95``, and mean
        and standard deviation of `pit_values` (nominally 0.5 and
        :math:`1/\sqrt{12} = 0.289`).

    Raises
    ------
    ValueError
        If the tables share no parameter with an interval, or rows
        have no match.
    """
    rows = []
    for parameter, est, true in shared_parameters(predicted, truth):
        bounds = bounds_of(parameter, predicted)
        if bounds is None:
            continue
        pulls = _pulls(parameter, est, true, *bounds)
        pulls = pulls[~np.isnan(pulls)]
        row = {
            "parameter": parameter.name,
            "n": len(pulls),
            "n_excluded": len(est) - len(pulls),
        }
        for level in COVERAGE_LEVELS:
            inside = np.abs(pulls) <= ndtri(0.5 + level / 2.0)
            row[f"coverage_{100 * level:.0f}"] = mean(inside)
        pit = ndtr(pulls)
        row["pit_mean"] = mean(pit)
        row["pit_std"] = float(np.std(pit)) if len(pit) else np.nan
        rows.append(row)
    if not rows:
        msg = "no parameter of the predicted table has _lower and _upper"
        raise ValueError(msg)
    return QTable(rows)


def pit_values(predicted, truth, name):
    r"""
    Return the probability integral transform of the true values.

    It is :math:`\int_{-\infty}^{x_\mathrm{true}} p(x)\,dx` with the
    distribution that `calibration` assumes, uniform in [0, 1] where
    the intervals are right.

    Parameters
    ----------
    predicted : `~astropy.table.QTable`
        The result of ``PhysicsVAE.predict``.
    truth : `~astropy.table.QTable`
        The true values; matched as by `comparison_table`.
    name : str
        The parameter, e.g. ``"redshift"``.

    Returns
    -------
    pit : `~numpy.ndarray`, shape (N,)
        A value for each row of ``predicted``; NaN where the estimate,
        its interval or the truth is missing.

    Raises
    ------
    ValueError
        If a table lacks the parameter, or rows have no match.
    """
    for parameter, est, true in shared_parameters(predicted, truth):
        bounds = bounds_of(parameter, predicted)
        if parameter.name == name and bounds is not None:
            return ndtr(_pulls(parameter, est, true, *bounds))
    msg = f"the tables do not share {name!r} with {name}_lower and {name}_upper"
    raise ValueError(msg)


def _pulls(parameter, est, true, lower, upper):
    """
    Residuals in units of the width on the side where the truth lies.

    Infinite where that width is zero and the truth lies elsewhere.
    """
    residual = wrap(parameter, true - est)
    below, above = est - lower, upper - est
    if parameter.scale == "periodic":
        # Half a turn and more holds every angle, which is 90 deg away
        # at most.
        whole = upper - lower >= PERIOD
        below, above = (
            np.where(whole, np.maximum(side, PERIOD / 2.0), side % PERIOD)
            for side in (below, above)
        )
    width = np.where(residual < 0.0, below, above)
    # An estimate outside of its own interval says nothing of its width.
    width = np.where(width >= 0.0, width, np.nan) / ndtri(_UPPER_PERCENTILE)
    with np.errstate(divide="ignore", invalid="ignore"):
        pulls = residual / width
    return np.where((width == 0.0) & (residual == 0.0), 0.0, pulls)
