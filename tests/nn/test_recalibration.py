# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Recalibration: probabilities that hold, over all and by brightness.
"""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import ndtr, ndtri
from scipy.stats import kstest

from astrovae.nn import PITCalibration

LEVELS = np.array([0.025, 0.16, 0.5, 0.84, 0.975])


def make(n, distort, seed=0):
    """
    PITs of n galaxies: uniform ones, distorted by the brightness.
    """
    rng = np.random.default_rng(seed)
    brightness = rng.uniform(1, 8, n)
    return distort(rng.uniform(size=n), brightness), brightness


def narrow(pit, _brightness):
    """
    The PITs of posteriors of half the width, shifted by half a sigma.
    """
    return ndtr(2.0 * ndtri(pit) + 0.5)


def narrow_if_faint(pit, brightness):
    return ndtr((3.0 - brightness / 4) * ndtri(pit) + 0.3 * (brightness - 4))


def test_uniform_probabilities_are_left_alone():
    pit, brightness = make(20_000, lambda p, _: p)
    own = PITCalibration.fit(pit, brightness)
    assert own.n == 20_000
    assert len(own.centres) > 4
    found = own.to_network(LEVELS, np.array([2.0, 4.5, 7.0]))
    # Twice 1667 galaxies per bin: an error of 0.009 in the middle.
    assert found == pytest.approx(np.tile(LEVELS, (3, 1)), abs=0.03)


@pytest.mark.parametrize("distort", [narrow, narrow_if_faint])
def test_distorted_probabilities_are_mended(distort):
    own = PITCalibration.fit(*make(20_000, distort))
    pit, brightness = make(20_000, distort, seed=1)
    mended = own.to_calibrated(pit[:, None], brightness)[:, 0]
    assert kstest(pit, "uniform").statistic > 0.1
    assert kstest(mended, "uniform").statistic < 0.02
    edges = np.quantile(brightness, [0, 0.25, 0.5, 0.75, 1])
    for low, high in itertools.pairwise(edges):
        inside = mended[(brightness >= low) & (brightness <= high)]
        assert kstest(inside, "uniform").statistic < 0.035
        assert np.mean(np.abs(inside - 0.5) < 0.34) == pytest.approx(0.68, abs=0.03)


def test_one_map_for_all_would_not_do():
    # The distortion by brightness is one that a common map leaves.
    pit, brightness = make(20_000, narrow_if_faint)
    common = PITCalibration.fit(pit, np.zeros_like(brightness))
    mended = common.to_calibrated(pit[:, None], brightness)[:, 0]
    assert kstest(mended, "uniform").statistic < 0.035
    faint = mended[brightness < 2.5]
    assert kstest(faint, "uniform").statistic > 0.1


@pytest.mark.parametrize("n", [20, 200, 1599])
def test_few_galaxies_give_a_shift_and_a_width(n):
    pit, brightness = make(n, narrow)
    own = PITCalibration.fit(pit, brightness)
    assert own.centres.tolist() == [0]
    assert own.n == n
    probit = ndtri(own.to_network(LEVELS, [3.0])[0])
    line = np.polyfit(ndtri(LEVELS), probit, 1)
    # Straight, up to the interpolation in the table.
    assert probit == pytest.approx(np.polyval(line, ndtri(LEVELS)), abs=0.06)
    normal = ndtri(np.clip(pit, 1e-4, 1 - 1e-4))
    assert line == pytest.approx([np.std(normal), np.mean(normal)], abs=0.06)


@pytest.mark.parametrize("n", [0, 1, 19])
def test_very_few_galaxies_change_nothing(n):
    own = PITCalibration.fit(*make(n, narrow))
    assert own.n == 0
    assert own.to_network(LEVELS, [1.0, 9.0]) == pytest.approx(np.tile(LEVELS, (2, 1)))


def test_galaxies_without_truth_are_left_out():
    pit, brightness = make(3000, narrow)
    pit[::3], brightness[1::3] = np.nan, np.nan
    own = PITCalibration.fit(pit, brightness)
    good = np.arange(2, 3000, 3)
    same = PITCalibration.fit(pit[good], brightness[good])
    assert own.to_dict() == same.to_dict()
    assert own.n == 1000


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("n", [30, 4000])
def test_galaxies_that_are_all_alike(value, n):
    # All truths below all posteriors: still a map with a width.
    own = PITCalibration.fit(np.full(n, value), np.linspace(0, 5, n))
    found = own.to_network(LEVELS, [2.0])[0]
    assert np.all(np.isfinite(own.quantiles))
    assert np.all(np.diff(found) > 0)


probabilities = arrays(
    float, st.integers(1, 9), elements=st.floats(0, 1), unique=True
).map(np.sort)


@given(
    seed=st.integers(0, 5),
    n=st.sampled_from([5, 100, 5000]),
    levels=probabilities,
    brightness=st.floats(-5, 20),
)
def test_both_directions_are_inverse_and_monotonic(seed, n, levels, brightness):
    own = PITCalibration.fit(*make(n, narrow_if_faint, seed))
    network = own.to_network(levels, [brightness])
    assert np.all(np.diff(network) >= 0)
    assert np.all((network >= 0) & (network <= 1 + 1e-12))
    back = own.to_calibrated(network, [brightness])
    assert back[0] == pytest.approx(levels, abs=1e-6)
    assert own.to_network([0.0, 1.0], [brightness])[0] == pytest.approx([0, 1])


def test_the_map_changes_smoothly_with_brightness():
    own = PITCalibration.fit(*make(20_000, narrow_if_faint))
    grid = np.linspace(0, 9, 300)
    values = own.to_network(LEVELS, grid)
    assert np.max(np.abs(np.diff(values, axis=0))) < 0.02
    # Beyond the outermost bins it is theirs.
    assert np.array_equal(values[0], own.to_network(LEVELS, [-50.0])[0])


def test_levels_of_each_galaxy():
    own = PITCalibration.fit(*make(5000, narrow))
    levels = np.array([[0.1, 0.9], [0.4, 0.6]])
    both = own.to_network(levels, [2.0, 6.0])
    for row in range(2):
        one = own.to_network(levels[row], [[2.0, 6.0][row]])
        assert np.array_equal(both[row], one[0])
    assert own.to_network(LEVELS, []).shape == (0, 5)


def test_round_trip_through_json():
    own = PITCalibration.fit(*make(5000, narrow))
    other = PITCalibration.from_dict(json.loads(json.dumps(own.to_dict())))
    assert other.n == own.n
    grid = np.linspace(0, 1, 101)
    assert np.array_equal(other.to_network(grid, [3.0]), own.to_network(grid, [3.0]))
