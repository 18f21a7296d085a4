# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Galaxies and skies as the tests of images render them.
"""

import numpy as np
from astropy.wcs import WCS
from scipy.special import erf

#: The pixel of the Legacy Surveys in arcsec.
PIXEL = 0.262


def gaussian(size, sigma, pixel=1.0, offset=(0.0, 0.0), flux=1.0):
    """
    Integrate a round Gaussian over pixels, exactly.

    The sizes are in the unit of ``pixel``; the offset (x, y) is from
    the frame's centre.
    """
    edges = (np.arange(size + 1) - size / 2) * pixel
    x, y = (np.diff(erf((edges - o) / sigma / np.sqrt(2))) / 2 for o in offset)
    return flux * np.outer(y, x)


def tan_wcs(centre, shape, pixel=PIXEL, tangent=None, rotation=0.0, flip=-1):
    """
    Make a gnomonic WCS whose frame is centred on a position.
    """
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = centre if tangent is None else tangent
    c, s = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
    scale = np.diag([flip, 1]) * pixel / 3600
    wcs.wcs.cd = np.array([[c, -s], [s, c]]) @ scale
    wcs.wcs.crpix = 1, 1
    wcs.wcs.set()
    # Put the centre of the frame on the position.
    x, y = wcs.wcs_world2pix(*centre, 0)
    wcs.wcs.crpix = (shape[1] + 1) / 2 - x, (shape[0] + 1) / 2 - y
    wcs.wcs.set()
    return wcs


def sky_scene(wcs, shape, centre, sources):
    """
    Sample Gaussians on the sky: flux per pixel at each pixel's centre.

    A source is (east, north, sigma, flux): arcsec, arcsec, arcsec, nmgy.
    """
    y, x = np.indices(shape)
    ra, dec = wcs.wcs_pix2world(x.ravel(), y.ravel(), 0)
    plane = tan_wcs(centre, (1, 1), pixel=1.0)
    west, north = plane.wcs_world2pix(ra, dec, 0)
    image = np.zeros(x.size)
    area = np.abs(np.linalg.det(wcs.wcs.cd)) * 3600**2
    for east0, north0, sigma, flux in sources:
        r2 = (-west - east0) ** 2 + (north - north0) ** 2
        profile = np.exp(-r2 / (2 * sigma**2)) / (2 * np.pi * sigma**2)
        image += flux * area * profile
    return image.reshape(shape).astype(np.float32)
