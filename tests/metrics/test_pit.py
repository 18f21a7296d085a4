# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the probability integral transform.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.uncertainty import Distribution
from astropy.utils.masked import Masked
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import kstwo, norm

from astrovae.metrics import (
    ks_distance,
    pit_from_quantiles,
    pit_from_samples,
    pit_histogram,
)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@settings(max_examples=40)
@given(n=st.integers(1, 8), k=st.integers(1, 4), seed=st.integers(0, 100))
def test_uniform_however_few_the_draws_and_many_the_ties(n, k, seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, k, (2000, n + 1))  # k possible values
    pit = pit_from_samples(values[:, 1:], values[:, 0], random_state=seed + 1)
    assert ks_distance(pit)["distance"] < 3.0 * ks_distance(pit)["expected"]


def test_rank_by_hand():
    samples = np.tile([1.0, 2.0, 3.0], (3, 1))
    pit = pit_from_samples(samples, [0.5, 2.5, 9.0])
    assert np.all(np.array([0.0, 0.5, 0.75]) <= pit)
    assert np.all(pit <= [0.25, 0.75, 1.0])


def test_seed():
    samples = np.ones((50, 3))
    one, same = (pit_from_samples(samples, np.ones(50)) for _ in range(2))
    other = pit_from_samples(samples, np.ones(50), random_state=1)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_distributions_of_quantities(rng):
    draws = rng.normal(0.5, 0.1, (40, 20))
    expected = pit_from_samples(draws, np.full(40, 0.5))
    truth = Masked(np.full(40, 500.0) * u.Mpc, mask=np.arange(40) == 3)
    pit = pit_from_samples(Distribution(draws * u.Gpc), truth)
    assert np.isnan(pit[3])
    assert_allclose(np.delete(pit, 3), np.delete(expected, 3))
    redshifts = Distribution(draws * cu.redshift)
    assert_allclose(pit_from_samples(redshifts, np.full(40, 0.5)), expected)


def test_what_is_not_finite_has_no_pit():
    pit = pit_from_samples(
        [[1, np.nan], [1, 2], [1, 2], [-np.inf, 2]], [1, np.inf, 1, 1]
    )
    assert list(np.isnan(pit)) == [True, True, False, True]


@pytest.mark.parametrize("unit", [u.kpc, u.one])
def test_wrong_unit(unit):
    with pytest.raises(u.UnitsError, match="but the samples have 'solMass'"):
        pit_from_samples(np.ones((2, 3)) * u.Msun, np.ones(2) * unit)


def test_wrong_shapes():
    with pytest.raises(ValueError, match=r"samples of the shape \(2, 3\) and a truth"):
        pit_from_samples(np.ones((2, 3)), np.ones(3))
    with pytest.raises(ValueError, match="there is no draw"):
        pit_from_samples(np.ones((2, 0)), np.ones(2))


def test_quantiles_interpolate():
    quantiles = np.tile([1.0, 2.0, 4.0], (3, 1))
    pit = pit_from_quantiles(quantiles, [0.2, 0.5, 0.9], [1.0, 1.5, 3.0])
    assert_allclose(pit, [0.2, 0.35, 0.7])


def test_beyond_and_between_equal_quantiles():
    n = 4000
    quantiles = np.tile([1.0, 2.0, 2.0, 3.0], (n, 1))
    levels = [0.1, 0.3, 0.6, 0.8]
    for truth, low, high in ((0.0, 0.0, 0.1), (2.0, 0.3, 0.6), (3.5, 0.8, 1.0)):
        pit = pit_from_quantiles(quantiles, levels, np.full(n, truth))
        uniform = (pit - low) / (high - low)
        figures = ks_distance(np.clip(uniform, 0.0, 1.0))
        assert_allclose(uniform, np.clip(uniform, 0.0, 1.0), atol=1e-12)
        assert figures["distance"] < 3.0 * figures["expected"]


def test_quantiles_of_the_truth_are_uniform(rng):
    middle = rng.normal(size=5000)
    quantiles = middle[:, None] + norm.ppf(np.linspace(0.02, 0.98, 49))
    pit = pit_from_quantiles(
        quantiles, np.linspace(0.02, 0.98, 49), middle + rng.normal(size=5000)
    )
    assert ks_distance(pit)["p_value"] > 0.01


def test_unusable_quantiles():
    quantiles = [[1.0, 2.0, np.nan], [1.0, 3.0, 2.0], [1.0, 2.0, 3.0]]
    pit = pit_from_quantiles(quantiles, [0.2, 0.5, 0.9], [1.5, 1.5, np.nan])
    assert np.all(np.isnan(pit))


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([0.5], "3 quantiles need as many levels, not 1"),
        ([0.5, 0.4, 0.9], "no increasing probabilities"),
        ([16, 50, 84], "no increasing probabilities"),
    ],
)
def test_wrong_levels(levels, message):
    with pytest.raises(ValueError, match=message):
        pit_from_quantiles([[1.0, 2.0, 3.0]], levels, [1.0])


def test_histogram(rng):
    pit = np.append(rng.random(5000), np.nan)
    table = pit_histogram(pit, n_bins=10)
    assert table["count"].sum() == table.meta["n"] == 5000
    assert table.meta["n_excluded"] == 1
    assert_allclose(table["low"][1:], table["high"][:-1])
    assert table["expected_lower"][0] < 500 < table["expected_upper"][0]
    inside = table["count"] >= table["expected_lower"]
    inside &= table["count"] <= table["expected_upper"]
    assert np.count_nonzero(inside) >= 8


@pytest.mark.parametrize("n", [3, 500])
def test_expected_distance(n):
    figures = ks_distance(np.linspace(0.0, 1.0, n))
    assert_allclose(figures["expected"], kstwo(n).mean(), rtol=0.02)


def test_distance_by_hand():
    figures = ks_distance([0.5, 0.5, np.nan])
    assert figures["n"] == 2
    assert figures["n_excluded"] == 1
    assert_allclose(figures["distance"], 0.5)
    assert np.isnan(ks_distance([])["distance"])


def test_no_probability():
    with pytest.raises(ValueError, match="PIT values are probabilities"):
        ks_distance([-0.2, 0.5])
