# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Red spirals and green peas, against the tables that they follow.
"""

import numpy as np
import pytest
from astropy.table import Table

pytest.importorskip("bagpipes")
pytest.importorskip("speclite")

from astrovae.simulation import population, simulate_catalogue, simulate_galaxies
from astrovae.simulation.histories import concentrate_recent, share_younger
from astrovae.simulation.library import BANDS, load_library
from astrovae.simulation.population import COMPONENTS, draw_galaxies
from astrovae.simulation.relations import main_sequence
from astrovae.simulation.special import KINDS, draw_green_peas, draw_red_spirals
from astrovae.simulation.spectra import COSMOLOGY

N = 400
QUANTILES = (16, 50, 84)


@pytest.fixture(scope="module")
def spirals():
    return draw_red_spirals(N, np.random.default_rng(0))


@pytest.fixture(scope="module")
def peas():
    return draw_green_peas(N, np.random.default_rng(0))


@pytest.fixture(scope="module")
def ordinary():
    return draw_galaxies(600, "deep", np.random.default_rng(0))


@pytest.fixture(scope="module")
def masters(shared_data):
    path = shared_data / "catalogs" / "RedSpiralsA1.txt"
    lines = [line.split() for line in path.read_text().splitlines()]
    rows = [line[1:] for line in lines if line and line[0].isdigit()]
    # Of the last three columns the header names two; log(a/b) is the one
    # that ends at 0.2, as the sample does.
    names = ("ra", "dec", "redshift", "M_r", "", "g-r", "", "", "log_ab", "fracdev")
    values = np.array(rows, dtype=float).T
    return {name: column for name, column in zip(names, values, strict=True) if name}


@pytest.fixture(scope="module")
def cardamone(shared_data):
    path = shared_data / "catalogs" / "peas_tbl4.csv"
    lines = path.read_text().splitlines()
    lines[0] = lines[0].lstrip("# ")
    return Table.read(
        [",".join(x.strip() for x in y.split(",")) for y in lines], format="ascii.csv"
    )


def magnitudes(galaxies):
    flux = sum(galaxies[name] for name in COMPONENTS)
    return dict(zip(BANDS, 22.5 - 2.5 * np.log10(flux.T), strict=True))


@pytest.mark.parametrize("draw", KINDS.values(), ids=KINDS)
def test_the_same_columns_as_the_population(draw):
    first = draw(30, np.random.default_rng(3))
    again = draw(30, np.random.default_rng(3))
    usual = population.draw_population(5, rng=0)
    assert set(usual) <= set(first)
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
        assert np.all(np.isfinite(values)), name
        if name in usual:
            assert values.shape == (30, *usual[name].shape[1:])
            assert values.dtype == usual[name].dtype
    assert len(draw(0, np.random.default_rng(0))["redshift"]) == 0


def test_red_spirals_have_the_redshifts_and_shapes_of_the_table(spirals, masters):
    assert spirals["redshift"].min() >= masters["redshift"].min() - 1e-3
    assert spirals["redshift"].max() <= masters["redshift"].max() + 1e-3
    np.testing.assert_allclose(
        np.percentile(spirals["redshift"], QUANTILES),
        np.percentile(masters["redshift"], QUANTILES),
        atol=0.005,
    )
    log_ab = -np.log10(spirals["disc_axis_ratio"])
    assert log_ab.max() <= 0.2
    np.testing.assert_allclose(
        np.percentile(log_ab, QUANTILES),
        np.percentile(masters["log_ab"], QUANTILES),
        atol=0.02,
    )


def test_red_spirals_have_the_luminosities_and_colours_of_the_table(spirals, masters):
    mag = magnitudes(spirals)
    redshift = spirals["redshift"]
    # K corrections and colour term of an old population, to 0.05 mag.
    luminosity = mag["r"] - COSMOLOGY.distmod(redshift).value - redshift
    colour = (mag["g"] - mag["r"] - 1.6 * redshift) * 1.06
    np.testing.assert_allclose(
        np.percentile(luminosity, QUANTILES),
        np.percentile(masters["M_r"], QUANTILES),
        atol=0.15,
    )
    assert luminosity.max() < -20.1
    assert np.median(colour) == pytest.approx(np.median(masters["g-r"]), abs=0.08)


def test_red_spirals_are_passive_discs(spirals, ordinary):
    log_ssfr = spirals["log_sfr"] - spirals["log_mass"]
    assert np.median(log_ssfr) < -11.2
    assert log_ssfr.max() < -10.7
    below = main_sequence(spirals["log_mass"], spirals["redshift"])
    assert np.mean(spirals["log_sfr"] < below - 0.3) > 0.95
    assert np.median(spirals["log_sfr"] - below) < -0.7
    np.testing.assert_array_equal(spirals["quiescent"], log_ssfr < -11)
    # Discs with arms, though those of ordinary passive galaxies are not.
    assert np.all(np.abs(spirals["disc_sersic"] - 1) <= 0.5)
    assert spirals["bulge_fraction"].max() < 0.5
    assert np.median(spirals["bulge_fraction"]) < 0.2
    assert np.median(ordinary["bulge_fraction"][ordinary["quiescent"]]) > 0.5
    assert spirals["arms"].min() >= 0.7
    kpc = COSMOLOGY.arcsec_per_kpc_proper(spirals["redshift"]).value
    assert np.median(spirals["disc_radius"] / kpc) > 5


def test_peas_have_the_redshifts_masses_and_rates_of_the_table(peas, cardamone):
    for name, own, atol in (
        ("REDSHIFT", peas["redshift"], 0.02),
        ("M_STELLAR", peas["log_mass"], 0.15),
        ("SFR", peas["log_recent_sfr"], 0.12),
    ):
        column = np.asarray(cardamone[name], dtype=float)
        column = np.log10(column) if name == "SFR" else column
        np.testing.assert_allclose(
            np.percentile(own, QUANTILES), np.percentile(column, QUANTILES), atol=atol
        )
        assert own.min() >= column.min() - 0.1
        assert own.max() <= column.max() + 0.1


def test_peas_are_compact_active_and_metal_poor(peas, ordinary):
    kpc = COSMOLOGY.arcsec_per_kpc_proper(peas["redshift"]).value
    assert np.median(peas["disc_radius"] / kpc) < 1
    # Half the light within less than half of a seeing disc.
    assert peas["disc_radius"].max() < 0.8
    assert np.all(peas["bulge_fraction"] == 0)
    excess = peas["log_sfr"] - main_sequence(peas["log_mass"], peas["redshift"])
    assert np.median(excess) > 0.3
    recent = peas["log_recent_sfr"] - peas["log_mass"]
    assert -9.2 < np.median(recent) < -8.0
    # More than ten times the mass cannot form in ten times the time.
    assert np.max(peas["log_sfr"] - peas["log_mass"]) <= -8.0
    assert np.all(peas["log_metallicity"] < np.median(ordinary["log_metallicity"]))


def test_oxygen_makes_peas_bright_in_r(peas, ordinary):
    mag, usual = magnitudes(peas), magnitudes(ordinary)
    # Cardamone et al. (2009): r - i < -0.2, r - z < 0.5 and g - r > r - i
    # + 0.5 in SDSS, whose i ends blueward of DECam's: H-alpha is in
    # DECam's i up to z = 0.3, and the first limit shifts.
    green = (mag["r"] - mag["i"] < 0.05) & (mag["r"] - mag["z"] < 0.5)
    green &= mag["g"] - mag["r"] > mag["r"] - mag["i"] + 0.5
    assert green.mean() > 0.7
    near = (ordinary["redshift"] > 0.12) & (ordinary["redshift"] < 0.36)
    near &= ~ordinary["quiescent"]
    others = (usual["r"] - usual["i"])[near]
    assert np.median(mag["r"] - mag["i"]) < np.median(others) - 0.2
    assert np.mean(others < 0.05) < 0.2


def test_concentrating_keeps_the_mean_rate():
    edges = load_library().age_edges
    mass = np.random.default_rng(0).uniform(0.1, 1, (5, len(edges) - 1))
    burst = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    moved = concentrate_recent(edges, mass, burst)
    within = share_younger(edges, 1e8)
    # A bin each holds stars on both sides of 10 and of 100 Myr.
    np.testing.assert_allclose(moved @ within, mass @ within, rtol=0.02)
    np.testing.assert_allclose(moved.sum(axis=1), mass.sum(axis=1))
    share = (moved @ share_younger(edges, 1e7)) / (moved @ within)
    np.testing.assert_allclose(share, burst, atol=0.04)


def test_selections_by_name():
    truth = simulate_catalogue(20, random_state=0, selection="green-peas")
    assert np.all((truth["redshift"] > 0.12) & (truth["redshift"] < 0.36))
    pytest.importorskip("galsim")
    images, truth = simulate_galaxies(
        3, random_state=0, selection="red-spirals", size=32
    )
    assert images.shape == (3, 3, 32, 32)
    assert np.all(truth["redshift"] < 0.0851)
    with pytest.raises(ValueError, match=r"unknown selection 'peas'; .*green-peas"):
        simulate_galaxies(1, selection="peas")
