# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The Legacy Surveys' bricks: which one a position lies in.

The sky is cut into rows of 0.25 degrees in declination, and each row
into an even number of bricks of at most 0.25 degrees
(https://www.legacysurvey.org/dr10/description). A brick's coadds are
3600 x 3600 pixels of 0.262 arcsec around its centre, so that
neighbours overlap.
"""

from dataclasses import dataclass

import numpy as np

from astrovae.images.frames import standard_wcs

__all__ = ["BRICK_PIXELS", "Brick", "brick_at", "bricks_of_frame", "count_bricks"]

#: The side of a brick in degrees.
_SIDE = 0.25

#: The side of its coadds in pixels, and of their pixels in arcsec.
BRICK_PIXELS = 3600
_PIXEL = 0.262

_ROWS = round(180 / _SIDE) + 1


@dataclass(frozen=True)
class Brick:
    """
    One brick.

    Parameters
    ----------
    name : str
        E.g. "1238p245": its centre in tenths of a degree.
    ra, dec : float
        The centre in degrees.
    """

    name: str
    ra: float
    dec: float

    @property
    def wcs(self):
        """
        The place of its coadds on the sky.
        """
        shape = (BRICK_PIXELS, BRICK_PIXELS)
        return standard_wcs((self.ra, self.dec), _PIXEL, shape)


def brick_at(ra, dec):
    """
    Find the brick of a position.

    Parameters
    ----------
    ra, dec : float
        Degrees.

    Returns
    -------
    brick : `Brick`
        The brick.

    Examples
    --------
    >>> from astrovae.fetch.brick_grid import brick_at
    >>> brick_at(123.9, 24.5).name
    '1238p245'
    """
    row = int((dec + 90) / _SIDE + 0.5)
    centre = row * _SIDE - 90
    n = _columns(row)
    column = min(int(ra % 360 / 360 * n), n - 1)
    centre_ra = (column + 0.5) * 360 / n
    # Truncated, but only after rounding away what is not there.
    tenths_ra = round(centre_ra * 10000) // 1000
    tenths_dec = round(abs(centre) * 10000) // 1000
    sign = "m" if centre < 0 else "p"
    return Brick(f"{tenths_ra:04d}{sign}{tenths_dec:03d}", centre_ra, centre)


def _columns(row):
    # The bricks of a row: none wider than a brick is high.
    if row in (0, _ROWS - 1):
        return 1
    edge = abs(row * _SIDE - 90) - _SIDE / 2
    return int(np.ceil(360 / _SIDE * np.cos(np.radians(edge)) / 2) * 2)


def count_bricks():
    """
    Count the bricks of the whole sky.

    Returns
    -------
    n : int
        662,174.
    """
    return sum(_columns(row) for row in range(_ROWS))


def bricks_of_frame(ra, dec, radius):
    """
    Find the bricks whose coadds cover a frame.

    Parameters
    ----------
    ra, dec : float
        The frame's centre in degrees.
    radius : float
        Half of its side in arcsec.

    Returns
    -------
    bricks : list of `Brick`
        The brick of the centre; and the neighbours, if the frame
        reaches beyond its coadds.
    """
    first = brick_at(ra, dec)
    plane = standard_wcs((ra, dec), 1.0, (1, 1))
    steps = np.linspace(-radius, radius, 5 + int(radius / 200))
    sky = plane.wcs_pix2world(*(g.ravel() for g in np.meshgrid(steps, steps)), 0)
    pixels = np.array(first.wcs.wcs_world2pix(*sky, 0))
    if np.all((pixels > -0.5) & (pixels < BRICK_PIXELS - 0.5)):
        return [first]
    bricks = {first.name: first}
    for position in zip(*sky, strict=True):
        brick = brick_at(*position)
        bricks.setdefault(brick.name, brick)
    return list(bricks.values())
