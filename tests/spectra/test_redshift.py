# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of redshifts, on spectra whose redshift is known.
"""

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spectrum_helpers import LOGLAM, gaussian, old_flux, pea_flux, spectrum

from astrovae.spectra import TEMPLATES, measure_redshift
from astrovae.spectra.correlation import nonnegative_gain

WAVELENGTH = 10**LOGLAM


def from_template(name, z, amplitudes, snr, seed):
    components = TEMPLATES[name].evaluate(WAVELENGTH / (1 + z), 130.0)
    flux = 10 * np.array(amplitudes) @ components
    return spectrum(flux, np.median(flux) / snr, seed)


@pytest.mark.parametrize(
    ("name", "z", "amplitudes"),
    [
        ("passive", 0.082, [1]),
        ("star-forming", 0.151, [1, 0.5, 4, 1]),
        ("emission-line", 0.271, [0.5, 1, 5, 2]),
    ],
)
def test_errors_are_calibrated(name, z, amplitudes):
    pulls = []
    for seed in range(6):
        found = measure_redshift(
            from_template(name, z, amplitudes, (5, 12)[seed % 2], seed)
        )
        assert not found.ambiguous, found.reason
        assert found.delta_chi2 > 9
        pulls.append((found.redshift - z) / found.error)
    # 6 draws: the mean has an error of 0.4, the scatter of 0.3.
    assert abs(np.mean(pulls)) < 1.3
    assert 0.3 < np.std(pulls) < 2.1


@pytest.mark.parametrize("z", [0.02, 0.14, 0.31, 0.6])
def test_pea_that_is_not_a_template(z):
    found = measure_redshift(spectrum(pea_flux(z), 1.0, seed=3))
    assert found.redshift == pytest.approx(z, abs=2e-4)
    assert not found.ambiguous
    assert found.template in ("emission-line", "star-forming")


@pytest.mark.parametrize("z", [0.04, 0.2, 0.35])
def test_old_stars_that_are_not_a_template(z):
    found = measure_redshift(spectrum(old_flux(z), 0.7, seed=4))
    assert found.redshift == pytest.approx(z, abs=1.5e-3)
    assert not found.ambiguous


def test_models_of_stellar_populations():
    bagpipes = pytest.importorskip("bagpipes")
    rest = np.arange(2500.0, 9400.0, 1.0)
    for age, z in ((4.0, 0.1), (11.0, 0.22)):
        history = {"age": age, "tau": 0.5, "massformed": 10.0, "metallicity": 1.2}
        parameters = {"redshift": 0.0, "delayed": history, "veldisp": 180.0}
        model = bagpipes.model_galaxy(parameters, spec_wavs=rest)
        flux = np.interp(WAVELENGTH / (1 + z), *model.spectrum.T)
        flux *= 10 / np.median(flux)
        found = measure_redshift(spectrum(flux, 1.0, seed=5))
        assert found.redshift == pytest.approx(z, abs=8e-4)
        assert not found.ambiguous
        assert found.template != "emission-line"


def test_one_line_is_ambiguous():
    # A line that could be H alpha, [O III] or [O II].
    flux = 5 + gaussian(WAVELENGTH, 7000.0, 30.0)
    found = measure_redshift(spectrum(flux, 1.0, seed=6))
    assert found.ambiguous
    assert "chi squared differs by" in found.reason
    assert found.delta_chi2 < 9
    assert abs(found.second_redshift - found.redshift) > 0.003


def test_noise_is_ambiguous():
    draws = [spectrum(np.full(LOGLAM.size, 5.0), 2.0, seed) for seed in range(5)]
    found = [measure_redshift(draw) for draw in draws]
    assert sum(one.ambiguous for one in found) == 5


def test_dust_and_bad_calibration_do_not_matter():
    tilt = 1 + 0.4 * np.linspace(-1, 1, LOGLAM.size)
    found = measure_redshift(spectrum(pea_flux(0.21) * tilt, 0.5, seed=7))
    assert found.redshift == pytest.approx(0.21, abs=1e-4)


def test_masked_pixels_do_not_matter():
    flux = pea_flux(0.21)
    mask = np.zeros(flux.shape, bool)
    mask[1500:1530] = True
    clean = measure_redshift(spectrum(flux, 0.5, seed=8, mask=mask))
    flux[mask] = 1e6
    spoilt = measure_redshift(spectrum(flux, 0.5, seed=8, mask=mask))
    assert spoilt == clean


def test_other_pixels_give_the_same():
    # Pixels of constant width, in nm, and flux per unit frequency.
    z, wavelength = 0.18, np.arange(3700.0, 9500.0, 1.4)
    flux = np.interp(wavelength, WAVELENGTH, pea_flux(z, width=150.0))
    found = spectrum(flux, 0.7, seed=9, wavelength=wavelength)
    assert measure_redshift(found).redshift == pytest.approx(z, abs=2e-4)
    density = u.spectral_density(wavelength * u.AA)
    other = type(found)(
        flux=found.flux.to(u.mJy, equivalencies=density)[::-1],
        spectral_axis=(wavelength[::-1] * u.AA).to(u.nm),
        uncertainty=type(found.uncertainty)(
            (
                found.uncertainty.array
                / (1 * found.flux.unit).to_value(u.mJy, equivalencies=density) ** 2
            )[::-1],
            unit=u.mJy**-2,
        ),
    )
    assert measure_redshift(other).redshift == pytest.approx(
        measure_redshift(found).redshift, abs=1e-7
    )


@settings(max_examples=2)
@given(z=st.floats(0.02, 0.5), factor=st.floats(1e-3, 1e3))
def test_scale_of_the_flux_does_not_matter(z, factor):
    flux = pea_flux(z)
    one = measure_redshift(spectrum(flux, 1.0, seed=10))
    noise = np.random.default_rng(10).normal(size=flux.size)
    other = measure_redshift(spectrum((flux + noise) * factor, factor))
    assert other.redshift == pytest.approx(one.redshift, abs=1e-6)
    assert one.redshift == pytest.approx(z, abs=3e-4)


def test_end_of_the_range_is_ambiguous():
    found = measure_redshift(spectrum(pea_flux(0.3), 0.5, seed=2), z_range=(0.0, 0.299))
    assert found.ambiguous


@pytest.mark.parametrize("noise", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("z", [1.05, 1.2, 1.3, 1.4])
def test_redshift_beyond_the_range_is_ambiguous(z, noise):
    found = measure_redshift(spectrum(pea_flux(z), noise, seed=1))
    assert abs(found.redshift - z) > 0.05
    assert found.ambiguous
    assert found.delta_chi2 < 0
    assert "outside of the range 0 to 1, fits better" in found.reason


@pytest.mark.parametrize(
    ("flux", "z_range", "z"),
    [
        (pea_flux(0.25), (0.3, 0.9), 0.25),
        (pea_flux(0.25), (0.0, 0.2), 0.25),
        (old_flux(0.1), (0.25, 0.4), 0.1),
        (old_flux(0.35), (0.0, 0.2), 0.35),
    ],
)
def test_redshift_outside_of_a_narrow_range_is_ambiguous(flux, z_range, z):
    found = measure_redshift(spectrum(flux, 0.7, seed=1), z_range=z_range)
    assert z_range[0] - 1e-3 < found.redshift < z_range[1] + 1e-3
    assert found.ambiguous
    assert found.second_redshift == pytest.approx(z, abs=2e-3)
    assert "fits better" in found.reason


@pytest.mark.parametrize("noise", [0.1, 0.5, 2.0, 8.0])
def test_pea_in_a_narrow_range_is_not_ambiguous(noise):
    galaxy = spectrum(pea_flux(0.25), noise, seed=1)
    found = measure_redshift(galaxy, z_range=(0.1, 0.4))
    assert not found.ambiguous, found.reason
    assert found.redshift == pytest.approx(0.25, abs=1e-3)
    assert found.delta_chi2 == measure_redshift(galaxy).delta_chi2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_line_that_fits_one_template_best_is_ambiguous(seed):
    # [O II] alone, as one Gaussian: taken for [Ne III], whose companions are
    # out of the spectrum, it fits far better than as the doublet.
    flux = 4 + gaussian(WAVELENGTH, 3728.5 * 2.05, 700.0)
    found = measure_redshift(spectrum(flux, 0.5, seed))
    assert found.delta_chi2 > 9
    assert found.ambiguous
    assert "without the line at 764" in found.reason


def test_single_line_in_a_short_spectrum_is_ambiguous():
    # Nothing is left without the line.
    near = np.abs(WAVELENGTH / 6260.0 - 1) < 1.8e-3
    flux = pea_flux(0.25)[near]
    galaxy = spectrum(flux, 0.5, seed=1, wavelength=WAVELENGTH[near])
    found = measure_redshift(galaxy, z_range=(0.2, 0.3))
    assert found.ambiguous


@pytest.mark.parametrize("z", [0.4, 1.0, 1.6, 2.2, 3.0])
def test_quasar_is_ambiguous(z):
    # No template has broad lines; narrow ones fit one of them at best.
    rest = WAVELENGTH / (1 + z)
    flux = 4 * (WAVELENGTH / 6000) ** -1.5
    lines = ((1216, 80), (1549, 30), (1909, 20), (2799, 35), (4862, 60), (6564, 200))
    for line, width in lines:
        flux *= 1 + gaussian(rest, line, width, 2500.0)
    assert measure_redshift(spectrum(flux, 0.1, seed=1)).ambiguous


def test_absorption_lines_need_no_emission_line():
    # A spurious peak at H alpha is masked, and the stars are still there.
    flux = old_flux(0.1) + gaussian(WAVELENGTH, 6564.61 * 1.1, 40.0)
    found = measure_redshift(spectrum(flux, 1.0, seed=1))
    assert not found.ambiguous, found.reason
    assert found.redshift == pytest.approx(0.1, abs=1.5e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"z_range": (0.5, 0.1)}, "'z_range' must rise"),
        ({"templates": ["quasar"]}, r"no such template: \['quasar'\]"),
        ({"templates": []}, "no such template"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        measure_redshift(spectrum(pea_flux(0.2), 1.0), **arguments)


@settings(max_examples=60)
@given(
    values=st.lists(st.floats(-5, 5), min_size=12, max_size=12),
    data=st.lists(st.floats(-5, 5), min_size=4, max_size=4),
)
def test_nonnegative_least_squares_as_scipy_solves_them(values, data):
    from scipy.optimize import nnls

    design = np.array(values).reshape(4, 3) + np.eye(4)[:, :3] * 11
    data = np.array(data)
    gain = nonnegative_gain((design.T @ design)[..., None], (design.T @ data)[:, None])
    _, norm = nnls(design, data)
    assert gain[0] == pytest.approx(data @ data - norm**2, abs=1e-6)
