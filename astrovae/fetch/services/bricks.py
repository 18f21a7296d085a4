# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The coadds of whole bricks, on a server or in a folder.

Above some ten thousand objects this is the way: a brick is read once
for all objects in it.
"""

import math
import re
from pathlib import Path

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits

from astrovae.fetch import replies
from astrovae.fetch.brick_grid import brick_at, bricks_of_frame
from astrovae.fetch.configuration import conf
from astrovae.fetch.cutout_files import add_psf, piece_hdu, pieces_file
from astrovae.fetch.errors import FetchError, ReplyError, TransportError
from astrovae.fetch.services.base import NATIVE_SCALE, Cutout, Job, Service

__all__ = ["BricksService"]

#: The declination that parts DR9 north from DR9 south.
_NORTH = 32.375

#: Objects that one read of a brick serves at most.
_AT_ONCE = 256

#: What astropy raises on files that make no sense.
_DAMAGE = (OSError, ValueError, TypeError, IndexError, KeyError)


class BricksService(Service):
    """
    Cutouts from the files ``coadd/AAA/BRICK/legacysurvey-BRICK-*``.

    Parameters
    ----------
    settings : `~astrovae.fetch.settings.Settings`
        What is asked for.
    server : str, optional
        The address or the folder that holds ``coadd``. By default the
        configured root and the folder of the layer in it, e.g.
        ``dr10/south`` of ``ls-dr10``.
    """

    name = "bricks"
    planes = ("invvar", "maskbits", "psf")
    has_subimage = True

    def __init__(self, settings, server=None):
        super().__init__(settings, server)
        self._layers = [""] if server else _folders(settings.layer)
        ratio = settings.pixel_scale / NATIVE_SCALE
        # A brick's grid is turned against that of the frame.
        self._size = math.ceil(settings.size * ratio * 1.02) + 4

    def default_server(self):
        """
        Return the configured root.
        """
        return conf.bricks_server

    def requests(self, target):
        """
        List the files for one object; see `Service.requests`.

        Parameters
        ----------
        target : `~astrovae.fetch.settings.Target`
            The object.

        Returns
        -------
        requests : list of tuple
            Each file, with an empty query.
        """
        folder = self._folder_names(target)[0]
        return [
            (f"{folder}/{_file_name(brick.name, kind, band)}", {})
            for brick in self._bricks(target)
            for kind, band in self._kinds()
        ]

    def jobs(self, targets):
        """
        Group objects by brick; see `Service.jobs`.

        Parameters
        ----------
        targets : list of `~astrovae.fetch.settings.Target`
            The objects.

        Returns
        -------
        jobs : list of `~astrovae.fetch.services.base.Job`
            One per brick, or several where it has very many objects: a
            job keeps all its pieces in memory.
        """
        groups = {}
        for target in targets:
            groups.setdefault(brick_at(target.ra, target.dec).name, []).append(target)
        return [
            Job(f"brick {name} {start}", groups[name][start : start + _AT_ONCE])
            for name in sorted(groups)
            for start in range(0, len(groups[name]), _AT_ONCE)
        ]

    def fetch(self, targets, transport):
        """
        Fetch the objects of one brick; see `Service.fetch`.

        Each file of the brick, and of its neighbours if a frame reaches
        into them, is read once.

        Parameters
        ----------
        targets : list of `~astrovae.fetch.settings.Target`
            The objects.
        transport : `~astrovae.fetch.transport.Transport`
            Sends the requests.

        Yields
        ------
        target : `~astrovae.fetch.settings.Target`
            An object.
        result : `~astrovae.fetch.services.base.Cutout` or \
`~astrovae.fetch.errors.FetchError`
            Its file, or why there is none.
        """
        bricks, users = {}, {}
        for target in targets:
            for brick in self._bricks(target):
                bricks[brick.name] = brick
                users.setdefault(brick.name, []).append(target)
        found = {target: _Found() for target in targets}
        for name in bricks:
            for kind, band in self._kinds():
                self._read(name, kind, band, users[name], found, transport)
        for target in targets:
            try:
                yield target, self._cutout(found[target])
            except FetchError as error:
                yield target, error

    def _bricks(self, target):
        radius = self._size * NATIVE_SCALE / 2
        return bricks_of_frame(target.ra, target.dec, radius)

    def _kinds(self):
        # The files to read: kind and band.
        wanted = self.settings.planes
        kinds = ["image"]
        kinds += ["invvar"] * ("invvar" in wanted) + ["psfsize"] * ("psf" in wanted)
        files = [(kind, band) for band in self.settings.bands for kind in kinds]
        return files + [("maskbits", "")] * ("maskbits" in wanted)

    def _folder_names(self, target):
        layers = self._layers
        if len(layers) > 1 and target.dec > _NORTH:
            place = SkyCoord(target.ra, target.dec, unit="deg")
            layers = layers[::-1] if place.galactic.b > 0 else layers
        return [f"{self.server}/{layer}".rstrip("/") for layer in layers]

    def _read(self, brick, kind, band, targets, found, transport):
        # One file, for all who need it and have not failed yet.
        targets = [target for target in targets if found[target].error is None]
        if not targets:
            return
        try:
            hdus, url = self._open(brick, kind, band, targets[0], transport)
            with hdus:
                self._cut_all(hdus, url, brick, kind, band, targets, found)
        except FetchError as error:
            if error.empty and kind == "image":
                # No file, no exposures: the band is not covered there.
                return
            error.reason = f"{_file_name(brick, kind, band)}: {error.reason}"
            for target in targets:
                if not error.empty or found[target].has_image(band):
                    found[target].error = error

    def _open(self, brick, kind, band, target, transport):
        name = _file_name(brick, kind, band)
        for folder in self._folder_names(target):
            url = f"{folder}/{name}"
            try:
                return _open_file(url, transport), url
            except FetchError as error:
                if not error.empty:
                    raise
        msg = "no such file"
        raise TransportError(msg, empty=True)

    def _cut_all(self, hdus, url, brick, kind, band, targets, found):
        try:
            hdu = _first_image(hdus)
            wcs = replies.check_scale(hdu.header, NATIVE_SCALE)
            for target in targets:
                found[target].urls.append(url)
                self._cut(hdu, wcs, brick, kind, band, target, found[target])
        except _DAMAGE as error:
            msg = f"damaged FITS: {error}"
            raise ReplyError(msg) from error

    def _cut(self, hdu, wcs, brick, kind, band, target, found):
        x, y = wcs.wcs_world2pix(target.ra, target.dec, 0)
        shape = hdu.shape
        if kind == "psfsize":
            row, column = int(np.rint(y)), int(np.rint(x))
            if 0 <= row < shape[0] and 0 <= column < shape[1]:
                value = float(hdu.section[row : row + 1, column : column + 1].item())
                if value > 0:
                    found.psf.setdefault(band, value)
            return
        corner = [int(np.rint(c - (self._size - 1) / 2)) for c in (x, y)]
        low = [max(c, 0) for c in corner]
        high = [
            min(c + self._size, n) for c, n in zip(corner, shape[::-1], strict=True)
        ]
        if low[0] >= high[0] or low[1] >= high[1]:
            return
        data = hdu.section[low[1] : high[1], low[0] : high[0]]
        place = wcs[low[1] : high[1], low[0] : high[0]]
        found.pieces.append(piece_hdu(data, place, band, kind, brick, low))

    def _cutout(self, found):
        if found.error is not None:
            raise found.error
        bands = self.settings.bands
        planes = {
            band: np.concatenate([np.ravel(d) for d in found.images(band)] or [[0.0]])
            for band in bands
        }
        if not any(found.has_image(band) for band in bands):
            msg = "not covered: no coadd of its brick"
            raise ReplyError(msg, empty=True)
        note = replies.check_coverage(planes)
        content = pieces_file(found.pieces, self.settings.layer)
        if found.psf:
            content = add_psf(content, found.psf)
        return Cutout(content, list(dict.fromkeys(found.urls)), note)


class _Found:
    """
    What was found for one object so far.
    """

    def __init__(self):
        self.pieces = []
        self.psf = {}
        self.urls = []
        self.error = None

    def images(self, band):
        return [
            piece.data
            for piece in self.pieces
            if piece.header["IMAGETYP"] == "image" and piece.header["BAND"] == band
        ]

    def has_image(self, band):
        return bool(self.images(band)) if band else bool(self.pieces)


def _folders(layer):
    # Where the files of a layer are, under the root.
    match = re.fullmatch(r"(?:ls|decals)-dr(\d+)(?:-(north|south))?", layer.lower())
    if match is None:
        msg = (
            f"the service 'bricks' knows no layer {layer!r}; it knows ls-dr10, "
            "ls-dr9, ls-dr9-north, decals-dr5 and the like"
        )
        raise ValueError(msg)
    release, half = int(match[1]), match[2]
    if release < 8:
        return [f"dr{release}"]
    if half:
        return [f"dr{release}/{half}"]
    # There was no new north after DR9.
    return [f"dr{release}/south", f"dr{min(release, 9)}/north"]


def _file_name(brick, kind, band):
    name = "-".join(filter(None, ("legacysurvey", brick, kind, band)))
    return f"coadd/{brick[:3]}/{brick}/{name}.fits.fz"


def _open_file(url, transport):
    if re.match(r"https?://", url):
        try:
            body = transport.get(url, check=_complete)
        except TransportError as error:
            # The service's way to say that there were no exposures.
            error.empty = error.status == 404
            raise
        return replies.open_reply(body)
    path = Path(url.removeprefix("file://")).expanduser()
    if not path.exists():
        msg = "no such file"
        raise TransportError(msg, empty=True)
    try:
        with replies.without_warnings():
            return fits.open(path, memmap=False, lazy_load_hdus=False)
    except _DAMAGE as error:
        msg = f"damaged FITS: {error}"
        raise ReplyError(msg) from error


def _complete(body):
    replies.open_reply(body).close()
    return body


def _first_image(hdus):
    for hdu in hdus:
        if hdu.is_image and len(hdu.shape) == 2:
            return hdu
    msg = "no image in the file"
    raise ReplyError(msg)
