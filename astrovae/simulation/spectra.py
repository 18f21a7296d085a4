# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Broad-band fluxes, surviving mass and SFR of drawn galaxies.

The stellar populations, nebular emission and dust are bagpipes'
(Carnall et al. 2018: BC03 with MILES and a Kroupa IMF, Cloudy); the
filter curves are speclite's. A galaxy is a disc and a bulge, each with
a spectrum of its own.
"""

import contextlib
import functools
import io
import tempfile
from pathlib import Path

import numpy as np

__all__ = ["BANDS", "band_fluxes", "population_fluxes"]

#: The bands in which fluxes are given, always all of them.
BANDS = ("g", "r", "i", "z")

# 1 nanomaggy is 3.631 microjansky (AB, 22.5 mag).
_MICROJANSKY_PER_NMGY = 3.631

# bagpipes models are computed for this mass formed, then scaled.
_LOG_REFERENCE_MASS = 10.0


@functools.cache
def _load_bagpipes():
    try:
        # bagpipes prints on import what it could not find.
        with contextlib.redirect_stdout(io.StringIO()):
            import bagpipes
    except ImportError as error:
        msg = "simulated spectra need bagpipes: pip install astrovae[simulate]"
        raise ImportError(msg) from error
    return bagpipes


@functools.cache
def _filter_curve(band):
    try:
        import speclite.filters
    except ImportError as error:
        msg = "filter curves need speclite: pip install astrovae[simulate]"
        raise ImportError(msg) from error
    return speclite.filters.load_filter(f"decamDR1-{band}")


def _component(age, tau, mass_formed, burst_fraction, burst_age, metallicity):
    """
    A bagpipes star-formation history: delayed tau and a recent burst.
    """
    # bagpipes wants both components at every update; an absent burst
    # is one of a negligible mass.
    burst = np.log10(max(burst_fraction, 1e-12))
    return {
        "delayed": {
            "age": age,
            "tau": tau,
            "massformed": mass_formed,
            "metallicity": metallicity,
        },
        "constant": {
            "age_min": 0.0,
            "age_max": min(burst_age, 0.9 * age),
            "massformed": mass_formed + burst,
            "metallicity": metallicity,
        },
    }


class _StellarPopulation:
    """
    One bagpipes model, updated galaxy by galaxy.

    Building the model resamples the stellar grid (about a second);
    an update takes about a millisecond.
    """

    def __init__(self):
        self._pipes = _load_bagpipes()
        self._model = None

    def _build(self, parameters):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for band in BANDS:
                curve = _filter_curve(band)
                path = Path(folder) / f"{band}.txt"
                np.savetxt(path, np.c_[curve.wavelength, curve.response])
                paths.append(str(path))
            self._model = self._pipes.model_galaxy(
                parameters, filt_list=paths, phot_units="mujy"
            )

    def evaluate(self, *, redshift, history, av, log_u):
        """
        Fluxes (nmgy), surviving mass (Msun) and SFR (Msun / yr).
        """
        parameters = {
            "redshift": redshift,
            "dust": {"type": "Calzetti", "Av": av, "eta": 1.5},
            "nebular": {"logU": log_u},
            **_component(mass_formed=_LOG_REFERENCE_MASS, **history),
        }
        if self._model is None:
            self._build(parameters)
        self._model.update(parameters)
        fluxes = self._model.photometry / _MICROJANSKY_PER_NMGY
        return fluxes, 10**self._model.sfh.stellar_mass, self._model.sfh.sfr


@functools.cache
def _stellar_population():
    return _StellarPopulation()


def band_fluxes(redshift, history, av, log_u):
    """
    Fluxes of one component of one solar mass of surviving stars.

    Parameters
    ----------
    redshift : float
        Redshift, at most 1.5.
    history : dict
        ``age``, ``tau`` and ``burst_age`` in Gyr, ``burst_fraction``
        of the mass formed, and ``metallicity`` in solar units.
    av : float
        Attenuation in V (mag), Calzetti et al. (2000); 1.5 times as
        much in birth clouds.
    log_u : float
        Ionisation parameter.

    Returns
    -------
    fluxes : `~numpy.ndarray`, shape (4,)
        In nanomaggies per surviving solar mass, in `BANDS`.
    ssfr : float
        SFR, mean of the last 100 Myr, over surviving mass (1 / yr).
    """
    fluxes, mass, sfr = _stellar_population().evaluate(
        redshift=redshift, history=history, av=av, log_u=log_u
    )
    if not np.all(np.isfinite(fluxes)) or mass <= 0:
        msg = f"bagpipes gave no spectrum at z = {redshift} for {history}"
        raise RuntimeError(msg)
    return fluxes / mass, sfr / mass


def population_fluxes(population):
    """
    Fluxes of disc and bulge, and the masses and rates they come from.

    Parameters
    ----------
    population : dict of `~numpy.ndarray`
        From `~astrovae.simulation.population.draw_population`.

    Returns
    -------
    disc, bulge : `~numpy.ndarray`, shape (N, 4)
        Fluxes in nanomaggies, in `BANDS`.
    log_mass : `~numpy.ndarray`, shape (N,)
        log10 of the surviving stellar mass (Msun).
    log_sfr : `~numpy.ndarray`, shape (N,)
        log10 of the SFR averaged over 100 Myr (Msun / yr).
    """
    n = len(population["redshift"])
    disc, bulge = np.zeros((2, n, len(BANDS)))
    sfr = np.zeros(n)
    mass = 10 ** population["log_mass"]
    fraction = population["bulge_fraction"]
    for i in range(n):
        galaxy = {name: float(values[i]) for name, values in population.items()}
        history = {
            "age": galaxy["disc_age"],
            "tau": galaxy["disc_tau"],
            "burst_fraction": galaxy["burst_fraction"],
            "burst_age": galaxy["burst_age"],
            "metallicity": galaxy["disc_metallicity"],
        }
        per_mass, ssfr = band_fluxes(
            galaxy["redshift"], history, galaxy["disc_av"], galaxy["log_u"]
        )
        disc[i] = per_mass * mass[i] * (1 - fraction[i])
        sfr[i] = ssfr * mass[i] * (1 - fraction[i])
        if fraction[i] == 0:
            continue
        history = {
            "age": galaxy["bulge_age"],
            "tau": galaxy["bulge_tau"],
            "burst_fraction": 0.0,
            "burst_age": galaxy["burst_age"],
            "metallicity": galaxy["bulge_metallicity"],
        }
        per_mass, ssfr = band_fluxes(
            galaxy["redshift"], history, galaxy["bulge_av"], galaxy["log_u"]
        )
        bulge[i] = per_mass * mass[i] * fraction[i]
        sfr[i] += ssfr * mass[i] * fraction[i]
    # The rate of a dead galaxy is not known below an sSFR of 1e-14.
    sfr = np.maximum(sfr, 1e-14 * mass)
    return disc, bulge, np.log10(mass), np.log10(sfr)
