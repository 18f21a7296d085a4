# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The Astro Data Lab: Simple Image Access, through pyvo.
"""

import io
import math

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord

from astrovae.fetch import replies
from astrovae.fetch.coadd_headers import check_coadd, coadd_brick
from astrovae.fetch.configuration import conf
from astrovae.fetch.cutout_files import add_psf, piece_hdu, pieces_file
from astrovae.fetch.errors import ReplyError
from astrovae.fetch.services.base import (
    NATIVE_SCALE,
    Cutout,
    OneByOneService,
    full_url,
)

__all__ = ["DatalabService"]

_PRODUCTS = {"invvar": "invvar", "maskbits": "maskbits", "psf": "psfsize"}

#: Columns of the reply by what they hold; archives spell them variously.
_COLUMNS = {
    "url": ("access_url", "accessurl", "access_reference"),
    "product": ("prodtype", "product_type"),
    "band": ("obs_bandpass", "filter", "band"),
}


class DatalabService(OneByOneService):
    """
    Unresampled pieces of coadds that the Data Lab cuts out.

    A first request lists the images at the position, and one more
    fetches each that is wanted.

    Parameters
    ----------
    settings, server
        As in `~astrovae.fetch.services.base.Service`; the server is the
        root to which the layer's name is added, such as ``ls_dr10``.
    """

    name = "datalab"
    planes = ("invvar", "maskbits", "psf")
    has_subimage = True

    def __init__(self, settings, server=None):
        super().__init__(settings, server)
        # Whole pixels of a grid that is a little turned.
        ratio = settings.pixel_scale / NATIVE_SCALE
        self._size = math.ceil(settings.size * ratio * 1.02) + 4

    def default_server(self):
        """
        Return the configured root.
        """
        return conf.datalab_server

    def requests(self, target):
        """
        List the requests for one object; see `Service.requests`.

        Parameters
        ----------
        target : `~astrovae.fetch.settings.Target`
            The object.

        Returns
        -------
        requests : list of tuple
            The query for images; their addresses are in its reply.
        """
        from pyvo.dal.sia import SIAQuery

        layer = self.settings.layer.replace("-", "_")
        url = f"{self.server}/{layer}"
        side = self._size * NATIVE_SCALE / 3600
        # The service counts degrees of right ascension on the equator.
        width = side / max(math.cos(math.radians(target.dec)), 1e-3)
        query = SIAQuery(
            url,
            pos=SkyCoord(target.ra, target.dec, unit="deg"),
            size=(width, side) * u.deg,
            format="image/fits",
            verbosity=2,
        )
        return [(url, {name: str(value) for name, value in query.items()})]

    def fetch_one(self, target, transport):
        """
        Fetch one object; see `OneByOneService.fetch_one`.

        Parameters
        ----------
        target : `~astrovae.fetch.settings.Target`
            The object.
        transport : `~astrovae.fetch.transport.Transport`
            Sends the requests.

        Returns
        -------
        cutout : `~astrovae.fetch.services.base.Cutout`
            Its file.
        """
        query = full_url(*self.requests(target)[0])
        rows = self._wanted(transport.get(query, check=_read_votable))
        if not any(product == "image" for product, _, _ in rows):
            msg = "not covered: no image in these bands"
            raise ReplyError(msg, empty=True)
        pieces = [
            (product, band, transport.get(url, check=self._check(product, band)))
            for product, band, url in rows
        ]
        self._check_planes(pieces)
        hdus, psf, covered = [], {}, False
        for product, band, (data, wcs, brick) in pieces:
            if product == "psfsize":
                psf.update(_width_at(data, wcs, band, target))
                continue
            inside = _pixel(wcs, data.shape, target) is not None
            covered |= product == "image" and inside
            hdus.append(piece_hdu(data, wcs, band, product, brick))
        if not covered:
            msg = "another centre: no piece has the position"
            raise ReplyError(msg)
        content = pieces_file(hdus, self.settings.layer)
        if psf:
            content = add_psf(content, psf)
        urls = [query, *(url for _, _, url in rows)]
        return Cutout(content, urls, self._note(hdus))

    def _check(self, product, band):
        # The check of a piece that was listed as this.
        def check(body):
            with replies.open_reply(body) as hdus:
                for hdu in hdus:
                    if hdu.is_image and len(hdu.shape) == 2:
                        header = hdu.header
                        check_coadd(header, self.settings.layer, product, band)
                        wcs = replies.check_scale(header, NATIVE_SCALE)
                        return np.array(hdu.data), wcs, coadd_brick(header)
            msg = "no image in the file"
            raise ReplyError(msg)

        return check

    def _check_planes(self, pieces):
        # Each image has all planes that were asked for, of its own shape;
        # the list may have left one out.
        shapes = {
            (product, band, brick): data.shape
            for product, band, (data, _, brick) in pieces
        }
        products = [_PRODUCTS[plane] for plane in self.settings.planes]
        for (kind, band, brick), shape in shapes.items():
            if kind != "image":
                continue
            for product in products:
                own = "" if product == "maskbits" else band
                given = shapes.get((product, own, brick))
                where = " ".join(filter(None, (product, own, "of brick", brick)))
                if given is None:
                    msg = f"the list of images has no {where}"
                    raise ReplyError(msg, general=True)
                if product != "psfsize" and given != shape:
                    msg = f"{where} is {given}, the image {shape}"
                    raise ReplyError(msg, general=True)

    def _wanted(self, table):
        # Product, band and address of each image that was asked for.
        names = {name.lower(): name for name in table.colnames}
        columns = {}
        for kind, synonyms in _COLUMNS.items():
            found = next((names[s] for s in synonyms if s in names), None)
            if found is None:
                msg = f"the list of images has no column {synonyms[0]}"
                raise ReplyError(msg, general=True)
            columns[kind] = [str(value) for value in table[found]]
        products = {"image", *(_PRODUCTS[p] for p in self.settings.planes)}
        rows = {}
        for product, bandpass, url in zip(
            columns["product"], columns["band"], columns["url"], strict=True
        ):
            # E.g. "g DECam SDSS c0001 4720.0 1520.0".
            band = "" if product == "maskbits" else bandpass.split(" ")[0]
            if product in products and (not band or band in self.settings.bands):
                rows[product, band, url] = None
        return list(rows)

    def _note(self, pieces):
        planes = {band: [np.zeros(1)] for band in self.settings.bands}
        for piece in pieces:
            if piece.header["IMAGETYP"] == "image":
                planes[piece.header["BAND"]].append(np.ravel(piece.data))
        planes = {band: np.concatenate(data) for band, data in planes.items()}
        return replies.check_coverage(planes)


def _read_votable(body):
    # A list of images, or a message in the same format.
    from astropy.io.votable import parse
    from pyvo.dal.exceptions import DALQueryError
    from pyvo.dal.sia import SIAResults

    if b"<VOTABLE" not in body[:4096].upper():
        msg = f"no VOTable; it begins with {body[:40]!r}"
        raise ReplyError(msg, retry=True, general=True)
    try:
        with replies.without_warnings():
            votable = parse(io.BytesIO(body), verify="ignore")
            return SIAResults(votable).to_table()
    except DALQueryError as error:
        msg = f"the service says {error}"
        raise ReplyError(msg, general=True) from error
    except (ValueError, IndexError, OSError) as error:
        msg = f"damaged VOTable: {error}"
        raise ReplyError(msg, retry=True) from error


def _pixel(wcs, shape, target):
    x, y = wcs.wcs_world2pix(target.ra, target.dec, 0)
    row, column = int(np.rint(y)), int(np.rint(x))
    inside = 0 <= row < shape[0] and 0 <= column < shape[1]
    return (row, column) if inside else None


def _width_at(data, wcs, band, target):
    pixel = _pixel(wcs, data.shape, target)
    if pixel is None or not data[pixel] > 0:
        return {}
    return {band: float(data[pixel])}
