# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the coverage over all and under conditions.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.stats import binom_conf_interval
from astropy.utils.masked import Masked
from numpy.testing import assert_allclose

from astrovae.metrics import (
    COVERAGE_LEVELS,
    conditional_coverage,
    interval_coverage,
)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_by_hand():
    table = interval_coverage([0.16, 0.5, 0.84, 0.01, np.nan], levels=[0.5, 0.68])
    assert_allclose(table["level"], [0.5, 0.68])
    assert_allclose(table["coverage"], [0.25, 0.75])  # ends belong to them
    assert table.meta == {"n": 4, "n_excluded": 1, "confidence": 0.95}
    lower, upper = binom_conf_interval(3, 4, 0.95)
    assert_allclose(table["coverage_lower"][1], lower)
    assert_allclose(table["coverage_upper"][1], upper)


def test_intervals_of_the_coverage_hold_it(rng):
    held = np.zeros(len(COVERAGE_LEVELS))
    for _ in range(300):
        table = interval_coverage(rng.random(200), confidence=0.8)
        held += (table["coverage_lower"] <= table["level"]) & (
            table["level"] <= table["coverage_upper"]
        )
    assert_allclose(held / 300, 0.8, atol=0.08)


def test_nothing_usable():
    table = interval_coverage([np.nan])
    assert np.all(np.isnan(table["coverage_upper"]))


@pytest.mark.parametrize("levels", [[68], [0.0], [0.5, 1.0]])
def test_wrong_levels(levels):
    with pytest.raises(ValueError, match="levels of intervals lie between 0 and 1"):
        interval_coverage([0.5], levels=levels)


def test_conditions_show_what_all_hide(rng):
    n = 8000
    magnitude = rng.uniform(16.0, 22.0, n)
    width = np.where(magnitude < 19.0, 2.0, 0.7)  # of the error bars
    pull = rng.normal(size=n) / width
    from scipy.special import ndtr

    table = conditional_coverage(ndtr(pull), magnitude * u.mag)
    assert len(table) == 4
    assert table["low"].unit == u.mag
    assert np.all(table["n"] == n // 4)
    assert np.all(table["coverage_68_lower"][:2] > 0.68)
    assert np.all(table["coverage_68_upper"][2:] < 0.68)
    assert np.all(table["pit_ks"] > 3 * table["pit_ks_expected"])
    assert np.all(table["low"] < table["middle"])
    assert np.all(table["middle"] < table["high"])


def test_edges(rng):
    by = np.array([0.0, 0.1, 0.2, 0.5, 0.7, 0.9, np.nan]) * u.kpc
    pit = np.array([0.5, np.nan, 0.5, 0.5, 0.5, 0.5, 0.5])
    table = conditional_coverage(pit, by, bins=[0.0, 200.0, 500.0, 700.0] * u.pc)
    assert list(table["n"]) == [1, 1, 2]  # the last edge belongs to its bin
    assert_allclose(table["high"].to_value(u.kpc), [0.2, 0.5, 0.7])
    assert table.meta["n_excluded"] == 2
    assert table.meta["n_outside"] == 1
    plain = conditional_coverage(pit, by, bins=[0.0, 0.2, 0.5, 0.7])
    assert list(plain["n"]) == [1, 1, 2]


def test_every_row_is_in_one_place(rng):
    by = Masked(rng.integers(0, 4, 500).astype(float), mask=rng.random(500) < 0.1)
    for bins in (1, 3, 10, [1.0, 2.0], [5.0, 6.0]):
        table = conditional_coverage(rng.random(500), by, bins=bins)
        total = table["n"].sum() + table.meta["n_excluded"] + table.meta["n_outside"]
        assert total == 500
        if np.ndim(bins) == 0:
            assert table.meta["n_outside"] == 0


def test_one_value_only():
    table = conditional_coverage([0.2, 0.5], [3.0, 3.0])
    assert list(table["n"]) == [2]


def test_empty_bin():
    table = conditional_coverage([0.5], [0.5], bins=[0.0, 1.0, 2.0])
    assert np.isnan(table["coverage_68"][1])
    assert np.isnan(table["middle"][1])


@pytest.mark.parametrize(
    ("bins", "message"),
    [([1.0, 0.0], "must increase"), ([1.0], "must increase")],
)
def test_wrong_edges(bins, message):
    with pytest.raises(ValueError, match=message):
        conditional_coverage([0.5], [0.5], bins=bins)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"'by' has the shape \(2,\)"):
        conditional_coverage([0.5], [0.5, 0.6])
    with pytest.raises(ValueError, match="there is no row to make bins of"):
        conditional_coverage([np.nan], [0.5])
    with pytest.raises(u.UnitsError, match="'bins' has the unit pc, but 'by' has mag"):
        conditional_coverage([0.5], [20.0] * u.mag, bins=[0, 1] * u.pc)


def test_few_values_have_a_bin_each(rng):
    pit = rng.uniform(size=250)
    table = conditional_coverage(pit, np.r_[np.zeros(200), np.ones(50)], bins=2)
    assert table["n"].tolist() == [200, 50]
    table = conditional_coverage(pit, rng.integers(0, 3, 250), bins=4)
    assert len(table) == 3
