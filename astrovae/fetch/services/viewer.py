# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The Legacy Surveys' sky viewer: ``fits-cutout`` and ``coadd-psf``.
"""

import math

import numpy as np

from astrovae.fetch import replies
from astrovae.fetch.configuration import conf
from astrovae.fetch.cutout_files import add_psf
from astrovae.fetch.errors import FetchError, ReplyError
from astrovae.fetch.psf import measure_fwhm
from astrovae.fetch.services.base import (
    NATIVE_SCALE,
    Cutout,
    OneByOneService,
    full_url,
)

__all__ = ["ViewerService"]

#: Room in a reply for headers and for what a server may add.
_EXTRA_BYTES = 1 << 20


class ViewerService(OneByOneService):
    """
    Cutouts that the viewer makes.

    An image alone is asked for at the pixel scale wanted. With planes
    of inverse variance or MASKBITS, which are right at the native scale
    only, everything is asked for at 0.262 arcsec, and resampled with
    its errors when it is read; with ``subimage``, unresampled.

    Parameters
    ----------
    settings, server
        As in `~astrovae.fetch.services.base.Service`.
    """

    name = "legacysurvey"
    planes = ("invvar", "maskbits", "psf")
    has_subimage = True

    def __init__(self, settings, server=None):
        super().__init__(settings, server)
        self._with = [p for p in settings.planes if p != "psf"]
        if settings.subimage and "maskbits" in self._with:
            msg = "subimage has no plane maskbits; leave one of the two out"
            raise ValueError(msg)
        self._scale = settings.pixel_scale
        self._size = settings.size
        if self._with or settings.subimage:
            ratio = settings.pixel_scale / NATIVE_SCALE
            self._scale = NATIVE_SCALE
            if settings.subimage:
                # Pieces are not centred, and perhaps a little turned.
                self._size = math.ceil(settings.size * ratio * 1.02) + 4
            elif abs(ratio - 1) > 1e-6:
                self._size = math.ceil(settings.size * ratio) + 2

    def default_server(self):
        """
        Return the configured root.
        """
        return conf.viewer_server

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
            One for the image, and one for the PSF if it is wanted.
        """
        settings = self.settings
        place = {
            "ra": f"{target.ra:.7f}",
            "dec": f"{target.dec:.7f}",
            "layer": settings.layer,
        }
        bands = {"bands": "".join(settings.bands)}
        image = {**place, "pixscale": f"{self._scale:.10g}", "size": self._size}
        image |= bands | dict.fromkeys(self._with, "")
        if settings.subimage:
            image["subimage"] = ""
        requests = [(f"{self.server}/fits-cutout", image)]
        if "psf" in settings.planes:
            requests.append((f"{self.server}/coadd-psf/", place | bands))
        return requests

    def fetch_one(self, target, transport):
        """
        Fetch one object; see `Service.fetch_one`.

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
        urls = [full_url(*request) for request in self.requests(target)]

        def check(body):
            look = self._check_pieces if self.settings.subimage else self._check_cube
            return body, look(body, target)

        content, note = transport.get(urls[0], check=check, largest=self._largest())
        for url in urls[1:]:
            try:
                fwhm = transport.get(url, check=self._check_psf)
            except FetchError as error:
                error.reason = f"PSF: {error.reason}"
                raise
            content = add_psf(content, fwhm)
        return Cutout(content, urls, note)

    def _largest(self):
        # Four bricks meet at a corner.
        planes = 2 * len(self.settings.bands) + 1
        copies = 4 if self.settings.subimage else 1
        return _EXTRA_BYTES + copies * planes * 4 * self._size**2

    def _check_cube(self, body, target):
        settings = self.settings
        with replies.open_reply(body) as hdus:
            image = replies.find_plane(hdus, "image")
            replies.check_layer(image.header, settings.layer)
            replies.check_frame(image.header, settings.bands, self._size)
            wcs = replies.check_scale(image.header, self._scale)
            shape = (self._size, self._size)
            replies.check_centre(wcs, shape, target.ra, target.dec)
            cube = np.reshape(image.data, (-1, *shape))
            for kind in self._with:
                plane = replies.find_plane(hdus, kind)
                wanted = image.shape if kind == "invvar" else shape
                if plane.shape != wanted:
                    msg = f"the {kind} plane is {plane.shape}, the image {image.shape}"
                    raise ReplyError(msg, general=True)
        return replies.check_coverage(dict(zip(settings.bands, cube, strict=True)))

    def _check_pieces(self, body, target):
        settings = self.settings
        pieces = {"image": {}, "invvar": {}}
        covered = False
        with replies.open_reply(body) as hdus:
            replies.check_layer(hdus[0].header, settings.layer)
            for hdu in hdus[1:]:
                kind, key = _piece_of(hdu.header)
                if kind not in pieces:
                    continue
                self._check_band(key[0])
                wcs = replies.check_scale(hdu.header, NATIVE_SCALE)
                if key in pieces[kind]:
                    msg = f"two pieces of {kind} in {key[0]} of brick {key[1]}"
                    raise ReplyError(msg)
                pieces[kind][key] = np.array(hdu.data)
                covered |= kind == "image" and _inside(wcs, hdu.shape, target)
        if not pieces["image"]:
            msg = "not covered: no piece of a brick"
            raise ReplyError(msg, empty=True)
        if not covered:
            msg = "another centre: no piece has the position"
            raise ReplyError(msg)
        _check_pairs(pieces["image"], pieces["invvar"])
        planes = {band: [np.zeros(1)] for band in settings.bands}
        for (band, *_), data in pieces["image"].items():
            planes[band].append(np.ravel(data))
        return replies.check_coverage(
            {band: np.concatenate(data[1:] or data) for band, data in planes.items()}
        )

    def _check_band(self, band):
        if band not in self.settings.bands:
            wanted = "/".join(self.settings.bands)
            msg = f"other bands: asked for {wanted}, got {band}"
            raise ReplyError(msg, general=True)

    def _check_psf(self, body):
        with replies.open_reply(body) as hdus:
            fwhm = {
                str(hdu.header["BAND"]).strip(): measure_fwhm(hdu.data, NATIVE_SCALE)
                for hdu in hdus
                if "BAND" in hdu.header and hdu.header["NAXIS"] == 2
            }
        missing = [
            band
            for band in self.settings.bands
            if not np.isfinite(fwhm.get(band, np.nan))
        ]
        if len(missing) == len(self.settings.bands):
            # There is an image all the same: this is no empty sky.
            msg = f"the reply has no PSF of {'/'.join(missing)}"
            raise ReplyError(msg)
        return {b: fwhm[b] for b in self.settings.bands if b not in missing}


def _piece_of(header):
    # What an HDU of a subimage is; and its band, brick and place there.
    kind = str(header.get("IMAGETYP", "")).strip().lower()
    names = [str(header.get(name, "?")).strip() for name in ("BAND", "BRICK")]
    corner = [header.get(name) for name in ("BRICK_X0", "BRICK_Y0")]
    return kind if header["NAXIS"] == 2 else "", (*names, *corner)


def _check_pairs(images, ivars):
    # The server gives both of each brick and band; without weights holes
    # and the sky could not be told apart.
    for key in sorted(images.keys() | ivars.keys(), key=str):
        where = f"{key[0]} of brick {key[1]}"
        for kind, planes in (("image", images), ("invvar", ivars)):
            if key not in planes:
                msg = f"the reply has no {kind} plane in {where}"
                raise ReplyError(msg, general=True)
        if images[key].shape != ivars[key].shape:
            msg = (
                f"the invvar plane in {where} is {ivars[key].shape}, the image "
                f"{images[key].shape}"
            )
            raise ReplyError(msg, general=True)


def _inside(wcs, shape, target):
    x, y = wcs.wcs_world2pix(target.ra, target.dec, 0)
    return bool(-0.5 <= x <= shape[1] - 0.5 and -0.5 <= y <= shape[0] - 0.5)
