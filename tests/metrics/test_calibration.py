# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the calibration of intervals.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.table import QTable
from astropy.utils.masked import Masked
from numpy.testing import assert_allclose

from astrovae.metrics import (
    COVERAGE_LEVELS,
    calibration,
    comparison_table,
    pit_values,
)

WIDTH_84 = 0.994457883209753  # the 84th percentile of a standard normal


def gaussian_tables(n, *, widening=1.0, seed=0):
    """
    Estimates whose errors are Gaussian, with intervals too wide or not.
    """
    rng = np.random.default_rng(seed)
    z = rng.uniform(0.2, 0.8, n)
    sigma = rng.uniform(0.01, 0.05, n)
    estimate = z + sigma * rng.standard_normal(n)
    width = widening * WIDTH_84 * sigma
    predicted = QTable(
        {
            "redshift": estimate * cu.redshift,
            "redshift_lower": (estimate - width) * cu.redshift,
            "redshift_upper": (estimate + width) * cu.redshift,
        }
    )
    return predicted, QTable({"redshift": z * cu.redshift})


def test_right_intervals_are_calibrated():
    n = 20_000
    row = calibration(*gaussian_tables(n))[0]
    assert row["n"] == n
    for level in COVERAGE_LEVELS:
        error = np.sqrt(level * (1 - level) / n)
        assert abs(row[f"coverage_{100 * level:.0f}"] - level) < 4 * error
    assert_allclose(row["pit_mean"], 0.5, atol=0.01)
    assert_allclose(row["pit_std"], 1 / np.sqrt(12), atol=0.01)


def test_wide_intervals_hold_too_much():
    row = calibration(*gaussian_tables(2000, widening=2.0))[0]
    assert row["coverage_50"] > 0.75
    assert row["pit_std"] < 0.2


def test_pit_by_hand():
    predicted = QTable(
        {
            "stellar_mass": [1e10, 1e10, 1e10] * u.Msun,
            "stellar_mass_lower": [1e9, 1e9, 1e9] * u.Msun,
            "stellar_mass_upper": [1e12, 1e12, 1e12] * u.Msun,
        }
    )
    truth = QTable({"stellar_mass": [1e9, 1e10, 1e12] * u.Msun})
    pit = pit_values(predicted, truth, "stellar_mass")
    assert_allclose(pit, [0.16, 0.5, 0.84])
    row = calibration(predicted, truth)[0]
    assert_allclose(row["coverage_50"], 1 / 3)
    assert_allclose(row["coverage_90"], 1.0)


def test_angles_wrap():
    predicted = QTable(
        {
            "orientation": [89.0] * u.deg,
            "orientation_lower": [85.0] * u.deg,
            "orientation_upper": [-87.0] * u.deg,
        }
    )
    truth = QTable({"orientation": [-87.0] * u.deg})
    assert_allclose(pit_values(predicted, truth, "orientation"), 0.84)


def test_rows_without_an_interval_are_counted():
    predicted, truth = gaussian_tables(4)
    predicted["redshift"] = Masked(predicted["redshift"], mask=[1, 0, 0, 0])
    # an interval that does not hold its own estimate on either side
    predicted["redshift_lower"][1] = predicted["redshift"][1].unmasked + 0.1
    predicted["redshift_upper"][1] = predicted["redshift"][1].unmasked - 0.1
    truth["redshift"][2] = np.nan
    row = calibration(predicted, truth)[0]
    assert row["n"] == 1
    assert row["n_excluded"] == 3
    assert np.isfinite(pit_values(predicted, truth, "redshift")).sum() == 1


def test_intervals_without_a_width_hold_nothing_but_the_estimate():
    predicted = QTable(
        {
            "redshift": [0.5, 0.5, 0.5, 0.5],
            "redshift_lower": [0.5, 0.5, 0.5, 0.4],
            "redshift_upper": [0.5, 0.5, 0.6, 0.5],
        }
    )
    truth = QTable({"redshift": [0.3, 0.5, 0.4, 0.6]})
    row = calibration(predicted, truth)[0]
    assert (row["n"], row["n_excluded"]) == (4, 0)
    assert_allclose(row["coverage_95"], 0.25)
    assert_allclose(pit_values(predicted, truth, "redshift"), [0, 0.5, 0, 1])


@pytest.mark.parametrize("ends", [(-90, 90), (-135, 120), (-20, 170), (-80, 280)])
def test_an_interval_of_half_a_turn_holds_every_angle(ends):
    true = np.array([-89.0, -60.0, 0.0, 20.0, 80.0, 90.0])
    predicted = QTable(
        {
            "orientation": np.zeros(6) * u.deg,
            "orientation_lower": np.full(6, ends[0]) * u.deg,
            "orientation_upper": np.full(6, ends[1]) * u.deg,
        }
    )
    truth = QTable({"orientation": true * u.deg})
    assert comparison_table(predicted, truth)["coverage_68"][0] == 1.0
    assert calibration(predicted, truth)["coverage_68"][0] == 1.0


def test_nothing_usable_gives_nan():
    predicted, truth = gaussian_tables(2)
    truth["redshift"] *= np.nan
    row = calibration(predicted, truth)[0]
    assert row["n"] == 0
    assert np.isnan(row["coverage_68"])


def test_no_interval():
    predicted, truth = gaussian_tables(2)
    predicted.remove_column("redshift_lower")
    with pytest.raises(ValueError, match="no parameter of the predicted table"):
        calibration(predicted, truth)
    with pytest.raises(ValueError, match="'redshift' with redshift_lower"):
        pit_values(predicted, truth, "redshift")
