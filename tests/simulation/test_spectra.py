# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The stellar library and its fluxes against bagpipes itself.
"""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrovae.simulation import library as library_module
from astrovae.simulation import spectra
from astrovae.simulation.histories import SFR_TIMESCALE, delayed_exponential
from astrovae.simulation.library import BANDS, load_library
from astrovae.simulation.spectra import (
    COSMOLOGY,
    attenuation,
    component_fluxes,
    surviving_mass,
)

bagpipes = pytest.importorskip("bagpipes")
pytest.importorskip("speclite")

# Redshift, age and tau (Gyr), Z / Zsun, A_V (mag), log U.
CASES = np.array(
    [
        (0.1, 8.0, 3.0, 1.0, 0.5, -3.0),
        (0.5, 5.0, 0.5, 0.4, 0.2, -2.5),
        (0.9, 3.0, 5.0, 2.5, 1.0, -3.0),
        (0.3, 10.0, 1.0, 0.2, 0.0, -2.0),
    ]
)
FORMED = 1e10
REDSHIFT, AGE, TAU, METALLICITY, AV, LOG_U = CASES.T


def made_here(n=4, **changes):
    """Fluxes of old and young stars of the first n cases."""
    formed = delayed_exponential(load_library().age_edges, AGE[:n], TAU[:n])
    arguments = {
        "redshift": REDSHIFT[:n],
        "formed": FORMED * formed,
        "log_metallicity": np.log10(METALLICITY[:n]),
        "av": AV[:n],
        "slope": np.zeros(n),
        "cloud_av": np.zeros(n),
        "log_u": LOG_U[:n],
    }
    return component_fluxes(**(arguments | changes))


@pytest.fixture(scope="module")
def referee(tmp_path_factory):
    """
    Nanomaggies, surviving masses and SFRs of bagpipes' own galaxies.

    bagpipes integrates filters on its own grid of wavelengths, which by
    default is too sparse to be a referee: g is off by up to 7 per cent.
    """
    folder = tmp_path_factory.mktemp("filters")
    for band, curve in load_library().filters.items():
        np.savetxt(folder / band, np.transpose(curve))
    filters = [str(folder / band) for band in BANDS]
    model, fluxes, masses, rates = None, [], [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bagpipes.config, "R_phot", 3000)
        patch.setattr(bagpipes.config, "max_redshift", 1.0)
        for redshift, age, tau, metallicity, av, log_u in CASES:
            components = {
                "redshift": redshift,
                "delayed": {
                    "age": age,
                    "tau": tau,
                    "massformed": np.log10(FORMED),
                    "metallicity": metallicity,
                },
                "dust": {"type": "Calzetti", "Av": av, "eta": 1.0},
                "nebular": {"logU": log_u},
                "t_bc": 0.01,
            }
            if model is None:
                model = bagpipes.model_galaxy(
                    components, filt_list=filters, phot_units="mujy"
                )
            else:
                model.update(components)
            fluxes.append(model.photometry / 3.631)
            masses.append(10**model.sfh.stellar_mass)
            rates.append(model.sfh.sfr)
    return np.array(fluxes), np.array(masses), np.array(rates)


def test_fluxes_are_those_of_bagpipes(referee):
    old, young = made_here()
    np.testing.assert_allclose(old + young, referee[0], rtol=0.01)


def test_surviving_masses_are_those_of_bagpipes(referee):
    formed = FORMED * delayed_exponential(load_library().age_edges, AGE, TAU)
    mass = surviving_mass(formed, np.log10(METALLICITY))
    np.testing.assert_allclose(mass, referee[1], rtol=2e-3)


def test_rates_are_those_of_bagpipes(referee):
    edges = load_library().age_edges
    recent = np.clip((SFR_TIMESCALE - edges[:-1]) / np.diff(edges), 0, 1)
    formed = FORMED * delayed_exponential(edges, AGE, TAU)
    rate = formed @ recent / SFR_TIMESCALE
    np.testing.assert_allclose(rate, referee[2], rtol=0.01)


def test_the_library_covers_the_bands_up_to_its_redshift():
    library = load_library()
    assert tuple(library.filters) == BANDS
    bluest = min(curve[0][0] for curve in library.filters.values())
    reddest = max(curve[0][-1] for curve in library.filters.values())
    assert library.wavelength[0] < bluest / 2.5
    assert library.wavelength[-1] > reddest
    assert library.stellar.shape == (
        len(library.log_metallicity),
        len(library.age_edges) - 1,
        len(library.wavelength),
    )
    # Only what is in its birth clouds is ionised.
    assert np.all(library.nebular[:, :, library.young == 0] == 0)
    # 1 at birth, and less and less.
    assert np.all(np.diff(library.surviving, axis=1) <= 1e-6)
    assert np.all(library.surviving[:, 0] > 0.98)


def test_mass_to_light_of_an_old_population_is_the_known_one():
    # A 10 Gyr old, solar, dust-free population has M/L_r of about 2 to
    # 3.5 (surviving stars, Kroupa IMF; e.g. Maraston 2005, BC03).
    redshift, solar = np.array([0.02]), np.zeros(1)
    edges = load_library().age_edges
    formed = delayed_exponential(edges, np.array([11.0]), np.array([0.5]))
    old, young = made_here(
        1,
        redshift=redshift,
        formed=formed,
        log_metallicity=solar,
        av=np.zeros(1),
    )
    modulus = COSMOLOGY.distmod(redshift[0]).value
    absolute = 22.5 - 2.5 * np.log10((old + young)[0, 1]) - modulus
    light = 10 ** (-0.4 * (absolute - 4.65))
    assert 2.0 < surviving_mass(formed, solar)[0] / light < 3.5


@settings(max_examples=25)
@given(st.floats(0.01, 3), st.floats(-0.6, 0.4), st.floats(0, 2), st.floats(0.01, 1))
def test_dust_only_dims(av, slope, cloud_av, more):
    def dusty(av, cloud_av):
        return made_here(
            1,
            av=np.array([av]),
            slope=np.array([slope]),
            cloud_av=np.array([cloud_av]),
        )

    bare, thin, thick = dusty(0, 0), dusty(av, cloud_av), dusty(av + more, cloud_av)
    for j in range(2):
        assert np.all(thin[j] < bare[j])
        assert np.all(thick[j] < thin[j])
        # It dims the blue most.
        assert thin[j][0, 0] / thin[j][0, 3] < bare[j][0, 0] / bare[j][0, 3]
    # Clouds hide their own stars only.
    old, young = dusty(av, cloud_av + more)
    np.testing.assert_array_equal(old, thin[0])
    assert np.all(young < thin[1])


@given(st.floats(-1.0, 0.5))
def test_attenuation_is_one_in_v(slope):
    assert attenuation(5500.0, slope) == pytest.approx(1, abs=1e-3)


def test_attenuation_of_calzetti_2000():
    # k(1500 A) = 10.33 and R_V = 4.05; the two halves meet.
    assert attenuation(1500.0) == pytest.approx(10.33 / 4.05, rel=0.01)
    below, above = attenuation(np.array([6299.9, 6300.1]))
    assert below == pytest.approx(above, rel=0.01)
    assert np.all(np.diff(attenuation(np.linspace(1200, 22000, 500))) < 0)
    # A negative slope is a steeper curve.
    assert attenuation(3000.0, -0.3) > attenuation(3000.0) > attenuation(3000.0, 0.3)


def test_fluxes_are_linear_in_mass_whatever_the_chunks(monkeypatch):
    formed = FORMED * delayed_exponential(load_library().age_edges, AGE, TAU)
    rng = np.random.default_rng(0)
    part = formed * rng.random(formed.shape)
    whole = np.array(made_here())
    monkeypatch.setattr(spectra, "_CHUNK", 3)
    halves = np.array(made_here(formed=part)) + made_here(formed=formed - part)
    np.testing.assert_allclose(halves, whole, rtol=1e-5)


def test_young_stars_ionise_their_gas():
    # H alpha of young stars at z = 0.4 is in z; more ionised gas has
    # more [OIII], in r at z = 0.3.
    formed = np.zeros((1, len(load_library().age_edges) - 1))
    formed[0, 2] = 1e7
    options = {"formed": formed, "redshift": np.array([0.3]), "av": np.zeros(1)}
    options["log_metallicity"] = np.array([-0.5])
    low, high = (made_here(1, log_u=np.array([u]), **options)[1] for u in (-3.5, -2))
    assert high[0, 1] > 1.1 * low[0, 1]


def test_missing_packages_name_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "bagpipes", None)
    with pytest.raises(ImportError, match=r"bagpipes: pip install astrovae\[simulate"):
        load_library.__wrapped__()
    monkeypatch.setitem(sys.modules, "speclite.filters", None)
    with pytest.raises(ImportError, match=r"speclite: pip install astrovae\[simulate"):
        library_module._filter_curve("g")
