# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the figures of merit against values computed by hand.
"""

import astropy.units as u
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.table import MaskedColumn, QTable
from astropy.utils.masked import Masked
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from astrovae.metrics import comparison_table, redshift_metrics

REDSHIFTS = hnp.arrays(
    float, st.integers(3, 30), elements=st.floats(0.0, 1.5, width=32)
)


def test_redshift_metrics_by_hand():
    z_spec = [0.0, 0.25, 0.5, 1.0]
    z_est = [0.1, 0.25, 0.35, 1.4]
    # by hand: dz is 0.1, 0, -0.1, 0.2 and delta is 0.1, 0, -0.15, 0.4
    figures = redshift_metrics(z_est, z_spec)
    assert figures["n"] == 4
    assert figures["n_excluded"] == 0
    assert_allclose(figures["bias"], 0.05)
    assert_allclose(figures["mean_bias"], 0.05)
    # |dz - 0.05| = 0.05, 0.05, 0.15, 0.15
    assert_allclose(figures["NMAD"], 1.4826 * 0.10)
    assert figures["outlier_fraction"] == 0.25
    assert_allclose(figures["MSE"], (0.01 + 0.0225 + 0.16) / 4)
    assert_allclose(figures["MAD"], 0.65 / 4)
    # the mean of z_spec is 0.4375, its sum of squared deviations 0.546875
    assert_allclose(figures["R2"], 1 - 0.1925 / 0.546875)
    # of z_est 1.0525, and the sum of the products of both 0.71875
    assert_allclose(figures["r2_pearson"], 0.71875**2 / (0.546875 * 1.0525))


def test_outliers_lie_strictly_above_the_limit():
    figures = redshift_metrics([0.15, 0.16, -0.16], [0.0, 0.0, 0.0])
    assert_allclose(figures["outlier_fraction"], 2 / 3)


def test_r2_pearson_forgives_an_offset_and_r2_does_not():
    z = np.array([0.1, 0.2, 0.3, 0.4])
    figures = redshift_metrics(2.0 * z + 0.3, z)
    assert_allclose(figures["r2_pearson"], 1.0)
    assert figures["R2"] < 0.0


@pytest.mark.parametrize(
    "z_est",
    [
        np.array([0.1, np.nan, 0.3, np.inf, 0.5]),
        np.ma.array([0.1, 9.0, 0.3, 9.0, 0.5], mask=[0, 1, 0, 1, 0]),
        Masked([0.1, 9.0, 0.3, 9.0, 0.5], mask=[0, 1, 0, 1, 0]) * cu.redshift,
        MaskedColumn([0.1, 9.0, 0.3, 9.0, 0.5], mask=[0, 1, 0, 1, 0]),
    ],
    ids=["nan", "masked array", "masked quantity", "masked column"],
)
def test_unusable_rows_are_counted(z_est):
    z_spec = np.array([0.1, 0.2, 0.2, 0.4, np.nan]) * cu.redshift
    figures = redshift_metrics(z_est, z_spec)
    assert figures["n"] == 2
    assert figures["n_excluded"] == 3
    assert_allclose(figures["MAD"], 0.05)


def test_no_row_gives_nan():
    figures = redshift_metrics([np.nan], [0.2])
    assert figures.pop("n") == 0
    assert figures.pop("n_excluded") == 1
    assert np.all(np.isnan(list(figures.values())))


def test_no_spread_leaves_r2_undefined():
    figures = redshift_metrics([0.1, 0.2], [0.3, 0.3])
    assert np.isnan(figures["R2"])
    assert np.isnan(figures["r2_pearson"])
    assert_allclose(figures["MAD"], 0.15)


def test_wrong_shape():
    with pytest.raises(ValueError, match=r"shape \(2,\), but z_spec has \(1,\)"):
        redshift_metrics([0.1, 0.2], [0.1])


def test_wrong_unit_names_the_argument():
    with pytest.raises(u.UnitsError, match="'z_est' has the unit Mpc"):
        redshift_metrics([1.0] * u.Mpc, [0.1])


@given(z=REDSHIFTS)
def test_perfect_estimate(z):
    figures = redshift_metrics(z, z)
    for name in ("bias", "mean_bias", "NMAD", "outlier_fraction", "MSE", "MAD"):
        assert figures[name] == 0.0
    if np.ptp(z) > 0.0:
        assert figures["R2"] == 1.0
        assert_allclose(figures["r2_pearson"], 1.0)


@given(z=REDSHIFTS, shift=st.floats(-0.5, 0.5), data=st.data())
def test_shift_moves_the_bias_and_not_the_nmad(z, shift, data):
    errors = data.draw(hnp.arrays(float, z.shape, elements=st.floats(-0.2, 0.2)))
    before = redshift_metrics(z + errors * (1 + z), z)
    after = redshift_metrics(z + (errors + shift) * (1 + z), z)
    assert_allclose(after["NMAD"], before["NMAD"], atol=1e-9)
    assert_allclose(after["bias"], before["bias"] + shift, atol=1e-9)


@given(z=REDSHIFTS, data=st.data())
def test_order_does_not_matter(z, data):
    z_est = data.draw(hnp.arrays(float, z.shape, elements=st.floats(0.0, 1.5)))
    rows = data.draw(st.permutations(range(len(z))))
    before = redshift_metrics(z_est, z)
    after = redshift_metrics(z_est[rows], z[rows])
    assert_allclose(list(after.values()), list(before.values()), atol=1e-9)


@pytest.fixture
def truth():
    return QTable(
        {
            "id": ["a", "b", "c"],
            "redshift": [0.1, 0.2, 0.4] * cu.redshift,
            "stellar_mass": [1e9, 1e10, 1e11] * u.Msun,
            "sfr": [0.1, 1.0, 10.0] * u.Msun / u.yr,
            "orientation": [89.0, 0.0, -60.0] * u.deg,
        }
    )


@pytest.fixture
def predicted(truth):
    table = truth.copy()
    table["stellar_mass"] = [1e9, 1e10, 1e12] * u.Msun
    table["stellar_mass_lower"] = [5e8, 2e10, 5e11] * u.Msun
    table["stellar_mass_upper"] = [2e9, 4e10, 2e12] * u.Msun
    table["orientation"] = [-89.0, 4.0, -60.0] * u.deg
    table["orientation_lower"] = [87.0, 1.0, -70.0] * u.deg
    table["orientation_upper"] = [-85.0, 7.0, -50.0] * u.deg
    return table


def test_comparison_by_hand(predicted, truth):
    table = comparison_table(predicted, truth)
    table.add_index("parameter")
    assert list(table["parameter"]) == list(truth.colnames[1:])
    assert list(table["unit"]) == ["", "dex", "dex", "deg"]
    mass = table.loc["stellar_mass"]
    assert_allclose(mass["bias"], 0.0)
    assert_allclose(mass["mean_bias"], 1 / 3)
    assert_allclose(mass["MSE"], 1 / 3)
    assert_allclose(mass["R2"], 0.5)
    assert_allclose(mass["coverage_68"], 1 / 3)
    assert np.isnan(mass["outlier_fraction"])
    orientation = table.loc["orientation"]
    assert_allclose(orientation["MAD"], 2.0)  # 2, 4 and 0 degrees
    assert_allclose(orientation["coverage_68"], 2 / 3)
    assert np.isnan(orientation["R2"])
    redshift = table.loc["redshift"]
    assert redshift["R2"] == 1.0
    assert np.isnan(redshift["coverage_68"])


def test_comparison_agrees_with_redshift_metrics(truth):
    predicted = truth.copy()
    predicted["redshift"] = [0.12, 0.5, 0.3] * cu.redshift
    row = comparison_table(predicted, truth)[0]
    for name, value in redshift_metrics(
        predicted["redshift"], truth["redshift"]
    ).items():
        assert row[name] == value


def test_comparison_converts_units(truth):
    predicted = truth.copy()
    predicted["sfr"] = truth["sfr"].to(u.Msun / u.Gyr)
    table = comparison_table(predicted, truth)
    assert_allclose(table["MAD"], 0.0, atol=1e-12)


def test_rows_are_matched_by_id(predicted, truth):
    expected = comparison_table(predicted, truth)
    shuffled = comparison_table(predicted, truth[[2, 0, 1]])
    for name in expected.colnames[2:]:
        assert_allclose(shuffled[name], expected[name])


def test_ids_may_be_bytes_as_in_fits_files(predicted, truth):
    truth["id"] = np.array([b"a", b"b", b"c"])
    assert comparison_table(predicted, truth)["n"][0] == 3


def test_masked_and_non_positive_rows_are_counted(truth):
    predicted = truth.copy()
    predicted["stellar_mass"] = Masked(truth["stellar_mass"], mask=[1, 0, 0])
    predicted["sfr"][0] = 0.0 * u.Msun / u.yr
    table = comparison_table(predicted, truth)
    assert list(table["n"]) == [3, 2, 2, 3]
    assert list(table["n_excluded"]) == [0, 1, 1, 0]


def test_comparison_can_be_written(tmp_path, predicted, truth):
    table = comparison_table(predicted, truth)
    for name in ("table.ecsv", "table.fits"):
        table.write(tmp_path / name)
        assert len(QTable.read(tmp_path / name)) == 4


def test_id_without_truth(predicted, truth):
    with pytest.raises(ValueError, match="2 of 3 estimates have no true values"):
        comparison_table(predicted, truth[:1])


def test_duplicated_id(predicted, truth):
    truth["id"] = ["a", "a", "b"]
    with pytest.raises(ValueError, match="'id' of the true values has duplicates"):
        comparison_table(predicted, truth)


def test_length_without_id(predicted, truth):
    truth.remove_column("id")
    with pytest.raises(ValueError, match="3 estimates cannot be compared with 2"):
        comparison_table(predicted, truth[:2])


def test_no_common_parameter(predicted):
    with pytest.raises(ValueError, match="share none of the columns redshift, "):
        comparison_table(predicted, QTable({"id": ["a"]}))


def test_missing_unit(predicted, truth):
    truth["stellar_mass"] = [1e9, 1e10, 1e11]
    with pytest.raises(u.UnitsError, match="'stellar_mass' needs a unit"):
        comparison_table(predicted, truth)
