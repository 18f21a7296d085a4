# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What sets a group apart, in words and numbers.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM
from astropy.cosmology import units as cu
from astropy.table import QTable
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from astrovae.anomaly import cliffs_delta, explain
from astrovae.anomaly.explanation import _bootstrap_medians
from astrovae.simulation.population import main_sequence

N, N_PEAS = 2000, 25


@pytest.fixture(scope="module")
def galaxies():
    rng = np.random.default_rng(0)
    redshift = rng.uniform(0.02, 1.0, N)
    # Mass grows with redshift in what a survey sees.
    log_mass = 9.0 + 1.5 * redshift + rng.normal(0, 0.3, N)
    offset = rng.normal(0, 0.3, N)
    log_size = rng.normal(0.7, 0.15, N)
    labels = np.repeat(["field", "pea"], [N - N_PEAS, N_PEAS])
    pea = labels == "pea"
    redshift[pea] = rng.uniform(0.15, 0.25, N_PEAS)
    log_mass[pea] = 9.0 + 1.5 * redshift[pea] + rng.normal(0, 0.3, N_PEAS)
    offset[pea] += 1.0
    log_size[pea] -= 0.5
    cosmology = FlatLambdaCDM(H0=70, Om0=0.3)
    scale = cosmology.arcsec_per_kpc_proper(redshift)
    log_sfr = main_sequence(log_mass, redshift) + offset
    return QTable(
        {
            "id": [str(i) for i in range(N)],
            "redshift": redshift * cu.redshift,
            "stellar_mass": 10**log_mass * u.Msun,
            "stellar_mass_lower": 10 ** (log_mass - 0.1) * u.Msun,
            "sfr": 10**log_sfr * u.Msun / u.yr,
            "orientation": rng.uniform(-90, 90, N) * u.deg,
            "disc_radius": 10**log_size * u.kpc * scale,
            "mag_g": 20 * np.ones(N) * u.mag,
            "mag_r": (20 + 0.3 * pea + rng.normal(0, 0.05, N)) * u.mag,
            "flags": np.zeros(N, int),
            "label": labels,
        }
    )


def row_of(table, name):
    return table[table["quantity"] == name][0]


def test_finds_what_was_put_in(galaxies):
    found = explain(galaxies, "pea").table
    sfr = row_of(found, "main_sequence_offset")
    assert sfr["difference"] == pytest.approx(1.0, abs=0.15)
    assert sfr["difference_lower"] < sfr["difference"] < sfr["difference_upper"]
    assert sfr["unit"] == "dex"
    size = row_of(found, "disc_radius")
    assert size["difference"] == pytest.approx(-0.5, abs=0.1)
    assert size["median"] == pytest.approx(0.2, abs=0.1)
    colour = row_of(found, "g-r")
    assert (colour["unit"], colour["n"]) == ("mag", N_PEAS)
    assert colour["difference"] == pytest.approx(-0.3, abs=0.03)
    assert set(found["quantity"]) == {
        "main_sequence_offset",
        "redshift",
        "stellar_mass",
        "sfr",
        "disc_radius",
        "g-r",
    }
    sizes = np.abs(found["cliffs_delta"])
    assert np.all(np.diff(sizes) <= 0)


def test_matching_removes_what_comes_with_the_redshift(galaxies):
    explanation = explain(galaxies, "pea")
    mass = row_of(explanation.table, "stellar_mass")
    assert mass["cliffs_delta"] < -0.3
    assert abs(mass["cliffs_delta_matched"]) < 0.3
    redshift = row_of(explanation.table, "redshift")
    assert abs(redshift["difference_matched"]) < 0.02
    offset = row_of(explanation.table, "main_sequence_offset")
    assert offset["cliffs_delta_matched"] > 0.8
    assert explanation.table.meta["n_matched"] >= N_PEAS


def test_text(galaxies):
    explanation = explain(galaxies, "pea")
    text = str(explanation)
    assert text == explanation.text
    assert "25 galaxies of the class 'pea' compared with 1975 others" in text
    assert "They form more stars for their mass and redshift" in text
    assert "They are more compact (disc radius in kpc)" in text
    assert "They are bluer in g-r" in text
    assert "a large effect" in text


def test_nothing_sets_random_galaxies_apart():
    rng = np.random.default_rng(0)
    table = QTable({"concentration": rng.normal(size=600)})
    labels = rng.permutation(np.repeat(["a", "b"], 300))
    explanation = explain(table, "a", labels)
    assert "They are like the others in concentration" in explanation.text
    assert "matched" not in explanation.text


def test_masked_values_and_columns(galaxies):
    table = galaxies["redshift", "sfr", "label"].copy()
    table["odd"] = np.ma.MaskedArray(np.ones(N), mask=np.arange(N) % 2 == 0)
    found = explain(table, "pea", columns=["sfr", "odd"], match=False).table
    assert set(found["quantity"]) == {"sfr", "odd"}
    assert row_of(found, "odd")["n"] == np.count_nonzero(np.arange(N - 25, N) % 2)


def test_errors(galaxies):
    with pytest.raises(ValueError, match="has no column 'kind'"):
        explain(galaxies, "pea", "kind")
    with pytest.raises(ValueError, match="0 of 2000 galaxies have the label"):
        explain(galaxies, "quasar")
    with pytest.raises(ValueError, match="lacks the columns colour"):
        explain(galaxies, "pea", columns=["colour"])


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=30),
    st.lists(st.integers(0, 9), min_size=1, max_size=30),
)
def test_cliffs_delta_is_that_of_mann_and_whitney(first, second):
    u_statistic = mannwhitneyu(first, second).statistic
    expected = 2 * u_statistic / len(first) / len(second) - 1
    assert cliffs_delta(first, second) == pytest.approx(expected)
    assert cliffs_delta(second, first) == pytest.approx(-expected)


@pytest.mark.parametrize("n", [13, 60, 1001])
def test_bootstrap_without_samples(n):
    rng = np.random.default_rng(0)
    values = np.sort(rng.lognormal(size=n))
    quick = _bootstrap_medians(values, 4000, np.random.RandomState(0))
    slow = np.median(rng.choice(values, (4000, n)), axis=1)
    assert np.mean(quick) == pytest.approx(np.mean(slow), rel=0.05)
    assert np.std(quick) == pytest.approx(np.std(slow), rel=0.15)


def line_of(table, labels):
    lines = explain(table, "pea", labels).text.splitlines()
    return next(line for line in lines if " c:" in line)


@pytest.mark.parametrize(
    ("level", "start"),
    [
        (3.05, "- At the same redshifts they have a lower c: -"),
        (3.9, "- They have a higher c: +"),
    ],
)
def test_verb_is_of_the_difference_that_counts(level, start):
    # c grows with redshift; the examples have less of it than others there.
    rng = np.random.default_rng(0)
    redshift = rng.uniform(0.1, 0.5, 300)
    c = 10.0 * redshift + rng.normal(0.0, 0.3, 300)
    redshift[280:] = rng.uniform(0.45, 0.5, 20)
    c[280:] = level + rng.normal(0.0, 0.3, 20)
    labels = np.repeat(["field", "pea"], [280, 20])
    line = line_of(QTable({"redshift": redshift, "c": c}), labels)
    assert line.startswith(start)
    assert ("; but at the same redshifts -" in line) == (level > 3.5)


def test_nothing_to_compare():
    labels = np.repeat(["field", "pea"], [20, 5])
    table = QTable({"redshift": np.linspace(0, 1, 25), "mag_r": np.ones(25) * u.mag})
    with pytest.raises(ValueError, match="none of the columns mag_r can be compared"):
        explain(table, "pea", labels, columns="mag_r")
    table["redshift"][20:] = np.nan
    table["c"] = np.arange(25.0)
    assert "No other was found at the redshifts" in explain(table, "pea", labels).text
