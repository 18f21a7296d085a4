# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Recovery and contamination.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.stats import binom_conf_interval
from hypothesis import given
from hypothesis import strategies as st

from astrovae.anomaly import AnomalyClassifier, match_redshift
from astrovae.anomaly.evaluation import binomial_interval
from astrovae.exceptions import AstrovaeWarning


def row_of(table, name, controls="all"):
    return table[(table["class"] == name) & (table["controls"] == controls)][0]


@pytest.fixture(scope="module")
def separate():
    rng = np.random.default_rng(3)
    labels = np.repeat(["field", "spiral", "pea"], [300, 40, 12])
    latents = rng.normal(size=(len(labels), 4))
    latents[300:] *= 0.2
    latents[labels == "spiral", 0] += 12.0
    latents[labels == "pea", 1] -= 12.0
    return latents, labels


def test_perfect_separation(separate):
    table = AnomalyClassifier(random_state=0).evaluate(*separate, n_repeats=2)
    assert table["class"].tolist() == ["pea", "spiral", "field"]
    np.testing.assert_array_equal(table["recovery"], 1.0)
    np.testing.assert_array_equal(table["contamination"], 0.0)
    np.testing.assert_array_equal(table["false_positive_rate"], 0.0)
    pea = row_of(table, "pea")
    lower, upper = binom_conf_interval(12, 12, 0.6827, interval="wilson")
    assert (pea["recovery_lower"], pea["recovery_upper"]) == pytest.approx(
        (lower, upper)
    )
    assert pea["n"] == 12
    assert table.meta["control"] == "field"


def test_noise_is_not_recovered():
    # SMOTE before the split would put neighbours of each held-out
    # galaxy into the training set, and find what is not there.
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(420, 2))
    labels = np.repeat(["field", "odd"], [400, 20])
    table = AnomalyClassifier(random_state=0).evaluate(latents, labels)
    odd = row_of(table, "odd")
    difference = odd["recovery"] - odd["false_positive_rate"]
    assert abs(difference) < 2.5 * (odd["recovery_upper"] - odd["recovery_lower"]) / 2
    assert odd["contamination"] > 0.9


def test_repeats_do_not_shrink_the_interval():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(220, 2))
    latents[200:, 0] += 1.5
    labels = np.repeat(["field", "odd"], [200, 20])
    clf = AnomalyClassifier(random_state=0)
    widths = []
    for n_repeats in (1, 8):
        odd = row_of(clf.evaluate(latents, labels, n_repeats=n_repeats), "odd")
        widths.append(odd["recovery_upper"] - odd["recovery_lower"])
    assert widths[1] == pytest.approx(widths[0], rel=0.3)


def test_contamination_grows_with_the_controls():
    rng = np.random.default_rng(1)
    latents = rng.normal(size=(1030, 2))
    latents[:30, 0] += 2.5
    labels = np.repeat(["odd", "field"], [30, 1000])
    clf = AnomalyClassifier(random_state=0)
    few = row_of(clf.evaluate(latents[:130], labels[:130], n_repeats=2), "odd")
    many = row_of(clf.evaluate(latents, labels, n_repeats=2), "odd")
    assert many["contamination"] > few["contamination"] + 0.2
    assert many["false_positive_rate"] == pytest.approx(
        few["false_positive_rate"], abs=0.1
    )


def test_class_set_apart_by_redshift_alone():
    rng = np.random.default_rng(2)
    n = 1200
    redshift = rng.uniform(0.0, 1.0, n)
    labels = np.where(np.arange(n) < 40, "pea", "field")
    redshift[:40] = rng.uniform(0.3, 0.36, 40)
    latents = np.column_stack([redshift, rng.normal(size=(n, 2))])
    table = AnomalyClassifier(random_state=0).evaluate(
        latents, labels, redshift=redshift, n_repeats=2
    )
    assert sorted(table["controls"][table["class"] == "pea"]) == [
        "all",
        "all, tested on matched",
        "matched",
    ]
    everything = row_of(table, "pea")
    same = row_of(table, "pea", "all, tested on matched")
    matched = row_of(table, "pea", "matched")
    assert everything["recovery"] - everything["false_positive_rate"] > 0.6
    assert same["false_positive_rate"] > 0.7
    assert matched["recovery"] - matched["false_positive_rate"] < 0.3
    assert "median redshift" in matched["note"]


def test_tiny_classes():
    rng = np.random.default_rng(2)
    latents = rng.normal(size=(104, 2))
    labels = np.repeat(["field", "three", "one"], [100, 3, 1])
    with pytest.warns(AstrovaeWarning, match="is small") as caught:
        table = AnomalyClassifier(random_state=0).evaluate(latents, labels)
    assert len(caught) == 2
    assert row_of(table, "three")["smote_neighbors"] == 1
    one = row_of(table, "one")
    assert np.isnan(one["recovery"])
    assert one["note"] == "one member: its recovery cannot be measured"
    assert table["smote_neighbors"].mask.tolist() == [False, False, True]


def test_single_member_of_two_classes():
    rng = np.random.default_rng(0)
    labels = np.array(["field"] * 59 + ["one"])
    clf = AnomalyClassifier(random_state=0)
    with pytest.warns(AstrovaeWarning, match="its one member is repeated"):
        table = clf.evaluate(rng.normal(size=(60, 3)), labels, n_repeats=2)
    assert "one member" in row_of(table, "one")["note"]
    with pytest.raises(ValueError, match="n_repeats must be at least 1"):
        clf.evaluate(rng.normal(size=(60, 3)), labels, n_repeats=0)


def test_arguments(separate):
    latents, labels = separate
    clf = AnomalyClassifier(random_state=0)
    with pytest.raises(ValueError, match="no galaxy has the label 'quasar'"):
        clf.evaluate(latents, labels, control="quasar")
    with pytest.raises(ValueError, match="redshift must have one entry for each"):
        clf.evaluate(latents, labels, redshift=[0.1])
    with pytest.raises(ValueError, match="one class only"):
        clf.evaluate(latents[:5], labels[:5])
    unknown = np.full(len(labels), np.nan)
    with pytest.raises(ValueError, match="all redshifts are masked or NaN"):
        clf.evaluate(latents, labels, redshift=unknown)
    for method in (clf.evaluate, clf.fit):
        with pytest.raises(ValueError, match="the latents of all"):
            method(np.full_like(latents, np.nan), labels)
    far = np.where(labels == "field", 5.0, 0.1)
    with pytest.warns(AstrovaeWarning, match="no control has the redshifts of"):
        clf.evaluate(latents, labels, redshift=far, n_repeats=1)


@given(st.integers(1, 200), st.floats(0.0, 1.0))
def test_interval_between_integers(n, fraction):
    lower, upper = binomial_interval(fraction * n, n, 0.6827)
    assert 0.0 <= lower <= fraction + 1e-12
    assert fraction - 1e-12 <= upper <= 1.0
    whole = round(fraction * n)
    expected = binom_conf_interval(whole, n, 0.6827, interval="wilson")
    assert binomial_interval(whole, n, 0.6827) == pytest.approx(tuple(expected))


def test_interval_of_nothing():
    assert np.isnan(binomial_interval(0, 0, 0.6827)).all()


def test_matched_controls_have_the_redshifts():
    rng = np.random.default_rng(0)
    redshift = np.concatenate([rng.normal(0.3, 0.02, 30), rng.uniform(0, 1, 3000)])
    members, controls = np.arange(30), np.arange(30, 3030)
    matched, alone = match_redshift(redshift, members, controls, random_state=0)
    assert alone == 0
    assert len(np.unique(matched)) == len(matched) >= 100
    assert np.isin(matched, controls).all()
    assert np.median(redshift[matched]) == pytest.approx(0.3, abs=0.01)
    assert np.std(redshift[matched]) == pytest.approx(0.02, abs=0.01)


def test_unmatched_members_are_counted():
    redshift = [0.1, 0.9, np.nan, 0.101, 0.5]
    matched, alone = match_redshift(redshift, [0, 1, 2], [3, 4], random_state=0)
    assert matched.tolist() == [3]
    assert alone == 2


def test_redshift_with_unit(separate):
    latents, labels = separate
    with pytest.raises(u.UnitsError, match="'redshift' has the unit kpc"):
        AnomalyClassifier().evaluate(
            latents, labels, redshift=np.ones(len(labels)) * u.kpc
        )
