# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The drawn population against the relations and tables it comes from.
"""

import numpy as np
import pytest
from astropy.table import Table

from astrovae.simulation import population as pop


def test_mass_function_of_leja_2020():
    # Leja et al. (2020) at the anchor z = 0.2, evaluated by hand at the
    # knee, where both exponentials are 1/e.
    expected = np.log(10) * (10**-2.44 + 10**-2.89) * np.exp(-1)
    assert pop.mass_function(10.79, 0.2) == pytest.approx(expected, rel=1e-6)


def test_main_sequence_of_popesso_2023():
    # At z = 0 the universe of COSMOLOGY is 13.467 Gyr old.
    age = 13.467
    turnover = 10.85 - 0.0729 * age
    expected = 2.693 - 0.186 * age - np.log10(1 + 10 ** (-0.99 * (10 - turnover)))
    assert pop.main_sequence(10.0, 0.0) == pytest.approx(expected, abs=1e-3)


def test_quiescent_fraction_grows_with_mass_and_time():
    low, high = pop.quiescent_fraction(np.array([9.0, 11.0]), 0.3)
    assert low < 0.15
    assert high > 0.7
    assert pop.quiescent_fraction(10.3, 0.9) < pop.quiescent_fraction(10.3, 0.1)


@pytest.mark.parametrize("log_ssfr", [-12.0, -10.5, -9.5, -8.6])
def test_delayed_tau_has_the_rate_asked_for(log_ssfr):
    age, tau = pop._delayed_tau(np.array([log_ssfr]), np.array([8.0]))
    t = np.linspace(0, age[0], 200001)
    history = t * np.exp(-t / tau[0])
    formed = np.trapezoid(history, t)
    now = history[-1] / formed / 0.65 / 1e9
    assert np.log10(now) == pytest.approx(log_ssfr, abs=0.01)


def test_draw_population_is_deterministic_and_plausible():
    first = pop.draw_population(2000, rng=3)
    again = pop.draw_population(2000, rng=3)
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
        assert np.all(np.isfinite(values)), name
    assert np.all((first["redshift"] >= 0.01) & (first["redshift"] <= 1.0))
    assert np.all((first["bulge_fraction"] >= 0) & (first["bulge_fraction"] <= 1))
    assert np.all(np.abs(first["orientation"]) <= np.pi / 2)
    universe = pop.COSMOLOGY.age(first["redshift"]).value
    assert np.all(first["disc_age"] < universe)
    assert np.all(first["bulge_age"] < universe)


def test_axis_ratios_of_randomly_inclined_discs():
    # cos i is uniform: the median disc is seen at 60 degrees.
    drawn = pop.draw_population(20000, rng=1)
    median = np.median(drawn["disc_axis_ratio"])
    expected = np.sqrt(0.5**2 * (1 - 0.2**2) + 0.2**2)
    assert median == pytest.approx(expected, abs=0.01)


def test_sizes_agree_with_zfourge(shared_data):
    # Late-type sizes at fixed mass and redshift: the median of the
    # catalogue's discs (n < 2.5) lies within 0.1 dex of the relation.
    table = Table.read(shared_data / "catalogs" / "zfourge_sizes.ecsv")
    discs = table[
        (table["sersic_n"] < 2.5)
        & (table["log_stellar_mass"] > 9.2)
        & (table["redshift"] > 0.3)
        & (table["redshift"] < 1.0)
    ]
    assert len(discs) > 300
    scale = pop.COSMOLOGY.arcsec_per_kpc_proper(discs["redshift"]).value
    measured = np.log10(np.asarray(discs["r_e_f160w"]) / scale)
    relation = pop.disc_size(discs["log_stellar_mass"], discs["redshift"])
    assert np.median(measured - relation) == pytest.approx(0, abs=0.1)


def test_main_sequence_agrees_with_zfourge(shared_data):
    table = Table.read(shared_data / "catalogs" / "zfourge_sizes.ecsv")
    mass = np.asarray(table["log_stellar_mass"])
    fast = np.asarray(table["log_sfr_fast"])
    total = np.asarray(table["sfr_uvir"])
    redshift = np.asarray(table["redshift"])
    use = (mass > 9) & (fast - mass > -11) & (total > 0) & (redshift > 0.2)
    offset = np.log10(total[use]) - pop.main_sequence(mass[use], redshift[use])
    assert np.median(offset) == pytest.approx(0, abs=0.15)
