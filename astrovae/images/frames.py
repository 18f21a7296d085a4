# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
`Frame`: one band of one galaxy as a file holds it, and the WCS
arithmetic that the readers share.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from astropy.wcs import WCS, FITSFixedWarning

from astrovae.exceptions import ImageFormatError

__all__ = ["Frame", "celestial_wcs", "pixel_size", "standard_wcs"]


@dataclass
class Frame:
    """
    One band of one galaxy on the pixel grid of its file.

    Attributes
    ----------
    band : str
        The band.
    data : `~numpy.ndarray` of float32, shape (y, x)
        Nanomaggies per pixel.
    wcs : `~astropy.wcs.WCS`
        The sky's place in the frame.
    mask : `~numpy.ndarray` of bool, shape (y, x)
        True where there is no measurement.
    ivar : `~numpy.ndarray` of float32, shape (y, x), optional
        Inverse variance in nanomaggies**-2.
    """

    band: str
    data: np.ndarray
    wcs: WCS
    mask: np.ndarray
    ivar: np.ndarray | None = None

    def __post_init__(self):
        # A frame's own zeros, gaps and weights decide what it measured.
        bad = ~np.isfinite(self.data)
        self.data[bad] = 0
        self.mask = self.mask | bad
        if self.ivar is not None:
            sound = np.isfinite(self.ivar) & (self.ivar > 0)
            self.ivar = np.where(sound, self.ivar, np.float32(0))
            self.mask |= ~sound

    @property
    def centre(self):
        """
        RA and Dec of the frame's centre in degrees.
        """
        ny, nx = self.data.shape
        return self.wcs.wcs_pix2world((nx - 1) / 2, (ny - 1) / 2, 0)

    @property
    def corners(self):
        """
        RA and Dec of the outer corners in degrees, shape (2, 4).
        """
        ny, nx = self.data.shape
        x = np.array([0, nx, 0, nx]) - 0.5
        y = np.array([0, 0, ny, ny]) - 0.5
        return np.array(self.wcs.wcs_pix2world(x, y, 0))


def celestial_wcs(header):
    """
    Read the place of an image on the sky.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        The image's header.

    Returns
    -------
    wcs : `~astropy.wcs.WCS`
        Two axes, RA and Dec.

    Raises
    ------
    `~astrovae.exceptions.ImageFormatError`
        If the header has no such axes.
    """
    try:
        wcs = _plain_wcs(header) or _any_wcs(header)
        size = pixel_size(wcs)
    except ValueError as error:
        msg = f"no usable WCS in the header ({error})"
        raise ImageFormatError(msg) from error
    if [str(c)[:4].strip("-") for c in wcs.wcs.ctype] != ["RA", "DEC"]:
        msg = f"no RA and Dec axes in the header: CTYPE {list(map(str, wcs.wcs.ctype))}"
        raise ImageFormatError(msg)
    if not 0 < size < np.inf:
        msg = f"the WCS in the header has pixels of {size} arcsec"
        raise ImageFormatError(msg)
    return wcs


def _plain_wcs(header):
    # What survey cutouts have. astropy reads it as well, but formats and
    # checks the whole header first, which takes as long as all the rest.
    names = ("CRVAL", "CRPIX")
    if (
        header.get("CTYPE1") != "RA---TAN"
        or header.get("CTYPE2") != "DEC--TAN"
        or any(header.get(f"CUNIT{i}", "deg") != "deg" for i in (1, 2))
        or not all(isinstance(header.get(f"CD{i}_{i}"), float) for i in (1, 2))
        or not all(f"{name}{i}" in header for name in names for i in (1, 2))
        or {"LONPOLE", "LATPOLE", "PV1_1", "PV2_1", "A_ORDER", "CD3_3"} & set(header)
    ):
        return None
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = [header["CRVAL1"], header["CRVAL2"]]
    wcs.wcs.crpix = [header["CRPIX1"], header["CRPIX2"]]
    wcs.wcs.cd = [[header.get(f"CD{i}_{j}", 0.0) for j in (1, 2)] for i in (1, 2)]
    wcs.wcs.set()
    return wcs


def _any_wcs(header):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        return WCS(header, naxis=2)


def pixel_size(wcs):
    """
    Measure the side of a pixel.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        Two celestial axes in degrees.

    Returns
    -------
    size : float
        Arcseconds.
    """
    return float(np.sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix))) * 3600)


def standard_wcs(centre, size, shape):
    """
    Make a grid with north up and east left.

    Parameters
    ----------
    centre : tuple of float
        RA and Dec in degrees.
    size : float
        The side of a pixel in arcsec.
    shape : tuple of int
        (y, x).

    Returns
    -------
    wcs : `~astropy.wcs.WCS`
        A gnomonic projection; the centre is pixel (n - 1) / 2.
    """
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = [float(c) for c in centre]
    wcs.wcs.crpix = [(n + 1) / 2 for n in shape[::-1]]
    wcs.wcs.cd = np.diag([-size / 3600, size / 3600])
    wcs.wcs.set()
    return wcs
