# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
`CutoutFetcher`: positions in, images out.
"""

import contextlib
import shutil
import tempfile
from dataclasses import replace
from numbers import Real
from pathlib import Path

import astropy.units as u
import numpy as np

from astrovae.fetch.cache import Cache
from astrovae.fetch.configuration import conf
from astrovae.fetch.download import Download, progress_bar
from astrovae.fetch.manifest import Record, records_table
from astrovae.fetch.outputs import check_output
from astrovae.fetch.positions import read_positions
from astrovae.fetch.reading import read_rows
from astrovae.fetch.reddening import read_ebv
from astrovae.fetch.retries import Patience
from astrovae.fetch.servers import check_connections, own_root
from astrovae.fetch.services import make_service
from astrovae.fetch.settings import Settings
from astrovae.fetch.transport import Transport
from astrovae.images import GalaxyImageSet, HDF5Writer
from astrovae.images.checks import check_angle, check_bands
from astrovae.images.maskbits import MASKING_BITS, check_mask_bits

__all__ = ["CutoutFetcher"]

#: Objects that are read at a time on the way to HDF5.
_CHUNK = 128


class CutoutFetcher:
    """
    Fetch cutouts of the Legacy Surveys.

    Every reply is checked before it is kept: whether it is FITS and
    complete, its layer, bands, shape, pixel scale, centre and coverage.
    An object that fails does not stop the others.

    Parameters
    ----------
    service : {"legacysurvey", "bricks", "hips", "datalab"}, optional
        Where the images come from: the sky viewer, the coadds of whole
        bricks (the way for more than 10,000 objects), HiPS2FITS, or the
        Astro Data Lab.
    layer : str, optional
        The survey's release, e.g. "ls-dr10" or "ls-dr9-north".
    bands : str or sequence of str, optional
        The bands.
    size : int, optional
        The side of a cutout in pixels.
    pixel_scale : `~astropy.units.Quantity`, optional
        The side of a pixel; by default 0.262 arcsec, that of the
        survey.
    planes : sequence of str, optional
        What comes with the images: "invvar" (the inverse variance),
        "maskbits" (pixels that are no measurement become masked) and
        "psf" (its width). Not every service has them.
    subimage : bool, optional
        Ask the viewer for unresampled pixels with their inverse
        variance; they are brought to the frame here, by reproject.
    mask_bits : sequence of str, optional
        The bits of MASKBITS that mask a pixel. "SATUR" and "ALLMASK"
        stand for the bit of each band; "GALAXY" is not allowed.
    server : str, optional
        The root of the service, instead of that in
        `astrovae.fetch.conf`; for "bricks", an address or a folder
        which holds ``coadd``.
    connections, timeout, tries : optional
        Instead of those in `astrovae.fetch.conf`. There are at most 4
        connections to public servers, and 64 to one of your own.
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal.

    Attributes
    ----------
    manifest : `~astropy.table.QTable`
        After `fetch`, what became of each object.

    Raises
    ------
    ValueError
        If an argument is out of range, a service cannot give what is
        asked for, or ``server`` is no address.
    `~astropy.units.UnitsError`
        If ``pixel_scale`` is no angle.

    Examples
    --------
    >>> import astropy.units as u
    >>> from astropy.coordinates import SkyCoord
    >>> from astrovae import CutoutFetcher
    >>> fetcher = CutoutFetcher(layer="ls-dr10", bands="grz", size=128)
    >>> coords = SkyCoord([146.7142, 180.0] * u.deg, [-1.0413, 1.0] * u.deg)
    >>> requests = fetcher.fetch(coords, get_query_payload=True)
    >>> requests[0]["url"]
    'https://www.legacysurvey.org/viewer/fits-cutout'
    >>> requests[0]["params"]["bands"]
    'grz'
    >>> images = fetcher.fetch(coords, cache="cutouts/")  # doctest: +SKIP
    """

    def __init__(
        self,
        service="legacysurvey",
        *,
        layer="ls-dr10",
        bands="grz",
        size=128,
        pixel_scale=0.262 * u.arcsec,
        planes=(),
        subimage=False,
        mask_bits=MASKING_BITS,
        server=None,
        connections=None,
        timeout=None,
        tries=None,
        progress=None,
    ):
        scale = check_angle(pixel_scale, "pixel_scale").to_value(u.arcsec)
        settings = Settings(
            service=service,
            layer=str(layer),
            bands=check_bands(bands),
            size=_whole(size, "size"),
            pixel_scale=round(float(scale), 9),
            planes=_names(planes),
            subimage=bool(subimage),
        )
        self.mask_bits = check_mask_bits(mask_bits)
        self.service = make_service(settings, server)
        self.settings = replace(settings, server=own_root(self.service, server))
        self.connections = connections
        self._connections()
        self.timeout = timeout
        self.tries = tries
        self.progress = progress
        self._records = []

    def __repr__(self):
        s = self.settings
        return (
            f"<CutoutFetcher: {s.service}, {s.layer}, bands {' '.join(s.bands)}, "
            f"{s.size} x {s.size} pixels of {s.pixel_scale:.4g} arcsec>"
        )

    @property
    def manifest(self):
        """
        What became of each object of the last `fetch`.

        A `~astropy.table.QTable` with the columns id, ra, dec, service,
        status ("ok", "empty", "failed", or "pending" if it was not
        tried), reason, url, sha256, bytes, time and file.
        """
        return records_table(self._records)

    def fetch(
        self,
        coords,
        ids=None,
        cache=None,
        *,
        output=None,
        ebv=None,
        quantize_level=None,
        overwrite=False,
        retry_empty=False,
        get_query_payload=False,
    ):
        """
        Fetch one cutout per position.

        Parameters
        ----------
        coords : `~astropy.coordinates.SkyCoord` or table
            Positions, or a table with the columns ra and dec; see
            `~astrovae.fetch.positions.read_positions`.
        ids : array_like of str, optional
            Unique names; by default the table's column id or name, else
            "0", "1", ...
        cache : path-like, optional
            A folder where cutouts are kept, with their manifest. What
            is there already is not asked for again, so that a fetch
            that was interrupted, or killed, goes on where it stopped.
            Without one, files stay only if an error ends the fetch,
            whose note says where.
        output : path-like, optional
            An HDF5 file to write the images to, for lists that do not
            fit in memory.
        ebv : array_like or `~astropy.units.Quantity`, optional
            E(B-V) of each object in magnitudes, from 0 to 10, for the
            set's ``ebv``; masked or NaN where it is not known. By
            default the table's column ``ebv``, in any case.
        quantize_level : float, optional
            For ``output``, as in `~astrovae.images.HDF5Writer`.
        overwrite : bool, optional
            Whether ``output`` may be replaced.
        retry_empty : bool, optional
            Whether to ask again for objects of which the server said in
            an earlier run that it has nothing there. Those that failed
            otherwise are always tried again, after those never tried.
        get_query_payload : bool, optional
            Return the requests and send nothing.

        Returns
        -------
        images : `~astrovae.images.GalaxyImageSet`
            One row per position, in order; with ``output``, a lazy set.
            Rows without an image are masked and flagged, and
            ``images.reasons`` says why. With ``get_query_payload``, a
            list of dict: id, url and params of each request.

        Raises
        ------
        KeyboardInterrupt
            If it was interrupted; what had arrived is in the cache, or
            in the folder that the error's note names.
        ValueError, `~astropy.units.UnitsError`
            If a position or an ``ebv`` makes no sense.
        FileExistsError
            If ``output`` exists and may not be replaced.
        FileNotFoundError, IsADirectoryError, PermissionError
            If ``output`` cannot be written; nothing was sent then.
        """
        table = coords
        coords, ids = read_positions(table, ids)
        ebv = read_ebv(ebv, table, len(ids))
        targets = [
            self.settings.target(i, str(name), float(ra), float(dec))
            for i, (name, ra, dec) in enumerate(
                zip(ids, coords.ra.deg, coords.dec.deg, strict=True)
            )
        ]
        if get_query_payload:
            return [
                {"id": target.id, "url": url, "params": params}
                for target in targets
                if _has_position(target)
                for url, params in self.service.requests(target)
            ]
        if output is not None:
            output = check_output(output, overwrite, quantize_level)
        with _folder(cache) as folder:
            store = Cache(folder)
            records = self._download(targets, store, retry_empty)
            if output is None:
                images = read_rows(
                    targets, records, store, self.settings, self.mask_bits
                )
                images.ebv = ebv
            else:
                self._write(targets, ebv, records, store, output, quantize_level)
                images = GalaxyImageSet.read(output)
        return images

    def _connections(self):
        number = conf.connections if self.connections is None else self.connections
        number = _whole(number, "connections")
        check_connections(number, self.service.server)
        return number

    def _download(self, targets, store, retry_empty):
        transport = Transport(
            _seconds(conf.timeout if self.timeout is None else self.timeout),
            _whole(conf.tries if self.tries is None else self.tries, "tries"),
            Patience(conf.backoff, conf.longest_wait),
        )
        download = Download(
            self.service,
            store,
            transport,
            connections=self._connections(),
            give_up_after=conf.give_up_after,
            retry_empty=retry_empty,
            progress=self.progress,
        )
        lost = {
            target: _lost(target) for target in targets if not _has_position(target)
        }
        try:
            download.run([target for target in targets if target not in lost])
        finally:
            records = download.records | lost
            self._records = [records[t] for t in targets if t in records]
            transport.close()
            store.close()
        return records

    def _write(self, targets, ebv, records, store, output, quantize_level):
        # The file gets its name only when it is complete.
        partial = output.with_name(f".{output.name}.partial")
        try:
            with (
                progress_bar(len(targets), "writing", self.progress) as bar,
                HDF5Writer(partial, mode="w", quantize_level=quantize_level) as writer,
            ):
                for start in range(0, max(len(targets), 1), _CHUNK):
                    part = slice(start, start + _CHUNK)
                    images = read_rows(
                        targets[part], records, store, self.settings, self.mask_bits
                    )
                    images.ebv = None if ebv is None else ebv[part]
                    writer.append(images)
                    bar.update(len(images))
            partial.replace(output)
        finally:
            partial.unlink(missing_ok=True)


def _whole(value, name):
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        msg = f"{name!r} must be an int, not {value!r}"
        raise TypeError(msg)
    if value < 1:
        msg = f"{name!r} must be at least 1, not {value}"
        raise ValueError(msg)
    return int(value)


def _seconds(timeout):
    number = isinstance(timeout, Real) and not isinstance(timeout, (bool, np.bool_))
    if not number or not 0 < timeout < np.inf:
        msg = f"'timeout' must be a number of seconds above zero, not {timeout!r}"
        raise ValueError(msg)
    return float(timeout)


def _names(planes):
    return (planes,) if isinstance(planes, str) else tuple(dict.fromkeys(planes))


def _has_position(target):
    return bool(np.isfinite(target.ra) and np.isfinite(target.dec))


def _lost(target):
    return Record(
        target.id, target.ra, target.dec, "", "failed", "no position in the table"
    )


@contextlib.contextmanager
def _folder(cache):
    # The cache, or a folder for the time being. Whatever stops the run,
    # what has arrived stays.
    if cache is not None:
        yield cache
        return
    folder = tempfile.mkdtemp(prefix="astrovae-fetch-")
    arrived = False
    try:
        yield folder
    except BaseException as error:
        arrived = any(Path(folder).glob("??/*.fits"))
        if arrived:
            error.add_note(
                f"what had arrived is in {folder}; fetch(..., cache={folder!r}) goes on"
            )
        raise
    finally:
        if not arrived:
            shutil.rmtree(folder, ignore_errors=True)
