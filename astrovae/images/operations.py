# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Bringing image sets to other grids, bands and units.

All galaxies of a set go through together, as matrix products.
"""

import astropy.units as u
import numpy as np

from astrovae.flags import GalaxyFlags
from astrovae.images import checks
from astrovae.images.interpolation import area_matrix, resize_masked
from astrovae.images.pixels import reciprocal

__all__ = ["GridOperations"]

#: Pixels coarser by more than this factor are reported.
COARSE_RATIO = 1.5


class GridOperations:
    """
    The methods of `~astrovae.images.GalaxyImageSet` that change pixels.
    """

    def crop(self, size):
        """
        Cut the frames to their central part.

        Parameters
        ----------
        size : int
            The new side in pixels; at most that of the frames. Where
            it is even and the frame odd, or the reverse, the image is
            shifted by half a pixel, sharing flux between neighbours,
            so that its centre stays at ``(n - 1) / 2``.

        Returns
        -------
        images : `GalaxyImageSet`
            The cropped set.

        Raises
        ------
        ValueError
            If the frames are smaller.
        """
        size = _check_size(size)
        ny, nx = self.shape[-2:]
        if size > min(ny, nx):
            msg = (
                f"cannot crop frames of {ny} x {nx} pixels to {size}; to_grid pads them"
            )
            raise ValueError(msg)
        return _to_frame(self, size)

    def resample(self, pixel_scale, size=None):
        """
        Bring the images to another pixel scale, conserving flux.

        The flux of a pixel is shared among the new pixels by area.
        Inverse variances are propagated, ``var_out = sum(w**2 var)``,
        pixel by pixel: on finer grids and on grids that are not
        multiples of the old, neighbouring pixels share noise, and their
        covariance is not kept. New pixels with less than half of
        their area on valid pixels are masked; others are scaled up to
        their whole area.

        Parameters
        ----------
        pixel_scale : `~astropy.units.Quantity`
            The new size of a pixel.
        size : int, optional
            The new side in pixels; by default as many as fit in the
            old frame.

        Returns
        -------
        images : `GalaxyImageSet`
            The resampled set.

        Raises
        ------
        `~astropy.units.UnitsError`
            If ``pixel_scale`` is no angle.
        ValueError
            If ``size`` is not positive.
        """
        pixel_scale = checks.check_angle(pixel_scale, "pixel_scale")
        ratio = (pixel_scale / self.pixel_scale).to_value(u.dimensionless_unscaled)
        if size is None:
            # A frame of 128.0000001 pixels has 128, and so has 127.9999999.
            size = tuple(
                max(int(np.floor(n / ratio + 1e-6)), 1) for n in self.shape[-2:]
            )
        else:
            size = (_check_size(size),) * 2
        if checks.same_scale(pixel_scale, self.pixel_scale):
            ratio = 1.0
        rows, columns = (
            area_matrix(n_in, n_out, ratio)
            for n_in, n_out in zip(self.shape[-2:], size, strict=True)
        )
        ivar = self._ivar
        data, mask, variance = resize_masked(
            rows,
            self.data,
            columns,
            full=ratio**2,
            mask=self.mask,
            variance=None if ivar is None else reciprocal(ivar),
        )
        return self._with_pixels(
            data,
            mask,
            None if variance is None else reciprocal(variance),
            pixel_scale=pixel_scale,
        )

    def to_grid(self, bands=None, pixel_scale=None, size=None):
        """
        Bring the images to given bands, pixel scale and frame.

        Parameters
        ----------
        bands : str or sequence of str, optional
            The bands in the new order. One that the set does not have
            is zero, masked, and flagged ``MISSING_BAND``.
        pixel_scale : `~astropy.units.Quantity`, optional
            The size of a pixel. Where the old pixels were more than
            1.5 times coarser the row is flagged ``COARSE_PIXELS``.
        size : int, optional
            The side in pixels. Where the old frame was smaller it is
            padded, masked, and the row flagged ``SMALL_FRAME``.

        Returns
        -------
        images : `GalaxyImageSet`
            The set itself where nothing is to be done.
        """
        images = self
        if bands is not None and checks.check_bands(bands) != self.bands:
            images = _to_bands(self, checks.check_bands(bands))
        scale = self.pixel_scale
        if pixel_scale is not None:
            scale = checks.check_angle(pixel_scale, "pixel_scale")
        if size is not None:
            size = _check_size(size)
        ratio = (scale / self.pixel_scale).to_value(u.dimensionless_unscaled)
        extra = 0
        if ratio * COARSE_RATIO < 1 - 1e-6:
            extra |= int(GalaxyFlags.COARSE_PIXELS)
        # Half a pixel of tolerance: a frame of 127.9 new pixels is no
        # smaller than one of 128.
        if size is not None and min(self.shape[-2:]) < (size - 0.5) * ratio:
            extra |= int(GalaxyFlags.SMALL_FRAME)
        if not checks.same_scale(scale, self.pixel_scale):
            images = images.resample(scale, size)
        elif size is not None and self.shape[-2:] != (size, size):
            images = _to_frame(images, size)
        if extra:
            images = images[:]
            images._flags |= extra
        return images

    def to(self, unit):
        """
        Convert the pixels to another unit of flux.

        Parameters
        ----------
        unit : unit-like
            E.g. ``u.uJy``; 1 nmgy is 3.631 uJy.

        Returns
        -------
        images : `GalaxyImageSet`
            The set itself where nothing is to be done.

        Raises
        ------
        `~astropy.units.UnitsError`
            If it is no flux.
        """
        unit = checks.check_flux_unit(unit, "unit")
        if unit == self.unit:
            return self
        factor = (1 * self.unit).to_value(unit, checks.AB_FLUX)
        data = self.data * self.data.dtype.type(factor)
        ivar = self._ivar
        if ivar is not None:
            ivar = ivar / np.float32(factor**2)
        return self._with_pixels(data, self.mask, ivar, unit=unit)


def _to_bands(images, bands):
    n, _, ny, nx = images.shape
    shape = (n, len(bands), ny, nx)
    old = [images.bands.index(b) if b in images.bands else -1 for b in bands]
    missing = [i < 0 for i in old]
    # Index -1 takes the last band, which is then overwritten.
    data = images.data[:, old]
    data[:, missing] = 0
    mask, ivar = images.mask, images._ivar
    if mask is not None:
        mask = mask[:, old]
    elif any(missing):
        mask = np.zeros(shape, dtype=bool)
    if any(missing):
        mask[:, missing] = True
    if ivar is not None:
        ivar = ivar[:, old]
        ivar[:, missing] = 0
    psf_fwhm = images.psf_fwhm[:, old]
    psf_fwhm[:, missing] = np.nan
    return images._with_pixels(data, mask, ivar, bands=bands, psf_fwhm=psf_fwhm)


def _to_frame(images, size):
    # Crop or pad, each axis by itself; the pixels stay as they are
    # unless the centre would move by half a pixel.
    if any((n - size) % 2 for n in images.shape[-2:]):
        return images.resample(images.pixel_scale, size)
    data, mask, ivar = images.data, images.mask, images._ivar
    cut = [slice(max(n - size, 0) // 2, None) for n in images.shape[-2:]]
    cut = tuple(slice(s.start, s.start + size) for s in cut)
    pad = [max(size - n, 0) // 2 for n in images.shape[-2:]]
    pad = ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1]))
    data, mask, ivar = (
        None if array is None else array[(..., *cut)] for array in (data, mask, ivar)
    )
    if any(n for side in pad for n in side):
        if mask is None:
            mask = np.zeros(data.shape, dtype=bool)
        mask = np.pad(mask, pad, constant_values=True)
        data = np.pad(data, pad)
        ivar = None if ivar is None else np.pad(ivar, pad)
    return images._with_pixels(data, mask, ivar)


def _check_size(size):
    if isinstance(size, (bool, np.bool_)) or not isinstance(size, (int, np.integer)):
        msg = f"'size' must be an int, a number of pixels, not {size!r}"
        raise TypeError(msg)
    if size < 1:
        msg = f"'size' must be at least 1 pixel, not {size}"
        raise ValueError(msg)
    return int(size)
