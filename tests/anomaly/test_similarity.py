# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Nearest neighbours of examples, and lines between groups.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from astrovae.anomaly import SimilaritySearch, decision_boundary
from astrovae.exceptions import AstrovaeWarning


@settings(max_examples=25)
@given(
    n=st.integers(2, 400),
    n_latent=st.integers(1, 20),
    n_examples=st.integers(1, 12),
    k=st.integers(1, 15),
    method=st.sampled_from(["tree", "brute"]),
    p=st.sampled_from([1.0, 2.0, 3.5, np.inf]),
    seed=st.integers(0, 99),
)
def test_neighbours_are_exact(n, n_latent, n_examples, k, method, p, seed):
    rng = np.random.default_rng(seed)
    latents = rng.normal(size=(n, n_latent)) * rng.lognormal(0, 2, (n, 1))
    n_examples = min(n_examples, n - 1)
    search = SimilaritySearch(k, p=p, method=method).fit(latents)
    found, rows = search.kneighbors(latents[:n_examples])
    scaled = (latents - latents.mean(axis=0)) / latents.std(axis=0)
    # Candidates are those that are not the examples; the rest is padded.
    apart = cdist(scaled, scaled[:n_examples], "chebyshev").min(axis=1) > 3e-4
    names = {1.0: "cityblock", 2.0: "euclidean", np.inf: "chebyshev"}
    options = {} if p in names else {"p": p}
    metric = names.get(p, "minkowski")
    true = cdist(scaled[:n_examples], scaled[apart], metric, **options)
    true = np.sort(true, axis=1)[:, :k]
    n_found = true.shape[1]
    np.testing.assert_allclose(found[:, :n_found], true, rtol=1e-9, atol=1e-12)
    assert np.isinf(found[:, n_found:]).all()
    assert (rows[:, n_found:] == -1).all()
    assert (rows[:, :n_found] >= n_examples).all()


@pytest.mark.parametrize("method", ["tree", "brute"])
def test_rounding_does_not_return_the_examples(method):
    rng = np.random.default_rng(1)
    latents = rng.normal(size=(500, 8))
    again = latents[:5] + 1e-5 * rng.normal(size=(5, 8))
    found = SimilaritySearch(3, method=method).fit(latents).query(again)
    assert set(found["row"]).isdisjoint(range(5))
    assert found["distance"].min() > 0.1


@pytest.mark.parametrize("method", ["tree", "brute"])
def test_ranked_by_number_of_examples(method):
    # Row 3 is near to both examples, rows 4 and 5 to one, 6 to none.
    latents = np.array([[0.0, 0], [2, 0], [0, 9], [1, 0], [-0.1, 0], [2.3, 0], [9, 9]])
    table = QTable(latents, names=["a", "b"])
    table["id"] = list("abcdefg")
    search = SimilaritySearch(2, scale=False, method=method).fit(table)
    found = search.query(table[:2])
    assert found["id"].tolist() == ["d", "e", "f"]
    assert found["n_examples"].tolist() == [2, 1, 1]
    np.testing.assert_allclose(found["distance"], [1.0, 0.1, 0.3])
    assert found["nearest_example_id"].tolist() == ["a", "a", "b"]
    assert found["row"].tolist() == [3, 4, 5]
    assert len(search.query(table[:2], n=1)) == 1


def test_examples_need_not_be_in_the_set():
    latents = np.arange(10.0)[:, None]
    search = SimilaritySearch(1, scale=False).fit(latents)
    assert search.query([[3.2]])["row"].tolist() == [3]
    assert search.query([[3.0]])["row"][0] in (2, 4)


def test_latents_are_standardised():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(500, 3))
    stretched = latents * [1.0, 1000.0, 1e-3] + [0.0, 5.0, 7.0]
    first = SimilaritySearch().fit(latents).query(latents[:5])
    second = SimilaritySearch().fit(stretched).query(stretched[:5])
    assert first["row"].tolist() == second["row"].tolist()
    plain = SimilaritySearch(scale=False).fit(stretched).query(stretched[:5])
    assert plain["row"].tolist() != first["row"].tolist()


def test_units_of_tables():
    table = QTable({"size": [1.0, 2.0, 3.0, 9.0] * u.kpc})
    search = SimilaritySearch(1).fit(table)
    in_pc = QTable({"size": [2900.0] * u.pc})
    assert search.query(in_pc)["row"].tolist() == [2]


def test_rows_that_are_not_finite():
    latents = np.array([[0.0], [np.nan], [0.2], [5.0]])
    with pytest.warns(AstrovaeWarning, match="1 of 4 galaxies"):
        search = SimilaritySearch(5, scale=False).fit(latents)
    assert search.query([[0.0]])["row"].tolist() == [2, 3]
    with pytest.warns(AstrovaeWarning, match="1 of 2 galaxies .* the examples"):
        found = search.query([[np.nan], [4.0]])
    assert found["row"].tolist() == [3, 2, 0]
    assert set(found["nearest_example"]) == {1}


def test_search_arguments():
    latents = np.zeros((3, 2))
    with pytest.raises(ValueError, match="method must be"):
        SimilaritySearch(method="hash").fit(latents)
    with pytest.raises(ValueError, match="n_neighbors must be at least 1"):
        SimilaritySearch(0).fit(latents)
    with pytest.raises(ValueError, match="p must be at least 1"):
        SimilaritySearch(p=0.5).fit(latents)
    with pytest.raises(ValueError, match="the latents of all 3 galaxies"):
        SimilaritySearch().fit(latents * np.nan)


@pytest.fixture(scope="module")
def groups():
    # The line y = 2 mag / kpc * x + 1 mag divides them.
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 10, 2000)
    y = rng.uniform(-5, 25, 2000)
    height = y - (2 * x + 1)
    clear = np.abs(height) > 0.5
    labels = np.where(height > 0, "pea", "field")
    return x[clear] * u.kpc, y[clear] * u.mag, labels[clear]


def test_boundary_in_physical_units(groups):
    x, y, labels = groups
    boundary = decision_boundary(x, y, labels, target="pea", C=1000.0)
    assert boundary.slope.unit == u.mag / u.kpc
    assert boundary.slope.value == pytest.approx(2.0, abs=0.1)
    assert boundary.intercept.to_value(u.mag) == pytest.approx(1.0, abs=0.4)
    assert boundary.line(3000 * u.pc).to_value(u.mag) == pytest.approx(7.0, abs=0.3)
    assert boundary.recovery == boundary.false_positive_rate + 1.0 == 1.0
    np.testing.assert_array_equal(boundary.side(x, y), labels == "pea")
    assert boundary.other == "field"


def test_boundary_of_other_units_is_the_same_line(groups):
    x, y, labels = groups
    first = decision_boundary(x, y, labels)
    second = decision_boundary(x.to(u.Mpc), y, labels)
    assert second.slope.to_value(u.mag / u.kpc) == pytest.approx(first.slope.value)


def test_rare_class_has_the_same_weight():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, 5000), rng.normal(2, 1, 50)])
    y = rng.normal(0, 1, len(x))
    labels = np.repeat(["field", "pea"], [5000, 50])
    boundary = decision_boundary(x, y, labels)
    assert boundary.target == "pea"
    # Halfway, where a boundary of unweighted classes would not be.
    assert boundary.recovery == pytest.approx(0.84, abs=0.1)
    assert boundary.false_positive_rate == pytest.approx(0.16, abs=0.05)


def test_vertical_boundary():
    boundary = decision_boundary([0, 0, 1, 1], [0, 1, 0, 1], list("aabb"), target="b")
    if boundary.normal[1] == 0:
        assert np.isinf(boundary.slope)
    assert boundary.side([0.2, 0.8], [5.0, 5.0]).tolist() == [False, True]


def test_boundary_errors(groups):
    x, y, labels = groups
    with pytest.raises(ValueError, match="are 0 of"):
        decision_boundary(x, y, labels, target="quasar")
    boundary = decision_boundary(x, y, labels)
    with pytest.raises(u.UnitsError, match="'x' needs a unit equivalent to kpc"):
        boundary.line(3.0)
