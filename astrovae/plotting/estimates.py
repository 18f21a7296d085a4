# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure 1 of Gagliano & Villar (2023): estimates, anomalies among them.
"""

import numpy as np

from astrovae.metrics import OUTLIER_LIMIT, comparison_table
from astrovae.metrics.matching import shared_parameters

from .canvas import add_legend, group_styles, new_axes
from .comparison import draw_equality, panel_limits

__all__ = ["plot_estimates"]

_LABEL_ERROR = "#b8b8b8"


def plot_estimates(
    predicted, truth, *, labels=None, control=None, parameters=None, figure=None
):
    """
    Plot estimates against a catalogue, with rare kinds of galaxies.

    A panel per parameter, after figure 1 of Gagliano & Villar (2023):
    the ordinary galaxies as points, with the catalogue's 1-sigma
    errors in grey, and each rare kind in its colour. The numbers above
    the panel are those of the ordinary galaxies.

    Parameters
    ----------
    predicted : `~astropy.table.QTable`
        The result of ``PhysicsVAE.predict``, N rows.
    truth : `~astropy.table.QTable`
        The catalogue, N rows in the same order: columns of the same
        names and, if known, their ``_err``.
    labels : array_like of str, shape (N,), optional
        The kind of each galaxy; all are ordinary, if not given.
    control : str, optional
        The kind that is ordinary; by default the most frequent.
    parameters : sequence of str, optional
        Those to show; by default all that both tables have.
    figure : `~matplotlib.figure.Figure`, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        The figure.

    Raises
    ------
    ValueError
        If the lengths differ, or a parameter is not in both tables.
    """
    labels = np.full(len(truth), "galaxies") if labels is None else np.asarray(labels)
    if not len(predicted) == len(truth) == len(labels):
        msg = (
            f"predicted, truth and labels must have one row per galaxy, got "
            f"{len(predicted)}, {len(truth)} and {len(labels)}"
        )
        raise ValueError(msg)
    styles = group_styles(labels, control)
    ordinary = labels == next(iter(styles))
    shared = {entry[0].name: entry for entry in shared_parameters(predicted, truth)}
    chosen = list(shared) if parameters is None else list(parameters)
    missing = [name for name in chosen if name not in shared]
    if missing:
        msg = f"{', '.join(missing)}: not in both tables, which share {list(shared)}"
        raise ValueError(msg)
    table = comparison_table(predicted[ordinary], truth[ordinary])
    figures = {row["parameter"]: row for row in table}
    n_columns = 2 if len(chosen) in {2, 4} else 3
    own_figure = figure is None
    figure, axes = new_axes(figure, len(chosen), n_columns, (4.2, 4.3))
    for ax, name in zip(axes, chosen, strict=True):
        parameter, est, true = shared[name]
        error = bounds_of_label(parameter, truth)
        for kind, style in styles.items():
            own = labels == kind
            _draw_kind(ax, est[own], true[own], error[own], style, kind)
        good = np.isfinite(est) & np.isfinite(true)
        if np.any(good):
            limits = panel_limits(parameter, est[good], true[good])
            draw_equality(ax, parameter, np.array(limits))
            ax.set(xlim=limits, ylim=limits, aspect="equal")
            if parameter.scale == "periodic":
                turns = np.linspace(*limits, 7)
                ax.set(xticks=turns, yticks=turns)
        unit = " [deg]" if parameter.scale == "periodic" else ""
        ax.set_xlabel(f"catalogue {parameter.label}{unit}")
        ax.set_ylabel(f"estimated {parameter.label}{unit}")
        ax.set_title(_figures_of_merit(figures[name]), fontsize="small")
    if len(styles) > 1:
        add_legend(figure, axes[0], outside=own_figure)
    return figure


def bounds_of_label(parameter, truth):
    """
    The 1-sigma error of each label on the shown scale; NaN if unknown.
    """
    name = f"{parameter.name}_err"
    if name not in truth.colnames:
        return np.full(len(truth), np.nan)
    _, error = parameter.to_latent(_plain(truth, parameter.name), _plain(truth, name))
    return np.degrees(error) if parameter.scale == "periodic" else error


def _plain(table, name):
    """
    A column without its mask; NaN where masked.
    """
    column = table[name]
    mask = getattr(column, "mask", None)
    if mask is None:
        return column
    column = getattr(column, "unmasked", column).copy()
    column[mask] = np.nan
    return column


def _draw_kind(ax, est, true, error, style, kind):
    """
    The points of one kind.
    """
    n = np.count_nonzero(np.isfinite(est) & np.isfinite(true))
    if np.any(np.isfinite(error)):
        ax.errorbar(
            true,
            est,
            xerr=np.nan_to_num(error),
            fmt="none",
            ecolor=_LABEL_ERROR,
            elinewidth=0.5,
            alpha=0.5,
            zorder=style["zorder"] - 0.5,
        )
    # Some samples have redshifts only; they are named where they are.
    ax.scatter(true, est, label=f"{kind} ({n})", **style)


def _figures_of_merit(row):
    """
    The figures of merit, in short lines above the panel.

    Inside of it there is no place that is free of points for all data.
    """
    unit = f" {row['unit']}" if row["unit"] else ""
    digits = 1 if row["unit"] == "deg" else 3
    first = [
        f"n = {row['n']}",
        f"NMAD {row['NMAD']:.{digits}f}{unit}",
        f"bias {row['bias']:+.{digits}f}{unit}",
    ]
    second = []
    if np.isfinite(row["R2"]):
        second.append(f"$R^2 = 1 - SSE/SST$: {row['R2']:.2f}")
    if np.isfinite(row["r2_pearson"]):
        second.append(f"$r^2$ (Pearson): {row['r2_pearson']:.2f}")
    lines = [first, second]
    if np.isfinite(row["outlier_fraction"]):
        share = 100 * row["outlier_fraction"]
        lines.append([rf"$|\Delta z|/(1 + z) > {OUTLIER_LIMIT}$: {share:.1f} %"])
    return "\n".join(", ".join(line) for line in lines if line)
