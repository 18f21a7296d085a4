# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
How far estimates lie from the truth.
"""

from dataclasses import replace

import numpy as np
from astropy.table import QTable

from astrovae.parameters import PARAMETERS

from .matching import (
    PERIOD,
    bounds_of,
    mean,
    median,
    modelled,
    shared_parameters,
    wrap,
)

__all__ = ["OUTLIER_LIMIT", "comparison_table", "redshift_metrics"]

#: A redshift whose absolute dz is above this limit is an outlier.
OUTLIER_LIMIT = 0.15

# Makes the median absolute deviation of a Gaussian its standard deviation.
_MAD_TO_SIGMA = 1.4826


def redshift_metrics(z_est, z_spec):
    r"""
    Compare estimated with spectroscopic redshifts.

    With :math:`\Delta z = (z_\mathrm{est} - z_\mathrm{spec}) /
    (1 + z_\mathrm{spec})`:

    * ``bias`` is :math:`\mathrm{median}(\Delta z)` and ``mean_bias``
      its mean,
    * ``NMAD`` is :math:`1.4826\ \mathrm{median}|\Delta z -
      \mathrm{median}(\Delta z)|`,
    * ``outlier_fraction`` is the fraction with
      :math:`|\Delta z| > 0.15`,

    and with :math:`\delta = z_\mathrm{est} - z_\mathrm{spec}`, as in
    Gagliano & Villar (2023, arXiv:2312.16687, section 3):

    * ``MSE`` is the mean of :math:`\delta^2` and ``MAD`` the mean of
      :math:`|\delta|`,
    * ``R2`` is the coefficient of determination,
      :math:`1 - \sum \delta^2 / \sum (z_\mathrm{spec} -
      \overline{z_\mathrm{spec}})^2`,
    * ``r2_pearson`` is the squared correlation coefficient, which a
      wrong scale or offset leaves unchanged.

    Parameters
    ----------
    z_est : `~astropy.units.Quantity` or array_like, shape (N,)
        Estimated redshifts; may be masked.
    z_spec : `~astropy.units.Quantity` or array_like, shape (N,)
        Spectroscopic redshifts; may be masked.

    Returns
    -------
    metrics : dict
        ``n`` and ``n_excluded`` (int), then the figures above
        (float). A figure is NaN where it is not defined: all of them
        without a row, ``R2`` and ``r2_pearson`` without a spread.

    Raises
    ------
    ValueError
        If the shapes differ.
    `~astropy.units.UnitsError`
        If an argument has a unit other than that of a redshift.

    Examples
    --------
    >>> from astrovae.metrics import redshift_metrics
    >>> figures = redshift_metrics([0.11, 0.2, 0.95], [0.1, 0.2, 0.5])
    >>> figures["n"], round(figures["outlier_fraction"], 3)
    (3, 0.333)
    """
    parameter = PARAMETERS["redshift"]
    est = modelled(replace(parameter, name="z_est"), z_est)
    spec = modelled(replace(parameter, name="z_spec"), z_spec)
    if est.shape != spec.shape:
        msg = f"z_est has the shape {est.shape}, but z_spec has {spec.shape}"
        raise ValueError(msg)
    return _figures(parameter, est, spec)


def comparison_table(predicted, truth):
    r"""
    Compare a table of estimates with the truth, by parameter.

    Mass and star-formation rate are compared by their decimal
    logarithm, orientations modulo 180 degrees, redshifts as
    `redshift_metrics` does. ``bias``, ``mean_bias`` and ``NMAD`` are
    those of :math:`\Delta z` for the redshift and of the plain
    residual for the others; their unit is in the column ``unit``.

    Parameters
    ----------
    predicted : `~astropy.table.QTable`
        The result of ``PhysicsVAE.predict``: for each parameter a
        column of its name and, if known, ``_lower`` and ``_upper``.
    truth : `~astropy.table.QTable`
        The true values, in columns of the same names. Rows are
        matched by ``id`` where both tables have it, else by order.

    Returns
    -------
    table : `~astropy.table.QTable`
        One row per parameter that both tables have, with the figures
        of `redshift_metrics` and ``coverage_68``, the fraction of
        true values from ``_lower`` to ``_upper`` (nominally 0.68).
        What is not defined is NaN: ``outlier_fraction`` of all but
        the redshift, ``R2`` and ``r2_pearson`` of the orientation.

    Raises
    ------
    ValueError
        If the tables share no parameter, or rows have no match.
    `~astropy.units.UnitsError`
        If a column's unit is missing or wrong.
    """
    rows = []
    for parameter, est, true in shared_parameters(predicted, truth):
        row = {
            "parameter": parameter.name,
            "unit": residual_unit(parameter),
            **_figures(parameter, est, true),
            "coverage_68": np.nan,
        }
        bounds = bounds_of(parameter, predicted)
        if bounds is not None:
            row["coverage_68"] = _coverage(parameter, true, *bounds)
        rows.append(row)
    return QTable(rows)


def _figures(parameter, est, true):
    """
    The figures of one parameter, from values on the modelled scale.
    """
    good = np.isfinite(est) & np.isfinite(true)
    est, true = est[good], true[good]
    residual = wrap(parameter, est - true)
    is_redshift = parameter.name == "redshift"
    scaled = residual / (1.0 + true) if is_redshift else residual
    bias = median(scaled)
    figures = {
        "n": int(np.count_nonzero(good)),
        "n_excluded": int(np.count_nonzero(~good)),
        "bias": bias,
        "mean_bias": mean(scaled),
        "NMAD": _MAD_TO_SIGMA * median(np.abs(scaled - bias)),
        "outlier_fraction": np.nan,
        "MSE": mean(residual**2),
        "MAD": mean(np.abs(residual)),
        "R2": np.nan,
        "r2_pearson": np.nan,
    }
    if is_redshift:
        figures["outlier_fraction"] = mean(np.abs(scaled) > OUTLIER_LIMIT)
    if parameter.scale != "periodic":
        figures["R2"] = _determination(residual, true)
        figures["r2_pearson"] = _squared_correlation(est, true)
    return figures


def _determination(residual, true):
    """
    1 - SSE / SST; NaN where the true values have no spread.
    """
    if len(true) == 0 or np.ptp(true) == 0.0:
        return np.nan
    total = np.sum((true - true.mean()) ** 2)
    return float(1.0 - np.sum(residual**2) / total)


def _squared_correlation(est, true):
    """
    The squared Pearson correlation; NaN without a spread.
    """
    if len(true) == 0 or np.ptp(true) == 0.0 or np.ptp(est) == 0.0:
        return np.nan
    return float(np.corrcoef(est, true)[0, 1] ** 2)


def _coverage(parameter, true, lower, upper):
    """
    The fraction of true values inside of their intervals.
    """
    good = np.isfinite(true) & np.isfinite(lower) & np.isfinite(upper)
    true, lower, upper = true[good], lower[good], upper[good]
    if parameter.scale == "periodic":
        width = upper - lower
        inside = (true - lower) % PERIOD <= width % PERIOD
        return mean((width >= PERIOD) | inside)
    return mean((lower <= true) & (true <= upper))


def residual_unit(parameter):
    """
    The unit of a parameter's residuals, as a table shows it.
    """
    return {"linear": "", "log10": "dex", "periodic": "deg"}[parameter.scale]
