# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
`GalaxyImageSet`: images of many galaxies on one pixel grid.
"""

import copy as copy_module

import astropy.units as u
import numpy as np
from astropy.io.registry import UnifiedReadWriteMethod
from astropy.nddata import InverseVariance, NDData, NDIOMixin

from astrovae.flags import GalaxyFlags
from astrovae.images import checks, pixels
from astrovae.images.attributes import GalaxyAttributes
from astrovae.images.joining import concatenate
from astrovae.images.masks import COVERAGE_FLAGS, coverage_flags
from astrovae.images.operations import GridOperations
from astrovae.images.reading import GalaxyImageSetRead

__all__ = ["GalaxyImageSet"]


class GalaxyImageSet(GalaxyAttributes, GridOperations, NDIOMixin, NDData):
    """
    Images of galaxies, each centred in its frame, on one pixel grid.

    North is up and east is left; the centre of a frame is pixel
    ``(n - 1) / 2`` on each axis.

    Parameters
    ----------
    data : `~astropy.units.Quantity` or array_like, shape (N, bands, y, x)
        Flux per pixel: surface brightness integrated over the pixel.
        The unit is nanomaggies (``u.nmgy``: AB magnitude = 22.5 - 2.5
        log10 flux) or any that converts to it. NaN and infinite pixels
        become zero and masked.
    bands : str or sequence of str
        The bands in the order of the data, e.g. ``"grz"``.
    pixel_scale : `~astropy.units.Quantity`
        The size of a pixel, an angle.
    unit : unit-like, optional
        The unit of ``data`` where it is a plain array.
    coords : `~astropy.coordinates.SkyCoord`, shape (N,), optional
        The positions of the frames' centres.
    ids : array_like of str, shape (N,), optional
        Unique names; by default "0", "1", ...
    uncertainty : `~astropy.nddata.NDUncertainty`, optional
        Of each pixel, or of a shape that broadcasts to the data; kept
        as `~astropy.nddata.InverseVariance`. Pixels with no finite,
        positive inverse variance are masked.
    mask : array_like of bool, optional
        True where a pixel is no measurement; broadcast to the data.
    psf_fwhm : `~astropy.units.Quantity`, optional
        The PSF's width, shape (N, bands), (bands,) or scalar.
    ebv : array_like, shape (N,) or scalar, optional
        E(B-V) of the Milky Way in magnitudes; NaN where not known.
    flags : array_like of int, shape (N,), optional
        Bits of `~astrovae.flags.GalaxyFlags`; those that follow from
        mask and data are added.
    reasons : dict, optional
        For ids without a usable image, what was wrong.
    meta : dict, optional
        Anything else.
    copy : bool, optional
        Whether to copy the pixels.

    Raises
    ------
    `~astropy.units.UnitsError`
        If a unit is missing or of the wrong kind.
    ValueError
        If a shape is wrong, a band repeated or an id not unique.
    TypeError
        If an argument has the wrong type.

    Examples
    --------
    >>> import astropy.units as u
    >>> import numpy as np
    >>> from astrovae import GalaxyImageSet
    >>> images = GalaxyImageSet(np.ones((2, 3, 8, 8)), unit=u.nmgy,
    ...                         bands="grz", pixel_scale=0.262 * u.arcsec)
    >>> images
    <GalaxyImageSet: 2 galaxies, bands g r z, 8 x 8 pixels of 0.262 arcsec,
    nmgy>
    >>> images.crop(4).shape
    (2, 3, 4, 4)
    """

    read = UnifiedReadWriteMethod(GalaxyImageSetRead)

    _flags = None
    _source = None

    def __init__(
        self,
        data,
        *,
        bands,
        pixel_scale,
        unit=None,
        coords=None,
        ids=None,
        uncertainty=None,
        mask=None,
        psf_fwhm=None,
        ebv=None,
        flags=None,
        reasons=None,
        meta=None,
        copy=False,
    ):
        bands = checks.check_bands(bands)
        pixel_scale = checks.check_angle(pixel_scale, "pixel_scale")
        data, unit, own_mask = pixels.check_pixels(data, unit, len(bands), copy)
        n = data.shape[0]
        mask = pixels.check_mask(mask, data.shape)
        own_mask = pixels.check_mask(own_mask, data.shape)
        data, mask, nonfinite = pixels.mask_nonfinite(data, _either(mask, own_mask))
        ivar = pixels.inverse_variance(uncertainty, unit, data.shape)
        if ivar is not None and not np.all(ivar > 0):
            mask = _either(mask, ivar == 0)

        self._shape = data.shape
        super().__init__(data, unit=unit, meta=dict(meta or {}))
        self._bands = bands
        self._pixel_scale = pixel_scale
        self._coords = checks.check_coords(coords, n)
        self._ids = checks.check_ids(ids, n)
        self._psf_fwhm = checks.check_psf_fwhm(psf_fwhm, n, bands)
        self._ebv = checks.check_ebv(ebv, n)
        self._flags = checks.check_per_galaxy(flags, n, "flags", np.int64, 0)
        self._flags[nonfinite] |= int(GalaxyFlags.NONFINITE_PIXELS)
        self._reasons = self._own_reasons(reasons or {})
        self._set_pixels(data, mask, ivar)

    def _set_pixels(self, data, mask, ivar):
        # Checked pixels take their place; the flags follow the mask.
        self._data = data
        self._shape = data.shape
        NDData.mask.fset(self, mask)
        if ivar is not None:
            ivar = InverseVariance(ivar, unit=1 / self.unit**2, copy=False)
        NDData.uncertainty.fset(self, ivar)
        self._update_coverage()

    def _update_coverage(self):
        found = coverage_flags(
            self._mask, self._pixel_scale.to_value(u.arcsec), len(self)
        )
        unreadable = self._flags & int(GalaxyFlags.UNREADABLE) > 0
        found[unreadable] = 0
        self._flags = self._flags & ~COVERAGE_FLAGS | found

    def _load(self):
        # Read the pixels of a lazy set, once.
        if self._source is None:
            return
        data, mask, ivar = self._source.read()
        self._source = None
        flags = self._flags
        self._set_pixels(data, mask, ivar)
        self._flags = flags

    @property
    def data(self):
        """
        The pixels, shape (N, bands, y, x), in `unit`; a lazy set reads
        them here.
        """
        self._load()
        return self._data

    @property
    def mask(self):
        """
        True where a pixel is no measurement, or None if all are.
        """
        self._load()
        return self._mask

    @mask.setter
    def mask(self, value):
        self._load()
        NDData.mask.fset(self, pixels.check_mask(value, self.shape))
        if self._flags is not None:
            self._update_coverage()

    @property
    def uncertainty(self):
        """
        The `~astropy.nddata.InverseVariance` of each pixel, or None.
        """
        self._load()
        return self._uncertainty

    @uncertainty.setter
    def uncertainty(self, value):
        self._load()
        ivar = pixels.inverse_variance(value, self.unit, self.shape)
        if ivar is None:
            NDData.uncertainty.fset(self, None)
            return
        mask = self._mask if np.all(ivar > 0) else _either(self._mask, ivar == 0)
        self._set_pixels(self._data, mask, ivar)

    @property
    def shape(self):
        """
        (N, bands, y, x).
        """
        return self._shape

    @property
    def is_lazy(self):
        """
        Whether the pixels are still in the file only.
        """
        return self._source is not None

    def __len__(self):
        return self._shape[0]

    def __repr__(self):
        n, _, ny, nx = self._shape
        kind = ", on disk" if self.is_lazy else ""
        return (
            f"<GalaxyImageSet: {n} {'galaxy' if n == 1 else 'galaxies'}, "
            f"bands {' '.join(self._bands)}, {ny} x {nx} pixels of "
            f"{self._pixel_scale:.4g}, {self.unit}{kind}>"
        )

    __str__ = __repr__

    def __getitem__(self, item):
        if isinstance(item, tuple) and len(item) == 2 and item[1] is Ellipsis:
            # scikit-learn takes rows of what has a shape by X[rows, ...].
            item = item[0]
        rows = _rows(item, len(self))
        new = self._without_pixels(rows)
        if self._source is not None:
            new._source = self._source.take(rows)
            new._shape = (len(new._ids), *self._shape[1:])
            return new
        new._data = self._data[rows]
        new._shape = new._data.shape
        mask = None if self._mask is None else self._mask[rows]
        NDData.mask.fset(new, mask)
        if self._uncertainty is not None:
            NDData.uncertainty.fset(new, self._uncertainty[rows])
        return new

    def _without_pixels(self, rows=slice(None)):
        new = copy_module.copy(self)
        new._data = new._mask = new._uncertainty = new._source = None
        new.meta = dict(self.meta)
        new._copy_attributes(self, rows)
        return new

    def _with_pixels(self, data, mask, ivar, **attributes):
        # The same galaxies on other pixels.
        new = self._without_pixels()
        for name, value in attributes.items():
            setattr(new, f"_{name}", value)
        new._set_pixels(data, mask, ivar)
        return new

    @property
    def _ivar(self):
        # The inverse variance as a plain array, or None.
        uncertainty = self.uncertainty
        return None if uncertainty is None else uncertainty.array

    @classmethod
    def concatenate(cls, sets):
        """
        Join sets of the same bands and pixel grid.

        Parameters
        ----------
        sets : sequence of `GalaxyImageSet`
            At least one; pixels are converted to the unit of the first.

        Returns
        -------
        images : `GalaxyImageSet`
            All galaxies in order; lazy sets are read. Pixels of a set
            without uncertainty, among others with, have an inverse
            variance of zero and are not masked.

        Raises
        ------
        ValueError
            If bands, pixel scale or frames differ, or an id is
            repeated.
        """
        return concatenate(list(sets))

    def orientation(self, n_jobs=None):
        """
        Measure the angle of each galaxy's major axis on its frame.

        Parameters
        ----------
        n_jobs : int, optional
            The number of processes, as in joblib: None is one, -1 is
            one per core.

        Returns
        -------
        angle : `~astropy.units.Quantity`, shape (N,)
            Degrees from the +x axis (toward decreasing right
            ascension) counter-clockwise to the major axis, in
            (-90, 90]; NaN where the measurement failed. The position
            angle east of north is 90 degrees less, modulo 180.
        error : `~astropy.units.Quantity`, shape (N,)
            Its standard deviation, at least 0.1 rad and at most 52
            degrees; NaN where the measurement failed.
        failed : `~numpy.ndarray` of bool, shape (N,)
            Whether there is no source near the centre.
        """
        # Loaded on use: images are read without photutils and joblib.
        from astrovae.images.orientation import measure_orientation

        return measure_orientation(self, n_jobs)

    def iter_chunks(self, n=256):
        """
        Go through the set without having all its pixels in memory.

        Parameters
        ----------
        n : int, optional
            The galaxies per chunk.

        Yields
        ------
        images : `GalaxyImageSet`
            The next galaxies, in memory.
        """
        if n < 1:
            msg = f"'n' must be at least 1, not {n}"
            raise ValueError(msg)
        for start in range(0, len(self), n):
            chunk = self[start : start + n]
            chunk._load()
            yield chunk


def _either(a, b):
    if a is None or b is None:
        return b if a is None else a
    return a | b


def _rows(item, n):
    # An index as a slice or an array, so that the set stays a set.
    if isinstance(item, slice):
        return item
    if isinstance(item, (bool, np.bool_)):
        msg = "a set cannot be indexed by one bool"
        raise IndexError(msg)
    if isinstance(item, (int, np.integer)):
        if not -n <= item < n:
            msg = f"index {item} is out of range for {n} galaxies"
            raise IndexError(msg)
        return slice(item % n, item % n + 1)
    rows = np.asarray(item)
    if rows.size == 0 and rows.dtype.kind == "f":
        rows = rows.astype(int)
    if rows.ndim != 1 or rows.dtype.kind not in "biu":
        msg = (
            "a set is indexed by an int, a slice, a boolean mask or an "
            f"array of int, not by {item!r}"
        )
        raise IndexError(msg)
    if rows.dtype.kind == "b":
        if rows.shape != (n,):
            msg = f"a mask of shape {rows.shape} for {n} galaxies"
            raise IndexError(msg)
        return np.flatnonzero(rows)
    if rows.size and not (-n <= rows.min() and rows.max() < n):
        msg = f"an index of {item!r} is out of range for {n} galaxies"
        raise IndexError(msg)
    return rows
