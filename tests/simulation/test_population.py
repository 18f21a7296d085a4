# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The drawn parameters against the relations and definitions behind them.
"""

import numpy as np
import pytest

pytest.importorskip("bagpipes")
pytest.importorskip("speclite")

from astrovae.simulation import population, relations
from astrovae.simulation.histories import SFR_TIMESCALE
from astrovae.simulation.library import BANDS, load_library
from astrovae.simulation.population import COMPONENTS, draw_galaxies, draw_population
from astrovae.simulation.spectra import COSMOLOGY, component_fluxes, surviving_mass


@pytest.fixture(scope="module")
def drawn():
    """
    Galaxies without light, and the arguments for it.

    Spectra take most of the time and change no other parameter.
    """
    recorded = []

    def record(redshift, formed, log_metallicity, **dust):
        recorded.append({"formed": formed, "log_metallicity": log_metallicity} | dust)
        return np.ones((2, len(redshift), len(BANDS)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(population, "component_fluxes", record)
        galaxies = draw_population(6000, rng=np.random.default_rng(5))
    disc, bulge = recorded
    return galaxies, disc, bulge


@pytest.fixture(scope="module")
def galaxies(drawn):
    return drawn[0]


def test_the_same_seed_gives_the_same_galaxies():
    first, again = (draw_population(40, rng=3) for _ in range(2))
    other = draw_population(40, rng=4)
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
        assert np.all(np.isfinite(values)), name
    assert not np.array_equal(first["redshift"], other["redshift"])
    for name in COMPONENTS:
        assert first[name].shape == (40, len(BANDS))
        assert np.all(first[name] >= 0)


def test_parameters_are_possible(galaxies):
    assert np.all((galaxies["redshift"] >= 0.01) & (galaxies["redshift"] <= 1.0))
    assert np.all((galaxies["bulge_fraction"] >= 0) & (galaxies["bulge_fraction"] < 1))
    assert np.all(np.abs(galaxies["orientation"]) <= np.pi / 2)
    for name in ("disc_axis_ratio", "bulge_axis_ratio"):
        assert np.all((galaxies[name] > 0) & (galaxies[name] <= 1))
    assert np.all((galaxies["av"] >= 0) & (galaxies["av"] <= 3.5))
    assert np.all((galaxies["arms"] >= 0) & (galaxies["arms"] <= 1))
    assert np.all(galaxies["log_sfr"] - galaxies["log_mass"] >= -14.0001)


def test_mass_is_that_of_living_stars_and_remnants(drawn):
    galaxies, disc, bulge = drawn
    mass = sum(surviving_mass(c["formed"], c["log_metallicity"]) for c in (disc, bulge))
    np.testing.assert_allclose(np.log10(mass), galaxies["log_mass"], atol=1e-6)
    share = surviving_mass(bulge["formed"], bulge["log_metallicity"]) / mass
    np.testing.assert_allclose(share, galaxies["bulge_fraction"], atol=1e-6)


def test_sfr_is_the_mean_of_100_myr(drawn):
    galaxies, disc, bulge = drawn
    edges = load_library().age_edges
    recent = np.clip((SFR_TIMESCALE - edges[:-1]) / np.diff(edges), 0, 1)
    rate = {
        name: part["formed"] @ recent / SFR_TIMESCALE
        for name, part in (("disc", disc), ("bulge", bulge))
    }
    total = np.log10(sum(rate.values())) - galaxies["log_sfr"]
    forming = ~galaxies["quiescent"]
    # The bin across 100 Myr has one rate: a few thousandths.
    assert np.percentile(np.abs(total[forming]), 98) < 0.02
    # What bulges still form is not counted: about 1e-11 per year of
    # their mass at most, which shows in galaxies that are dead otherwise.
    assert np.median(total[~forming]) < 0.03
    mass = galaxies["bulge_fraction"] * 10 ** galaxies["log_mass"]
    assert np.all(rate["bulge"] <= 1.5e-11 * mass)


def test_no_star_is_older_than_the_universe(drawn):
    galaxies, *components = drawn
    edges = load_library().age_edges
    universe = COSMOLOGY.age(galaxies["redshift"]).to_value("yr")
    too_old = edges[:-1] > universe[:, None]
    for component in components:
        assert np.all(component["formed"][too_old] == 0)


def test_light_is_that_of_the_components(monkeypatch):
    # Put together by hand from what the drawn galaxies are made of.
    recorded = []

    def record(*arguments, **dust):
        recorded.append(component_fluxes(*arguments, **dust))
        return recorded[-1]

    monkeypatch.setattr(population, "component_fluxes", record)
    galaxies = draw_population(12, rng=5)
    disc, bulge = recorded
    np.testing.assert_allclose(galaxies["bulge_flux"], sum(bulge))
    together = galaxies["disc_flux"] + galaxies["clump_flux"]
    np.testing.assert_allclose(together, sum(disc))
    # Clumps are young stars, but not all of these are in clumps.
    assert np.all(galaxies["clump_flux"] < disc[1])
    bulgeless = galaxies["bulge_fraction"] == 0
    assert np.all((galaxies["bulge_flux"] == 0) == bulgeless[:, None])


def test_redshifts_and_masses_follow_the_mass_function(galaxies):
    # No cut in brightness yet: above the least mass that can be seen at
    # z = 0.6, counts in cells are mass function times volume.
    redshift, mass = galaxies["redshift"], galaxies["log_mass"]
    counts, expected = [], []
    for z_low, z_high in ((0.2, 0.4), (0.4, 0.6)):
        for low in (9.6, 10.4):
            cell = (redshift > z_low) & (redshift < z_high)
            counts.append(np.sum(cell & (mass > low) & (mass < low + 0.4)))
            z = np.linspace(z_low, z_high, 41)[:, None]
            phi = relations.mass_function(np.linspace(low, low + 0.4, 41), z).mean()
            volume = np.diff(COSMOLOGY.comoving_volume([z_low, z_high]).value)[0]
            expected.append(phi * volume)
    counts, expected = np.array(counts), np.array(expected)
    expected *= counts.sum() / expected.sum()
    assert np.all(counts > 40)
    assert np.all(np.abs(counts - expected) < 4 * np.sqrt(expected) + 0.05 * expected)


def test_rates_follow_the_main_sequence(galaxies):
    mass, redshift = galaxies["log_mass"], galaxies["redshift"]
    offset = galaxies["log_sfr"] - relations.main_sequence(mass, redshift)
    forming = ~galaxies["quiescent"]
    fitted = population._FITTED
    assert np.median(offset[forming]) == pytest.approx(fitted["sfr_offset"], abs=0.03)
    low, high = np.percentile(offset[forming], [16, 84])
    assert (high - low) / 2 == pytest.approx(fitted["sfr_scatter"], abs=0.03)
    assert np.median(offset[~forming]) < -1
    for least, most in ((9.0, 9.8), (10.0, 10.5), (10.7, 11.5)):
        use = (mass > least) & (mass < most)
        shifted = mass[use] - fitted["quiescent_mass"]
        expected = relations.quiescent_fraction(shifted, redshift[use])
        assert np.mean(galaxies["quiescent"][use]) == pytest.approx(
            expected.mean(), abs=0.05
        )


def test_sizes_follow_their_relations(galaxies):
    mass, redshift = galaxies["log_mass"], galaxies["redshift"]
    scale = COSMOLOGY.arcsec_per_kpc_proper(redshift).value
    forming = ~galaxies["quiescent"]
    disc = np.log10(galaxies["disc_radius"] / scale)
    offset = disc - relations.disc_size(mass, redshift)
    assert np.median(offset[forming]) == pytest.approx(0, abs=0.01)
    assert np.std(offset[forming]) == pytest.approx(0.17, abs=0.01)
    bulge = np.log10(galaxies["bulge_radius"] / scale)
    own_mass = mass + np.log10(np.maximum(galaxies["bulge_fraction"], 1e-3))
    offset = bulge - relations.spheroid_size(own_mass, redshift)
    assert np.median(offset[~forming]) == pytest.approx(0, abs=0.02)
    # Bulges in discs are a quarter of the disc.
    assert np.median((bulge - disc)[forming]) == pytest.approx(-0.602, abs=0.02)


def test_discs_are_randomly_inclined(galaxies):
    # cos i is uniform: the median disc is seen at 60 degrees.
    median = np.median(galaxies["disc_axis_ratio"])
    expected = np.sqrt(0.5**2 * (1 - 0.22**2) + 0.22**2)
    assert median == pytest.approx(expected, abs=0.02)


def test_dust_metals_and_bulges_are_coupled_to_mass_and_rate(galaxies):
    forming = ~galaxies["quiescent"]
    mass = galaxies["log_mass"]
    heavy, light = forming & (mass > 10.5), forming & (mass < 9.5)
    for name in ("av", "log_metallicity", "bulge_fraction"):
        assert np.median(galaxies[name][heavy]) > np.median(galaxies[name][light])
    edge_on = galaxies["disc_axis_ratio"] < 0.35
    face_on = galaxies["disc_axis_ratio"] > 0.8
    av = galaxies["av"]
    assert np.median(av[forming & edge_on]) > 1.2 * np.median(av[forming & face_on])
    assert np.median(av[~forming]) < 0.5 * np.median(av[forming])
    steeper = galaxies["dust_slope"][forming & (av < 0.4)].mean()
    assert steeper < galaxies["dust_slope"][forming & (av > 0.8)].mean()


@pytest.mark.parametrize("selection", list(population.SELECTIONS))
def test_selections_keep_their_limits(selection):
    rng = np.random.default_rng(0)
    chosen = draw_galaxies(60, selection, rng)
    flux = sum(chosen[name] for name in COMPONENTS)[:, BANDS.index("r")]
    r = 22.5 - 2.5 * np.log10(flux)
    assert len(r) == 60
    faintest = max(limit for limit, _ in population.SELECTIONS[selection])
    assert np.all(r < faintest)
    if selection == "deep":
        assert np.mean(r < 19.8) < 0.25
    if selection == "decals":
        assert 0.4 < np.mean(r < 19.8) < 0.8
