# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests that render figures of estimates against the truth.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.table import QTable
from astropy.utils.masked import Masked

pytest.importorskip("matplotlib", reason="needs the extra 'plot'")

from matplotlib.figure import Figure
from matplotlib.image import imread

from astrovae.plotting import plot_comparison


def tables(n):
    """
    A truth and estimates with errors and intervals, for n galaxies.
    """
    rng = np.random.default_rng(1)
    z = rng.uniform(0.05, 0.9, n)
    mass = rng.normal(10.0, 0.7, n)
    angle = rng.uniform(-90.0, 90.0, n)
    truth = QTable(
        {
            "redshift": z * cu.redshift,
            "stellar_mass": 10**mass * u.Msun,
            "sfr": 10 ** (mass - 10.0) * u.Msun / u.yr,
            "orientation": angle * u.deg,
        }
    )
    z_est = z + 0.03 * rng.standard_normal(n)
    mass_est = mass + 0.2 * rng.standard_normal(n)
    predicted = QTable(
        {
            "redshift": z_est * cu.redshift,
            "redshift_lower": (z_est - 0.03) * cu.redshift,
            "redshift_upper": (z_est + 0.03) * cu.redshift,
            "stellar_mass": 10**mass_est * u.Msun,
            "sfr": 10 ** (mass_est - 10.0) * u.Msun / u.yr,
            "orientation": angle * u.deg,
            "orientation_lower": (angle - 5.0) * u.deg,
            "orientation_upper": (angle + 5.0) * u.deg,
        }
    )
    return predicted, truth


def render(figure, tmp_path):
    """
    Write a figure and return how many of its pixels are not white.
    """
    path = tmp_path / "figure.png"
    figure.savefig(path)
    pixels = imread(path)[..., :3]
    return np.count_nonzero(np.any(pixels < 0.98, axis=-1))


def test_points(tmp_path):
    figure = plot_comparison(*tables(40))
    assert len(figure.axes) == 4
    assert render(figure, tmp_path) > 5000
    redshift, mass, _, orientation = figure.axes
    assert redshift.get_xlabel() == "true $z$"
    assert redshift.get_xlim() == redshift.get_ylim()
    assert "outliers 0.0 %" in redshift.get_title()
    assert "n = 40, $R^2$ 0.9" in redshift.get_title()
    assert "dex" in mass.get_title()
    assert orientation.get_xlim() == (-90.0, 90.0)
    points, _, bars = redshift.containers[0]
    assert len(points.get_xdata()) == 40
    assert len(bars) == 1
    assert len(mass.containers[0][2]) == 0


def test_error_bars_reach_from_lower_to_upper():
    predicted, truth = tables(3)
    ax = plot_comparison(predicted, truth, parameters=["redshift"]).axes[0]
    _, _, (bars,) = ax.containers[0]
    for i, segment in enumerate(bars.get_segments()):
        ends = [predicted[f"redshift_{end}"][i].value for end in ("lower", "upper")]
        np.testing.assert_allclose(segment[:, 1], ends)


def test_density_of_many(tmp_path):
    figure = plot_comparison(*tables(1500), parameters=["stellar_mass", "redshift"])
    mass, redshift = figure.axes
    assert "M_\\star" in mass.get_xlabel()
    assert redshift.collections[0].get_array().sum() == 1500
    assert render(figure, tmp_path) > 5000


def test_masked_rows_are_counted(tmp_path):
    predicted, truth = tables(10)
    for name in predicted.colnames:
        predicted[name] = Masked(predicted[name], mask=np.arange(10) < 3)
    figure = plot_comparison(predicted, truth)
    assert "n = 7 (3 left out)" in figure.axes[0].get_title()
    render(figure, tmp_path)


def test_nothing_usable(tmp_path):
    predicted, truth = tables(2)
    predicted["redshift"] *= np.nan
    figure = plot_comparison(predicted, truth, parameters=["redshift"])
    assert "n = 0 (2 left out)" in figure.axes[0].get_title()
    render(figure, tmp_path)


def test_one_wild_estimate_does_not_set_the_scale():
    predicted, truth = tables(50)
    predicted["redshift"][0] = 1e6
    ax = plot_comparison(predicted, truth, parameters=["redshift"]).axes[0]
    assert ax.get_ylim()[1] < 3.0


def test_draws_on_a_given_figure():
    figure = Figure()
    assert plot_comparison(*tables(5), figure=figure) is figure
    assert len(figure.axes) == 4


def test_pyplot_stays_as_it_was():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    plot_comparison(*tables(5))
    assert plt.get_fignums() == before


def test_unknown_parameter():
    with pytest.raises(ValueError, match="'metallicity' is not in both tables"):
        plot_comparison(*tables(5), parameters=["metallicity"])
