# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The classifier of rare classes.
"""

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.table import QTable
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from astrovae.anomaly import AnomalyClassifier
from astrovae.exceptions import AstrovaeWarning

NOT_ARGMAX = {
    "check_classifiers_train": (
        "probabilities are calibrated at the classes' frequencies, "
        "predictions made for balanced classes"
    )
}


@pytest.fixture(scope="module")
def galaxies():
    rng = np.random.default_rng(3)
    labels = np.repeat(["field", "spiral", "pea"], [400, 40, 12])
    latents = rng.normal(size=(len(labels), 4))
    latents[labels == "spiral", 0] += 4.0
    latents[labels == "pea", 1] -= 5.0
    return latents, labels


@pytest.fixture(scope="module")
def fitted(galaxies):
    return AnomalyClassifier(random_state=0).fit(*galaxies)


@pytest.mark.filterwarnings("ignore:the class:astrovae.exceptions.AstrovaeWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [AnomalyClassifier(calibration_splits=2, random_state=0)],
    expected_failed_checks=lambda estimator: NOT_ARGMAX,
)
def test_estimator_contract(estimator, check):
    check(estimator)


def test_finds_classes(fitted):
    centres = [[0, 0, 0, 0], [4, 0, 0, 0], [0, -5, 0, 0]]
    assert fitted.predict(centres).tolist() == ["field", "spiral", "pea"]
    assert fitted.classes_.tolist() == ["field", "pea", "spiral"]
    decision = fitted.decision_function(centres)
    assert decision.argmax(axis=1).tolist() == [0, 2, 1]


def test_two_classes(galaxies):
    latents, labels = galaxies
    some = labels != "pea"
    clf = AnomalyClassifier(random_state=0).fit(latents[some], labels[some])
    decision = clf.decision_function([[0, 0, 0, 0], [4, 0, 0, 0]])
    assert decision.shape == (2,)
    assert decision[0] < 0 < decision[1]
    assert clf.predict([[4, 0, 0, 0]]) == ["spiral"]


def test_scaler_sees_original_galaxies_only(galaxies, fitted):
    scaler = fitted.pipeline_.named_steps["scale"]
    np.testing.assert_allclose(scaler.mean_, galaxies[0].mean(axis=0))
    assert scaler.n_samples_seen_ == len(galaxies[0])


def test_classes_are_balanced_for_the_machine(galaxies, fitted):
    svm = fitted.pipeline_.named_steps["svm"]
    assert svm.shape_fit_[0] == 3 * 400


def test_probabilities_know_the_frequencies(galaxies):
    # Two classes that cannot be told apart: a galaxy is rare or not
    # by their frequency alone.
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(400, 3))
    labels = np.repeat(["field", "odd"], [380, 20])
    clf = AnomalyClassifier(random_state=0).fit(latents, labels)
    probability = clf.predict_proba(rng.normal(size=(500, 3)))
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    assert probability[:, 1].mean() == pytest.approx(0.05, abs=0.02)


def test_probability_is_held_out():
    # Pure noise with a kernel narrow enough to learn it by heart.
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(200, 5))
    labels = rng.permutation(np.repeat(["a", "b"], 100))
    clf = AnomalyClassifier(gamma=5.0, C=100.0, random_state=0).fit(latents, labels)
    assert (clf.predict(latents) == labels).mean() > 0.95
    new = clf.predict_proba(rng.normal(size=(300, 5)))
    assert new.max(axis=1).mean() < 0.65


def test_table_with_units(galaxies):
    latents, labels = galaxies
    table = QTable(
        {
            "id": [f"g{i}" for i in range(len(latents))],
            "ra": np.arange(len(latents)) * u.deg,
            "stellar_mass": 10 ** (10 + latents[:, 0]) * u.Msun,
            "stellar_mass_lower": np.ones(len(latents)) * u.Msun,
            "size": latents[:, 1] * u.kpc,
        }
    )
    clf = AnomalyClassifier(random_state=0).fit(table, labels)
    assert clf.feature_names_in_.tolist() == ["stellar_mass", "size"]
    assert clf.feature_units_["size"] == u.kpc
    same = table.copy()
    same["stellar_mass"] = table["stellar_mass"].to(u.kg)
    same["size"] = table["size"].to(u.pc)
    np.testing.assert_allclose(
        clf.decision_function(same), clf.decision_function(table), atol=1e-9
    )
    same["size"] = table["size"].value * u.mag
    with pytest.raises(u.UnitsError, match="'size' needs a unit equivalent to kpc"):
        clf.predict(same)
    with pytest.raises(ValueError, match="the latents lack the columns size"):
        clf.predict(table["id", "stellar_mass"])
    with pytest.raises(ValueError, match="have 3 features, but"):
        clf.predict(np.ones((2, 3)))


def test_mass_is_modelled_by_its_logarithm(galaxies):
    latents, labels = galaxies
    table = QTable({"stellar_mass": 10 ** latents[:, 0] * u.Msun})
    clf = AnomalyClassifier(random_state=0).fit(table, labels)
    mean = clf.pipeline_.named_steps["scale"].mean_
    np.testing.assert_allclose(mean, latents[:, 0].mean())


def test_pandas(galaxies):
    latents, labels = galaxies
    frame = pd.DataFrame(latents, columns=list("abcd"))
    clf = AnomalyClassifier(random_state=0).fit(frame, pd.Series(labels))
    assert clf.feature_names_in_.tolist() == list("abcd")
    assert clf.predict(frame[:1]) == ["field"]


def test_rows_that_are_not_finite(galaxies):
    latents, labels = galaxies
    broken = latents.copy()
    broken[[5, 445]] = np.nan
    with pytest.warns(AstrovaeWarning, match="2 of 452 galaxies have latents"):
        clf = AnomalyClassifier(random_state=0).fit(broken, labels)
    predicted = clf.predict(broken)
    assert np.flatnonzero(predicted.mask).tolist() == [5, 445]
    assert np.isnan(clf.decision_function(broken)[5]).all()
    assert np.isnan(clf.predict_proba(broken)[445]).all()
    none = clf.predict(np.full((2, 4), np.nan))
    assert none.mask.all()


def test_small_classes_are_said(galaxies):
    latents, labels = galaxies
    some = np.r_[0:400, 400:403, 440]
    with pytest.warns(AstrovaeWarning) as caught:
        clf = AnomalyClassifier(random_state=0).fit(latents[some], labels[some])
    messages = [str(w.message) for w in caught]
    assert any("'spiral' is small: SMOTE uses 2 neighbours" in m for m in messages)
    assert any("'pea' is small: its one member is repeated" in m for m in messages)
    assert any("there will be no probabilities" in m for m in messages)
    assert clf.smote_neighbors_ == {"field": None, "pea": 0, "spiral": 2}
    assert clf.predict(latents[[440]]) == ["pea"]
    with pytest.raises(ValueError, match="there are no probabilities"):
        clf.predict_proba(latents)


def test_masked_labels(galaxies):
    latents, labels = galaxies
    masked = np.ma.MaskedArray(labels, mask=np.arange(len(labels)) == 3)
    with pytest.raises(ValueError, match="some labels are masked"):
        AnomalyClassifier().fit(latents, masked)


def test_seed(galaxies, fitted):
    again = clone(fitted).fit(*galaxies)
    points = np.random.default_rng(8).normal(size=(50, 4))
    np.testing.assert_array_equal(
        again.decision_function(points), fitted.decision_function(points)
    )
