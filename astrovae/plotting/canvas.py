# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Where the plots are drawn, and in which colours.

This module serves the other modules of this sub-package.
"""

import numpy as np

try:
    from matplotlib.figure import Figure
except ImportError as error:
    msg = "figures need matplotlib: python -m pip install 'astrovae[plot]'"
    raise ImportError(msg) from error

__all__ = []

# Legible to everyone: Okabe & Ito (2008), https://jfly.uni-koeln.de/color.
BLUE = "#0072b2"
ORANGE = "#d55e00"
GREY = "#6e6e6e"
COLOURS = (BLUE, ORANGE, "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def new_axes(figure, n_panels, n_columns, panel_size):
    """
    Lay out panels on a figure, or on a new one if it is `None`.

    Parameters
    ----------
    figure : `~matplotlib.figure.Figure` or None
        Where to draw.
    n_panels, n_columns : int
        Number of panels, and of columns for them.
    panel_size : tuple of float
        Width and height of a panel of a new figure, in inches.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        The figure.
    axes : list of `~matplotlib.axes.Axes`
        One per panel.
    """
    n_columns = min(n_columns, n_panels)
    n_rows = -(-n_panels // n_columns)
    if figure is None:
        width, height = panel_size
        figure = Figure(
            figsize=(n_columns * width, n_rows * height), layout="compressed"
        )
    axes = [figure.add_subplot(n_rows, n_columns, i + 1) for i in range(n_panels)]
    return figure, axes


# The paper's kinds have the colours of their names.
_KIND_COLOURS = {"green pea": "#009e73", "red spiral": "#c8102e"}
_OTHER_COLOURS = ("#cc79a7", "#e69f00", "#56b4e9", ORANGE)
_MARKERS = ("D", "s", "^", "v")


def group_styles(labels, control=None):
    """
    Give each kind of galaxy a way of drawing it.

    Parameters
    ----------
    labels : `~numpy.ndarray` of str, shape (N,)
        The kind of each galaxy.
    control : str, optional
        The kind that is ordinary; by default the most frequent.

    Returns
    -------
    styles : dict of str to dict
        Arguments of ``scatter`` by kind: the ordinary one first, then
        the others, the rarest last and so on top.

    Raises
    ------
    ValueError
        If no galaxy is of the kind ``control``.
    """
    kinds, counts = np.unique(labels, return_counts=True)
    if control is None:
        control = kinds[counts.argmax()]
    if control not in kinds:
        msg = f"no galaxy has the label {control!r}; there are {', '.join(kinds)}"
        raise ValueError(msg)
    few = counts[kinds == control][0] < 500
    styles = {
        str(control): {
            "color": BLUE,
            "s": 12 if few else 5,
            "alpha": 0.8 if few else 0.4,
            "linewidths": 0,
            "zorder": 2,
        }
    }
    rare = [str(kinds[i]) for i in np.argsort(-counts) if kinds[i] != control]
    for i, kind in enumerate(rare):
        name = kind.replace("-", " ").removesuffix("s")
        styles[kind] = {
            "color": _KIND_COLOURS.get(name, _OTHER_COLOURS[i % 4]),
            "marker": _MARKERS[i % 4],
            "s": 34 if np.count_nonzero(labels == kind) < 50 else 14,
            "linewidths": 0.4,
            "edgecolors": "black" if np.count_nonzero(labels == kind) < 50 else "none",
            "zorder": 3 + i,
        }
    return styles


def add_legend(figure, ax, *, outside):
    """
    Name what a panel shows, above all panels where there is room.

    Parameters
    ----------
    figure : `~matplotlib.figure.Figure`
        The figure.
    ax : `~matplotlib.axes.Axes`
        The panel.
    outside : bool
        Whether the figure's layout makes room above the panels.
    """
    handles, names = ax.get_legend_handles_labels()
    if outside:
        place = {"loc": "outside upper center", "ncols": len(names), "frameon": False}
        legend = figure.legend(handles, names, **place)
    else:
        place = {"loc": "lower right", "fontsize": "small", "framealpha": 0.9}
        legend = ax.legend(handles, names, **place)
    # Points that are small and faint by the thousand, but not alone.
    for handle in legend.legend_handles:
        handle.set(alpha=1.0, sizes=[22])
