# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Broad-band fluxes of many stellar populations at once.
"""

import astropy.units as u
import numpy as np
from astropy.cosmology import FlatLambdaCDM

from .library import load_library

__all__ = ["COSMOLOGY", "attenuation", "component_fluxes", "surviving_mass"]

#: The cosmology of bagpipes, which fixes luminosity distances and ages.
COSMOLOGY = FlatLambdaCDM(H0=70, Om0=0.3)

# Rows at a time: a spectrum takes about a kilobyte.
_CHUNK = 2000

# 1 nanomaggy is 3.631e-29 erg / s / cm2 / Hz (AB, 22.5 mag).
_CGS_PER_NMGY = 3.631e-29
_SPEED_OF_LIGHT = 2.99792458e18  # Angstrom / s
_LINE_SLOPE = -1.3  # of the attenuation in birth clouds


def attenuation(wavelength, slope=0.0):
    """
    Attenuation relative to that in V: Calzetti et al. (2000), tilted.

    Parameters
    ----------
    wavelength : array_like
        Rest wavelengths, Angstrom, between 1200 and 22000.
    slope : array_like, optional
        Exponent of the factor (wavelength / 5500)**slope, as in Salim
        et al. (2018); negative is steeper. Broadcast.

    Returns
    -------
    curve : `~numpy.ndarray`
        A / A_V.
    """
    micron = np.asarray(wavelength) * 1e-4
    blue = -2.156 + 1.509 / micron - 0.198 / micron**2 + 0.011 / micron**3
    red = -1.857 + 1.040 / micron
    curve = 2.659 * np.where(micron < 0.63, blue, red) + 4.05
    return curve / 4.05 * (micron / 0.55) ** np.asarray(slope)


def surviving_mass(formed, log_metallicity):
    """
    Mass in living stars and remnants, of the masses formed.

    Parameters
    ----------
    formed : `~numpy.ndarray`, shape (N, A)
        Mass formed per bin of age of the library.
    log_metallicity : `~numpy.ndarray`, shape (N,)
        log10(Z / Zsun).

    Returns
    -------
    mass : `~numpy.ndarray`, shape (N,)
        In the unit of ``formed``.
    """
    library = load_library()
    weights = _interpolation(library.log_metallicity, log_metallicity)
    return np.einsum("na,nz,za->n", formed, weights, library.surviving, optimize=True)


def component_fluxes(redshift, formed, log_metallicity, *, av, slope, cloud_av, log_u):
    """
    Fluxes of N components, in all bands.

    Dust is of two components (Charlot & Fall 2000): all stars are
    behind the diffuse dust, those younger than 10 Myr and the gas
    that they ionise also behind that of their birth clouds.

    Parameters
    ----------
    redshift : `~numpy.ndarray`, shape (N,)
        Redshifts, between 0 and 1.5.
    formed : `~numpy.ndarray`, shape (N, A)
        Mass formed per bin of age of the library, Msun.
    log_metallicity : `~numpy.ndarray`, shape (N,)
        log10(Z / Zsun).
    av, slope : `~numpy.ndarray`, shape (N,)
        Attenuation in V (mag) of the diffuse dust, and its
        `attenuation` slope.
    cloud_av : `~numpy.ndarray`, shape (N,)
        Further attenuation in V (mag) of the birth clouds, which
        falls as wavelength**-1.3.
    log_u : `~numpy.ndarray`, shape (N,)
        log10 of the ionisation parameter.

    Returns
    -------
    old, young : `~numpy.ndarray`, shape (N, 4)
        Fluxes in nanomaggies, in the library's bands: of what has
        left its birth clouds, and of the young stars with their gas.
    """
    redshift = np.asarray(redshift, dtype=float)
    n = len(redshift)
    arguments = (redshift, formed, log_metallicity, av, slope, cloud_av, log_u)
    library = load_library()
    old, young = np.zeros((2, n, len(library.filters)))
    for start in range(0, n, _CHUNK):
        rows = slice(start, start + _CHUNK)
        old[rows], young[rows] = _fluxes(library, *(a[rows] for a in arguments))
    return old, young


def _fluxes(library, redshift, formed, log_metallicity, av, slope, cloud_av, log_u):
    wavelength = library.wavelength
    by_metallicity = _interpolation(library.log_metallicity, log_metallicity)
    by_log_u = _interpolation(library.log_u, log_u)
    in_clouds = formed * library.young
    old = _mix(library.stellar, formed - in_clouds, by_metallicity)
    young = _mix(library.stellar, in_clouds, by_metallicity)
    for grid, weight in zip(library.nebular, by_log_u.T, strict=True):
        if np.any(weight):
            young += weight[:, None] * _mix(grid, in_clouds, by_metallicity)
    diffuse = av[:, None] * attenuation(wavelength, slope[:, None])
    clouds = cloud_av[:, None] * (wavelength / 5500.0) ** _LINE_SLOPE
    old *= 10 ** (-0.4 * diffuse)
    young *= 10 ** (-0.4 * (diffuse + clouds))
    distance = COSMOLOGY.luminosity_distance(redshift).to_value(u.cm)
    dilution = 4 * np.pi * distance**2 * (1 + redshift)
    width = np.gradient(wavelength)
    fluxes = np.zeros((2, len(redshift), len(library.filters)))
    for i, (curve_wavelength, response) in enumerate(library.filters.values()):
        # Pivot wavelength: from f_lambda to f_nu, exactly.
        pivot2 = np.trapezoid(
            response * curve_wavelength, curve_wavelength
        ) / np.trapezoid(response / curve_wavelength, curve_wavelength)
        to_nmgy = pivot2 / _SPEED_OF_LIGHT / _CGS_PER_NMGY
        observed = wavelength * (1 + redshift[:, None])
        seen = np.interp(observed, curve_wavelength, response, left=0, right=0)
        seen *= wavelength * width
        scale = to_nmgy / dilution / seen.sum(axis=1)
        for j, spectrum in enumerate((old, young)):
            fluxes[j, :, i] = scale * np.einsum("nw,nw->n", spectrum, seen)
    return fluxes


def _mix(grid, mass, by_metallicity):
    """
    Add populations up: (Z, A, W), (N, A), (N, Z) -> (N, W).
    """
    spectrum = np.zeros((len(mass), grid.shape[2]))
    for populations, weight in zip(grid, by_metallicity.T, strict=True):
        rows = np.flatnonzero(weight)
        if len(rows):
            spectrum[rows] += (weight[rows, None] * mass[rows]) @ populations
    return spectrum


def _interpolation(nodes, values):
    """
    Weights of the nodes in linear interpolation, (N, len(nodes)).
    """
    values = np.clip(values, nodes[0], nodes[-1])
    upper = np.clip(np.searchsorted(nodes, values), 1, len(nodes) - 1)
    fraction = (values - nodes[upper - 1]) / (nodes[upper] - nodes[upper - 1])
    weights = np.zeros((len(values), len(nodes)))
    rows = np.arange(len(values))
    weights[rows, upper - 1] = 1 - fraction
    weights[rows, upper] = fraction
    return weights
