# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Draw the physical parameters of galaxies, jointly.
"""

import astropy.units as u
import numpy as np

from .histories import (
    SFR_TIMESCALE,
    concentrate_recent,
    delayed_exponential,
    make_uneven,
    set_recent,
    share_younger,
    solve_delayed_exponential,
)
from .library import BANDS, load_library
from .relations import (
    disc_size,
    main_sequence,
    mass_function,
    metallicity,
    quiescent_fraction,
    spheroid_size,
)
from .spectra import COSMOLOGY, component_fluxes, surviving_mass

__all__ = [
    "COMPONENTS",
    "SELECTIONS",
    "complete_galaxies",
    "draw_galaxies",
    "draw_population",
]

#: The columns of fluxes that make up a galaxy.
COMPONENTS = ("bulge_flux", "disc_flux", "clump_flux")

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

# Searched for on halves of the DES hosts and of zCOSMOS, such that a
# redshift learnt from simulated colours is right on theirs; the scatter of
# the SFR, the dust of quiescent galaxies and the old part were chosen last,
# with all rows in view (benchmarks/realism.py).
_FITTED = {
    "av": (0.60, 0.31),  # of a disc at 1e9 Msun, and its slope with log mass
    "cloud_av": (0.20, 0.07),  # of birth clouds without, and per, diffuse A_V
    "dust_slope": (-0.09, 0.24),  # at A_V = 0.4, and its slope with log A_V
    "quiescent_av": 0.1,
    "sfr_offset": -0.15,  # from the main sequence, dex
    "sfr_scatter": 0.25,
    "starbursts": 0.03,  # part of the star-forming galaxies
    "quiescent_ssfr": -11.32,
    "quiescent_mass": 0.1,  # shift of the quiescent fraction, dex
    "metallicity": 0.17,  # offset from Gallazzi et al. (2005), dex
    "first_stars": (0.56, 0.95),  # in units of the age of the universe
    "old_part": 0.2,  # mean part of a disc's mass that is as old as can be
}

# The rate of a dead galaxy is not known below this sSFR (1 / yr).
_LOWEST_SSFR = 1e-14


def draw_galaxies(n, selection, rng):
    """
    Draw galaxies of a named selection, with their fluxes.

    Parameters
    ----------
    n : int
        Number of galaxies.
    selection : str
        A name of `SELECTIONS`.
    rng : `~numpy.random.Generator`
        Source of randomness.

    Returns
    -------
    galaxies : dict of `~numpy.ndarray`
        As from `draw_population`, all brighter than the limits.
    """
    limits, shares = np.array(SELECTIONS[selection]).T
    kept = []
    for limit, number in zip(limits, rng.multinomial(n, shares), strict=True):
        missing = number
        while missing > 0:
            drawn = draw_population(4 * missing + 16, r_limit=limit, rng=rng)
            total = sum(drawn[name] for name in COMPONENTS)
            r_flux = total[:, BANDS.index("r")]
            bright = np.flatnonzero(r_flux > 10 ** (-0.4 * (limit - 22.5)))[:missing]
            missing -= len(bright)
            kept.append({name: values[bright] for name, values in drawn.items()})
    order = rng.permutation(n)
    return {
        name: np.concatenate([part[name] for part in kept])[order] for name in kept[0]
    }


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
        ``redshift``; ``log_mass`` (surviving, Msun); ``log_sfr`` (mean
        of 100 Myr, Msun / yr); ``quiescent`` (bool);
        ``bulge_fraction`` (of mass); ``av`` (mag) and ``dust_slope``
        of the disc; ``log_metallicity``; for disc and bulge
        ``*_radius`` (major-axis half-light radius, arcsec),
        ``*_axis_ratio`` and ``*_sersic``; ``arms`` (part of the
        clumps that lie on spiral arms), ``arm_number``,
        ``arm_pitch`` and ``arm_phase`` (rad); ``orientation`` (rad,
        from +x counter-clockwise); and ``bulge_flux``, ``disc_flux`` and
        ``clump_flux`` of shape (n, 4), nmgy in the bands griz.
    """
    rng = np.random.default_rng(rng)
    redshift, log_mass = _draw_redshift_and_mass(n, r_limit, rng)
    galaxies = {"redshift": redshift, "log_mass": log_mass}
    galaxies |= _draw_activity(redshift, log_mass, rng)
    return complete_galaxies(galaxies, rng)


def complete_galaxies(galaxies, rng, *, given=None, burst=None, faded=None):
    """
    Draw what follows from redshift, mass and activity of galaxies.

    Parameters
    ----------
    galaxies : dict of `~numpy.ndarray`, shape (n,)
        ``redshift``, ``log_mass``, ``log_sfr``, ``quiescent`` and
        ``bulge_fraction``, as from `draw_population`.
    rng : `~numpy.random.Generator`
        Source of randomness.
    given : dict of `~numpy.ndarray`, shape (n,), optional
        Further parameters that are known, and so not drawn: shapes,
        dust, metallicities (``log_metallicity``,
        ``bulge_log_metallicity``) and ``log_u``.
    burst : `~numpy.ndarray`, shape (n,), optional
        Part of a disc's stars younger than 100 Myr that are younger
        than 10 Myr; by default as the history comes out.
    faded : `~numpy.ndarray`, shape (n,), optional
        By how many dex the rate of the last 100 Myr is below that to
        which the history before had fallen; by default not at all.

    Returns
    -------
    galaxies : dict of `~numpy.ndarray`
        As from `draw_population`.
    """
    given = given or {}
    galaxies = galaxies | _draw_shape(galaxies, rng) | given
    galaxies |= _draw_dust_and_metals(galaxies, rng) | given
    galaxies |= _draw_light(galaxies, rng, burst, faded)
    n = len(galaxies["redshift"])
    galaxies["orientation"] = rng.uniform(-np.pi / 2, np.pi / 2, n)
    return galaxies


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


def _draw_activity(redshift, log_mass, rng):
    """
    Star-forming or not, at which rate, with how much of a bulge.
    """
    n = len(redshift)
    quiescent = rng.random(n) < quiescent_fraction(
        log_mass - _FITTED["quiescent_mass"], redshift
    )
    # Scatter around the main sequence, and starbursts (e.g. Sargent et
    # al. 2012).
    active = rng.normal(_FITTED["sfr_offset"], _FITTED["sfr_scatter"], n)
    bursting = rng.random(n) < _FITTED["starbursts"]
    active += bursting * rng.normal(0.7, 0.25, n)
    log_sfr = np.where(
        quiescent,
        log_mass + rng.normal(_FITTED["quiescent_ssfr"], 0.5, n),
        main_sequence(log_mass, redshift) + active,
    )
    # Spheroids dominate quiescent galaxies; in star-forming ones, bulges
    # grow with mass and as the rate falls below the main sequence
    # (e.g. Bluck et al. 2014; Morselli et al. 2017).
    below = main_sequence(log_mass, redshift) - log_sfr
    late = 0.08 + 0.12 * (log_mass - 9.5) + 0.15 * below + rng.exponential(0.08, n)
    late = np.where(log_mass < 9.0, 0.0, np.clip(late, 0.0, 0.8))
    bulge_fraction = np.where(quiescent, rng.beta(3.0, 1.6, n), late)
    return {
        "quiescent": quiescent,
        "log_sfr": np.maximum(log_sfr, log_mass + np.log10(_LOWEST_SSFR)),
        "bulge_fraction": bulge_fraction,
    }


def _draw_shape(galaxies, rng):
    """
    Sizes, axis ratios, profiles and spiral arms.
    """
    redshift, log_mass = galaxies["redshift"], galaxies["log_mass"]
    quiescent, fraction = galaxies["quiescent"], galaxies["bulge_fraction"]
    n = len(redshift)
    scale = COSMOLOGY.arcsec_per_kpc_proper(redshift).value
    disc_log_r = disc_size(log_mass, redshift) + rng.normal(0, 0.17, n)
    # A spheroid follows the early-type relation; a bulge within a
    # star-forming disc is a quarter of the disc's size.
    log_bulge_mass = log_mass + np.log10(np.maximum(fraction, 1e-3))
    spheroid_log_r = spheroid_size(log_bulge_mass, redshift) + rng.normal(0, 0.12, n)
    in_disc_log_r = disc_log_r + np.log10(0.25) + rng.normal(0, 0.1, n)
    # Discs of quiescent galaxies are as extended as their spheroids.
    disc_log_r = np.where(quiescent, spheroid_log_r + 0.2, disc_log_r)
    bulge_log_r = np.where(quiescent, spheroid_log_r, in_disc_log_r)
    cos_inclination = rng.random(n)
    thickness = np.clip(rng.normal(0.22, 0.05, n), 0.1, 0.45)
    flattened = cos_inclination**2 * (1 - thickness**2) + thickness**2
    # Classical spheroids are steeper the more massive they are (e.g.
    # Graham & Guzman 2003); the bulges of small discs are disc-like.
    steepness = np.where(
        quiescent,
        1.0 + 1.1 * (log_mass - 8.7),
        np.interp(log_mass, [9.5, 11.0], [1.3, 3.0]),
    )
    return {
        "disc_radius": 10**disc_log_r * scale,
        "disc_axis_ratio": np.sqrt(flattened),
        "disc_sersic": np.clip(rng.normal(1.0, 0.15, n), 0.6, 1.5),
        "bulge_radius": 10**bulge_log_r * scale,
        "bulge_axis_ratio": np.clip(rng.normal(0.75, 0.15, n), 0.4, 1.0),
        "bulge_sersic": np.clip(steepness * 10 ** rng.normal(0, 0.1, n), 0.8, 6.0),
        "arms": np.where(log_mass > 9.3, rng.uniform(0.2, 1.0, n), 0.0),
        "arm_number": rng.choice([2, 2, 3, 4], n),
        "arm_pitch": np.radians(rng.uniform(10, 30, n)),
        "arm_phase": rng.uniform(0, 2 * np.pi, n),
    }


def _draw_dust_and_metals(galaxies, rng):
    """
    Attenuation, its law, metallicities and ionisation.
    """
    log_mass, quiescent = galaxies["log_mass"], galaxies["quiescent"]
    n = len(log_mass)
    # Attenuation: the medians of star-forming galaxies in ZFOURGE by
    # mass; more active and more inclined discs are dustier (e.g.
    # Battisti et al. 2017).
    thin = (galaxies["disc_axis_ratio"] - 0.2) / 0.8
    excess = galaxies["log_sfr"] - main_sequence(log_mass, galaxies["redshift"])
    level, gradient = _FITTED["av"]
    median = np.clip(level + gradient * (log_mass - 9.0), 0.1, 1.2)
    inclined = 0.65 + 0.7 * (1 - np.clip(thin, 0, 1))
    active = 10 ** np.clip(0.3 * excess, -0.3, 0.3)
    star_forming = median * inclined * active * 10 ** rng.normal(0, 0.2, n)
    av = np.where(
        quiescent, np.abs(rng.normal(_FITTED["quiescent_av"], 0.2, n)), star_forming
    )
    av = np.clip(av, 0.0, 3.5)
    # The less dust, the steeper its law (e.g. Salim et al. 2018).
    at_mean, per_dex = _FITTED["dust_slope"]
    slope = at_mean + per_dex * np.log10(np.clip(av, 0.1, 2.0) / 0.4)
    scatter = np.interp(log_mass, [9.0, 11.0], [0.35, 0.12])
    log_metallicity = np.clip(
        metallicity(log_mass)
        + _FITTED["metallicity"]
        + scatter * rng.standard_normal(n),
        -1.8,
        0.35,
    )
    without, per_av = _FITTED["cloud_av"]
    bulge_offset = rng.normal(0.1, 0.12, n)
    return {
        "av": av,
        "dust_slope": slope + rng.normal(0, 0.15, n),
        "cloud_av": (without + per_av * av) * 10 ** rng.normal(0, 0.2, n),
        "log_metallicity": log_metallicity,
        "bulge_log_metallicity": np.clip(log_metallicity + bulge_offset, -1.5, 0.38),
        # Ionisation falls with metallicity (e.g. Sanders et al. 2016).
        "log_u": np.clip(rng.normal(-2.95 - 0.3 * log_metallicity, 0.25), -3.9, -1.7),
    }


def _draw_light(galaxies, rng, burst=None, faded=None):
    """
    Star-formation histories, and the fluxes of the components.
    """
    redshift, log_mass = galaxies["redshift"], galaxies["log_mass"]
    fraction = galaxies["bulge_fraction"]
    n = len(redshift)
    edges = load_library().age_edges
    universe = COSMOLOGY.age(redshift).to_value(u.Gyr)
    log_disc_mass = log_mass + np.log10(1 - fraction)
    log_ssfr = galaxies["log_sfr"] - log_disc_mass
    age, tau = solve_delayed_exponential(
        log_ssfr if faded is None else log_ssfr + faded,
        universe * rng.uniform(*_FITTED["first_stars"], n),
    )
    disc = delayed_exponential(edges, age, tau)
    # Part of the mass is as old as in spheroids.
    first = delayed_exponential(edges, 0.93 * universe, 0.09 * universe)
    part = rng.uniform(0, 2 * _FITTED["old_part"], n)[:, None]
    disc = make_uneven(edges, (1 - part) * disc + part * first, rng)
    # What is living of the mass formed depends a little on what is young.
    living = 0.65
    for _ in range(2):
        disc = set_recent(edges, disc, living * 10**log_ssfr * SFR_TIMESCALE)
        if burst is not None:
            disc = concentrate_recent(edges, disc, burst)
        living = surviving_mass(disc, galaxies["log_metallicity"])
    disc *= (10**log_disc_mass / living)[:, None]
    bulge_age = universe * rng.uniform(0.55, 0.95, n)
    bulge_tau = bulge_age / rng.uniform(8, 20, n)
    bulge = delayed_exponential(edges, bulge_age, bulge_tau)
    # The galaxy's rate is the disc's: a bulge has formed nothing lately.
    bulge = set_recent(edges, bulge, np.zeros(n))
    living = surviving_mass(bulge, galaxies["bulge_log_metallicity"])
    bulge *= (10**log_mass * fraction / living)[:, None]
    dust = {
        "slope": galaxies["dust_slope"],
        "cloud_av": galaxies["cloud_av"],
        "log_u": galaxies["log_u"],
    }
    disc_flux, clump_flux = component_fluxes(
        redshift, disc, galaxies["log_metallicity"], av=galaxies["av"], **dust
    )
    bulge_flux, young = component_fluxes(
        redshift,
        bulge,
        galaxies["bulge_log_metallicity"],
        av=0.5 * galaxies["av"],
        **dust,
    )
    # Not all young stars are in clumps that stand out.
    smooth = rng.uniform(0.1, 0.6, n)[:, None] * clump_flux
    rate = (disc * share_younger(edges, SFR_TIMESCALE)).sum(axis=1) / SFR_TIMESCALE
    return {
        # What was formed: less than was drawn, if that was beyond reach.
        "log_sfr": np.log10(np.maximum(rate, _LOWEST_SSFR * 10**log_mass)),
        "bulge_flux": bulge_flux + young,
        "disc_flux": disc_flux + smooth,
        "clump_flux": clump_flux - smooth,
    }
