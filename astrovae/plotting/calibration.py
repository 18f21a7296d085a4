# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Whether predicted distributions hold what they promise.
"""

import numpy as np
from scipy.stats import binom

from astrovae.metrics import ks_distance, pit_histogram
from astrovae.metrics.coverage import central_coverage
from astrovae.metrics.pit import usable_pit
from astrovae.parameters import PARAMETERS

from .canvas import BLUE, COLOURS, GREY, new_axes

__all__ = ["plot_conditional_coverage", "plot_coverage", "plot_pit", "plot_tarp"]

_LEVELS = np.linspace(0.01, 0.99, 99)


def plot_pit(pit, *, n_bins=20, confidence=0.95, figure=None):
    """
    Plot histograms of PIT values, a panel per parameter.

    A band shows where the bins of uniform PIT values lie. Slopes tell
    of biased, a U of too narrow, a hill of too wide distributions.

    Parameters
    ----------
    pit : array_like, shape (N,), or dict of str to array_like
        PIT values, e.g. of `~astrovae.metrics.pit_values`, by the name
        of their parameter or under any other title.
    n_bins : int, optional
        Number of bins.
    confidence : float, optional
        Probability with which a bin lies in the band.
    figure : `~matplotlib.figure.Figure`, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        The figure.

    Raises
    ------
    ValueError
        If there is nothing to plot, or a value is no probability.
    """
    pits = _by_name(pit)
    n_columns = 2 if len(pits) in {2, 4} else 3
    figure, axes = new_axes(figure, len(pits), n_columns, (3.8, 3.2))
    for ax, (name, values) in zip(axes, pits.items(), strict=True):
        table = pit_histogram(values, n_bins=n_bins, confidence=confidence)
        edges = np.append(table["low"], table["high"][-1])
        # Densities: panels of different numbers of rows compare.
        scale = n_bins / max(table.meta["n"], 1)
        density = table["count"] * scale
        ax.stairs(density, edges, fill=True, color=BLUE, alpha=0.25)
        ax.stairs(density, edges, color=BLUE, linewidth=1.5, baseline=None)
        ax.fill_between(
            [0.0, 1.0],
            scale * table["expected_lower"][0],
            scale * table["expected_upper"][0],
            color=GREY,
            alpha=0.3,
            linewidth=0.0,
            zorder=0.9,
            label=f"{100.0 * confidence:g} % of uniform",
        )
        ax.axhline(1.0, color=GREY, linewidth=1.0, linestyle="--")
        # Room for the legend above the highest bin.
        top = max(np.max(table["count"]), table["expected_upper"][0], 1) * scale
        ax.set(xlim=(0.0, 1.0), ylim=(0.0, 1.3 * top if table.meta["n"] else 2.0))
        ax.set(xlabel=f"PIT of {_label(name)}" if name else "PIT", ylabel="density")
        ax.set_title(_pit_title(values), fontsize="medium")
    axes[0].legend(loc="upper center", fontsize="small", frameon=False)
    return figure


def plot_coverage(pit, *, confidence=0.95, figure=None):
    """
    Plot how often central intervals hold the truth, for all levels.

    The second panel shows the same less the nominal probability.

    Parameters
    ----------
    pit : array_like, shape (N,), or dict of str to array_like
        PIT values, e.g. of `~astrovae.metrics.pit_values`, by the name
        of their parameter or under any other title.
    confidence : float, optional
        Probability with which the coverage of calibrated intervals
        lies in the grey band, at each level; it is that of the
        smallest number of rows.
    figure : `~matplotlib.figure.Figure`, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        The figure.

    Raises
    ------
    ValueError
        If there is nothing to plot, or a value is no probability.
    """
    pits = {name: usable_pit(values)[0] for name, values in _by_name(pit).items()}
    figure, (whole, difference) = new_axes(figure, 2, 2, (4.4, 4.0))
    n = min(len(values) for values in pits.values())
    if n:
        tail = 0.5 - confidence / 2.0
        band = [binom.ppf(end, n, _LEVELS) / n for end in (tail, 1.0 - tail)]
        style = {"color": GREY, "alpha": 0.3, "linewidth": 0.0}
        label = f"{100.0 * confidence:g} % if calibrated"
        whole.fill_between(_LEVELS, *band, **style)
        difference.fill_between(_LEVELS, *(band - _LEVELS), label=label, **style)
    for i, (name, values) in enumerate(pits.items()):
        coverage, _, _ = central_coverage(values, _LEVELS, confidence)
        style = {"color": COLOURS[i % len(COLOURS)], "linewidth": 1.5}
        whole.plot(_LEVELS, coverage, label=_label(name) or None, **style)
        difference.plot(_LEVELS, coverage - _LEVELS, **style)
    whole.plot([0.0, 1.0], [0.0, 1.0], color=GREY, linewidth=1.0, linestyle="--")
    difference.axhline(0.0, color=GREY, linewidth=1.0, linestyle="--")
    # A difference of nothing needs no magnifying glass.
    reach = max(0.03, 1.25 * np.max(np.abs(difference.get_ylim())))
    whole.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0), ylabel="fraction in interval")
    difference.set(xlim=(0.0, 1.0), ylim=(-reach, reach))
    difference.set_ylabel("fraction in interval - nominal")
    for ax in (whole, difference):
        ax.set_xlabel("nominal probability")
    if any(pits):
        whole.legend(loc="upper left", frameon=False)
    if n:
        difference.legend(loc="upper left", frameon=False)
    return figure


def plot_conditional_coverage(table, *, label=None, figure=None):
    """
    Plot the coverage by bin of another property.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        The result of `~astrovae.metrics.conditional_coverage`.
    label : str, optional
        What the property is; its unit, if not given.
    figure : `~matplotlib.figure.Figure`, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        The figure: a colour per level, whose nominal probability is a
        dashed line; the bars show the binomial intervals and the
        widths of the bins.

    Raises
    ------
    ValueError
        If the table has no coverage.
    """
    names = [
        name
        for name in table.colnames
        if name.startswith("coverage_") and not name.endswith(("_lower", "_upper"))
    ]
    if not names:
        msg = "the table has no column coverage_50 or the like"
        raise ValueError(msg)
    figure, (ax,) = new_axes(figure, 1, 1, (5.4, 4.2))
    filled = table[table["n"] > 0]
    low, high, middle = (_numbers(filled[end]) for end in ("low", "high", "middle"))
    for i, name in enumerate(names):
        level = float(name.removeprefix("coverage_"))
        colour = COLOURS[i % len(COLOURS)]
        coverage = 100.0 * filled[name]
        ends = [100.0 * filled[f"{name}_{end}"] for end in ("lower", "upper")]
        ax.axhline(level, color=colour, linewidth=1.0, linestyle="--")
        ax.errorbar(
            middle,
            coverage,
            xerr=[middle - low, high - middle],
            yerr=np.clip([coverage - ends[0], ends[1] - coverage], 0.0, None),
            fmt="o",
            markersize=4.0,
            color=colour,
            elinewidth=1.2,
            label=f"{level:g} %",
        )
    unit = getattr(table["middle"], "unit", None)
    if label is None:
        label = "" if unit is None else f"[{unit}]"
    ax.set(xlabel=label, ylabel="truth in interval [%]")
    ax.set_ylim(top=102.0)
    # Highest level first, as in the figure, and beside it.
    handles, titles = ax.get_legend_handles_labels()
    ax.legend(
        handles[::-1],
        titles[::-1],
        title="interval",
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
    )
    return figure


def plot_tarp(table, *, figure=None):
    """
    Plot the expected coverage of joint distributions.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        The result of `~astrovae.metrics.tarp`.
    figure : `~matplotlib.figure.Figure`, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        The figure: coverage by credibility with the bootstrapped
        interval, and the same less the credibility.
    """
    figure, (whole, difference) = new_axes(figure, 2, 2, (4.4, 4.0))
    levels = table["credibility"]
    ends = [table[f"coverage_{end}"] for end in ("lower", "upper")]
    style = {"color": BLUE, "alpha": 0.3, "linewidth": 0.0}
    confidence = f"{100.0 * table.meta['confidence']:g} % (bootstrap)"
    whole.fill_between(levels, *ends, **style)
    difference.fill_between(
        levels, *(end - levels for end in ends), label=confidence, **style
    )
    whole.plot(levels, table["coverage"], color=BLUE)
    difference.plot(levels, table["coverage"] - levels, color=BLUE)
    whole.plot([0.0, 1.0], [0.0, 1.0], color=GREY, linewidth=1.0, linestyle="--")
    difference.axhline(0.0, color=GREY, linewidth=1.0, linestyle="--")
    reach = max(0.03, 1.25 * np.max(np.abs(difference.get_ylim())))
    whole.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0), ylabel="expected coverage")
    difference.set(xlim=(0.0, 1.0), ylim=(-reach, reach))
    difference.set_ylabel("expected coverage - credibility")
    difference.legend(loc="upper left", frameon=False)
    for ax in (whole, difference):
        ax.set_xlabel("credibility")
    names = table.meta.get("parameters") or []
    if names:
        whole.set_title(", ".join(_label(name) for name in names), fontsize="medium")
    meta = table.meta
    difference.set_title(
        f"n = {meta['n']}, largest {meta['max_deviation']:.3f} "
        f"(expected {meta['max_deviation_expected']:.3f})",
        fontsize="medium",
    )
    return figure


def _by_name(pit):
    """
    PIT values by name; a nameless array has an empty one.
    """
    pits = dict(pit) if isinstance(pit, dict) else {"": pit}
    if not pits:
        msg = "there are no PIT values to plot"
        raise ValueError(msg)
    return pits


def _label(name):
    """
    The label of a parameter, or a title as it is.
    """
    return PARAMETERS[name].label if name in PARAMETERS else name


def _pit_title(values):
    """
    The number of values and their distance from uniformity.
    """
    figures = ks_distance(values)
    count = f"n = {figures['n']}"
    if figures["n_excluded"]:
        count += f" ({figures['n_excluded']} left out)"
    if not figures["n"]:
        return count
    return f"{count}\nKS {figures['distance']:.3f}, expected {figures['expected']:.3f}"


def _numbers(column):
    """
    A column's values without their unit.
    """
    return np.asarray(getattr(column, "value", column), dtype=float)
