# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Images of galaxies as a DECam coadd shows them.
"""

import numpy as np

from .conditions import add_noise, point_spread_functions
from .fourier import FourierFrame, radial_transform
from .neighbours import add_neighbours

__all__ = ["render_galaxy"]

# Smaller discs than this (major axis, arcsec) show no structure.
_RESOLVED = 0.8
# Transforms are tabulated for Sersic indices in these steps.
_SERSIC_STEP = 0.2


def render_galaxy(galaxy, *, bands, size, pixel_scale, conditions, rng):
    """
    Draw one galaxy with its neighbours, PSF and noise.

    Parameters
    ----------
    galaxy : dict
        One galaxy of `~astrovae.simulation.population.draw_population`,
        with ``bulge_flux``, ``disc_flux`` and ``clump_flux`` of shape
        (bands,), nanomaggies, before reddening by the Milky Way.
    bands : tuple of str
        Bands among g, r, i, z.
    size : int
        Pixels on a side.
    pixel_scale : float
        In arcsec.
    conditions : dict
        From `~astrovae.simulation.conditions.draw_conditions`, with
        ``extinction`` added: the factor of each band's flux that the
        Milky Way lets through, shape (bands,).
    rng : `~numpy.random.Generator`
        Source of randomness.

    Returns
    -------
    image : `~numpy.ndarray` of float32, shape (bands, size, size)
        In nanomaggies per pixel.
    inverse_variance : `~numpy.ndarray` of float32, same shape
        Of sky and source photons, as the surveys give it; zero where
        a pixel is saturated.
    """
    frame = FourierFrame(len(bands), size, pixel_scale)
    # The catalogue position and the light's centre differ slightly.
    x, y = rng.normal(0, 0.05, 2)
    seen = conditions["extinction"]
    disc, clumps = galaxy["disc_flux"] * seen, galaxy["clump_flux"] * seen
    if galaxy["disc_radius"] < _RESOLVED:
        disc, clumps = disc + clumps, 0 * clumps
    arms = 0.2 * galaxy["arms"] * disc if clumps.any() else 0 * disc
    _add_component(frame, galaxy, "disc", x, y, disc - arms)
    _add_component(frame, galaxy, "bulge", x, y, galaxy["bulge_flux"] * seen)
    if clumps.any():
        # Arms of old stars are wide, those of young ones are not.
        _add_clumps(frame, galaxy, x, y, arms, 0.15 * galaxy["disc_radius"], rng)
        _add_clumps(frame, galaxy, x, y, clumps, 0.15, rng)
    r_index = bands.index("r") if "r" in bands else 0
    add_neighbours(frame, bands, frame.light[r_index, 0, 0].real, rng)
    images = frame.draw(point_spread_functions(conditions))
    return add_noise(images, conditions, rng)


def _add_component(frame, galaxy, kind, x, y, fluxes):
    if not np.any(fluxes > 0):
        return
    index = round(_SERSIC_STEP * round(galaxy[f"{kind}_sersic"] / _SERSIC_STEP), 3)
    # Radii are those of the major axis.
    major = max(galaxy[f"{kind}_radius"], 0.02)
    shape = (major, major * galaxy[f"{kind}_axis_ratio"], galaxy["orientation"])
    frame.add_profile(radial_transform("sersic", index), shape, x, y, fluxes)


def _add_clumps(frame, galaxy, x, y, fluxes, blur, rng):
    """
    Scatter light over a disc, in part along logarithmic spirals.
    """
    n = 10 + rng.poisson(30)
    # An exponential disc: its half-light radius is 1.678 scale lengths.
    radius = rng.gamma(2.0, galaxy["disc_radius"] / 1.678, n)
    azimuth = rng.uniform(0, 2 * np.pi, n)
    on_arm = rng.random(n) < galaxy["arms"]
    turn = np.log(radius / galaxy["disc_radius"]) / np.tan(galaxy["arm_pitch"])
    arm = rng.integers(0, galaxy["arm_number"], n) * 2 * np.pi / galaxy["arm_number"]
    spiral = turn + arm + galaxy["arm_phase"] + rng.normal(0, 0.15, n)
    azimuth = np.where(on_arm, spiral, azimuth)
    major = radius * np.cos(azimuth)
    minor = radius * np.sin(azimuth) * galaxy["disc_axis_ratio"]
    cosine, sine = np.cos(galaxy["orientation"]), np.sin(galaxy["orientation"])
    # Luminosities of star-forming regions: a power law of slope -1.8.
    share = rng.pareto(0.8, n) + 1
    share = np.minimum(share, 30)
    share /= share.sum()
    frame.add_points(
        x + cosine * major - sine * minor,
        y + sine * major + cosine * minor,
        share[:, None] * fluxes,
        blur=blur,
    )
