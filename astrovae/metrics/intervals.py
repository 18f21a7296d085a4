# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Whether predicted distributions hold what they promise, in one table.
"""

import numpy as np
from astropy.table import QTable

from .coverage import COVERAGE_LEVELS, coverage_figures, ks_figures
from .figures import residual_unit
from .matching import mean
from .predictive import predictives

__all__ = ["calibration"]


def calibration(
    predicted,
    truth,
    *,
    levels=COVERAGE_LEVELS,
    confidence=0.95,
    label_errors=False,
    random_state=0,
):
    r"""
    Count how often the truth lies in intervals of nominal probability.

    Of draws, the result of ``PhysicsVAE.sample_posterior``, every
    figure is exact. The result of ``PhysicsVAE.predict`` holds the
    central 68 % interval alone: others are inferred from that one,
    under the assumption of a normal distribution with one width on
    each side of the estimate: a deviation from the nominal figure may
    come from the widths or from the tails. Where the width on the side
    of the truth is zero, the truth lies outside of all intervals,
    unless it is the estimate. An interval of the orientation of 180
    deg and more holds every truth.

    Mass and star-formation rate are compared by their decimal
    logarithm, orientations modulo 180 degrees.

    Parameters
    ----------
    predicted : `~astropy.table.QTable` or dict of str to column
        For each parameter a column of its name: draws, as a
        `~astropy.uncertainty.Distribution` or of the shape (N, n), or
        an estimate with ``_lower`` and ``_upper``.
    truth : `~astropy.table.QTable` or dict of str to column
        The true values; matched as by `comparison_table`.
    levels : sequence of float, optional
        Probabilities of the central intervals.
    confidence : float, optional
        Probability of the intervals of the fractions.
    label_errors : bool, optional
        Whether the truth is a measurement, with its standard deviation
        in the column ``_err``. The predicted distribution of what was
        measured is wider than that of the parameter: normal errors
        (of a logarithm, to first order) are added to the draws, and in
        quadrature to the widths of intervals. An error that is missing
        counts as zero.
    random_state : int, `~numpy.random.Generator` or None, optional
        Seed of the ranks among draws and of the label errors.

    Returns
    -------
    table : `~astropy.table.QTable`
        One row per parameter: ``parameter``, ``unit``, ``n``,
        ``n_excluded``; for each level the fraction of true values in
        the interval, e.g. ``coverage_68``, and its binomial interval
        ``coverage_68_lower`` and ``coverage_68_upper``; mean and
        standard deviation of `pit_values` (nominally 0.5 and
        :math:`1/\sqrt{12} = 0.289`), their distance from uniformity
        ``pit_ks`` and what `ks_distance` expects of it; and the mean
        ``crps`` of `crps_values`, in ``unit``.

    Raises
    ------
    ValueError
        If the tables share no parameter with an interval or draws,
        rows have no match, or there is no label error to add.
    `~astropy.units.UnitsError`
        If a column's unit is missing or wrong.
    """
    rows = []
    found = predictives(
        predicted, truth, label_errors=label_errors, random_state=random_state
    )
    for parameter, predictive, true in found:
        pit = predictive.pit(true)
        good = np.isfinite(pit)
        pit = pit[good]
        rows.append(
            {
                "parameter": parameter.name,
                "unit": residual_unit(parameter),
                "n": len(pit),
                "n_excluded": int(np.count_nonzero(~good)),
            }
            | coverage_figures(pit, levels, confidence)
            | {
                "pit_mean": mean(pit),
                "pit_std": float(np.std(pit)) if len(pit) else np.nan,
            }
            | ks_figures(pit)
            | {"crps": mean(predictive.crps(true)[good])}
        )
    if not rows:
        msg = "no parameter of the predicted table has _lower and _upper, or draws"
        raise ValueError(msg)
    table = QTable(rows)
    table.meta["confidence"] = confidence
    return table
