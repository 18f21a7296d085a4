# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Lists of candidates: their order, and the reasons.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.table import MaskedColumn, QTable
from astropy.utils.masked import Masked
from hypothesis import given, settings
from hypothesis import strategies as st

from astrovae.anomaly import label_affinity, match_labels, rank_candidates
from astrovae.anomaly.rarity import combine_scores, cross_score
from astrovae.exceptions import AstrovaeWarning
from astrovae.flags import GalaxyFlags
from astrovae.simulation.relations import main_sequence

N = 400
STARBURST, COMPACT, RED, STRANGE, GAP, NO_BAND, UNUSABLE = range(7)


@pytest.fixture(scope="module")
def results():
    """
    Galaxies on the main sequence, but for the first few; and their light.
    """
    rng = np.random.default_rng(3)
    redshift = rng.uniform(0.1, 0.6, N)
    log_mass = rng.normal(10.3, 0.4, N)
    offset = rng.normal(0.0, 0.2, N)
    offset[STARBURST] = 0.9
    score = rng.exponential(1 / np.log(10), N)
    score[STRANGE] = 3.5
    flags = np.zeros(N, int)
    flags[STRANGE] = int(GalaxyFlags.OUT_OF_DISTRIBUTION)
    flags[NO_BAND] = int(GalaxyFlags.MISSING_BAND)
    flags[UNUSABLE] = int(GalaxyFlags.NO_COVERAGE)
    mask = flags & int(GalaxyFlags.NO_COVERAGE) > 0
    log_sfr = main_sequence(log_mass, redshift) + offset
    table = QTable(
        {
            "id": [f"g{i:03d}" for i in range(N)],
            "ra": rng.uniform(0, 360, N) * u.deg,
            "dec": rng.uniform(-20, 20, N) * u.deg,
            "redshift": Masked(redshift * cu.redshift, mask=mask),
            "stellar_mass": Masked(10**log_mass * u.Msun, mask=mask),
            "sfr": Masked(10**log_sfr * u.Msun / u.yr, mask=mask),
            "ood_score": MaskedColumn(score, mask=mask),
            "flags": flags,
        }
    )
    radius = 10 ** (0.3 * (log_mass - 10.3) + rng.normal(0.0, 0.05, N))
    radius[COMPACT] = 0.2
    r = rng.normal(20.0, 1.0, N)
    color = 0.5 + 1.5 * redshift + rng.normal(0.0, 0.05, N)
    color[RED] += 1.0
    missing = np.full(N, "", dtype="U8")
    missing[NO_BAND] = "g"
    light = QTable(
        {
            "id": table["id"],
            "mag_g": (r + color) * u.mag,
            "mag_r": r * u.mag,
            "half_light_radius": radius * u.arcsec,
            "missing_bands": missing,
        }
    )
    artefacts = QTable({"id": table["id"]})
    for kind in ("chip_gap", "saturated_star", "satellite_trail", "missing_band"):
        artefacts[kind] = np.zeros(N, dtype=bool)
    artefacts["chip_gap"][GAP] = True
    artefacts["missing_band"][NO_BAND] = True
    return table, light, artefacts


@pytest.fixture(scope="module")
def ranked(results):
    table, light, artefacts = results
    return rank_candidates(table, light=light, artefacts=artefacts)


def row_of(ranked, number):
    return ranked[list(ranked["id"]).index(f"g{number:03d}")]


def test_every_galaxy_is_in_the_list_once(ranked, results):
    assert sorted(ranked["id"]) == sorted(results[0]["id"])
    np.testing.assert_array_equal(ranked["rank"], np.arange(1, N + 1))
    assert ranked["stellar_mass"].unit == "Msun"
    assert ranked["main_sequence_offset"].unit == "dex"
    assert ranked.meta["unmatched_labels"] == []


def test_odd_galaxies_are_first_and_artefacts_last(ranked):
    for number in (STARBURST, COMPACT, RED, STRANGE):
        row = row_of(ranked, number)
        assert row["kind"] == "candidate"
        assert row["rank"] <= 8
    kinds = list(ranked["kind"])
    order = ["candidate", "artefact", "unusable"]
    assert kinds == sorted(kinds, key=order.index)
    assert kinds.count("artefact") == 2
    assert list(ranked["id"][-1:]) == [f"g{UNUSABLE:03d}"]
    priority = np.asarray(ranked["priority"])[: kinds.count("candidate")]
    assert np.all(np.diff(priority) <= 0)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (STARBURST, "SFR 0.9 dex above the main sequence"),
        (COMPACT, "more compact than 99"),
        (RED, "redder in g-r than 99"),
        (STRANGE, "unlike the training images (1 in 3,200)"),
        (GAP, "chip gap"),
        (NO_BAND, "band g missing"),
        (UNUSABLE, "no valid pixel in any band"),
    ],
)
def test_reasons(ranked, number, words):
    row = row_of(ranked, number)
    assert words in row["reasons"]
    assert (words in row["artefacts"]) == (number in {GAP, NO_BAND})


def test_unusable_rows_are_said_by_their_flags(results):
    table, light, artefacts = results
    light = light.copy()
    light["missing_bands"][UNUSABLE] = "g r"
    row = row_of(rank_candidates(table, light=light, artefacts=artefacts), UNUSABLE)
    assert row["kind"] == "unusable"
    assert "band g missing" not in row["reasons"]


def test_colour_and_size_are_judged_beside_their_like(ranked):
    assert "at its redshift" in row_of(ranked, RED)["reasons"]
    assert "of its mass" in row_of(ranked, COMPACT)["reasons"]


def test_oddest_parameter_is_named(ranked):
    for number, name in (
        (STARBURST, "main sequence offset"),
        (COMPACT, "half light radius"),
        (RED, "g-r"),
    ):
        assert f", {name} above all" in row_of(ranked, number)["reasons"]


def test_uncertain_colour_is_not_odd(results):
    table, light, artefacts = results
    places = {}
    for error in (0.01, 0.4):
        known = light.copy()
        for band in "gr":
            known[f"mag_{band}_err"] = np.full(N, 0.02) * u.mag
        known["mag_g_err"][RED] = error * u.mag
        row = row_of(rank_candidates(table, light=known, artefacts=artefacts), RED)
        assert ("redder in g-r" in row["reasons"]) == (error < 0.1)
        places[error] = row["rank"], row["score_parameters"]
    assert places[0.01][0] < 10 < places[0.4][0]
    assert places[0.4][1] < places[0.01][1] - 2.0


def test_noise_makes_no_galaxy_odd(results):
    # Of many galaxies at all redshifts the colour is not known.
    table, light, artefacts = results
    rng = np.random.default_rng(8)
    noisy = np.arange(N) % 5 == 4
    noise = np.where(noisy, 1.5, 0.02)
    known = light.copy()
    known["mag_g"] = light["mag_g"] + noise * rng.normal(0.0, 1.0, N) * u.mag
    known["mag_g_err"] = noise * u.mag
    known["mag_r_err"] = np.full(N, 0.02) * u.mag
    ranked = rank_candidates(table, light=known, artefacts=artefacts)
    rows = [row_of(ranked, i) for i in np.flatnonzero(noisy)]
    assert np.mean([row["score_parameters"] > 1.0 for row in rows]) < 0.2
    assert sum("g-r" in row["reasons"] for row in rows) <= 1
    # Without errors they would be.
    del known["mag_g_err"]
    naive = rank_candidates(table, light=known, artefacts=artefacts)
    rows = [row_of(naive, i) for i in np.flatnonzero(noisy)]
    assert np.mean([row["score_parameters"] > 1.0 for row in rows]) > 0.3


def test_errors_are_of_their_own_magnitudes(results):
    table, light, artefacts = results
    catalogue = table.copy()
    for band in "gr":
        catalogue[f"mag_{band}"] = light[f"mag_{band}"]
    measured = light.copy()
    for band in "gr":
        measured[f"mag_{band}_err"] = np.full(N, 5.0) * u.mag
    ranked = rank_candidates(catalogue, light=measured, artefacts=artefacts)
    assert "redder in g-r" in row_of(ranked, RED)["reasons"]
    assert "mag_g_err" not in ranked.colnames


def test_units_of_magnitudes_and_errors(results):
    table, light, artefacts = results
    small = light.copy()
    for band in "gr":
        small[f"mag_{band}"] = light[f"mag_{band}"].to(u.mmag)
        small[f"mag_{band}_err"] = np.full(N, 20.0) * u.mmag
    ranked = rank_candidates(table, light=small, artefacts=artefacts)
    assert "redder in g-r" in row_of(ranked, RED)["reasons"]
    small["mag_g_err"] = np.full(N, 1.0) * u.Jy
    with pytest.raises(u.UnitsError, match="mag_g_err"):
        rank_candidates(table, light=small, artefacts=artefacts)


def test_error_that_is_not_known_excuses(results):
    table, light, artefacts = results
    for error in (np.nan, -99.0):
        known = light.copy()
        for band in "gr":
            known[f"mag_{band}_err"] = np.full(N, 0.02) * u.mag
        known["mag_g_err"][RED] = error * u.mag
        row = row_of(rank_candidates(table, light=known, artefacts=artefacts), RED)
        assert "g-r" not in row["reasons"]


def test_quantity_of_few_galaxies_does_not_silence_the_others(results):
    table, light, artefacts = results
    table = table.copy()
    table["concentration"] = np.where(np.arange(N) < 20, 3.0, np.nan)
    with pytest.warns(AstrovaeWarning, match="concentration: known of too few"):
        ranked = rank_candidates(table, light=light, artefacts=artefacts)
    assert np.isfinite(ranked["score_parameters"]).sum() >= N - 1


def test_list_is_the_same_again_and_in_any_order(ranked, results):
    table, light, artefacts = results
    again = rank_candidates(table, light=light, artefacts=artefacts)
    assert list(again["id"]) == list(ranked["id"])
    np.testing.assert_array_equal(again["score"], ranked["score"])


def test_estimates_of_artefacts_are_no_reasons(ranked):
    assert "main sequence" not in row_of(ranked, NO_BAND)["reasons"]


def test_table_alone(results):
    ranked = rank_candidates(results[0]["id", "redshift", "ood_score"])
    best = f"g{STRANGE:03d}"
    assert ranked["id"][0] == best
    assert "flags" not in ranked.colnames


def test_few_galaxies_are_judged_by_the_model_alone(results):
    ranked = rank_candidates(results[0][:30])
    assert np.isnan(ranked["score_parameters"]).all()
    assert ranked["id"][0] == f"g{STRANGE:03d}"


def test_odd_latents(results):
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(N, 3))
    latents[50] = 9.0
    ranked = rank_candidates(results[0], latents=latents)
    assert row_of(ranked, 50)["rank"] <= 3
    reasons = row_of(ranked, 50)["reasons"]
    # Of 400 galaxies nothing rarer can be told.
    assert "rare latents among these galaxies (rarer than 1 in 400)" in reasons
    assert row_of(ranked, 50)["latent_2"] == 9.0
    assert np.isnan(rank_candidates(results[0])["score_latents"]).all()


def test_labels_raise_and_sink(results, ranked):
    table, light, artefacts = results
    rng = np.random.default_rng(1)
    latents = rng.normal(size=(N, 4))
    latents[100:110] = [4, 0, 0, 0] + 0.2 * rng.normal(size=(10, 4))
    latents[200:210] = [0, 4, 0, 0] + 0.2 * rng.normal(size=(10, 4))
    given = {"latents": latents, "light": light, "artefacts": artefacts}
    before = rank_candidates(table, **given)
    labels = QTable(
        {
            "id": ["g100", "g101", "g200", "g201", "g150", f"g{GAP:03d}", "other"],
            "label": ["interesting"] * 2 + ["artefact"] * 2 + ["known"] * 3,
        }
    )
    labels["label"][5] = "interesting"
    after = rank_candidates(table, **given, labels=labels)
    rise = [row_of(after, i) for i in range(102, 110)]
    sink = [row_of(after, i) for i in range(202, 210)]
    assert max(row["rank"] for row in rise) <= 25
    for i, row in zip(range(202, 210), sink, strict=True):
        assert row["priority"] < row_of(before, i)["priority"] - 0.5
    assert all("labelled interesting" in row["reasons"] for row in rise)
    assert all("labelled artefact" in row["reasons"] for row in sink)
    assert after["id"][-1] == "g150"
    assert row_of(after, 200)["kind"] == "artefact"
    assert row_of(after, GAP)["kind"] == "candidate"
    assert after.meta["unmatched_labels"] == ["other"]
    np.testing.assert_array_equal(
        np.sort(after["score"]), np.sort(before["score"])
    )  # labels leave the score alone


def test_affinity_is_of_the_neighbours():
    rng = np.random.default_rng(2)
    points = rng.normal(size=(300, 2))
    points[:20] += 8.0
    labels = np.full(300, "", dtype="U11")
    labels[:3] = "interesting"
    affinity = label_affinity(points, labels)
    assert affinity.values[3:20].min() > 0.3
    assert np.abs(affinity.values[20:]).max() < 0.05
    assert set(affinity.nearest[3:20]) <= {0, 1, 2}
    labels[:3] = "artefact"
    np.testing.assert_allclose(label_affinity(points, labels).values, -affinity.values)
    labels[:3] = "known"
    assert not label_affinity(points, labels).values.any()


def test_affinity_of_missing_and_constant_features():
    features = np.ones((50, 3))
    features[:, 0] = np.nan
    features[5, 1] = np.inf
    labels = np.full(50, "", dtype="U11")
    labels[0] = "interesting"
    values = label_affinity(features, labels).values
    assert np.isfinite(values).all()
    assert values[1] == pytest.approx(0.5)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(*[st.floats(0, 300) | st.just(np.nan)] * 3), min_size=1, max_size=5
    )
)
def test_combined_score_is_near_the_highest(rows):
    scores = np.array(rows)
    combined = combine_scores(list(scores.T))
    for row, value in zip(scores, combined, strict=True):
        known = row[np.isfinite(row)]
        if not len(known):
            assert np.isnan(value)
            continue
        # The harmonic mean lies between the least p-value and n times it.
        assert known.max() - np.log10(len(known)) - 1e-9 <= value
        assert value <= known.max() + 1e-9


def test_cross_score_is_calibrated():
    rng = np.random.default_rng(4)
    features = rng.normal(size=(3000, 3))
    usual = np.ones(3000, dtype=bool)
    score = cross_score(features, usual, 0)
    assert np.mean(score >= 1.0) == pytest.approx(0.1, abs=0.025)
    assert np.mean(score >= 2.0) == pytest.approx(0.01, abs=0.007)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table["redshift", "flags"], "no column 'id'"),
        (lambda table: table[:0], "no rows"),
        (lambda table: table[[0, 1, 1]], "'g001' is in the table more than once"),
        (lambda table: table["id", "flags"], "no numeric column"),
    ],
)
def test_wrong_tables(results, change, message):
    with pytest.raises(ValueError, match=message):
        rank_candidates(change(results[0]))


def test_wrong_companions(results):
    table, light, _ = results
    with pytest.raises(ValueError, match="light and the table are not of the same"):
        rank_candidates(table, light=light[::-1])
    with pytest.raises(ValueError, match=r"shape \(400, n_latent\), got \(3, 2\)"):
        rank_candidates(table, latents=np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"id": ["a"], "kind": ["known"]}, "no column 'label'"),
        ({"id": ["a"], "label": ["nice"]}, "a has the label 'nice', not one of"),
        ({"id": ["a", "a"], "label": ["known", "artefact"]}, "a has two labels"),
    ],
)
def test_wrong_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        match_labels(QTable(labels), ["a"])


def test_latents_as_a_table_with_ids(results):
    table = results[0]
    latents = QTable({"id": table["id"], "a": np.random.default_rng(0).normal(size=N)})
    ranked = rank_candidates(table, latents=latents)
    assert "latent_a" in ranked.colnames
    assert "latent_id" not in ranked.colnames
    with pytest.raises(ValueError, match="latents and the table are not of the same"):
        rank_candidates(table, latents=latents[::-1])


def test_swapped_tables_and_a_list_of_candidates(results, ranked):
    table, light, artefacts = results
    with pytest.raises(ValueError, match="artefacts lacks the columns chip_gap"):
        rank_candidates(table, light=artefacts, artefacts=light)
    with pytest.raises(ValueError, match="a list of candidates already"):
        rank_candidates(ranked)


def test_labels_of_any_kind_of_id():
    labels = QTable({"id": [3, 5, 9], "label": MaskedColumn(["known"] * 3)})
    labels["label"].mask[1] = True
    matched, unmatched = match_labels(labels, np.array([5, 3]))
    assert matched.tolist() == ["", "known"]
    assert unmatched == ["9"]
