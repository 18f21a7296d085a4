# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Estimates against the truth, as in figure 1 of Gagliano & Villar (2023).
"""

import numpy as np

from astrovae.metrics import OUTLIER_LIMIT, comparison_table
from astrovae.metrics.matching import PERIOD, bounds_of, shared_parameters

from .canvas import BLUE, GREY, ORANGE, new_axes

__all__ = ["plot_comparison"]

# Above so many galaxies points and error bars become a blot: count them.
_MAX_POINTS = 1000


def plot_comparison(predicted, truth, *, parameters=None, figure=None):
    """
    Plot estimates against true values, a panel per parameter.

    Up to 1000 galaxies are shown as points with their 68 % intervals,
    more of them by their density. A line marks equality, and for the
    redshift two more mark the limits of outliers. The figures of
    `~astrovae.metrics.comparison_table` stand above each panel.

    Parameters
    ----------
    predicted : `~astropy.table.QTable`
        The result of ``PhysicsVAE.predict``.
    truth : `~astropy.table.QTable`
        The true values, in columns of the same names. Rows are
        matched by ``id`` where both tables have it, else by order.
    parameters : sequence of str, optional
        The parameters to show; those that both tables have, if not
        given.
    figure : `~matplotlib.figure.Figure`, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        The figure; ``figure.savefig(path)`` writes it.

    Raises
    ------
    ValueError
        If a table lacks a parameter, or rows have no match.
    """
    shared = shared_parameters(predicted, truth)
    if parameters is not None:
        shared = _chosen(shared, parameters)
    table = comparison_table(predicted, truth)
    row_of = {row["parameter"]: row for row in table}
    n_columns = 2 if len(shared) in {2, 4} else 3
    figure, axes = new_axes(figure, len(shared), n_columns, (4.2, 4.4))
    for ax, (parameter, est, true) in zip(axes, shared, strict=True):
        good = np.isfinite(est) & np.isfinite(true)
        if np.any(good):
            _draw(ax, parameter, est, true, bounds_of(parameter, predicted))
        ax.set_title(_title(row_of[parameter.name]), fontsize="medium")
        unit = " [deg]" if parameter.scale == "periodic" else ""
        ax.set_xlabel(f"true {parameter.label}{unit}")
        ax.set_ylabel(f"estimated {parameter.label}{unit}")
    return figure


def _chosen(shared, parameters):
    """
    The chosen ones of the shared parameters, in the order asked for.
    """
    by_name = {entry[0].name: entry for entry in shared}
    for name in parameters:
        if name not in by_name:
            msg = f"{name!r} is not in both tables, which share {list(by_name)}"
            raise ValueError(msg)
    return [by_name[name] for name in parameters]


def _draw(ax, parameter, est, true, bounds):
    """
    Fill one panel.
    """
    good = np.isfinite(est) & np.isfinite(true)
    limits = panel_limits(parameter, est[good], true[good])
    if np.count_nonzero(good) > _MAX_POINTS:
        ax.hexbin(
            true[good],
            est[good],
            gridsize=50,
            extent=(*limits, *limits),
            bins="log",
            cmap="Blues",
            linewidths=0.2,
        )
    else:
        _draw_points(ax, parameter, est, true, bounds)
    draw_equality(ax, parameter, np.array(limits))
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    if parameter.scale == "periodic":
        turns = np.linspace(*limits, 7)
        ax.set(xticks=turns, yticks=turns)


def _draw_points(ax, parameter, est, true, bounds):
    """
    Points and, where they are known, their intervals.
    """
    errors = None
    if bounds is not None:
        errors = np.array([est - bounds[0], bounds[1] - est])
        if parameter.scale == "periodic":
            errors = errors % PERIOD
        errors = np.clip(np.nan_to_num(errors), 0.0, None)
    ax.errorbar(
        true,
        est,
        yerr=errors,
        fmt="o",
        markersize=3.0,
        markeredgewidth=0.0,
        color=BLUE,
        ecolor=(*_rgb(GREY), 0.35),
        elinewidth=0.7,
    )


def draw_equality(ax, parameter, limits):
    """
    The line of equality and, for the redshift, those of outliers.
    """
    style = {"color": ORANGE, "linewidth": 1.0}
    ax.plot(limits, limits, **style)
    if parameter.name == "redshift":
        for sign in (-1.0, 1.0):
            outer = limits + sign * OUTLIER_LIMIT * (1.0 + limits)
            ax.plot(limits, outer, linestyle="--", **style)


def panel_limits(parameter, est, true):
    """
    The common range of both axes, whole for angles.
    """
    if parameter.scale == "periodic":
        return -PERIOD / 2.0, PERIOD / 2.0
    # One wild estimate must not press all others into a corner.
    est = est[np.abs(est - np.median(est)) <= 20.0 * (np.std(true) + 0.05)]
    low = min(true.min(), est.min())
    high = max(true.max(), est.max())
    margin = 0.05 * (high - low) + 1e-3
    return float(low - margin), float(high + margin)


def _title(row):
    """
    The figures of merit in two short lines.
    """
    count = f"n = {row['n']}"
    if row["n_excluded"]:
        count += f" ({row['n_excluded']} left out)"
    unit = f" {row['unit']}" if row["unit"] else ""
    digits = 1 if row["unit"] == "deg" else 3
    parts = [
        f"NMAD {row['NMAD']:.{digits}f}{unit}",
        f"bias {row['bias']:+.{digits}f}{unit}",
    ]
    if np.isfinite(row["outlier_fraction"]):
        parts.append(f"outliers {100 * row['outlier_fraction']:.1f} %")
    second = [count]
    if np.isfinite(row["R2"]):
        second.append(f"$R^2$ {row['R2']:.2f}")
    if np.isfinite(row["coverage_68"]):
        second.append(f"in 68 % interval: {100 * row['coverage_68']:.0f} %")
    return f"{', '.join(parts)}\n{', '.join(second)}"


def _rgb(colour):
    """
    A hexadecimal colour as three numbers.
    """
    return tuple(int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5))
