# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What bricks have of one object.
"""

import numpy as np

from astrovae.fetch.brick_grid import BRICK_PIXELS
from astrovae.fetch.cutout_files import add_psf, piece_hdu, pieces_file
from astrovae.fetch.errors import ReplyError

__all__ = ["BrickPieces"]


class BrickPieces:
    """
    The pieces of bricks that were found for one object so far.

    Parameters
    ----------
    target : `~astrovae.fetch.settings.Target`
        The object.

    Attributes
    ----------
    urls : list of str
        The files that they come from.
    error : `~astrovae.fetch.errors.FetchError` or None
        Why the object has failed.
    """

    def __init__(self, target):
        self.target = target
        self.urls = []
        self.error = None
        self._pieces = {}
        self._psf = {}

    def needs(self, kind, band, brick):
        """
        Say whether a file of a brick matters.

        Parameters
        ----------
        kind : {"image", "invvar", "maskbits", "psfsize"}
            What it holds.
        band : str
            The band; for "maskbits", which has none, an empty string.
        brick : `~astrovae.fetch.brick_grid.Brick`
            The brick.

        Returns
        -------
        needs : bool
            Planes matter where there is an image of the brick, and the
            PSF where the brick has the position and no other told it.
        """
        if self.error is not None:
            return False
        if kind == "image":
            return True
        bands = [
            own
            for image, own, name in self._pieces
            if image == "image" and name == brick.name
        ]
        if not (band in bands if band else bands):
            return False
        if kind != "psfsize":
            return True
        x, y = brick.wcs.wcs_world2pix(self.target.ra, self.target.dec, 0)
        inside = _pixel(x, y, (BRICK_PIXELS, BRICK_PIXELS)) is not None
        return inside and band not in self._psf

    def cut(self, hdu, wcs, kind, band, brick, size):
        """
        Take what a file of a brick has of the object.

        Parameters
        ----------
        hdu : HDU
            The coadd.
        wcs : `~astropy.wcs.WCS`
            Its place on the sky.
        kind, band, brick
            As for `needs`.
        size : int
            The side of the frame in pixels.

        Raises
        ------
        `~astrovae.fetch.errors.ReplyError`
            If a plane has another shape than its image.
        """
        x, y = wcs.wcs_world2pix(self.target.ra, self.target.dec, 0)
        if kind == "psfsize":
            self._take_width(hdu, x, y, band)
            return
        corner = [int(np.rint(c - (size - 1) / 2)) for c in (x, y)]
        low = [max(c, 0) for c in corner]
        high = [min(c + size, n) for c, n in zip(corner, hdu.shape[::-1], strict=True)]
        piece = None
        if low[0] < high[0] and low[1] < high[1]:
            window = np.s_[low[1] : high[1], low[0] : high[0]]
            data = hdu.section[window]
            piece = piece_hdu(data, wcs[window], band, kind, brick.name, low)
        if kind != "image":
            self._check_grid(piece, band, brick)
        if piece is not None:
            self._pieces[kind, band, brick.name] = piece

    def images(self, band):
        """
        Return the pixels of all images in a band.

        Parameters
        ----------
        band : str
            The band.

        Returns
        -------
        images : list of `~numpy.ndarray`
            One per brick.
        """
        return [
            piece.data
            for (kind, own, _), piece in self._pieces.items()
            if kind == "image" and own == band
        ]

    def has_image(self):
        """
        Say whether there is an image at all.
        """
        return any(kind == "image" for kind, _, _ in self._pieces)

    def content(self, layer):
        """
        Make the object's file.

        Parameters
        ----------
        layer : str
            The survey's release.

        Returns
        -------
        content : bytes
            FITS, as the viewer's ``subimage``.
        """
        content = pieces_file(list(self._pieces.values()), layer)
        return add_psf(content, self._psf) if self._psf else content

    def _take_width(self, hdu, x, y, band):
        pixel = _pixel(x, y, hdu.shape)
        if pixel is not None:
            row, column = pixel
            value = float(hdu.section[row : row + 1, column : column + 1].item())
            if value > 0:
                self._psf[band] = value

    def _check_grid(self, piece, band, brick):
        # The reader pairs pieces by their place.
        for (kind, own, name), image in self._pieces.items():
            paired = kind == "image" and name == brick.name and band in ("", own)
            if paired and (piece is None or _grid(piece) != _grid(image)):
                msg = "another shape than that of the image"
                raise ReplyError(msg, general=True)


def _pixel(x, y, shape):
    row, column = int(np.rint(y)), int(np.rint(x))
    inside = 0 <= row < shape[0] and 0 <= column < shape[1]
    return (row, column) if inside else None


def _grid(piece):
    return piece.header["BRICK_X0"], piece.header["BRICK_Y0"], piece.data.shape
