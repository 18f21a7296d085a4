# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Draw the physical parameters of galaxies from published relations.

Every relation is a function of its own, named after what it gives, so
that it can be checked against a catalogue by itself.
"""

import astropy.units as u
import numpy as np
from astropy.cosmology import FlatLambdaCDM

__all__ = ["COSMOLOGY", "SELECTIONS", "draw_population"]

#: The cosmology of bagpipes, which fixes luminosity distances and ages.
COSMOLOGY = FlatLambdaCDM(H0=70, Om0=0.3)

#: Limits in r (AB) of the named selections, each with its share.
SELECTIONS = {
    "gama": ((19.8, 1.0),),
    "deep": ((22.5, 1.0),),
    "decals": ((19.8, 0.5), (22.5, 0.5)),
}

_REDSHIFTS = np.linspace(0.01, 1.0, 199)
_LOG_MASSES = np.linspace(7.0, 12.2, 261)

# log10 of mass over observed light in r, in solar units, of the lightest
# populations (young, without dust) at z = 0 and its slope with redshift.
_LOWEST_MASS_TO_LIGHT = (-0.6, -0.4)
_SUN_R = 4.65  # absolute AB magnitude of the Sun in r (Willmer 2018)


def mass_function(log_mass, redshift):
    """
    The stellar mass function of Leja et al. (2020), dN / dlogM dV.

    A double Schechter function whose normalisations and knee are
    quadratic in redshift through three anchor points; extrapolated
    below z = 0.2.

    Parameters
    ----------
    log_mass : array_like
        log10(M / Msun).
    redshift : array_like
        Redshift, broadcast against ``log_mass``.

    Returns
    -------
    phi : `~numpy.ndarray`
        Number per dex and comoving Mpc^3.
    """
    anchors = np.array([0.2, 1.6, 3.0])

    def evolve(values):
        return np.polyval(np.polyfit(anchors, values, 2), redshift)

    knee = evolve([10.79, 10.88, 10.84])
    x = log_mass - knee
    first = 10 ** evolve([-2.44, -3.08, -4.14]) * 10 ** (x * (1 - 0.28))
    second = 10 ** evolve([-2.89, -3.29, -3.51]) * 10 ** (x * (1 - 1.48))
    return np.log(10) * (first + second) * np.exp(-(10**x))


def quiescent_fraction(log_mass, redshift):
    """
    The fraction of galaxies with sSFR below 1e-11 / yr.

    A logistic function of mass, fitted by maximum likelihood to the
    2204 galaxies of ZFOURGE (Straatman et al. 2016) with z > 0.2 and
    log M > 8.8; capped at 0.9 for the most massive.
    """
    middle = 9.93 + 0.64 * redshift
    logistic = 1 / (1 + np.exp(-(log_mass - middle) / 0.394))
    return np.minimum(0.04 + 0.96 * logistic, 0.9)


def main_sequence(log_mass, redshift):
    """
    log10(SFR / (Msun / yr)) of the main sequence.

    Popesso et al. (2023), equation 15; the UV + IR rates of ZFOURGE
    lie 0.07 dex below it in the median.
    """
    age = COSMOLOGY.age(redshift).to_value(u.Gyr)
    turnover = 10.85 - 0.0729 * age
    bend = np.log10(1 + 10 ** (-0.99 * (log_mass - turnover)))
    return 2.693 - 0.186 * age - bend


def metallicity(log_mass):
    """
    log10(Z / Zsun) of the stars: Gallazzi et al. (2005), table 2.
    """
    mass = [8.91, 9.31, 9.51, 9.72, 9.91, 10.11, 10.31, 10.51, 10.91, 11.51]
    median = [-0.60, -0.65, -0.61, -0.52, -0.41, -0.23, -0.11, -0.01, 0.07, 0.13]
    return np.interp(log_mass, mass, median)


def disc_size(log_mass, redshift):
    """
    log10 of the major-axis half-light radius in kpc, late types.

    Van der Wel et al. (2014), table 1, interpolated in redshift.
    """
    zero_point = np.interp(redshift, [0.25, 0.75], [0.86, 0.78])
    slope = np.interp(redshift, [0.25, 0.75], [0.25, 0.22])
    return zero_point + slope * (log_mass - np.log10(5e10))


def spheroid_size(log_mass, redshift):
    """
    log10 of the major-axis half-light radius in kpc, early types.

    Van der Wel et al. (2014), table 1, above 2e10 Msun; below, their
    relation flattens, here to a slope of 0.15.
    """
    zero_point = np.interp(redshift, [0.25, 0.75], [0.60, 0.42])
    slope = np.interp(redshift, [0.25, 0.75], [0.75, 0.71])
    break_mass = np.log10(2e10)
    above = np.maximum(log_mass, break_mass) - np.log10(5e10)
    below = np.minimum(log_mass - break_mass, 0)
    return zero_point + slope * above + 0.15 * below


def _draw_redshift_and_mass(n, r_limit, rng):
    """
    Draw from mass function times volume, above the lowest mass that
    can be brighter than ``r_limit``.
    """
    volume = COSMOLOGY.differential_comoving_volume(_REDSHIFTS).value
    density = mass_function(_LOG_MASSES, _REDSHIFTS[:, None])
    density *= volume[:, None]
    modulus = COSMOLOGY.distmod(_REDSHIFTS).value
    at_zero, slope = _LOWEST_MASS_TO_LIGHT
    lowest = at_zero + slope * _REDSHIFTS + 0.4 * (_SUN_R + modulus - r_limit)
    density[_LOG_MASSES < lowest[:, None]] = 0
    cumulative = np.cumsum(density)
    cell = np.searchsorted(cumulative, rng.uniform(0, cumulative[-1], n))
    row, column = np.unravel_index(cell, density.shape)

    def jitter(grid, index):
        step = grid[1] - grid[0]
        return grid[index] + step * rng.uniform(-0.5, 0.5, n)

    redshift = np.clip(jitter(_REDSHIFTS, row), _REDSHIFTS[0], _REDSHIFTS[-1])
    return redshift, jitter(_LOG_MASSES, column)


def _delayed_tau(log_ssfr, age):
    """
    Solve a delayed exponential SFH, t exp(-t / tau), for its sSFR.

    With x = age / tau, the present rate over the mass ever formed is
    x^2 exp(-x) / (1 - exp(-x) (1 + x)) / age, at most 2 / age: a
    galaxy that must be more active than that is made younger.

    Returns
    -------
    age, tau : `~numpy.ndarray`
        In Gyr.
    """
    surviving = 0.65  # mass in living stars and remnants / mass formed
    rate = 10**log_ssfr * 1e9 * surviving
    age = np.minimum(age, 1.8 / rate)
    x = np.geomspace(1e-2, 60, 2000)
    relation = x**2 * np.exp(-x) / -(np.expm1(-x) + x * np.exp(-x))
    solved = np.interp(np.log(rate * age), np.log(relation[::-1]), x[::-1])
    return age, age / solved


def draw_population(n, *, r_limit=22.5, rng=None):
    """
    Draw galaxies that may be brighter than a limit in r.

    The magnitudes follow from the spectra, so some of these galaxies
    turn out fainter than the limit; the caller drops them.

    Parameters
    ----------
    n : int
        Number of galaxies.
    r_limit : float
        The faintest AB magnitude in r.
    rng : `~numpy.random.Generator`, optional
        Source of randomness.

    Returns
    -------
    population : dict of `~numpy.ndarray`, shape (n,)
        ``redshift``; ``log_mass`` (surviving, Msun) and ``log_sfr``
        (Msun / yr) aimed at; ``quiescent`` (bool);
        ``bulge_fraction`` (of mass); for disc and bulge ``*_age`` and
        ``*_tau`` (Gyr), ``*_metallicity`` (Zsun), ``*_av`` (mag),
        ``*_radius`` (major-axis half-light radius, arcsec) and
        ``*_axis_ratio``; ``burst_fraction`` (of the disc's mass),
        ``burst_age`` (Gyr); ``log_u`` (ionisation parameter);
        ``orientation`` (rad, from +x counter-clockwise).
    """
    rng = np.random.default_rng(rng)
    redshift, log_mass = _draw_redshift_and_mass(n, r_limit, rng)
    quiescent = rng.random(n) < quiescent_fraction(log_mass, redshift)
    log_sfr = np.where(
        quiescent,
        log_mass + rng.normal(-11.9, 0.5, n),
        main_sequence(log_mass, redshift) + rng.normal(-0.05, 0.3, n),
    )

    # Bulges: spheroids dominate quiescent galaxies, and grow with mass
    # in star-forming ones (e.g. Bluck et al. 2014).
    late = 0.08 + 0.12 * (log_mass - 9.5) + rng.exponential(0.08, n)
    bulge_fraction = np.where(quiescent, rng.beta(3.0, 1.6, n), np.clip(late, 0, 0.8))
    bulge_fraction[~quiescent & (log_mass < 9.0)] = 0.0
    log_disc_mass = log_mass + np.log10(1 - bulge_fraction)
    log_bulge_mass = log_mass + np.log10(np.maximum(bulge_fraction, 1e-3))

    universe = COSMOLOGY.age(redshift).to_value(u.Gyr)
    disc_age, disc_tau = _delayed_tau(
        log_sfr - log_disc_mass, universe * rng.uniform(0.5, 0.95, n)
    )
    bulge_age = universe * rng.uniform(0.55, 0.95, n)
    bursting = ~quiescent & (rng.random(n) < 0.3)

    log_z = metallicity(log_mass)
    z_scatter = np.interp(log_mass, [9.0, 11.0], [0.35, 0.12])
    disc_metallicity = 10 ** np.clip(rng.normal(log_z, z_scatter), -1.6, 0.35)
    bulge_metallicity = 10 ** np.clip(rng.normal(log_z + 0.1, 0.15), -1.2, 0.35)

    # Attenuation: the medians of star-forming galaxies in ZFOURGE by
    # mass; inclined discs are dustier (e.g. Battisti et al. 2017).
    cos_inclination = rng.random(n)
    median_av = np.clip(0.55 + 0.5 * (log_mass - 9.0), 0.2, 1.1)
    inclined = 0.7 + 0.6 * (1 - cos_inclination)
    star_forming_av = median_av * inclined * 10 ** rng.normal(0, 0.2, n)
    quiescent_av = np.abs(rng.normal(0.1, 0.2, n))
    disc_av = np.clip(np.where(quiescent, quiescent_av, star_forming_av), 0, 4)

    scale = COSMOLOGY.arcsec_per_kpc_proper(redshift).value
    disc_log_r = disc_size(log_mass, redshift) + rng.normal(0, 0.17, n)
    # A spheroid follows the early-type relation; a bulge within a
    # star-forming disc is a quarter of the disc's size.
    spheroid_log_r = spheroid_size(log_bulge_mass, redshift) + rng.normal(0, 0.12, n)
    in_disc_log_r = disc_log_r + np.log10(0.25) + rng.normal(0, 0.1, n)
    bulge_log_r = np.where(quiescent, spheroid_log_r, in_disc_log_r)
    # Discs of quiescent galaxies are as extended as their spheroids.
    disc_log_r = np.where(quiescent, spheroid_log_r + 0.2, disc_log_r)
    thickness = 0.2
    flattened = cos_inclination**2 * (1 - thickness**2) + thickness**2

    return {
        "redshift": redshift,
        "log_mass": log_mass,
        "log_sfr": log_sfr,
        "quiescent": quiescent,
        "bulge_fraction": bulge_fraction,
        "disc_age": disc_age,
        "disc_tau": disc_tau,
        "disc_metallicity": disc_metallicity,
        "disc_av": disc_av,
        "disc_radius": 10**disc_log_r * scale,
        "disc_axis_ratio": np.sqrt(flattened),
        "bulge_age": bulge_age,
        "bulge_tau": bulge_age / rng.uniform(8, 20, n),
        "bulge_metallicity": bulge_metallicity,
        "bulge_av": 0.5 * disc_av,
        "bulge_radius": 10**bulge_log_r * scale,
        "bulge_axis_ratio": np.clip(rng.normal(0.75, 0.15, n), 0.4, 1.0),
        "burst_fraction": np.where(bursting, 10 ** rng.uniform(-3, -1.3, n), 0.0),
        "burst_age": rng.uniform(0.05, 0.3, n),
        "log_u": np.clip(rng.normal(-2.9, 0.3, n), -3.9, -1.6),
        "orientation": rng.uniform(-np.pi / 2, np.pi / 2, n),
    }
