# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the continuous ranked probability score.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from astropy.uncertainty import Distribution
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import norm

from astrovae.metrics import crps_from_mixture, crps_from_samples, crps_values

FINITE = st.floats(-100.0, 100.0)


def gaussian_crps(mean, sigma, truth):
    """
    The closed form (Gneiting et al. 2005, equation 5).
    """
    z = (truth - mean) / sigma
    return sigma * (z * (2 * ndtr(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@given(
    draws=hnp.arrays(float, (3, 6), elements=FINITE),
    truth=hnp.arrays(float, 3, elements=FINITE),
)
def test_sorting_is_the_double_sum(draws, truth):
    apart = np.abs(draws[:, :, None] - draws[:, None]).sum(axis=(1, 2))
    expected = np.abs(draws - truth[:, None]).mean(axis=1) - apart / (2 * 6 * 5)
    assert_allclose(crps_from_samples(draws, truth), expected, atol=1e-10)


@settings(max_examples=50)
@given(
    angles=hnp.arrays(float, (2, 5), elements=st.floats(-360.0, 360.0)),
    truth=hnp.arrays(float, 2, elements=st.floats(-90.0, 90.0)),
)
def test_circular_sum(angles, truth):
    def distance(a, b):
        return np.minimum((a - b) % 180.0, (b - a) % 180.0)

    apart = distance(angles[:, :, None], angles[:, None]).sum(axis=(1, 2))
    expected = distance(angles, truth[:, None]).mean(axis=1) - apart / (2 * 5 * 4)
    predicted = QTable({"orientation": Distribution(angles * u.deg)})
    crps = crps_values(predicted, QTable({"orientation": truth * u.deg}), "orientation")
    assert_allclose(crps, expected, atol=1e-9)


@pytest.mark.parametrize("n", [2, 5, 100])
def test_samples_are_unbiased(rng, n):
    rows = 10_000
    crps = crps_from_samples(rng.normal(1.0, 2.0, (rows, n)), np.full(rows, 2.5))
    error = crps.std() / np.sqrt(rows)
    assert abs(crps.mean() - gaussian_crps(1.0, 2.0, 2.5)) < 4 * error


def test_units_of_samples():
    draws = np.array([[1.0, 2.0, 4.0]])
    plain = crps_from_samples(draws, [3.0])
    crps = crps_from_samples(draws * u.Gpc, [3000.0] * u.Mpc)
    assert crps.unit == u.Gpc
    assert_allclose(crps.value, plain)


def test_unusable_samples():
    crps = crps_from_samples([[1, np.nan], [1, 2], [-np.inf, 1]], [1, np.nan, 1])
    assert np.all(np.isnan(crps))
    with pytest.raises(ValueError, match="needs two draws at least"):
        crps_from_samples([[1.0]], [1.0])


@given(
    mean=FINITE,
    sigma=st.floats(0.01, 10.0),
    truth=FINITE,
    split=st.floats(0.0, 1.0),
)
def test_mixture_of_equal_components_is_the_gaussian(mean, sigma, truth, split):
    crps = crps_from_mixture(
        [[split, 1.0 - split]], [[mean, mean]], [[sigma, sigma]], [truth]
    )
    assert_allclose(crps, gaussian_crps(mean, sigma, truth), atol=1e-9)


def test_mixture_is_the_integral():
    weights, means, sigmas = [0.3, 0.5, 0.2], [0.1, 0.4, 0.9], [0.05, 0.1, 0.3]

    def cdf(x):
        return sum(
            w * ndtr((x - m) / s)
            for w, m, s in zip(weights, means, sigmas, strict=True)
        )

    for truth in (-0.2, 0.3, 1.1):
        below = quad(lambda x: cdf(x) ** 2, -3, truth, limit=200)[0]
        above = quad(lambda x: (1 - cdf(x)) ** 2, truth, 4, limit=200)[0]
        crps = crps_from_mixture([weights], [means], [sigmas], [truth])
        assert_allclose(crps, below + above, rtol=1e-6)


def test_mixture_without_a_width_is_the_absolute_error():
    crps = crps_from_mixture([[1.0, 0.0]], [[0.2, 0.5]], [[0.0, 0.1]], [0.5])
    assert_allclose(crps, 0.3)


def test_mixture_agrees_with_its_draws(rng):
    weights, means, sigmas = ([0.6, 0.4], [0.0, 3.0], [1.0, 0.5])
    part = rng.choice(2, 200_000, p=weights)
    draws = rng.normal(np.array(means)[part], np.array(sigmas)[part])
    expected = crps_from_mixture([weights], [means], [sigmas], [1.0])
    assert_allclose(crps_from_samples(draws[None], [1.0]), expected, rtol=0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0]], [[0.0, 1.0]], [[1.0]], [0.0]), "need one shape"),
        (([[1.0]], [[0.0]], [[1.0]], [0.0, 1.0]), "need one shape"),
        (([[1.0]], [[0.0]], [[-1.0]], [0.0]), "is negative"),
        (([[0.5]], [[0.0]], [[1.0]], [0.0]), "do not sum to 1"),
    ],
)
def test_wrong_mixture(arguments, message):
    with pytest.raises(ValueError, match=message):
        crps_from_mixture(*arguments)


def test_masked_mixture():
    crps = crps_from_mixture([[1.0]] * 2, [[0.0], [np.nan]], [[1.0]] * 2, [0.0, 0.0])
    assert list(np.isnan(crps)) == [False, True]


def test_better_distributions_score_less(rng):
    middle = rng.normal(size=3000)
    truth = middle + rng.normal(size=3000)
    score = {
        width: crps_from_mixture(
            np.ones((3000, 1)), middle[:, None], np.full((3000, 1), width), truth
        ).mean()
        for width in (0.3, 1.0, 3.0)
    }
    assert score[1.0] < min(score[0.3], score[3.0])


@pytest.mark.parametrize("truth", [1e9, 1e10, 3e11])
def test_interval_is_the_integral(truth):
    predicted = QTable(
        {
            "stellar_mass": [1e10] * u.Msun,
            "stellar_mass_lower": [1e9] * u.Msun,
            "stellar_mass_upper": [2e10] * u.Msun,
        }
    )
    below, above = (width / norm.ppf(0.84) for width in (1.0, np.log10(2.0)))

    def cdf(x):
        return ndtr((x - 10.0) / (below if x < 10.0 else above))

    true = np.log10(truth)
    points = [10.0] if true != 10.0 else None
    low = quad(lambda x: cdf(x) ** 2, 3.0, true, points=points, limit=200)[0]
    high = quad(lambda x: (1 - cdf(x)) ** 2, true, 14.0, points=points, limit=200)[0]
    table = QTable({"stellar_mass": [truth] * u.Msun})
    assert_allclose(
        crps_values(predicted, table, "stellar_mass"), low + high, rtol=1e-6
    )


def test_one_draw_has_no_score():
    predicted = QTable({"redshift": Distribution(np.ones((2, 1)))})
    truth = QTable({"redshift": [0.1, 0.2]})
    assert np.all(np.isnan(crps_values(predicted, truth, "redshift")))
