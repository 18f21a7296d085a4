# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The paper's two kinds of rare galaxies, drawn as their catalogues have them.

Each function gives what `~astrovae.simulation.population.draw_population`
gives, for one kind alone.
"""

import numpy as np

from .library import BANDS
from .population import COMPONENTS, complete_galaxies
from .spectra import COSMOLOGY

__all__ = ["KINDS", "draw_green_peas", "draw_red_spirals"]

# Masters et al. (2010), table A1: redshifts, the largest log10(a / b), the
# least luminous M_r, and the bluest g - r at rest: theirs, 0.66 at that
# luminosity's mean in SDSS, as DECam sees it.
_SPIRAL_REDSHIFTS = (0.030, 0.085)
_SPIRAL_AXES = 0.2
_SPIRAL_FAINTEST = -20.2
_SPIRAL_BLUEST = 0.62
# K corrections of old stars in g - r and r, linear in redshift.
_K_COLOUR, _K_R = 1.6, 1.0

# Cardamone et al. (2009), table 4: redshifts (a triangle: ends and
# summit), log10 of mass and of SFR. The rates are from H-alpha, those of
# the last 10 Myr; their ratio to the mean rate of 100 Myr is such that the
# equivalent widths of [O III] come out as in the table.
_PEA_REDSHIFTS = (0.12, 0.30, 0.355)
_PEA_MASSES = (8.5, 10.5)
_PEA_RATES = (0.3, 1.77)
_PEA_BURSTS = (2.0, 5.0)
# In 100 Myr no more mass can be formed than there is.
_PEA_HIGHEST_SSFR = -8.1


def draw_red_spirals(n, rng):
    """
    Draw passive red spirals, as of Masters et al. (2010).

    Luminous discs seen face-on, with arms of old stars, bulges of less
    than half of the mass, and specific star-formation rates in or
    below the green valley, to which they have faded lately.

    Parameters
    ----------
    n : int
        Number of galaxies.
    rng : `~numpy.random.Generator`
        Source of randomness.

    Returns
    -------
    galaxies : dict of `~numpy.ndarray`
        As from `~astrovae.simulation.population.draw_population`.
    """
    kept = []
    missing = n
    while missing > 0 or not kept:
        drawn = _faded_discs(2 * missing + 16, rng)
        good = np.flatnonzero(_is_red_and_luminous(drawn))[:missing]
        missing -= len(good)
        kept.append({name: values[good] for name, values in drawn.items()})
    return {name: np.concatenate([part[name] for part in kept]) for name in kept[0]}


def _faded_discs(n, rng):
    """
    Discs, of which not all are as red as the sample's.
    """
    redshift = rng.uniform(*_SPIRAL_REDSHIFTS, n)
    # The nearest of a flux-limited sample are somewhat less luminous.
    log_mass = 10.73 + 5.0 * (redshift - 0.058) + rng.normal(0, 0.22, n)
    log_ssfr = np.minimum(rng.normal(-11.4, 0.3, n), -10.8)
    galaxies = {
        "redshift": redshift,
        "log_mass": log_mass,
        "log_sfr": log_mass + log_ssfr,
        # Shapes and metals are those of discs.
        "quiescent": np.zeros(n, dtype=bool),
        "bulge_fraction": 0.4 * rng.beta(1.5, 2.5, n),
    }
    log_metallicity = np.clip(rng.normal(-0.1, 0.1, n), -0.4, 0.3)
    given = {
        # The quantiles of log(a/b) in the table.
        "disc_axis_ratio": 10 ** (-_SPIRAL_AXES * rng.random(n) ** 0.725),
        "arms": rng.uniform(0.7, 1.0, n),
        "arm_number": np.full(n, 2),
        "arm_pitch": np.radians(rng.uniform(10, 25, n)),
        "av": np.abs(rng.normal(0.1, 0.1, n)),
        "log_metallicity": log_metallicity,
        "bulge_log_metallicity": log_metallicity + 0.1,
    }
    faded = rng.uniform(0.2, 0.7, n)
    galaxies = complete_galaxies(galaxies, rng, given=given, faded=faded)
    return galaxies | {"quiescent": log_ssfr < -11.0}


def _is_red_and_luminous(galaxies):
    """
    What the sample was selected by, in colour and luminosity at rest.
    """
    flux = sum(galaxies[name] for name in COMPONENTS)
    g, r = (22.5 - 2.5 * np.log10(flux[:, BANDS.index(b)]) for b in "gr")
    redshift = galaxies["redshift"]
    luminosity = r - COSMOLOGY.distmod(redshift).value - _K_R * redshift
    colour = g - r - _K_COLOUR * redshift
    return (colour > _SPIRAL_BLUEST) & (luminosity < _SPIRAL_FAINTEST)


def draw_green_peas(n, rng):
    """
    Draw green peas, as of Cardamone et al. (2009).

    Discs of about a kiloparsec, unresolved, with little dust and
    metal, strong ionisation and a burst of star formation: [O III]
    makes them bright in r.

    Parameters
    ----------
    n : int
        Number of galaxies.
    rng : `~numpy.random.Generator`
        Source of randomness.

    Returns
    -------
    galaxies : dict of `~numpy.ndarray`
        As from `~astrovae.simulation.population.draw_population`, and
        ``log_recent_sfr``: the rate of the last 10 Myr, which is that
        of the catalogue, measured in H-alpha. ``log_sfr``, the mean
        of 100 Myr as for all galaxies, is 0.3 to 0.7 dex below it.
    """
    redshift = rng.triangular(*_PEA_REDSHIFTS, n)
    log_mass = 8.80 + 2.67 * redshift + rng.normal(0, 0.46, n)
    log_mass = np.clip(log_mass, *_PEA_MASSES)
    log_rate = -1.06 + 1.08 * redshift + 0.19 * log_mass + rng.normal(0, 0.28, n)
    log_rate = np.clip(log_rate, *_PEA_RATES)
    log_sfr = log_rate - np.log10(rng.uniform(*_PEA_BURSTS, n))
    log_sfr = np.minimum(log_sfr, log_mass + _PEA_HIGHEST_SSFR)
    galaxies = {
        "redshift": redshift,
        "log_mass": log_mass,
        "log_sfr": log_sfr,
        "quiescent": np.zeros(n, dtype=bool),
        "bulge_fraction": np.zeros(n),
    }
    log_metallicity = np.clip(rng.normal(-0.7, 0.12, n), -1.0, -0.3)
    size = 10 ** rng.normal(np.log10(0.8), 0.12, n)  # kpc
    given = {
        "disc_radius": size * COSMOLOGY.arcsec_per_kpc_proper(redshift).value,
        "arms": np.zeros(n),
        "av": np.abs(rng.normal(0.15, 0.1, n)),
        "cloud_av": np.abs(rng.normal(0.1, 0.1, n)),
        "log_metallicity": log_metallicity,
        "bulge_log_metallicity": log_metallicity,
        "log_u": np.clip(rng.normal(-1.8, 0.2, n), -2.5, -1.0),
    }
    # Of the mass formed in 100 Myr, at most nine tenths in the last ten.
    burst = np.minimum(0.1 * 10 ** (log_rate - log_sfr), 0.9)
    galaxies = complete_galaxies(galaxies, rng, given=given, burst=burst)
    return galaxies | {"log_recent_sfr": log_sfr + np.log10(10 * burst)}


#: What draws each kind, by the name of the selection.
KINDS = {"green-peas": draw_green_peas, "red-spirals": draw_red_spirals}
