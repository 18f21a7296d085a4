# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The coadds of whole bricks, on a server or in a folder.

Above some ten thousand objects this is the way: a brick is read once
for all objects in it.
"""

import math
import re
from copy import copy
from pathlib import Path

import numpy as np
from astropy.coordinates import SkyCoord

from astrovae.fetch import replies
from astrovae.fetch.brick_grid import brick_at, bricks_of_frame
from astrovae.fetch.coadd_headers import check_coadd
from astrovae.fetch.configuration import conf
from astrovae.fetch.errors import DAMAGE, FetchError, ReplyError, TransportError
from astrovae.fetch.servers import is_url
from astrovae.fetch.services.base import NATIVE_SCALE, Cutout, Job, Service
from astrovae.fetch.services.brick_files import BrickFiles
from astrovae.fetch.services.brick_pieces import BrickPieces

__all__ = ["BricksService"]

#: The declination that parts DR9 north from DR9 south.
_NORTH = 32.375

#: Objects whose pieces are in memory together.
_AT_ONCE = 256

#: What of a brick is added to its images, by plane.
_KINDS = {"invvar": "invvar", "psf": "psfsize"}

#: Arcseconds by which a coadd may be off the grid of its brick.
_OFF_GRID = 0.1

_NO_COADD = "not covered: no coadd of its brick"


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
    has_folders = True

    def __init__(self, settings, server=None):
        super().__init__(settings, server)
        self._layers = [""] if server else _folders(settings.layer)
        ratio = settings.pixel_scale / NATIVE_SCALE
        # A brick's grid is turned against that of the frame.
        self._size = math.ceil(settings.size * ratio * 1.02) + 4
        # Whether any file was found, and what was not before one was.
        self._found_files = False
        self._unsure = {}

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
        kinds = ["image", *(_KINDS[p] for p in self._planes(*_KINDS))]
        files = [(kind, band) for band in self.settings.bands for kind in kinds]
        files += [(plane, "") for plane in self._planes("maskbits")]
        return [
            (f"{self._roots(brick)[0]}/{_file_name(brick.name, kind, band)}", {})
            for brick in self._bricks(target)
            for kind, band in files
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
            One per brick, in the order of the first object in each.
        """
        self._unsure.clear()
        groups = {}
        for target in targets:
            groups.setdefault(brick_at(target.ra, target.dec).name, []).append(target)
        return [Job(f"brick {name}", group) for name, group in groups.items()]

    def fetch(self, targets, transport):
        """
        Fetch the objects of one brick; see `Service.fetch`.

        Each file of the brick, and of its neighbours if a frame reaches
        into them, is downloaded once. The objects are cut out some
        hundreds at a time.

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
        error = self._wrong_root()
        if error is not None:
            yield from ((target, error) for target in targets)
            return
        with BrickFiles(transport, keep=len(targets) > _AT_ONCE) as files:
            for start in range(0, len(targets), _AT_ONCE):
                some = targets[start : start + _AT_ONCE]
                if transport.patience.stopped:
                    msg = "stopped before it was cut out"
                    error = TransportError(msg, retry=True)
                    yield from ((target, error) for target in some)
                    continue
                yield from self._fetch_some(some, files)

    def reconsider(self):
        """
        Tell empty sky from a wrong root; see `Service.reconsider`.

        Returns
        -------
        results : list of tuple
            Objects whose bricks were missed before any file had been
            found, and that there is nothing there; none if there never
            was a file.
        """
        if not self._found_files:
            return []
        unsure = list(self._unsure)
        self._unsure.clear()
        return [(target, ReplyError(_NO_COADD, empty=True)) for target in unsure]

    def _fetch_some(self, targets, files):
        bricks, users = {}, {}
        for target in targets:
            for brick in self._bricks(target):
                bricks[brick.name] = brick
                users.setdefault(brick.name, []).append(target)
        found = {target: BrickPieces(target) for target in targets}
        for name, brick in bricks.items():
            self._read_brick(brick, [found[target] for target in users[name]], files)
        for target in targets:
            try:
                yield target, self._cutout(found[target])
            except FetchError as error:
                yield target, error

    def _bricks(self, target):
        radius = self._size * NATIVE_SCALE / 2
        return bricks_of_frame(target.ra, target.dec, radius)

    def _planes(self, *names):
        return [plane for plane in names if plane in self.settings.planes]

    def _roots(self, brick):
        # Where a brick may be; where it should be comes first.
        layers = self._layers
        if len(layers) > 1 and brick.dec > _NORTH:
            place = SkyCoord(brick.ra, brick.dec, unit="deg")
            layers = layers[::-1] if place.galactic.b > 0 else layers
        return [f"{self.server}/{layer}".rstrip("/") for layer in layers]

    def _wrong_root(self):
        # A folder can be looked at before.
        if is_url(self.server):
            return None
        root = Path(self.server.removeprefix("file://")).expanduser()
        if any((root / layer / "coadd").is_dir() for layer in self._layers):
            return None
        places = " or ".join(f"{layer}/coadd".lstrip("/") for layer in self._layers)
        msg = f"no folder {places} under {self.server}; is this a coadd root?"
        return TransportError(msg, general=True, halt=True)

    def _read_brick(self, brick, users, files):
        # All planes of a brick are of one half of the survey: the first
        # that has an image of it.
        for root in self._roots(brick):
            bands = [
                band
                for band in self.settings.bands
                if self._read(root, brick, "image", band, users, files)
            ]
            if bands:
                break
        else:
            return
        for band in bands:
            for plane in self._planes(*_KINDS):
                self._read(root, brick, _KINDS[plane], band, users, files)
        for plane in self._planes("maskbits"):
            self._read(root, brick, plane, "", users, files)

    def _read(self, root, brick, kind, band, users, files):
        # One file, for all who need it and have not failed yet. Returns
        # whether there is one.
        users = [user for user in users if user.needs(kind, band, brick)]
        if not users:
            return False
        name = _file_name(brick.name, kind, band)
        url = f"{root}/{name}"
        try:
            with files.open(url) as hdus:
                self._found_files = True
                self._cut_all(hdus, brick, kind, band, users)
        except FetchError as error:
            if error.empty and kind == "image":
                # No file, no exposures: the band is not covered there.
                return False
            failure = copy(error)
            failure.reason = f"{name}: {error.reason}"
            if error.empty:
                # There are exposures, so that this is no empty sky.
                failure.reason += ", though the brick has images"
                failure.empty, failure.general = False, True
            for user in users:
                user.error = failure
        else:
            for user in users:
                user.urls.append(url)
        return True

    def _cut_all(self, hdus, brick, kind, band, users):
        try:
            hdu = _first_image(hdus)
            check_coadd(hdu.header, self.settings.layer, kind, band, brick.name)
            wcs = replies.check_scale(hdu.header, NATIVE_SCALE)
            _check_grid(wcs, brick)
            for user in users:
                user.cut(hdu, wcs, kind, band, brick, self._size)
        except DAMAGE as error:
            msg = f"damaged FITS: {error}"
            raise ReplyError(msg) from error

    def _cutout(self, found):
        if found.error is not None:
            raise found.error
        if not found.has_image():
            raise self._missed(found.target)
        bands = self.settings.bands
        planes = {
            band: np.concatenate([np.ravel(d) for d in found.images(band)] or [[0.0]])
            for band in bands
        }
        note = replies.check_coverage(planes)
        content = found.content(self.settings.layer)
        return Cutout(content, list(dict.fromkeys(found.urls)), note)

    def _missed(self, target):
        # Over HTTP, empty sky and a wrong root look the same until the
        # first file is found.
        if self._found_files or not is_url(self.server):
            return ReplyError(_NO_COADD, empty=True)
        self._unsure[target] = None
        msg = f"no file found under {self.server}; is this a coadd root?"
        return TransportError(msg, doubtful=True)


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


def _first_image(hdus):
    for hdu in hdus:
        if hdu.is_image and len(hdu.shape) == 2:
            return hdu
    msg = "no image in the file"
    raise ReplyError(msg)


def _check_grid(wcs, brick):
    # All coadds of a brick are on one grid, from its first pixel on.
    offset = np.hypot(
        *(
            np.array(wcs.wcs_world2pix(brick.ra, brick.dec, 0))
            - brick.wcs.wcs_world2pix(brick.ra, brick.dec, 0)
        )
    )
    if not offset * NATIVE_SCALE <= _OFF_GRID:
        msg = f"another place: {offset:.1f} pixels from the grid of its brick"
        raise ReplyError(msg)
