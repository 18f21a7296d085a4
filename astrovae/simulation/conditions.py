# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Seeing, depth and reddening of a frame, and the noise they make.
"""

import numpy as np
from scipy.ndimage import convolve1d

from .fourier import radial_transform

__all__ = [
    "NATIVE_PIXEL",
    "SKY_SIGMA",
    "add_noise",
    "draw_conditions",
    "point_spread_functions",
]

#: Median seeing (FWHM, arcsec) and sky scatter (nmgy per pixel of
#: 0.262 arcsec) of DECaLS coadds, and the brightness of the sky (AB
#: mag per square arcsec), which with the scatter gives the gain. The
#: sky in g and r reproduces the slope of variance with flux in the DR9
#: inverse-variance maps.
SEEING = {"g": 1.30, "r": 1.20, "i": 1.15, "z": 1.10}
SKY_SIGMA = {"g": 0.0042, "r": 0.0055, "i": 0.0090, "z": 0.0140}
SKY_BRIGHTNESS = {"g": 21.7, "r": 21.0, "i": 20.0, "z": 18.7}
NATIVE_PIXEL = 0.262

# A pixel of a coadd that holds more than this has saturated in the
# exposures, nmgy: the centre of a star of r = 16.
_SATURATION = 14.0


def draw_conditions(bands, pixel_scale, rng):
    """
    Draw the conditions of one frame.

    Parameters
    ----------
    bands : tuple of str
        Bands among g, r, i, z.
    pixel_scale : float
        In arcsec; the sky scatter is that of a pixel of this size.
    rng : `~numpy.random.Generator`
        Source of randomness.

    Returns
    -------
    conditions : dict
        ``psf_fwhm`` (arcsec), ``psf_beta`` (Moffat), ``psf_shear`` (of
        shape (bands, 2)), ``sky_sigma`` (nmgy per pixel), ``gain``
        (electrons per nmgy) and ``correlation`` (of the noise of
        adjacent pixels), each of shape (bands,), and ``ebv`` (mag).
    """
    n = len(bands)
    seeing = np.array([SEEING[band] for band in bands])
    depth = np.array([SKY_SIGMA[band] for band in bands])
    sky = np.array([SKY_BRIGHTNESS[band] for band in bands])
    # Part of the spread is common to the bands of one sky position.
    seeing *= np.exp(rng.normal(0, 0.07) + rng.normal(0, 0.07, n))
    depth *= np.exp(rng.normal(0, 0.22) + rng.normal(0, 0.22, n))
    depth *= pixel_scale / NATIVE_PIXEL
    sky_flux = 10 ** (-0.4 * (sky - 22.5)) * pixel_scale**2
    return {
        "psf_fwhm": seeing,
        # These have closed transforms; others take galsim 100 times longer.
        "psf_beta": rng.choice([2.5, 3.0, 3.5, 4.0], n, p=[0.15, 0.35, 0.35, 0.15]),
        "psf_shear": rng.normal(0, 0.015, 2) + rng.normal(0, 0.01, (n, 2)),
        "sky_sigma": depth,
        # Poisson noise of the sky alone: sigma^2 = sky / gain.
        "gain": sky_flux / depth**2,
        "correlation": rng.uniform(0.1, 0.4) + rng.uniform(-0.08, 0.08, n),
        "ebv": float(np.clip(0.03 * np.exp(rng.normal(0, 0.6)), 0, 0.3)),
    }


def point_spread_functions(conditions):
    """
    Make the PSF of each band.

    Parameters
    ----------
    conditions : dict
        From `draw_conditions`.

    Returns
    -------
    psfs : list of tuple
        Moffat profiles, slightly elliptical: per band the arguments
        of `~astrovae.simulation.fourier.FourierFrame.transform`.
    """
    psfs = []
    for fwhm, beta, (g1, g2) in zip(
        conditions["psf_fwhm"],
        conditions["psf_beta"],
        conditions["psf_shear"],
        strict=True,
    ):
        shear = np.hypot(g1, g2)
        # The axes' ratio of a reduced shear, at the same area.
        stretch = np.sqrt((1 + shear) / (1 - shear))
        table = radial_transform("moffat", float(beta))
        angle = 0.5 * np.arctan2(g2, g1)
        psfs.append((table, fwhm * stretch, fwhm / stretch, angle))
    return psfs


def add_noise(images, conditions, rng):
    """
    Add the noise of sky and source, and lose what saturates.

    Resampling correlates the noise of adjacent pixels of a coadd; its
    inverse-variance maps, here as in the surveys, do not say so.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (bands, y, x)
        Noiseless, nmgy per pixel.
    conditions : dict
        From `draw_conditions`.
    rng : `~numpy.random.Generator`
        Source of randomness.

    Returns
    -------
    images : `~numpy.ndarray` of float32, shape (bands, y, x)
        In nanomaggies per pixel.
    inverse_variance : `~numpy.ndarray` of float32, same shape
        Of each pixel by itself; zero where it is saturated.
    """
    noisy = np.empty(images.shape, np.float32)
    inverse_variance = np.empty(images.shape, np.float32)
    for i, image in enumerate(images):
        light = np.clip(image, 0, _SATURATION)
        variance = conditions["sky_sigma"][i] ** 2 + light / conditions["gain"][i]
        noise = correlate(
            rng.standard_normal(image.shape), conditions["correlation"][i]
        )
        noisy[i] = np.minimum(image, _SATURATION) + noise * np.sqrt(variance)
        inverse_variance[i] = np.where(image < _SATURATION, 1 / variance, 0)
    return noisy, inverse_variance


def smoothing_weight(correlation):
    """
    The weight a of the kernel (a, 1, a) that correlates adjacent pixels.

    Parameters
    ----------
    correlation : float or `~numpy.ndarray`
        2 a / (1 + 2 a^2); above 0, at most 0.6.

    Returns
    -------
    a : float or `~numpy.ndarray`
        The weight.
    """
    return (1 - np.sqrt(1 - 2 * correlation**2)) / (2 * correlation)


def correlate(noise, correlation):
    """
    Correlate adjacent pixels of white noise; the variance stays.

    Parameters
    ----------
    noise : `~numpy.ndarray`, shape (y, x)
        White noise.
    correlation : float
        Of pixels one apart along an axis; above 0, at most 0.6.

    Returns
    -------
    noise : `~numpy.ndarray`, shape (y, x)
        Correlated noise.
    """
    a = smoothing_weight(correlation)
    kernel = np.array([a, 1.0, a]) / np.sqrt(1 + 2 * a**2)
    return convolve1d(convolve1d(noise, kernel, 0, mode="wrap"), kernel, 1, mode="wrap")
