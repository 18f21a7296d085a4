# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure 2 of Gagliano & Villar (2023): projections of latent spaces.
"""

import itertools

import numpy as np
from astropy.table import Table
from matplotlib.patheffects import withStroke

from astrovae.anomaly import decision_boundary
from astrovae.anomaly.latents import read_table
from astrovae.parameters import PARAMETERS

from .canvas import add_legend, group_styles, new_axes

__all__ = ["plot_latent_spaces"]

# The projections that tell the paper's two kinds from other galaxies, as
# far as a table has them.
_PAIRS = (("stellar_mass", "sfr"), ("morphology", "stellar_mass"), ("redshift", "sfr"))
_MARGIN = (0.2, 99.8)  # percentiles that must be in the panel


def plot_latent_spaces(
    spaces, labels, *, pairs=None, boundaries=None, control=None, figure=None
):
    """
    Plot projections of one or more latent spaces, a row for each.

    After figure 2 of Gagliano & Villar (2023). A dashed line in the
    colour of a kind is the boundary of
    `~astrovae.anomaly.decision_boundary` between it and all others,
    in that projection alone.

    Parameters
    ----------
    spaces : dict of str to (`~astropy.table.QTable` or array_like)
        By title: a table of estimates (masses and rates are shown by
        their logarithms), or latents of shape (N, n_latent).
    labels : array_like of str, shape (N,)
        The kind of each galaxy.
    pairs : dict of str to sequence of tuple, optional
        By title, the two columns of each panel: names, or numbers
        for an array. By default three projections of what there is.
    boundaries : sequence of str, optional
        Titles of the spaces that get boundaries; by default those
        given as tables.
    control : str, optional
        The kind that is ordinary; by default the most frequent.
    figure : `~matplotlib.figure.Figure`, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        The figure.

    Raises
    ------
    ValueError
        If a space has not one row per label, or no such column.
    """
    labels = np.asarray(labels)
    styles = group_styles(labels, control)
    if boundaries is None:
        boundaries = [
            name for name, space in spaces.items() if isinstance(space, Table)
        ]
    read = {title: _columns(title, space, labels) for title, space in spaces.items()}
    chosen = {
        title: list((pairs or {}).get(title) or _default_pairs(columns))
        for title, columns in read.items()
    }
    n_columns = max(len(own) for own in chosen.values())
    own = figure is None
    figure, axes = new_axes(figure, len(spaces) * n_columns, n_columns, (3.7, 3.5))
    for row, (title, columns) in enumerate(read.items()):
        for column in range(n_columns):
            ax = axes[row * n_columns + column]
            if column >= len(chosen[title]):
                ax.set_axis_off()
                continue
            x, y = (_find(title, columns, name) for name in chosen[title][column])
            draw_lines = title in boundaries
            _draw_panel(ax, x, y, labels, styles, draw_lines)
        axes[row * n_columns].set_title(title, loc="left", fontsize="medium")
    add_legend(figure, axes[0], outside=own)
    return figure


def _columns(title, space, labels):
    """
    The columns of a space by name: axis label and values.
    """
    if isinstance(space, Table):
        values, features = read_table(space)
        names = features.names
    else:
        values = np.asarray(space, dtype=float)
        names = range(values.shape[1])
    if len(values) != len(labels):
        msg = f"{title!r} has {len(values)} rows for {len(labels)} labels"
        raise ValueError(msg)
    return {
        name: (_axis_label(name), column)
        for name, column in zip(names, values.T, strict=True)
    }


def _axis_label(name):
    if isinstance(name, int):
        return f"latent {name + 1}"
    if name in PARAMETERS:
        return PARAMETERS[name].label
    return str(name).replace("_", " ")


def _default_pairs(columns):
    """
    Up to three projections of the columns.
    """
    known = [pair for pair in _PAIRS if set(pair) <= set(columns)]
    return known or list(itertools.combinations(columns, 2))[:3]


def _find(title, columns, name):
    if name not in columns:
        msg = f"{title!r} has no column {name!r}, but {list(columns)}"
        raise ValueError(msg)
    return columns[name]


def _draw_panel(ax, x, y, labels, styles, draw_lines):
    """
    One projection: every kind, and the boundaries of the rare ones.
    """
    (x_label, x), (y_label, y) = x, y
    for kind, style in styles.items():
        own = labels == kind
        ax.scatter(x[own], y[own], label=f"{kind} ({np.count_nonzero(own)})", **style)
    good = np.isfinite(x) & np.isfinite(y)
    if not np.any(good):
        return
    limits = []
    for values in (x[good], y[good]):
        low, high = np.percentile(values, _MARGIN)
        room = 0.08 * (high - low) + 1e-6
        limits.append((low - room, high + room))
    rare = list(styles.items())[1:] if draw_lines else []
    for kind, style in rare:
        line = decision_boundary(x, y, labels, target=kind)
        _draw_line(ax, line, limits, style["color"])
    ax.set(xlabel=x_label, ylabel=y_label, xlim=limits[0], ylim=limits[1])


def _draw_line(ax, line, limits, colour):
    """
    The boundary, steep or not.
    """
    a, b = line.normal
    (x_low, x_high), (y_low, y_high) = limits
    wide = abs(a) * (x_high - x_low) <= abs(b) * (y_high - y_low)
    if wide:
        x = np.array([x_low, x_high])
        y = -(a * x + line.offset) / b
    else:
        y = np.array([y_low, y_high])
        x = -(b * y + line.offset) / a
    # A light edge keeps the dashes visible on points of their colour.
    edge = withStroke(linewidth=3.0, foreground="white")
    ax.plot(
        x,
        y,
        color=colour,
        linewidth=1.6,
        linestyle="--",
        path_effects=[edge],
        zorder=6,
    )
