# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the calibration of draws, on a model whose posterior is known.

Redshift, log mass and log SFR have a normal prior; a measurement adds
normal noise, correlated between them. The posterior is normal, too.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.table import QTable, Table
from astropy.uncertainty import Distribution
from astropy.utils.masked import Masked
from numpy.testing import assert_allclose

from astrovae.metrics import (
    calibration,
    comparison_table,
    conditional_coverage,
    crps_from_mixture,
    crps_values,
    pit_values,
    tarp,
)
from astrovae.parameters import PHYSICAL

N, N_DRAWS = 3000, 100
PRIOR = np.diag([0.2, 0.6, 0.7]) ** 2
NOISE = np.array([[0.01, 0.02, 0.02], [0.02, 0.06, 0.06], [0.02, 0.06, 0.09]])
CENTRE = np.array([0.6, 10.0, 0.0])


def as_table(values):
    """
    Latents (N, 3) or (N, n, 3) as a table of parameters.
    """
    z, mass, sfr = np.moveaxis(values, -1, 0)
    columns = z * cu.redshift, 10**mass * u.Msun, 10**sfr * u.Msun / u.yr
    if values.ndim == 3:
        columns = [Distribution(column) for column in columns]
    return QTable(dict(zip(PHYSICAL, columns, strict=True)))


def toy(seed=0, *, width=1.0, shift=0.0, correlated=True):
    """
    Truth, posterior means, and draws that are right or not.
    """
    rng = np.random.default_rng(seed)
    truth = rng.multivariate_normal(CENTRE, PRIOR, N)
    measured = truth + rng.multivariate_normal(np.zeros(3), NOISE, N)
    gain = PRIOR @ np.linalg.inv(PRIOR + NOISE)
    covariance = PRIOR - gain @ PRIOR
    mean = CENTRE + (measured - CENTRE) @ gain.T
    claimed = covariance if correlated else np.diag(np.diag(covariance))
    noise = rng.multivariate_normal(np.zeros(3), claimed, (N, N_DRAWS))
    sigma = np.sqrt(np.diag(covariance))
    return truth, mean, (mean + shift * sigma)[:, None] + width * noise, sigma


@pytest.fixture(scope="module")
def right():
    return toy()


def test_right_posterior_is_calibrated(right):
    truth, mean, draws, sigma = right
    table = calibration(as_table(draws), as_table(truth))
    assert list(table["parameter"]) == list(PHYSICAL)
    assert list(table["unit"]) == ["", "dex", "dex"]
    for i, row in enumerate(table):
        assert (row["n"], row["n_excluded"]) == (N, 0)
        assert row["pit_ks"] < 2 * row["pit_ks_expected"]
        for level in (0.5, 0.68, 0.9, 0.95):
            error = np.sqrt(level * (1 - level) / N)
            name = f"coverage_{100 * level:.0f}"
            assert abs(row[name] - level) < 4 * error
            assert row[f"{name}_lower"] < row[name] < row[f"{name}_upper"]
        exact = crps_from_mixture(
            np.ones((N, 1)), mean[:, i : i + 1], np.full((N, 1), sigma[i]), truth[:, i]
        )
        assert_allclose(row["crps"], exact.mean(), rtol=0.01)


def test_right_posterior_holds_in_bins_of_what_is_known(right):
    truth, mean, draws, _ = right
    pit = pit_values(as_table(draws), as_table(truth), "redshift")
    fair = conditional_coverage(pit, mean[:, 0], levels=[0.68])
    assert np.all(np.abs(fair["coverage_68"] - 0.68) < 0.07)
    # in bins of the truth not even the exact posterior can
    unfair = conditional_coverage(pit, truth[:, 0], levels=[0.68])
    assert np.abs(unfair["pit_ks"] / fair["pit_ks"]).max() > 3


@pytest.mark.parametrize(("wrong", "sign"), [({"width": 0.7}, -1), ({"width": 1.4}, 1)])
def test_wrong_widths_are_seen(wrong, sign):
    truth, _, draws, _ = toy(**wrong)
    table = calibration(as_table(draws), as_table(truth))
    assert np.all(sign * (table["coverage_68"] - 0.68) > 0.08)
    assert np.all(table["pit_ks"] > 3 * table["pit_ks_expected"])
    joint = tarp(as_table(draws), as_table(truth), n_bootstrap=20).meta
    assert joint["p_value"] < 1e-6
    assert sign * joint["area"] > 0.02


def test_bias_is_seen(right):
    truth, _, draws, _ = toy(shift=0.4)
    table = calibration(as_table(draws), as_table(truth))
    assert np.all(table["pit_mean"] < 0.45)
    # to TARP a small bias is of second order
    truth, _, draws, _ = toy(shift=0.8)
    assert tarp(draws, truth, n_bootstrap=0).meta["p_value"] < 1e-6
    best = calibration(as_table(right[2]), as_table(right[0]))
    assert np.all(table["crps"] > 1.03 * best["crps"])


def test_tarp_of_the_right_posterior_is_on_the_diagonal(right):
    truth, _, draws, _ = right
    table = tarp(as_table(draws), as_table(truth))
    assert table.meta["parameters"] == list(PHYSICAL)
    assert table.meta["n"] == N
    assert table.meta["max_deviation"] < 2 * table.meta["max_deviation_expected"]
    assert abs(table.meta["area"]) < 0.01
    assert (table["coverage"][0], table["coverage"][-1]) == (0.0, 1.0)
    inside = table["coverage_lower"] <= table["credibility"]
    inside &= table["credibility"] <= table["coverage_upper"]
    assert np.mean(inside) > 0.5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("references", ["uniform", "posterior"])
def test_p_values_of_few_draws_are_fair(references, seed):
    truth, _, draws, _ = toy(seed)
    joint = tarp(draws[:, :20], truth, references=references, n_bootstrap=0)
    assert joint.meta["p_value"] > 1e-3


def test_wrong_correlation_is_seen_by_tarp_alone():
    truth, _, draws, _ = toy(correlated=False)
    table = calibration(as_table(draws), as_table(truth))
    assert np.all(table["pit_ks"] < 2 * table["pit_ks_expected"])
    assert np.all(np.abs(table["coverage_68"] - 0.68) < 0.04)
    joint = tarp(as_table(draws), as_table(truth)).meta
    assert joint["p_value"] < 1e-4
    assert joint["max_deviation"] > 2 * joint["max_deviation_expected"]
    one = tarp(as_table(draws), as_table(truth), parameters=["sfr"]).meta
    assert one["p_value"] > 1e-3


def test_given_references(right):
    truth, mean, draws, sigma = right
    points = mean + sigma
    joint = tarp(as_table(draws), as_table(truth), references=points)
    assert joint.meta["p_value"] > 1e-3
    narrow = tarp(0.7 * draws + 0.3 * mean[:, None], truth, references=points)
    assert narrow.meta["p_value"] < 1e-6


def test_label_errors():
    truth, _, draws, _ = toy()
    rng = np.random.default_rng(1)
    labels = as_table(truth + rng.normal(size=truth.shape) * [0.1, 0.2, 0.3])
    labels["redshift_err"] = np.full(N, 0.1) * cu.redshift
    labels["stellar_mass_err"] = 0.2 * np.log(10) * labels["stellar_mass"]
    labels["sfr_err"] = (0.3 * np.log(10) * labels["sfr"]).to(u.Msun / u.Gyr)
    ignored = calibration(as_table(draws), labels)
    assert np.all(ignored["coverage_68"] < 0.64)
    heeded = calibration(as_table(draws), labels, label_errors=True)
    assert np.all(np.abs(heeded["coverage_68"] - 0.68) < 0.035)
    joint = tarp(as_table(draws), labels, label_errors=True)
    assert joint.meta["p_value"] > 1e-3
    assert tarp(as_table(draws), labels).meta["p_value"] < 1e-6
    pit = pit_values(as_table(draws), labels, "redshift", label_errors=True)
    assert_allclose(pit.mean(), heeded["pit_mean"][0])


def test_label_errors_widen_intervals():
    sigma = 0.994457883209753  # the 84th percentile of a standard normal
    predicted = QTable(
        {
            "redshift": [0.5, 0.5],
            "redshift_lower": [0.5 - 0.03 * sigma] * 2,
            "redshift_upper": [0.5 + 0.03 * sigma] * 2,
        }
    )
    truth = QTable({"redshift": [0.55, 0.53], "redshift_err": [0.04, np.nan]})
    pit = pit_values(predicted, truth, "redshift", label_errors=True)
    assert_allclose(pit, [0.8413447, 0.8413447])  # 1 sigma, without an error too


def test_no_label_errors(right):
    truth, _, draws, _ = right
    with pytest.raises(ValueError, match="no column redshift_err or the like"):
        calibration(as_table(draws), as_table(truth), label_errors=True)


def test_masked_rows_are_counted(right):
    truth, _, draws, _ = right
    truth, draws = as_table(truth[:50]), draws[:50].copy()
    truth["stellar_mass"] = Masked(truth["stellar_mass"], mask=np.arange(50) < 5)
    truth["sfr"][7] = 0.0 * u.Msun / u.yr
    draws[10, 3, 0] = np.nan
    predicted = as_table(draws)
    table = calibration(predicted, truth)
    assert list(table["n"]) == [49, 45, 49]
    assert list(table["n_excluded"]) == [1, 5, 1]
    assert np.all(np.isfinite(table["crps"]))
    joint = tarp(predicted, truth)
    assert joint.meta["n"] == 43
    assert joint.meta["n_excluded"] == 7
    assert np.isnan(crps_values(predicted, truth, "redshift")[10])
    assert list(comparison_table(predicted, truth)["n"]) == [49, 45, 49]


def test_forms_of_draws(right):
    truth, _, draws, _ = right
    truth, predicted = as_table(truth[:40]), as_table(draws[:40])
    expected = calibration(predicted, truth)
    arrays = {name: predicted[name].distribution for name in PHYSICAL}
    for form in (arrays, QTable(arrays), Table(predicted)):
        table = calibration(form, dict(truth))
        for name in table.colnames[2:]:
            assert_allclose(table[name], expected[name])
    plain = {"redshift": Distribution(draws[:40, :, 0])}
    table = calibration(plain, {"redshift": truth["redshift"].value})
    assert_allclose(table["coverage_68"], expected["coverage_68"][0])


def test_rows_are_matched_by_id(right):
    truth, _, draws, _ = right
    truth, predicted = as_table(truth[:40]), as_table(draws[:40])
    expected = calibration(predicted, truth)
    truth["id"] = predicted["id"] = [f"g{i}" for i in range(40)]
    table = calibration(predicted, truth[::-1])
    assert_allclose(table["crps"], expected["crps"])


def test_own_levels(right):
    truth, _, draws, _ = right
    table = calibration(
        as_table(draws[:99]), as_table(truth[:99]), levels=[0.8], confidence=0.68
    )
    assert "coverage_80_upper" in table.colnames
    assert "coverage_50" not in table.colnames
    assert table.meta["confidence"] == 0.68


@pytest.mark.parametrize("spread", [4.0, 200.0])
def test_orientation_is_periodic(spread):
    rng = np.random.default_rng(2)
    middle = rng.uniform(-90.0, 90.0, (N, 1))
    angles = middle + spread * rng.standard_normal((N, N_DRAWS + 1))
    angles = (angles + 90.0) % 180.0 - 90.0
    predicted = QTable({"orientation": Distribution(angles[:, 1:] * u.deg)})
    truth = QTable({"orientation": angles[:, 0] * u.deg})
    row = calibration(predicted, truth)[0]
    assert row["pit_ks"] < 2 * row["pit_ks_expected"]
    assert abs(row["coverage_68"] - 0.68) < 0.035
    joint = tarp(predicted, truth, parameters=["orientation"], n_bootstrap=0)
    assert joint.meta["p_value"] > 1e-3
    # all directions alike: mean distance 45, half of it for the draws
    expected = spread / np.sqrt(np.pi) if spread < 10.0 else 22.5
    assert_allclose(row["crps"], expected, rtol=0.05)
    turned = QTable({"orientation": truth["orientation"] + 360.0 * u.deg})
    assert_allclose(calibration(predicted, turned)["pit_ks"], row["pit_ks"], atol=1e-3)


def test_point_estimate_of_draws_is_their_median():
    draws = np.array([[88.0, -89.0, 90.0]])
    predicted = QTable({"orientation": Distribution(draws * u.deg)})
    table = comparison_table(predicted, QTable({"orientation": [-88.0] * u.deg}))
    assert_allclose(table["MAD"], 2.0)


def test_equal_draws_do_not_fail():
    truth = np.random.default_rng(0).normal(size=(200, 2))
    equal = np.repeat(truth[:, None], 10, axis=1)
    assert tarp(equal, truth).meta["p_value"] > 1e-3
    assert tarp(equal, truth + 0.1).meta["p_value"] < 1e-6


def test_nothing_usable():
    joint = tarp(np.full((3, 5, 2), np.nan), np.zeros((3, 2)))
    assert (joint.meta["n"], joint.meta["n_excluded"]) == (0, 3)
    assert np.all(np.isnan(joint["coverage"]))


def test_wrong_arguments_of_tarp(right):
    truth, _, draws, _ = right
    tables = as_table(draws), as_table(truth)
    with pytest.raises(ValueError, match=r"\['orientation'\] were asked for"):
        tarp(*tables, parameters=["orientation"])
    with pytest.raises(ValueError, match="share draws of no parameter"):
        tarp(tables[1], tables[1])
    with pytest.raises(ValueError, match="references are 'posterior', 'uniform' or"):
        tarp(*tables, references="box")
    with pytest.raises(ValueError, match=r"shape \(3,\) are not 3000 points"):
        tarp(*tables, references=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="needs three draws at least"):
        tarp(draws[:, :2], truth)
    with pytest.raises(ValueError, match=r"the shape \(3000, 2\) are not N rows"):
        tarp(draws, truth[:, :2])
    tables[0]["sfr"] = Distribution(10 ** draws[:, :50, 2] * u.Msun / u.yr)
    with pytest.raises(ValueError, match="they are not joint"):
        tarp(*tables)
