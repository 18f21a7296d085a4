# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Intervals and scores: they hold what their names promise.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from astrovae.nn import LEVELS, PRESETS, OutlierScore, QuantileCalibration, get_preset


def test_overconfident_sigma_is_corrected():
    rng = np.random.default_rng(0)
    sigma = rng.uniform(0.5, 2, 40_000)
    residual = rng.normal(size=40_000) * sigma * 3 + 0.4 * sigma
    own = QuantileCalibration.fit(residual[::2], sigma[::2])
    mean = np.zeros(20_000)
    for levels, expected in (((0.16, 0.84), 0.68), ((0.025, 0.975), 0.95)):
        lower, upper = own.interval(mean, sigma[1::2], levels)
        inside = (lower <= residual[1::2]) & (residual[1::2] <= upper)
        assert inside.mean() == pytest.approx(expected, abs=0.012)


def test_label_errors_are_taken_out():
    # Labels scatter by hypot(3, 4) = 5 around the estimate; the truth
    # by the predicted 3.
    rng = np.random.default_rng(1)
    residual = rng.normal(scale=5.0, size=50_000)
    own = QuantileCalibration.fit(residual, np.full(50_000, 3.0), np.full(50_000, 4.0))
    lower, upper = own.interval(np.zeros(1), np.full(1, 3.0))
    assert upper[0] == pytest.approx(3.0 * norm.ppf(0.84), rel=0.02)
    assert lower[0] == pytest.approx(3.0 * norm.ppf(0.16), rel=0.02)


def test_constant_sigma_follows_the_residuals():
    rng = np.random.default_rng(2)
    residual = rng.exponential(2.0, 50_000)
    residual[::10] = np.nan
    own = QuantileCalibration.fit(residual)
    assert own.n == 45_000
    lower, upper = own.interval(np.zeros(1))
    assert upper[0] == pytest.approx(np.nanquantile(residual, 0.84))
    # All residuals are positive, yet the estimate stays inside.
    assert lower[0] == 0.0


def test_no_label_gives_the_normal_distribution():
    own = QuantileCalibration.fit(np.full(3, np.nan), np.ones(3))
    assert own.n == 0
    assert own.quantiles == pytest.approx(norm.ppf(LEVELS))


residuals = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30)


@given(residuals)
def test_estimate_interval_and_draws_are_of_one_distribution(residual):
    own = QuantileCalibration.fit(np.array(residual), np.ones(len(residual)))
    mean, sigma = np.array([1.0, -2.0]), np.array([0.5, 2.0])
    estimate = own.estimate(mean, sigma)
    lower, upper = own.interval(mean, sigma)
    assert np.all(lower < estimate)
    assert np.all(estimate < upper)
    draws = own.sample(mean, sigma, np.tile(norm.ppf([0.16, 0.5, 0.84]), (2, 1)))
    assert draws.T == pytest.approx(np.array([lower, estimate, upper]))
    # Drawn tails go on from the outermost quantiles, without a step.
    far = own.sample(mean, sigma, np.tile([-9.0, -5.0, -2.0, 2.0, 5.0, 9.0], (2, 1)))
    assert np.all(np.diff(far) > 0)


def test_bias_on_the_validation_galaxies_is_taken_out():
    rng = np.random.default_rng(4)
    residual = rng.normal(3.0, 1.0, 20_000)
    own = QuantileCalibration.fit(residual, np.ones(20_000))
    estimate = own.estimate(np.array([10.0]), np.array([1.0]))
    assert estimate[0] == pytest.approx(13.0, abs=0.03)
    lower, upper = own.interval(np.array([10.0]), np.array([1.0]))
    assert upper[0] - lower[0] == pytest.approx(2 * norm.ppf(0.84), rel=0.03)


def test_constant_sigma_leaves_the_mean():
    own = QuantileCalibration.fit(np.full(30, 3.0) + np.arange(30))
    assert own.estimate(np.array([10.0]))[0] == 10.0


@given(residuals)
def test_estimate_lies_in_its_interval(residual):
    own = QuantileCalibration.fit(np.array(residual))
    lower, upper = own.interval(np.array([1.0]))
    assert lower[0] <= 1.0 <= upper[0]
    wide = own.interval(np.array([1.0]), levels=(0.025, 0.975))
    assert wide[0][0] <= lower[0]
    assert upper[0] <= wide[1][0]


def test_samples_have_the_quantiles_of_the_interval():
    rng = np.random.default_rng(3)
    sigma = np.full(5000, 2.0)
    own = QuantileCalibration.fit(rng.gamma(2.0, size=5000) - 2.0, sigma)
    normal = rng.standard_normal((1, 200_000))
    draws = own.sample(np.array([10.0]), np.array([2.0]), normal)
    lower, upper = own.interval(np.array([10.0]), np.array([2.0]))
    assert np.quantile(draws, 0.16) == pytest.approx(lower[0], abs=0.02)
    assert np.quantile(draws, 0.84) == pytest.approx(upper[0], abs=0.02)
    assert np.all(np.isfinite(draws))


def test_calibration_round_trip():
    own = QuantileCalibration.fit(np.random.default_rng(0).normal(size=50))
    other = QuantileCalibration.from_dict(own.to_dict())
    assert np.array_equal(own.quantiles, other.quantiles)
    assert (own.sigma, own.n) == (other.sigma, other.n)


def test_outlier_score_is_a_tail_probability():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(6, 6))
    training, validation, test = (
        rng.normal(size=(n, 6)) @ mixing + 3 for n in (5000, 5000, 20_000)
    )
    score = OutlierScore.fit(training, validation)
    values = score(test)
    for fraction in (0.5, 0.1, 0.01, 0.001):
        found = np.mean(values > -np.log10(fraction))
        assert found == pytest.approx(fraction, rel=0.35)
    assert np.all(values >= 0)


@pytest.mark.parametrize("n_features", [2, 16, 64])
@pytest.mark.parametrize("n_validation", [1, 3, 10, 49])
def test_few_validation_galaxies_make_no_outliers(n_features, n_validation):
    rng = np.random.default_rng(5)
    found = []
    for n_training in (30, 100, 1000) * 3:
        training, validation, test = (
            rng.normal(size=(n, n_features)) for n in (n_training, n_validation, 2000)
        )
        score = OutlierScore.fit(training, validation)
        found.append(np.mean(score(test) > 3))
        assert score(np.full((1, n_features), 30.0))[0] > 3
    assert np.mean(found) < 0.01


def test_outlier_score_ranks_the_strangest():
    rng = np.random.default_rng(1)
    training = rng.normal(size=(500, 3))
    score = OutlierScore.fit(training[:400], training[400:])
    strange = np.array([[10.0, 0, 0], [20.0, 0, 0], [40.0, 0, 0]])
    values = score(strange)
    assert values[0] > 3
    assert np.all(np.diff(values) > 0)


def test_outlier_score_of_constant_features():
    score = OutlierScore.fit(np.ones((10, 4)), np.ones((5, 4)))
    assert np.all(np.isfinite(score(np.ones((3, 4)))))


def test_presets():
    paper = PRESETS["gagliano2023"]
    assert (paper.reconstruction_weight, paper.physics_weight) == (10, 50)
    assert (paper.learning_rate, paper.batch_size) == (5e-6, 128)
    assert (paper.max_epochs, paper.validation_fraction) == (1000, 0.2)
    assert (paper.size, paper.output_size, paper.n_latent) == (128, 69, 5)
    with pytest.raises(ValueError, match=r"one of .*gagliano2023.*, not 'best'"):
        get_preset("best")
