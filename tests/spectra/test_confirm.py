# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of verdicts on candidates.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from spectrum_helpers import LOGLAM, gaussian, old_flux, pea_flux, spectrum

from astrovae.exceptions import SpectrumError
from astrovae.spectra import confirm, measure_spectrum

WAVELENGTH = 10**LOGLAM


def result(confirmation, name):
    rows = [r for r in confirmation.criteria if r["criterion"].startswith(name)]
    return rows[0]["result"]


def test_green_pea():
    found = confirm(spectrum(pea_flux(0.25), 0.5, seed=1), "green_pea")
    assert found.verdict == "confirmed"
    assert isinstance(found.criteria, QTable)
    assert all("Cardamone" in source for source in found.criteria["source"])
    ew = found.criteria[2]
    assert ew["value"] == pytest.approx(400, rel=0.03)
    assert ew["threshold"] == 100
    assert ew["significance"] == pytest.approx((ew["value"] - 100) / ew["error"])
    assert "green pea: confirmed" in str(found)
    assert "> 100 is met" in found.summary
    assert "no radius was given" in found.notes[0]


def test_green_pea_must_be_compact():
    measured = measure_spectrum(spectrum(pea_flux(0.25), 0.5, seed=1))
    small = {"radius": 1.2 * u.arcsec, "radius_error": 0.1 * u.arcsec}
    assert confirm(measured, "green_pea", **small).verdict == "confirmed"
    large = confirm(measured, "green_pea", radius=5 * u.arcsec)
    assert large.verdict == "excluded"
    near = {"radius": 1.9 * u.arcsec, "radius_error": 0.2 * u.arcsec}
    assert confirm(measured, "green_pea", **near).verdict == "undecided"
    with pytest.raises(u.UnitsError, match="'radius' must be an angle"):
        confirm(measured, "green_pea", radius=1.2)


def test_weak_lines_are_no_pea():
    found = confirm(spectrum(pea_flux(0.25, ew_oiii=30.0), 0.3, seed=1), "green_pea")
    assert found.verdict == "excluded"
    assert result(found, "rest equivalent width") == "not met"


def test_pea_at_another_redshift_is_none():
    found = confirm(spectrum(pea_flux(0.05), 0.3, seed=1), "green_pea")
    assert found.verdict == "excluded"
    assert result(found, "redshift") == "not met"


def test_near_the_threshold_is_undecided():
    found = confirm(
        spectrum(pea_flux(0.25, ew_oiii=100.0), 1.0, seed=1), "green_pea", redshift=0.25
    )
    assert found.verdict == "undecided"
    assert abs(found.criteria[2]["significance"]) < 2


def test_pea_without_continuum_is_confirmed_by_its_limit():
    flux = pea_flux(0.25, 600.0, continuum=4.0) - 4.0
    found = confirm(spectrum(flux, 0.5, seed=1), "green_pea")
    assert found.verdict == "confirmed"
    assert np.isnan(found.criteria[2]["value"])
    assert "the width is more than" in found.criteria[2]["reason"]


def test_passive_spiral():
    galaxy = spectrum(old_flux(0.06, 20.0), 0.7, seed=1)
    found = confirm(galaxy, "passive_spiral")
    assert found.verdict == "confirmed", found.summary
    assert "spiral arms: not seen in a spectrum" in found.notes[0]
    assert confirm(galaxy, "green_pea").verdict == "excluded"


def test_star_forming_spiral_is_not_passive():
    flux = old_flux(0.06, 20.0) + gaussian(WAVELENGTH, 6564.61 * 1.06, 400.0)
    found = confirm(spectrum(flux, 0.5, seed=1), "passive_spiral")
    assert found.verdict == "excluded"
    assert result(found, "rest equivalent width of H alpha") == "not met"


def test_noisy_passive_spiral_is_undecided():
    galaxy = spectrum(old_flux(0.06, 20.0), 25.0, seed=1)
    found = confirm(galaxy, "passive_spiral", redshift=0.06)
    assert found.verdict == "undecided"


def test_h_alpha_out_of_range_is_undecided():
    found = confirm(spectrum(old_flux(0.5, 20.0), 0.7, seed=1), "passive_spiral")
    assert found.verdict == "undecided"
    assert "outside of the spectrum" in found.summary
    assert result(found, "narrow D4000") == "met"


def test_ambiguous_redshift_decides_nothing():
    noise = spectrum(np.full(LOGLAM.size, 5.0), 2.0, seed=3)
    for kind in ("green_pea", "passive_spiral"):
        found = confirm(noise, kind)
        assert found.verdict == "undecided"
        assert "the redshift is ambiguous" in found.summary


@pytest.mark.parametrize("z", [1.05, 1.2, 1.3, 1.4])
def test_galaxy_beyond_the_range_is_undecided(z):
    found = confirm(spectrum(pea_flux(z), 0.5, seed=1), "green_pea")
    assert found.verdict == "undecided"
    assert "outside of the range 0 to 1" in found.summary


@pytest.mark.parametrize("noise", [0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("z", [0.15, 0.25, 0.33])
def test_green_pea_is_confirmed_at_all_noise(z, noise):
    found = confirm(spectrum(pea_flux(z), noise, seed=1), "green_pea")
    assert found.verdict == "confirmed", found.summary


def test_errors():
    galaxy = spectrum(old_flux(0.06), 0.7)
    with pytest.raises(ValueError, match="'green_pea' or 'passive_spiral', not 'qso'"):
        confirm(galaxy, "qso")
    bare = type(galaxy)(flux=galaxy.flux, spectral_axis=galaxy.spectral_axis)
    with pytest.raises(SpectrumError, match="has no uncertainty"):
        confirm(bare, "green_pea")
