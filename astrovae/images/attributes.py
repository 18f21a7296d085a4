# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What an image set knows of its galaxies besides the pixels.
"""

import astropy.units as u
import numpy as np
from astropy.table import QTable

from astrovae.flags import FLAG_MEANINGS, GalaxyFlags
from astrovae.images import checks

__all__ = ["GalaxyAttributes"]


class GalaxyAttributes:
    """
    The attributes of `~astrovae.images.GalaxyImageSet`; only `psf_fwhm`
    and `ebv`, which often come later than the pixels, can be set.
    """

    @property
    def bands(self):
        """
        The names of the bands, a tuple.
        """
        return self._bands

    @property
    def pixel_scale(self):
        """
        The size of a pixel, a `~astropy.units.Quantity` in arcsec.
        """
        return self._pixel_scale

    @property
    def coords(self):
        """
        The frames' centres, a `~astropy.coordinates.SkyCoord` of shape
        (N,), or None.
        """
        return self._coords

    @property
    def ids(self):
        """
        The unique names, an array of str of shape (N,).
        """
        return self._ids

    @property
    def psf_fwhm(self):
        """
        The PSF's width in arcsec, shape (N, bands); NaN if unknown.
        """
        return self._psf_fwhm

    @psf_fwhm.setter
    def psf_fwhm(self, value):
        self._psf_fwhm = checks.check_psf_fwhm(value, len(self), self._bands)

    @property
    def ebv(self):
        """
        E(B-V) in magnitudes, shape (N,); NaN if unknown.
        """
        return self._ebv

    @ebv.setter
    def ebv(self, value):
        self._ebv = checks.check_ebv(value, len(self))

    @property
    def flags(self):
        """
        Bits of `~astrovae.flags.GalaxyFlags`, shape (N,).
        """
        return self._flags

    @property
    def reasons(self):
        """
        For ids without a usable image, what was wrong.
        """
        return self._reasons

    @property
    def table(self):
        """
        All but the pixels: a `~astropy.table.QTable` with the columns
        id, ra, dec, psf_fwhm, ebv and flags.
        """
        missing = np.full(len(self), np.nan) << u.deg
        ra = missing if self._coords is None else self._coords.ra.to(u.deg)
        dec = missing if self._coords is None else self._coords.dec.to(u.deg)
        table = QTable(
            {
                "id": self._ids,
                "ra": u.Quantity(ra),
                "dec": u.Quantity(dec),
                "psf_fwhm": self._psf_fwhm,
                "ebv": self._ebv,
                "flags": self._flags,
            },
            copy=True,
        )
        table.meta["bands"] = list(self._bands)
        table.meta["pixel_scale"] = self._pixel_scale
        table.meta["reasons"] = dict(self._reasons)
        bits = {name: int(getattr(GalaxyFlags, name)) for name in FLAG_MEANINGS}
        table.meta["flags"] = bits
        return table

    def _copy_attributes(self, other, rows):
        # Take these rows of another set's attributes.
        self._bands = other.bands
        self._pixel_scale = other.pixel_scale
        self._ids = other.ids[rows]
        self._coords = None if other.coords is None else other.coords[rows]
        self._psf_fwhm = other.psf_fwhm[rows]
        self._ebv = other.ebv[rows]
        self._flags = other.flags[rows].copy()
        self._reasons = self._own_reasons(other.reasons)

    def _own_reasons(self, reasons):
        own = set(self._ids.tolist())
        return {i: text for i, text in reasons.items() if i in own}
