# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
From the files of a cache to an image set, in the order asked.
"""

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.nddata import InverseVariance

from astrovae.exceptions import ImageFormatError
from astrovae.fetch.cutout_files import psf_fwhm
from astrovae.flags import GalaxyFlags
from astrovae.images import GalaxyImageSet
from astrovae.images.checks import sky
from astrovae.images.fits_files import read_headers
from astrovae.images.frames import celestial_wcs, pixel_size

__all__ = ["read_rows"]


def read_rows(targets, records, cache, settings, mask_bits):
    """
    Read cutouts.

    Parameters
    ----------
    targets : list of `~astrovae.fetch.settings.Target`
        The objects, in the order wanted.
    records : dict
        The `~astrovae.fetch.manifest.Record` of each.
    cache : `~astrovae.fetch.cache.Cache`
        Where the files are.
    settings : `~astrovae.fetch.settings.Settings`
        The grid wanted.
    mask_bits : tuple of str
        The bits of MASKBITS that mask a pixel.

    Returns
    -------
    images : `~astrovae.images.GalaxyImageSet`
        One row per target. Rows without an image are masked; they are
        flagged ``NO_COVERAGE`` where the survey has nothing, else
        ``UNREADABLE``, with a reason.
    """
    rows = _Rows(targets, settings)
    for i, target in enumerate(targets):
        record = records[target]
        if record.status != "ok":
            rows.fail(i, record)
            continue
        try:
            path = cache.path(record.file)
            rows.take(i, _read(path, target, settings, mask_bits))
            if "psf" in settings.planes:
                rows.psf[i] = _read_psf(path, settings.bands)
        except (ImageFormatError, FileNotFoundError) as error:
            record.status, record.reason = "failed", str(error)
            rows.fail(i, record)
    return rows.images()


class _Rows:
    """
    Pixels and attributes of the rows while they are read.
    """

    def __init__(self, targets, settings):
        self.targets = targets
        self.settings = settings
        n, size = len(targets), settings.size
        shape = (n, len(settings.bands), size, size)
        self.data = np.zeros(shape, dtype=np.float32)
        self.mask = None
        self.ivar = None
        if "invvar" in settings.planes or settings.subimage:
            self.ivar = np.zeros(shape, dtype=np.float32)
        self.psf = np.full((n, len(settings.bands)), np.nan)
        self.flags = np.zeros(n, dtype=int)
        self.reasons = {}

    def take(self, i, images):
        # The row of a set of one.
        self.data[i] = images.data[0]
        self.flags[i] = images.flags[0]
        if images.mask is not None:
            self._masks()[i] = images.mask[0]
        if self.ivar is not None and images.uncertainty is not None:
            self.ivar[i] = images.uncertainty.array[0]

    def fail(self, i, record):
        self._masks()[i] = True
        if record.status != "empty":
            self.flags[i] = int(GalaxyFlags.UNREADABLE)
        self.reasons[self.targets[i].id] = record.reason or "not fetched"

    def _masks(self):
        if self.mask is None:
            self.mask = np.zeros(self.data.shape, dtype=bool)
        return self.mask

    def images(self):
        settings = self.settings
        uncertainty = None
        if self.ivar is not None:
            uncertainty = InverseVariance(self.ivar, copy=False)
        return GalaxyImageSet(
            self.data,
            unit=u.nmgy,
            bands=settings.bands,
            pixel_scale=settings.pixel_scale * u.arcsec,
            coords=sky([t.ra for t in self.targets], [t.dec for t in self.targets]),
            ids=[t.id for t in self.targets],
            uncertainty=uncertainty,
            mask=self.mask,
            psf_fwhm=self.psf << u.arcsec,
            flags=self.flags,
            reasons=self.reasons,
            meta={"service": settings.service, "layer": settings.layer},
        )


def _read(path, target, settings, mask_bits):
    # The flux factor of resampled cutouts is the reader's business.
    pieces = settings.subimage or settings.service in ("bricks", "datalab")
    name = "subimage" if pieces else "viewer"
    where = {"coords": _centre(path, target, settings)} if pieces else {}
    return GalaxyImageSet.read(
        path,
        format=f"legacysurvey.{name}",
        bands=settings.bands,
        pixel_scale=settings.pixel_scale * u.arcsec,
        size=settings.size,
        mask_bits=mask_bits,
        **where,
    )


def _centre(path, target, settings):
    # At the native scale the frame is moved to whole pixels of the first
    # piece, by half a pixel at most: to share flux between pixels would
    # smooth the image and correlate its noise.
    headers = read_headers(path)
    header = next(h for h in headers if h.get("BAND") and h["NAXIS"] == 2)
    wcs = celestial_wcs(header)
    if abs(pixel_size(wcs) / settings.pixel_scale - 1) > 1e-6:
        return sky([target.ra], [target.dec])
    half = (settings.size - 1) / 2 % 1
    x, y = wcs.wcs_world2pix(target.ra, target.dec, 0)
    ra, dec = wcs.wcs_pix2world(np.rint(x - half) + half, np.rint(y - half) + half, 0)
    return sky([float(ra)], [float(dec)])


def _read_psf(path, bands):
    with fits.open(path, memmap=False) as hdus:
        return psf_fwhm(hdus, bands)
