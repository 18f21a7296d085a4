# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the 4000 AA break.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spectrum_helpers import LOGLAM, old_flux, spectrum

from astrovae.spectra import d4000

WAVELENGTH = 10**LOGLAM


def step(z, ratio):
    """
    Flux per unit frequency: 1 below 3975 AA, ``ratio`` above.
    """
    density = np.where(WAVELENGTH / (1 + z) < 3975.0, 1.0, ratio)
    return 3e8 * density / WAVELENGTH**2


@pytest.mark.parametrize("kind", ["narrow", "broad"])
@settings(max_examples=15)
@given(z=st.floats(0.03, 0.8), ratio=st.floats(0.5, 3.0))
def test_step(kind, z, ratio):
    found = d4000(spectrum(step(z, ratio), 0.01), z, kind=kind)
    assert found.value == pytest.approx(ratio, rel=2e-3)
    assert found.kind == kind
    assert found.reason == ""


def test_errors_are_calibrated():
    z, pulls = 0.1, []
    for seed in range(120):
        found = d4000(spectrum(step(z, 1.7), 1.0, seed), z)
        pulls.append((found.value - 1.7) / found.error)
    assert abs(np.mean(pulls)) < 0.25
    assert 0.8 < np.std(pulls) < 1.2


def test_masked_pixels_are_left_out():
    z = 0.1
    flux = step(z, 1.6)
    mask = np.abs(WAVELENGTH / (1 + z) - 4050) < 5
    flux[mask] = 1e9
    found = d4000(spectrum(flux, 0.01, mask=mask), z)
    assert found.value == pytest.approx(1.6, rel=5e-3)


def test_window_masked():
    z = 0.1
    mask = np.abs(WAVELENGTH / (1 + z) - 4050) < 30
    found = d4000(spectrum(step(z, 1.6), 0.01, mask=mask), z)
    assert np.isnan(found.value)
    assert "only 40 % of the window 4400 to 4510 AA" in found.reason


def test_out_of_range():
    found = d4000(spectrum(step(0.1, 1.6), 0.01), -0.05)
    assert np.isnan(found.value)
    assert np.isnan(found.error)
    assert "has good pixels" in found.reason


def test_no_light():
    found = d4000(spectrum(np.zeros(LOGLAM.size), 1.0, seed=1), 0.1)
    assert np.isnan(found.value)
    assert found.reason == "the flux below the break is not detected"


def test_broad_is_wider_than_narrow():
    galaxy = spectrum(old_flux(0.1), 0.1)
    assert d4000(galaxy, 0.1, kind="broad").value != d4000(galaxy, 0.1).value


def test_bad_kind():
    with pytest.raises(ValueError, match="'narrow' or 'broad', not 'wide'"):
        d4000(spectrum(old_flux(0.1), 0.1), 0.1, kind="wide")
