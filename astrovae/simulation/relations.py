# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Published relations between the parameters of galaxies.

Every relation is a function of its own, named after what it gives, so
that it can be checked against a catalogue by itself.
"""

import astropy.units as u
import numpy as np

from .spectra import COSMOLOGY

__all__ = [
    "disc_size",
    "main_sequence",
    "mass_function",
    "metallicity",
    "quiescent_fraction",
    "spheroid_size",
]


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
