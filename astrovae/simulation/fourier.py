# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A frame that is put together in Fourier space.

The profiles' transforms are galsim's (Rowe et al. 2015), tabulated
once. Each object is evaluated once for all bands, the sum is multiplied
by each band's PSF, and one transform per band gives the pixels: several
times faster than drawing every object in every band.
"""

import functools

import numpy as np
from scipy import fft

__all__ = ["FourierFrame", "radial_transform"]

# Padding, so that the periodic images of what is near one edge do not
# appear at the other: 8 arcsec of native pixels.
_PADDING = 32


# Transforms are tabulated in the root of the wave number times the
# radius, which takes in both the cores and the wings of steep profiles.
_NODES_PER_ROOT = 150
_LARGEST = 500.0


@functools.cache
def radial_transform(kind, index):
    """
    Tabulate the transform of a round profile of unit flux.

    Parameters
    ----------
    kind : {"sersic", "moffat"}
        Which profile.
    index : float
        Sersic index, or beta of the Moffat profile.

    Returns
    -------
    table : `~numpy.ndarray`
        Values at (i / 150)^2, in units of the inverse half-light
        radius ("sersic") or of the inverse FWHM ("moffat").

    Raises
    ------
    ImportError
        Without the ``simulate`` extra.
    """
    galsim = _load_galsim()
    if kind == "sersic":
        profile = galsim.Sersic(n=index, half_light_radius=1.0)
    else:
        profile = galsim.Moffat(beta=index, fwhm=1.0)
    n = int(np.sqrt(_LARGEST) * _NODES_PER_ROOT)
    nodes = (np.arange(n) / _NODES_PER_ROOT) ** 2
    table = [profile.kValue(galsim.PositionD(k, 0.0)).real for k in nodes]
    # What is beyond the last node is nothing.
    return np.array([*table, 0.0, 0.0])


def _load_galsim():
    try:
        import galsim
    except ImportError as error:
        msg = "simulated images need galsim: pip install astrovae[simulate]"
        raise ImportError(msg) from error
    return galsim


class FourierFrame:
    """
    Light in several bands, before the atmosphere.

    Parameters
    ----------
    n_bands : int
        Number of bands.
    size : int
        Pixels on a side.
    pixel_scale : float
        Arcsec.
    """

    def __init__(self, n_bands, size, pixel_scale):
        self.size = size
        self.pixel_scale = pixel_scale
        self.n = fft.next_fast_len(size + 2 * _PADDING)
        self.n += self.n % 2
        self.step = 2 * np.pi / (self.n * pixel_scale)
        self.kx = self.step * np.arange(self.n // 2 + 1)
        self.ky = self.step * fft.fftfreq(self.n, 1 / self.n)
        # Positions are measured from the centre of the frame.
        self.centre = (size - 1) / 2 * pixel_scale
        self.light = np.zeros((n_bands, self.n, self.n // 2 + 1), complex)

    def transform(self, table, major, minor, angle):
        """
        Evaluate the transform of an elliptical profile at the origin.

        Parameters
        ----------
        table : `~numpy.ndarray`
            From `radial_transform`.
        major, minor : float
            Its scale along the two axes, arcsec.
        angle : float
            Of the major axis, from +x counter-clockwise, rad.

        Returns
        -------
        transform : `~numpy.ndarray`, shape (n, n // 2 + 1)
            On ``ky``, ``kx``.
        """
        cosine, sine = np.cos(angle), np.sin(angle)
        ky = self.ky[:, None]
        along = major * (cosine * self.kx + sine * ky)
        across = minor * (cosine * ky - sine * self.kx)
        node = np.sqrt(np.hypot(along, across))
        node *= _NODES_PER_ROOT
        np.minimum(node, len(table) - 2, out=node)
        below = node.astype(int)
        node -= below
        low = table[below]
        return low + node * (table[below + 1] - low)

    def add_profile(self, table, shape, x, y, fluxes):
        """
        Add a profile.

        Parameters
        ----------
        table : `~numpy.ndarray`
            From `radial_transform`.
        shape : tuple of float
            ``major``, ``minor`` and ``angle`` of `transform`.
        x, y : float
            Its place, arcsec from the centre of the frame.
        fluxes : array_like, shape (bands,)
            Its fluxes.
        """
        wave = self._wave(self.ky, y)[:, None] * self._wave(self.kx, x)
        wave *= self.transform(table, *shape)
        for i, flux in enumerate(fluxes):
            self.light[i] += flux * wave

    def add_points(self, x, y, fluxes, blur=0.0):
        """
        Add many points, or round Gaussians of one width.

        Parameters
        ----------
        x, y : `~numpy.ndarray`, shape (M,)
            Their places, arcsec from the centre of the frame.
        fluxes : `~numpy.ndarray`, shape (M,) or (M, bands)
            Their fluxes.
        blur : float, optional
            Standard deviation of the Gaussians, arcsec.
        """
        rows = self._wave(self.ky[:, None], y)
        columns = self._wave(self.kx, x[:, None])
        if blur > 0:
            rows *= np.exp(-0.5 * (self.ky * blur) ** 2)[:, None]
            columns *= np.exp(-0.5 * (self.kx * blur) ** 2)
        for i, flux in enumerate(np.transpose(fluxes)):
            self.light[i] += (rows * flux) @ columns

    def draw(self, psfs):
        """
        Convolve with the PSFs and sample the pixels.

        Parameters
        ----------
        psfs : list of tuple
            Per band the arguments of `transform`. They are those of
            the pixels, as surveys measure them: no further pixel is
            applied.

        Returns
        -------
        images : `~numpy.ndarray`, shape (bands, size, size)
            Flux per pixel.
        """
        seen = [
            layer * self.transform(*psf)
            for layer, psf in zip(self.light, psfs, strict=True)
        ]
        images = fft.irfft2(np.array(seen), s=(self.n, self.n))
        return images[:, : self.size, : self.size]

    def _wave(self, k, position):
        return np.exp(-1j * k * (position + self.centre))
