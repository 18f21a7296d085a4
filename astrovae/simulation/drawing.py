# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
From galaxies to a set of images.
"""

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.nddata import InverseVariance

from astrovae.images import GalaxyImageSet
from astrovae.images.normalization import EXTINCTION

from .conditions import SKY_SIGMA, draw_conditions
from .rendering import render_galaxy

__all__ = ["assemble", "check_frame", "render_galaxies"]


def check_frame(bands, size, pixel_scale):
    """
    Make sure that a frame can be drawn.

    Parameters
    ----------
    bands : str or sequence of str
        Different ones among g, r, i, z.
    size : int
        Pixels on a side, at least 1.
    pixel_scale : `~astropy.units.Quantity`
        Angle per pixel.

    Returns
    -------
    bands : tuple of str
        The bands.
    pixel_scale : float
        In arcsec.

    Raises
    ------
    ValueError
        If the bands or the size are no such thing.
    `~astropy.units.UnitsError`
        If ``pixel_scale`` is not an angle.
    """
    bands = tuple(bands)
    if size < 1:
        msg = f"size must be at least 1 pixel, got {size}"
        raise ValueError(msg)
    unknown = [band for band in bands if band not in SKY_SIGMA]
    if unknown or not bands or len(set(bands)) < len(bands):
        msg = f"bands must be different ones among {''.join(SKY_SIGMA)}, got {bands}"
        raise ValueError(msg)
    scale = u.Quantity(pixel_scale)
    if not scale.unit.is_equivalent(u.arcsec):
        msg = f"'pixel_scale' must be an angle, got {pixel_scale!r}"
        raise u.UnitsError(msg)
    return bands, scale.to_value(u.arcsec)


def render_galaxies(galaxies, bands, size, pixel_scale, rng, ebv=None):
    """
    Draw galaxies, each under conditions of its own.

    Parameters
    ----------
    galaxies : dict of `~numpy.ndarray`
        From `~astrovae.simulation.population.draw_galaxies`, with the
        fluxes of these bands only.
    bands : tuple of str
        Bands among g, r, i, z.
    size : int
        Pixels on a side.
    pixel_scale : float
        In arcsec.
    rng : `~numpy.random.Generator`
        Source of randomness.
    ebv : `~numpy.ndarray`, shape (N,), optional
        The Milky Way's E(B-V), mag; NaN or `None`: drawn.

    Returns
    -------
    data, inverse_variance : `~numpy.ndarray`, shape (N, bands, size, size)
        In nanomaggies per pixel.
    observed : dict of `~numpy.ndarray`
        ``psf_fwhm`` (N, bands), arcsec, and ``ebv`` (N,).
    """
    n = len(galaxies["redshift"])
    data = np.empty((n, len(bands), size, size), np.float32)
    ivar = np.empty_like(data)
    psf_fwhm = np.empty((n, len(bands)))
    reddening = np.full(n, np.nan) if ebv is None else np.array(ebv, dtype=float)
    coefficients = np.array([EXTINCTION[band] for band in bands])
    for i in range(n):
        conditions = draw_conditions(bands, pixel_scale, rng)
        psf_fwhm[i] = conditions["psf_fwhm"]
        if not np.isfinite(reddening[i]):
            reddening[i] = conditions["ebv"]
        conditions["extinction"] = 10 ** (-0.4 * reddening[i] * coefficients)
        data[i], ivar[i] = render_galaxy(
            {name: values[i] for name, values in galaxies.items()},
            bands=bands,
            size=size,
            pixel_scale=pixel_scale,
            conditions=conditions,
            rng=rng,
        )
    return data, ivar, {"psf_fwhm": psf_fwhm, "ebv": reddening}


def assemble(table, pixels, observed, bands, pixel_scale):
    """
    Make a set of images of what was drawn.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        With the columns id, ra and dec.
    pixels : tuple of `~numpy.ndarray`, shape (N, bands, size, size)
        Data and inverse variance, in nanomaggies.
    observed : dict of `~numpy.ndarray`
        ``psf_fwhm`` (arcsec) and ``ebv``.
    bands : tuple of str
        The bands.
    pixel_scale : float
        In arcsec.

    Returns
    -------
    images : `~astrovae.GalaxyImageSet`
        N images.
    """
    data, inverse_variance = pixels
    return GalaxyImageSet(
        data * u.nmgy,
        bands=bands,
        pixel_scale=pixel_scale * u.arcsec,
        coords=SkyCoord(table["ra"], table["dec"]),
        ids=table["id"],
        uncertainty=InverseVariance(inverse_variance, unit=u.nmgy**-2),
        psf_fwhm=observed["psf_fwhm"] * u.arcsec,
        ebv=observed["ebv"],
    )
