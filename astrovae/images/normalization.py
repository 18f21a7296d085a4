# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
From flux to network input and back: Eq. 1 of the paper, the inverse
hyperbolic sine, and the Milky Way's dust.
"""

import numpy as np

__all__ = [
    "EXTINCTION",
    "asinh_inverse",
    "asinh_stretch",
    "dereddening_factor",
    "eq1_inverse",
    "eq1_stretch",
]

#: A / E(B-V) of DECam's bands: Schlegel, Finkbeiner & Davis (1998) dust
#: maps recalibrated by Schlafly & Finkbeiner (2011), as the Legacy
#: Surveys give it.
EXTINCTION = {"g": 3.214, "r": 2.165, "i": 1.592, "z": 1.211}


def eq1_stretch(flux, scale, beta=10.0):
    r"""
    Normalise fluxes by Eq. 1 of Gagliano & Villar (2023).

    .. math:: x = \tanh\left(\sinh^{-1}\left(\beta
              \frac{x_\mathrm{raw}}{\langle\max x_\mathrm{raw}\rangle}
              \right)\right) = \frac{t}{\sqrt{1 + t^2}}, \quad
              t = \beta\frac{x_\mathrm{raw}}
              {\langle\max x_\mathrm{raw}\rangle}

    The second form is exact and needs no transcendental function.

    Parameters
    ----------
    flux : `~numpy.ndarray`, shape (N, bands, y, x)
        Fluxes.
    scale : array_like, shape (bands,)
        The mean maximum of the training images, in the unit of the
        flux.
    beta : float, optional
        The softening of the paper.

    Returns
    -------
    x : `~numpy.ndarray`, shape (N, bands, y, x)
        Values in (-1, 1), in the type of the flux.
    """
    t = flux * _per_band(beta / np.asarray(scale, float), flux.dtype)
    # Beyond, the result is 1 to the last digit and the square overflows.
    np.clip(t, -1e15, 1e15, out=t)
    norm = np.multiply(t, t)
    norm += 1
    np.sqrt(norm, out=norm)
    t /= norm
    return t


def eq1_inverse(x, scale, beta=10.0):
    """
    Undo `eq1_stretch`.

    Parameters
    ----------
    x : `~numpy.ndarray`, shape (N, bands, y, x)
        Normalised values; those beyond +/- (1 - 1e-6) are clipped, for
        their flux would be infinite.
    scale : array_like, shape (bands,)
        The mean maximum of the training images.
    beta : float, optional
        The softening of the paper.

    Returns
    -------
    flux : `~numpy.ndarray`, shape (N, bands, y, x)
        Fluxes in the unit of the scale.
    """
    limit = 1 - 1e-6
    x = np.clip(np.asarray(x, float), -limit, limit)
    t = x / np.sqrt(1 - x**2)
    return t * _per_band(np.asarray(scale, float) / beta, float)


def asinh_stretch(flux, scale):
    """
    Compress fluxes by an inverse hyperbolic sine.

    Linear near the noise, logarithmic far above it; nothing saturates.

    Parameters
    ----------
    flux : `~numpy.ndarray`, shape (N, bands, y, x)
        Fluxes.
    scale : array_like, shape (bands,)
        The typical noise per pixel, in the unit of the flux.

    Returns
    -------
    x : `~numpy.ndarray`, shape (N, bands, y, x)
        ``asinh(flux / scale)``, in the type of the flux.
    """
    t = flux * _per_band(1 / np.asarray(scale, float), flux.dtype)
    return np.arcsinh(t, out=t)


def asinh_inverse(x, scale):
    """
    Undo `asinh_stretch`.

    Parameters
    ----------
    x : `~numpy.ndarray`, shape (N, bands, y, x)
        Stretched values.
    scale : array_like, shape (bands,)
        The typical noise per pixel.

    Returns
    -------
    flux : `~numpy.ndarray`, shape (N, bands, y, x)
        Fluxes in the unit of the scale.
    """
    return np.sinh(np.asarray(x, float)) * _per_band(scale, float)


def dereddening_factor(ebv, bands):
    """
    Find the factor that undoes the extinction of the Milky Way.

    Parameters
    ----------
    ebv : `~numpy.ndarray`, shape (N,)
        E(B-V) in magnitudes; NaN means unknown: a factor of one.
    bands : tuple of str
        The bands; one without a known coefficient is left as it is.

    Returns
    -------
    factor : `~numpy.ndarray`, shape (N, bands)
        ``10**(0.4 A)``.
    """
    ebv = np.where(np.isfinite(ebv), ebv, 0.0)
    coefficient = np.array([EXTINCTION.get(band, 0.0) for band in bands])
    return 10.0 ** (0.4 * ebv[:, None] * coefficient)


def _per_band(values, dtype):
    return np.asarray(values).astype(dtype).reshape(-1, 1, 1)
