# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The other objects of a frame: galaxies and stars.
"""

import numpy as np

from .fourier import radial_transform

__all__ = ["add_neighbours"]

# Galaxies per square arcmin with 17 < r < 23.5, rising by a factor
# 10**0.34 per magnitude (e.g. Yasuda et al. 2001), and stars at high
# latitude with 13 < r < 22.
_GALAXY_DENSITY = 16.0
_COUNT_SLOPE = 0.34
_STAR_DENSITY = 1.3
_STAR_SLOPE = 0.14
# Objects up to here outside of the frame, arcsec.
_MARGIN = 2.0


def add_neighbours(frame, bands, r_flux, rng):
    """
    Add galaxies and stars at random places to a frame.

    Parameters
    ----------
    frame : `~astrovae.simulation.fourier.FourierFrame`
        The frame.
    bands : tuple of str
        Its bands, among g, r, i, z.
    r_flux : float
        The galaxy at the centre in r, nmgy. No brighter half of a
        blend is added: it would be the catalogued galaxy itself.
    rng : `~numpy.random.Generator`
        Source of randomness.
    """
    half = frame.size * frame.pixel_scale / 2 + _MARGIN
    area = (2 * half / 60) ** 2
    n_galaxies = rng.poisson(_GALAXY_DENSITY * area)
    n_stars = rng.poisson(_STAR_DENSITY * area)
    mag = np.r_[
        _magnitudes(n_galaxies, 17.0, 23.5, _COUNT_SLOPE, rng),
        _magnitudes(n_stars, 13.0, 22.0, _STAR_SLOPE, rng),
    ]
    colours = np.r_[_galaxy_colours(n_galaxies, rng), _star_colours(n_stars, rng)]
    x, y = rng.uniform(-half, half, (2, len(mag)))
    offsets = dict(zip("griz", colours.T, strict=True))
    flux = np.array([10 ** (-0.4 * (mag + offsets[band] - 22.5)) for band in bands]).T
    alone = np.hypot(x, y) > 4.0
    alone |= 10 ** (-0.4 * (mag - 22.5)) < 0.5 * r_flux
    radius = 0.8 * 10 ** (-0.1 * (mag - 20) + rng.normal(0, 0.2, len(mag)))
    axis_ratio = rng.uniform(0.3, 1.0, len(mag))
    angle = rng.uniform(0, np.pi, len(mag))
    disc = radial_transform("sersic", 1.0)
    for i in np.flatnonzero(alone[:n_galaxies]):
        shape = (radius[i], radius[i] * axis_ratio[i], angle[i])
        frame.add_profile(disc, shape, x[i], y[i], flux[i])
    stars = n_galaxies + np.flatnonzero(alone[n_galaxies:])
    if len(stars):
        frame.add_points(x[stars], y[stars], flux[stars])


def _magnitudes(n, bright, faint, slope, rng):
    low, high = 10 ** (slope * np.array([bright, faint]))
    return np.log10(rng.uniform(low, high, n)) / slope


def _galaxy_colours(n, rng):
    """
    Magnitudes in griz less that in r.
    """
    g_r = np.clip(rng.normal(0.9, 0.4, n), -0.2, 2.0)
    r_z = np.clip(0.75 * g_r + rng.normal(0, 0.2, n), -0.2, 2.0)
    return np.stack([g_r, np.zeros(n), -0.55 * r_z, -r_z], axis=1)


def _star_colours(n, rng):
    """
    The stellar locus: a turn-off in the halo, and red dwarfs.
    """
    g_r = np.where(
        rng.random(n) < 0.5, rng.normal(0.45, 0.15, n), rng.normal(1.4, 0.1, n)
    )
    r_z = np.where(g_r < 1.1, 0.55 * g_r - 0.05, rng.uniform(0.8, 2.2, n))
    return np.stack([g_r, np.zeros(n), -0.6 * r_z, -r_z], axis=1)
