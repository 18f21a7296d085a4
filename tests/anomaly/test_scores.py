# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Anomalies without labels.
"""

import numpy as np
import pytest
from astropy.utils.masked import Masked
from scipy.stats import kstest
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from astrovae.anomaly import AnomalyScore
from astrovae.exceptions import AstrovaeWarning

METHODS = ["density", "isolation_forest", "local_outlier_factor"]


def draw(n, seed):
    """
    Two groups, one of them banana-shaped.
    """
    rng = np.random.default_rng(seed)
    latents = rng.normal(size=(n, 3))
    bent = rng.random(n) < 0.5
    latents[bent, 1] = 3.0 + latents[bent, 0] ** 2 + 0.3 * latents[bent, 1]
    return latents


@pytest.fixture(scope="module")
def fitted():
    return {
        method: AnomalyScore(method, n_estimators=50, random_state=0).fit(draw(2000, 0))
        for method in METHODS
    }


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([AnomalyScore(random_state=0)])
def test_estimator_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("method", METHODS)
def test_p_values_of_usual_galaxies_are_uniform(fitted, method):
    p_value = fitted[method].p_value(draw(3000, 1))
    # The calibration galaxies are 600: their own scatter is sqrt(1/600).
    assert kstest(p_value, "uniform").statistic < 1.63 * np.sqrt(1 / 600 + 1 / 3000)
    assert p_value.min() >= 1 / 601


def test_p_values_are_conservative_on_average():
    # Over many draws of the calibration, P(p <= alpha) <= alpha.
    alpha = 0.1
    below = [
        AnomalyScore(max_components=1, random_state=seed)
        .fit(draw(100, seed))
        .p_value(draw(200, 1000 + seed))
        <= alpha
        for seed in range(60)
    ]
    # 60 means over calibration sets of 30, each with a scatter of 0.05.
    assert np.mean(below) < alpha + 3 * 0.06 / np.sqrt(60)
    assert np.mean(below) > alpha - 0.05 - 3 * 0.06 / np.sqrt(60)


@pytest.mark.parametrize("method", METHODS)
def test_odd_galaxies_score_higher(fitted, method):
    usual = draw(500, 2)
    odd = np.random.default_rng(0).normal([0.0, 6.0, 0.0], 0.3, (50, 3))
    labels = np.repeat([0, 1], [500, 50])
    score = fitted[method].score(np.concatenate([usual, odd]))
    # The forest cuts along the axes and sees the gap between the groups
    # badly; it is a reference.
    least = 0.5 if method == "isolation_forest" else 0.85
    assert roc_auc_score(labels, score) > least


def test_number_of_components():
    one = np.random.default_rng(0).normal(size=(2000, 2))
    assert AnomalyScore(random_state=0).fit(one).n_components_ <= 2
    three = one + np.repeat([[0, 0], [20, 0], [0, 20]], [700, 700, 600], axis=0)
    assert AnomalyScore(random_state=0).fit(three).n_components_ >= 3


def test_exponential_tail():
    latents = np.random.default_rng(0).normal(size=(4000, 3))
    plain = AnomalyScore(random_state=0).fit(latents)
    tail = AnomalyScore(random_state=0, tail="exponential").fit(latents)
    far = [[0.0, 0, 5], [0, 0, 7], [0, 0, 12]]
    assert np.ptp(plain.p_value(far)) == 0.0
    p_value = tail.p_value(far)
    assert np.all(np.diff(p_value) < 0)
    assert 1e-7 < p_value[0] < 1e-3
    # Nothing changes below, and the two meet at the edge.
    usual = np.random.default_rng(1).normal(size=(5000, 3))
    first, second = plain.p_value(usual), tail.p_value(usual)
    body = first > 0.11
    np.testing.assert_array_equal(first[body], second[body])
    assert abs(second[~body].mean() / first[~body].mean() - 1.0) < 0.1
    with pytest.warns(AstrovaeWarning, match="30 galaxies held out do not show"):
        AnomalyScore(tail="exponential", random_state=0).fit(latents[:100])


def test_scores_do_not_depend_on_units_of_latents():
    latents, new = draw(500, 0), draw(50, 1)
    scale = [1.0, 1e4, 1e-4]
    first = AnomalyScore(random_state=0).fit(latents).p_value(new)
    second = AnomalyScore(random_state=0).fit(latents * scale).p_value(new * scale)
    np.testing.assert_allclose(first, second, atol=0.02)


def test_rows_that_are_not_finite(fitted):
    latents = draw(20, 0)
    latents[3] = np.nan
    p_value = fitted["density"].p_value(latents)
    assert np.flatnonzero(np.isnan(p_value)).tolist() == [3]
    with pytest.warns(AstrovaeWarning, match="1 of 20 galaxies"):
        AnomalyScore(random_state=0).fit(latents)


def test_arguments():
    with pytest.raises(ValueError, match="method must be one of"):
        AnomalyScore("magic").fit(draw(50, 0))
    with pytest.raises(ValueError, match="tail must be one of"):
        AnomalyScore(tail="fat").fit(draw(50, 0))
    with pytest.raises(ValueError, match="n_samples = 3"):
        AnomalyScore().fit(draw(3, 0))


def test_a_value_is_its_own_score():
    rng = np.random.default_rng(0)
    score = AnomalyScore("value", random_state=0).fit(rng.exponential(size=(2000, 1)))
    value = rng.exponential(size=(1000, 1))
    assert np.array_equal(score.score(value), value[:, 0])
    assert kstest(score.p_value(value), "uniform").pvalue > 0.01
    assert np.all(np.diff(score.p_value(np.linspace(0, 9, 50)[:, None])) <= 0)
    with pytest.raises(ValueError, match="takes one column, got 2"):
        AnomalyScore("value").fit(rng.normal(size=(20, 2)))


def test_masked_arrays_are_not_numbers():
    rng = np.random.default_rng(0)
    masked = np.ma.MaskedArray(rng.normal(size=(400, 3)))
    masked[:3, 0] = np.ma.masked
    for latents in (masked, Masked(masked.data, mask=masked.mask)):
        with pytest.warns(AstrovaeWarning, match="3 of 400 galaxies have latents"):
            score = AnomalyScore(random_state=0).fit(latents)
        assert np.isnan(score.p_value(latents)).tolist() == [True] * 3 + [False] * 397
