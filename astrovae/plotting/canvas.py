# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Where the plots are drawn, and in which colours.

This module serves the other modules of this sub-package.
"""

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
