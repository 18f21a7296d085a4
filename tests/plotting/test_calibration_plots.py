# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests that render figures of the calibration.
"""

import astropy.units as u
import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs the extra 'plot'")

from matplotlib.figure import Figure
from matplotlib.image import imread

from astrovae.metrics import conditional_coverage, tarp
from astrovae.plotting import (
    plot_conditional_coverage,
    plot_coverage,
    plot_pit,
    plot_tarp,
)

NAMES = ("redshift", "stellar_mass", "sfr")


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture
def pits(rng):
    """
    Uniform, too narrow and biased PIT values.
    """
    values = rng.random(2000), rng.beta(0.8, 0.8, 1500), rng.beta(1.2, 1.0, 2000)
    values[0][:3] = np.nan
    return dict(zip(NAMES, values, strict=True))


@pytest.fixture
def tarp_table(rng):
    middle = rng.normal(size=(800, 1, 2))
    draws = middle + 0.8 * rng.normal(size=(800, 100, 2))
    return tarp(draws, middle[:, 0] + rng.normal(size=(800, 2)))


def render(figure, path):
    """
    Write a figure and return how many of its pixels are not white.
    """
    figure.savefig(path)
    pixels = imread(path)[..., :3]
    return np.count_nonzero(np.any(pixels < 0.98, axis=-1))


def test_pit(pits, tmp_path):
    figure = plot_pit(pits)
    assert render(figure, tmp_path / "pit.png") > 20_000
    first, mass, _ = figure.axes
    assert first.get_xlabel() == "PIT of $z$"
    assert first.get_title().startswith("n = 1997 (3 left out)\nKS 0.0")
    assert "M_\\star" in mass.get_xlabel()
    steps = mass.patches[0].get_data()
    np.testing.assert_allclose(steps.values.mean(), 1.0)
    assert steps.values[0] > 1.1  # too narrow: a U


def test_pit_of_an_array(rng, tmp_path):
    figure = plot_pit(rng.random(300), n_bins=10)
    (ax,) = figure.axes
    assert ax.get_xlabel() == "PIT"
    assert render(figure, tmp_path / "one.png") > 5000


def test_nothing_usable(tmp_path):
    empty = {"redshift": [np.nan]}
    figure = plot_pit(empty)
    assert figure.axes[0].get_title() == "n = 0 (1 left out)"
    render(figure, tmp_path / "pit.png")
    render(plot_coverage(empty), tmp_path / "coverage.png")


def test_coverage(pits, tmp_path):
    figure = plot_coverage(pits)
    assert render(figure, tmp_path / "coverage.png") > 8000
    whole, difference = figure.axes
    labels = whole.get_legend_handles_labels()[1]
    assert labels[0] == "$z$"
    assert len(labels) == 3
    narrow = difference.lines[1].get_ydata()
    assert narrow.min() < -0.03
    assert np.abs(difference.lines[0].get_ydata()).max() < 0.03


def test_conditional_coverage(rng, tmp_path):
    magnitude = rng.uniform(17.0, 22.5, 4000) * u.mag
    pit = rng.random(4000)
    faint = magnitude > 21.0 * u.mag
    pit[faint] = rng.beta(0.6, 0.6, np.count_nonzero(faint))
    table = conditional_coverage(pit, magnitude, bins=5)
    figure = plot_conditional_coverage(table, label="$r$ [mag]")
    assert render(figure, tmp_path / "conditional.png") > 8000
    (ax,) = figure.axes
    assert ax.get_xlabel() == "$r$ [mag]"
    assert len(ax.containers) == 4
    assert ax.containers[1][0].get_ydata()[-1] < 60.0  # 68 %, faintest
    assert plot_conditional_coverage(table).axes[0].get_xlabel() == "[mag]"


def test_empty_bins_are_left_out(rng, tmp_path):
    table = conditional_coverage(
        rng.random(100), rng.random(100), bins=[0.0, 1.0, 2.0], levels=[0.68]
    )
    figure = plot_conditional_coverage(table)
    assert len(figure.axes[0].containers[0][0].get_xdata()) == 1
    render(figure, tmp_path / "conditional.png")


def test_tarp(tarp_table, tmp_path):
    figure = plot_tarp(tarp_table)
    assert render(figure, tmp_path / "tarp.png") > 5000
    _, difference = figure.axes
    assert difference.get_title().startswith("n = 800, largest 0.")
    assert difference.lines[0].get_ydata().min() < -0.05
    tarp_table.meta["parameters"] = NAMES
    figure = plot_tarp(tarp_table)
    assert figure.axes[0].get_title().startswith("$z$, $\\log")


def test_draws_on_a_given_figure(pits):
    figure = Figure()
    assert plot_pit(pits, figure=figure) is figure
    assert len(figure.axes) == 3


def test_nothing_to_plot():
    with pytest.raises(ValueError, match="there are no PIT values to plot"):
        plot_pit({})


def test_no_probability():
    with pytest.raises(ValueError, match=r"not between 0.2 and 1.5"):
        plot_coverage([0.2, 1.5])


def test_table_without_coverage(tarp_table):
    with pytest.raises(ValueError, match="no column coverage_50 or the like"):
        plot_conditional_coverage(tarp_table[["credibility"]])
