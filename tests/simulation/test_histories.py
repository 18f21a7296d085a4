# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Star-formation histories: what they keep and what they reach.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrovae.simulation.histories import (
    SFR_TIMESCALE,
    delayed_exponential,
    make_uneven,
    set_recent,
    solve_delayed_exponential,
)

# Steps of 0.1 dex as in bagpipes, but with an edge at 100 Myr: a bin
# across it has one rate, and what is recent is then not exact.
EDGES = np.r_[0.0, 10 ** np.linspace(6.0, 10.1, 42)]
RECENT = np.clip((SFR_TIMESCALE - EDGES[:-1]) / np.diff(EDGES), 0, 1)

ages = st.floats(0.05, 13.0)
taus = st.floats(0.05, 30.0)


def history(age, tau):
    return delayed_exponential(EDGES, np.array([age]), np.array([tau]))


@given(ages, taus)
def test_a_delayed_exponential_forms_one_solar_mass(age, tau):
    mass = history(age, tau)
    assert mass.shape == (1, len(EDGES) - 1)
    assert mass.sum() == pytest.approx(1)
    assert np.all(mass >= 0)
    assert np.all(mass[0, EDGES[:-1] > age * 1e9] == 0)


def test_a_delayed_exponential_is_the_integral_of_its_rate():
    age, tau = 7.0, 2.5
    mass = history(age, tau)[0]
    fine = np.linspace(0, age, 400001)
    rate = (age - fine) * np.exp(-(age - fine) / tau)
    cumulative = np.r_[0, np.cumsum(rate[1:] + rate[:-1])]
    cumulative /= cumulative[-1]
    expected = np.diff(np.interp(EDGES * 1e-9, fine, cumulative))
    np.testing.assert_allclose(mass, expected, atol=1e-6)


@given(st.floats(-13.0, -8.3), ages)
def test_the_specific_rate_comes_back(log_ssfr, age):
    solved_age, tau = solve_delayed_exponential(np.array([log_ssfr]), np.array([age]))
    x = solved_age / tau
    formed = tau**2 * (1 - np.exp(-x) * (1 + x))
    now = solved_age * np.exp(-x) / formed * 1e-9  # per year and mass formed
    rate = 10**log_ssfr * 0.65
    assert np.log10(now / rate) == pytest.approx(0, abs=0.01)
    # The age is kept where that is possible: at most 2 / age.
    if rate * age * 1e9 <= 1.8:
        assert solved_age == age
    else:
        assert solved_age < age


@settings(max_examples=30)
@given(ages, taus, st.integers(0, 1000))
def test_uneven_histories_keep_their_totals(age, tau, seed):
    mass = 3e10 * history(age, tau)
    uneven = make_uneven(EDGES, mass, np.random.default_rng(seed))
    assert uneven.sum() == pytest.approx(3e10)
    assert np.all((uneven > 0) == (mass > 0))


def test_unevenness_has_its_scatter_and_correlation():
    # The ratio of two bins is free of the normalisation: its variance is
    # 2 s^2 (1 - exp(-d / 0.4)) for bins d dex of age apart, s = 0.25.
    mass = np.ones((20000, len(EDGES) - 1))
    uneven = make_uneven(EDGES, mass, np.random.default_rng(0))
    for apart in (1, 4, 12):
        ratio = np.log10(uneven[:, 20 + apart] / uneven[:, 20])
        expected = 0.25 * np.sqrt(2 * (1 - np.exp(-0.1 * apart / 0.4)))
        assert ratio.std() == pytest.approx(expected, rel=0.03)
        assert ratio.mean() == pytest.approx(0, abs=0.01)


@given(ages, taus, st.floats(0.0, 0.98))
def test_the_recent_part_is_the_one_asked_for(age, tau, recent):
    mass = 2e9 * np.repeat(history(max(age, 0.2), tau), 2, axis=0)
    changed = set_recent(EDGES, mass, np.array([recent, recent / 2]))
    young = (changed * RECENT).sum(axis=1)
    np.testing.assert_allclose(young, 2e9 * np.array([recent, recent / 2]), atol=1e3)
    np.testing.assert_allclose(changed.sum(axis=1), 2e9)
    assert np.all(changed >= 0)
    # What is older keeps its relative distribution.
    old, before = (h[0, EDGES[:-1] > 1.1e8] for h in (changed, mass))
    np.testing.assert_allclose(old * before.sum(), before * old.sum(), rtol=1e-6)


def test_a_dead_history_gets_a_constant_recent_rate():
    mass = np.where(EDGES[:-1] > 1e9, 1.0, 0.0)[None]
    changed = set_recent(EDGES, mass, np.array([0.1]))[0]
    rate = (changed / np.diff(EDGES))[RECENT == 1]
    np.testing.assert_allclose(rate, rate[0])
    assert changed.sum() == pytest.approx(mass.sum())


def test_no_history_is_all_recent():
    changed = set_recent(EDGES, history(5.0, 2.0), np.array([1.5]))
    assert (changed * RECENT).sum() == pytest.approx(0.98)
