# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Fluxes, masses and rates against bagpipes and speclite themselves.
"""

import astropy.units as u
import numpy as np
import pytest

from astrovae.simulation.population import COSMOLOGY, draw_population
from astrovae.simulation.spectra import band_fluxes, population_fluxes

bagpipes = pytest.importorskip("bagpipes")
speclite = pytest.importorskip("speclite.filters")

HISTORY = {
    "age": 6.0,
    "tau": 2.0,
    "burst_fraction": 0.0,
    "burst_age": 0.1,
    "metallicity": 0.8,
}


def test_fluxes_agree_with_speclite_on_the_same_spectrum():
    # bagpipes integrates the filters on its own sparse grid; speclite
    # does so on the curve's. A fine bagpipes spectrum is the referee's.
    redshift = 0.2
    fluxes, _ = band_fluxes(redshift, HISTORY, 0.5, -3.0)
    wavelength = np.arange(3000.0, 11500.0, 2.0)
    model = bagpipes.model_galaxy(
        {
            "redshift": redshift,
            "delayed": {
                "age": 6.0,
                "tau": 2.0,
                "massformed": 10.0,
                "metallicity": 0.8,
            },
            "dust": {"type": "Calzetti", "Av": 0.5, "eta": 1.5},
            "nebular": {"logU": -3.0},
        },
        spec_wavs=wavelength,
    )
    mass = 10**model.sfh.stellar_mass
    flux_density = model.spectrum[:, 1] * u.erg / u.s / u.cm**2 / u.AA
    curves = speclite.load_filters(*[f"decamDR1-{band}" for band in "grz"])
    padded, grid = curves.pad_spectrum(flux_density, wavelength * u.AA)
    maggies = np.array(list(curves.get_ab_maggies(padded, grid)[0]))
    np.testing.assert_allclose(fluxes[[0, 1, 3]] * mass, maggies * 1e9, rtol=0.02)


def test_mass_to_light_of_an_old_population_is_the_known_one():
    # A 10 Gyr old, solar, dust-free population has M/L_r of about 2 to
    # 3.5 (surviving stars, Kroupa IMF; e.g. Maraston 2005, BC03).
    redshift = 0.02
    history = HISTORY | {"age": 11.0, "tau": 0.5, "metallicity": 1.0}
    flux = band_fluxes(redshift, history, 0.0, -3.0)[0][1]
    modulus = COSMOLOGY.distmod(redshift).value
    absolute = 22.5 - 2.5 * np.log10(flux) - modulus
    mass_to_light = 10 ** (-0.4 * (4.65 - absolute))
    assert 2.0 < mass_to_light < 3.5


def test_dust_reddens_and_bursts_blue():
    plain = band_fluxes(0.1, HISTORY, 0.0, -3.0)[0]
    dusty = band_fluxes(0.1, HISTORY, 1.5, -3.0)[0]
    assert np.all(dusty < plain)
    assert dusty[0] / dusty[3] < plain[0] / plain[3]
    burst, ssfr = band_fluxes(0.1, HISTORY | {"burst_fraction": 0.05}, 0.0, -3.0)
    assert burst[0] / burst[3] > plain[0] / plain[3]
    assert ssfr > band_fluxes(0.1, HISTORY, 0.0, -3.0)[1]


def test_population_fluxes_add_up():
    drawn = draw_population(12, rng=5)
    disc, bulge, log_mass, log_sfr = population_fluxes(drawn)
    assert np.all(disc > 0)
    # The light is that of the mass: one galaxy, put together by hand.
    i = int(np.argmax(drawn["bulge_fraction"]))
    mass, share = 10 ** log_mass[i], drawn["bulge_fraction"][i]
    history = {
        "age": drawn["bulge_age"][i],
        "tau": drawn["bulge_tau"][i],
        "burst_fraction": 0.0,
        "burst_age": 0.1,
        "metallicity": drawn["bulge_metallicity"][i],
    }
    per_mass, _ = band_fluxes(
        drawn["redshift"][i], history, drawn["bulge_av"][i], drawn["log_u"][i]
    )
    np.testing.assert_allclose(bulge[i], per_mass * mass * share, rtol=1e-6)
    assert np.all((bulge > 0) == (drawn["bulge_fraction"][:, None] > 0))
    # The rate drawn is the rate of the spectrum, up to the burst and
    # the mean over 100 Myr.
    star_forming = ~drawn["quiescent"] & (drawn["burst_fraction"] == 0)
    offset = (log_sfr - drawn["log_sfr"])[star_forming]
    assert np.abs(np.median(offset)) < 0.15
