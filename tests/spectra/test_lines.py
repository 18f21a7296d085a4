# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of line fluxes and widths, against the truth and Monte Carlo.
"""

import astropy.units as u
import numpy as np
import pytest
from spectrum_helpers import LOGLAM, gaussian, pea_flux, spectrum

from astrovae.spectra import line_measurements

WAVELENGTH = 10**LOGLAM
Z = 0.2


def row(table, name):
    return table[list(table["line"]).index(name)]


def test_pea_without_noise():
    table = line_measurements(spectrum(pea_flux(Z, 400.0, continuum=4.0), 0.1), Z)
    assert list(table["line"]) == [
        *("[O II] 3727", "H beta", "[O III] 4959", "[O III] 5007", "H alpha"),
        "[N II] 6583",
    ]
    unit = 400.0 / 6.0
    expected = {
        "[O II] 3727": 2.05 * unit,
        "H beta": unit,
        "[O III] 4959": 2 * unit,
        "[O III] 5007": 400.0,
        "H alpha": 2.9 * unit,
    }
    for name, ew in expected.items():
        line = row(table, name)
        assert line["ew"].unmasked.to_value(u.AA) == pytest.approx(ew, rel=0.01), name
        flux = ew * 4.0 * (1 + Z)
        assert line["flux"].unmasked.value == pytest.approx(flux, rel=0.01), name
        assert line["detected"]
        assert line["reason"] == ""
    assert row(table, "[O III] 5007")["velocity_width"].unmasked.value == pytest.approx(
        110, abs=2
    )


def test_nitrogen_is_told_from_h_alpha():
    # Broad lines that run into each other.
    flux = np.full(LOGLAM.size, 10.0)
    for line, strength in ((6564.61, 300.0), (6585.27, 150.0), (6549.86, 150 / 3.05)):
        flux += gaussian(WAVELENGTH, line * (1 + Z), strength, width=260.0)
    table = line_measurements(spectrum(flux, 0.2), Z)
    assert row(table, "H alpha")["flux"].unmasked.value == pytest.approx(300, rel=0.01)
    assert row(table, "[N II] 6583")["flux"].unmasked.value == pytest.approx(
        150, rel=0.01
    )


@pytest.mark.parametrize(("ew", "noise"), [(0.0, 1.0), (15.0, 1.0), (300.0, 1.5)])
def test_unbiased_with_calibrated_errors(ew, noise):
    # 100 draws of the noise: no, middling and strong lines.
    flux = pea_flux(Z, ew, continuum=5.0, width=120.0)
    pulls = {"[O III] 5007": [], "H beta": [], "H alpha": []}
    flux_pulls = []
    unit = ew / 6.0
    truth = {"[O III] 5007": ew, "H beta": unit, "H alpha": 2.9 * unit}
    random = np.random.default_rng(20)
    for _ in range(100):
        table = line_measurements(spectrum(flux, noise, random), Z)
        for name, values in pulls.items():
            line = row(table, name)
            difference = line["ew"].unmasked.value - truth[name]
            values.append(difference / line["ew_err"].unmasked.value)
        line = row(table, "[O III] 5007")
        difference = line["flux"].unmasked.value - ew * 5 * (1 + Z)
        flux_pulls.append(difference / line["flux_err"].unmasked.value)
    for name, values in {**pulls, "flux": flux_pulls}.items():
        # The mean of 100 has an error of 0.1, the scatter one of 0.07.
        assert abs(np.mean(values)) < 0.35, name
        assert 0.75 < np.std(values) < 1.3, name


def test_absent_line_has_a_limit():
    table = line_measurements(spectrum(np.full(LOGLAM.size, 5.0), 1.0, seed=1), Z)
    for line in table:
        assert not line["detected"]
        assert line["ew_upper"] >= 3 * line["ew_err"]
        assert line["flux_upper"] >= 3 * line["flux_err"]
        assert not line["ew"].mask


def test_limits_hold():
    # A line of 2 errors is below the limit in nearly all draws.
    flux = pea_flux(Z, 4.0, continuum=5.0, width=120.0)
    limits = []
    for seed in range(60):
        line = row(line_measurements(spectrum(flux, 3.0, seed), Z), "[O III] 5007")
        if not line["detected"]:
            limits.append(line["ew_upper"].unmasked.value)
    assert len(limits) > 20
    assert np.mean(np.array(limits) > 4.0) > 0.95


def test_absorption_is_negative():
    flux = 10 - gaussian(WAVELENGTH, 6564.61 * (1 + Z), 30.0, 200.0)
    line = row(line_measurements(spectrum(flux, 0.1), Z), "H alpha")
    assert line["ew"].unmasked.value < 0
    assert not line["detected"]


def test_line_without_continuum_has_a_lower_limit():
    flux = pea_flux(Z, 400.0, continuum=4.0) - 4.0
    line = row(line_measurements(spectrum(flux, 0.5, seed=1), Z), "[O III] 5007")
    assert line["detected"]
    assert line["ew"].mask
    assert line["ew_lower"].unmasked.value > 1000
    assert line["reason"] == "the continuum is not detected"
    # A negative continuum is none either.
    line = row(line_measurements(spectrum(flux - 3, 0.5, seed=1), Z), "[O III] 5007")
    assert line["ew"].mask
    assert line["ew_lower"].mask


def test_lines_out_of_range_are_masked():
    table = line_measurements(spectrum(pea_flux(0.5), 0.5, seed=1), 0.5)
    line = row(table, "H alpha")
    assert line["flux"].mask
    assert line["ew"].mask
    assert np.ma.is_masked(line["detected"])
    assert "outside of the spectrum, which covers 3800 to 9" in line["reason"]
    assert not row(table, "[O III] 5007")["flux"].mask


def test_line_at_the_edge_has_too_little_continuum():
    z = 9199.0 / 6590.0 - 1
    line = row(line_measurements(spectrum(pea_flux(z), 0.5, seed=1), z), "H alpha")
    assert line["flux"].mask
    assert "too few good pixels of continuum on the red side" in line["reason"]


def test_masked_line():
    mask = np.abs(WAVELENGTH - 5008.24 * (1 + Z)) < 6
    flux = pea_flux(Z)
    flux[mask] = np.nan
    table = line_measurements(spectrum(flux, 0.5, seed=1, mask=mask), Z)
    assert row(table, "[O III] 5007")["flux"].mask
    assert "pixels of the line are masked" in row(table, "[O III] 5007")["reason"]
    assert row(table, "[O III] 4959")["detected"]


def test_one_masked_pixel_costs_little():
    flux = pea_flux(Z)
    index = np.argmin(np.abs(WAVELENGTH - 5008.24 * (1 + Z)))
    mask = np.zeros(flux.shape, bool)
    mask[index] = True
    flux[index] = 1e5
    line = row(line_measurements(spectrum(flux, 0.2, mask=mask), Z), "[O III] 5007")
    assert line["ew"].unmasked.value == pytest.approx(400, rel=0.02)


def test_only_some_lines():
    table = line_measurements(
        spectrum(pea_flux(Z), 0.5), Z, lines=["H alpha", "[O III] 5007"]
    )
    assert list(table["line"]) == ["H alpha", "[O III] 5007"]
    assert table.meta["redshift"] == Z
    assert "positive for emission" in table.meta["convention"]


@pytest.mark.parametrize("redshift", [np.nan, -1, 20])
def test_bad_redshift(redshift):
    with pytest.raises(ValueError, match="'redshift' must be a number"):
        line_measurements(spectrum(pea_flux(Z), 0.5), redshift)


def test_unknown_line():
    with pytest.raises(ValueError, match="no such line: Lyman alpha; there are"):
        line_measurements(spectrum(pea_flux(Z), 0.5), Z, lines=["Lyman alpha"])


def test_wrong_redshift_by_200_km_s_is_forgiven():
    table = line_measurements(spectrum(pea_flux(Z), 0.3, seed=1), Z + 8e-4)
    line = row(table, "[O III] 5007")
    assert line["velocity"].unmasked.value == pytest.approx(-200, abs=5)
    assert line["ew"].unmasked.value == pytest.approx(400, rel=0.03)
