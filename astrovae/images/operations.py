# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Bringing image sets to other grids, bands and units.

These are the methods of `~astrovae.images.GalaxyImageSet`, which
documents them. All galaxies of a set go through together, as matrix
products.
"""

import astropy.units as u
import numpy as np

from astrovae.flags import GalaxyFlags
from astrovae.images import checks
from astrovae.images.interpolation import area_matrix, resize_masked

__all__ = ["concatenate", "convert", "crop", "resample", "to_grid"]

#: Pixels coarser by more than this factor are reported.
COARSE_RATIO = 1.5


def crop(images, size):
    size = _check_size(size)
    ny, nx = images.shape[-2:]
    if size > min(ny, nx):
        msg = (
            f"cannot crop frames of {ny} x {nx} pixels to {size}; to_grid "
            "pads them"
        )
        raise ValueError(msg)
    return _to_frame(images, size)


def resample(images, pixel_scale, size=None):
    pixel_scale = checks.check_angle(pixel_scale, "pixel_scale")
    ratio = (pixel_scale / images.pixel_scale).to_value(
        u.dimensionless_unscaled
    )
    if size is None:
        # A frame of 128.0000001 pixels has 128, and so has 127.9999999.
        size = tuple(
            max(int(np.floor(n / ratio + 1e-6)), 1) for n in images.shape[-2:]
        )
    else:
        size = (_check_size(size),) * 2
    if checks.same_scale(pixel_scale, images.pixel_scale):
        ratio = 1.0
    rows, columns = (
        area_matrix(n_in, n_out, ratio)
        for n_in, n_out in zip(images.shape[-2:], size, strict=True)
    )
    ivar = images._ivar
    data, mask, variance = resize_masked(
        rows,
        images.data,
        columns,
        full=ratio**2,
        mask=images.mask,
        variance=None if ivar is None else _invert(ivar),
    )
    return images._with_pixels(
        data,
        mask,
        None if variance is None else _invert(variance),
        pixel_scale=pixel_scale,
    )


def to_grid(images, bands=None, pixel_scale=None, size=None):
    bands = images.bands if bands is None else checks.check_bands(bands)
    if bands != images.bands:
        images = _to_bands(images, bands)
    scale = images.pixel_scale
    if pixel_scale is not None:
        scale = checks.check_angle(pixel_scale, "pixel_scale")
    if size is not None:
        size = _check_size(size)
    ratio = (scale / images.pixel_scale).to_value(u.dimensionless_unscaled)
    extra = 0
    if ratio * COARSE_RATIO < 1 - 1e-6:
        extra |= int(GalaxyFlags.COARSE_PIXELS)
    # Half a pixel of tolerance: a frame of 127.9 new pixels is no
    # smaller than one of 128.
    if size is not None and min(images.shape[-2:]) < (size - 0.5) * ratio:
        extra |= int(GalaxyFlags.SMALL_FRAME)
    if not checks.same_scale(scale, images.pixel_scale):
        images = resample(images, scale, size)
    elif size is not None and images.shape[-2:] != (size, size):
        images = _to_frame(images, size)
    if extra:
        images = images[:]
        images._flags |= extra
    return images


def convert(images, unit):
    unit = checks.check_flux_unit(unit, "unit")
    if unit == images.unit:
        return images
    factor = (1 * images.unit).to_value(unit, checks.AB_FLUX)
    data = images.data * images.data.dtype.type(factor)
    ivar = images._ivar
    if ivar is not None:
        ivar = ivar / np.float32(factor**2)
    return images._with_pixels(data, images.mask, ivar, unit=unit)


def concatenate(sets):
    if not sets:
        msg = "'sets' must hold at least one image set"
        raise ValueError(msg)
    first = sets[0]
    for other in sets[1:]:
        _check_same_grid(first, other)
    sets = [images.to(first.unit) for images in sets]
    ids = np.concatenate([images.ids for images in sets])
    new = first._without_pixels()
    new._ids = checks.check_ids(ids, ids.size)
    new._coords = _join_coords(sets)
    for name in ("psf_fwhm", "ebv", "flags"):
        values = np.concatenate([getattr(images, name) for images in sets])
        setattr(new, f"_{name}", values)
    new._reasons = {}
    for images in sets:
        new._reasons.update(images.reasons)
        new.meta = {**images.meta, **new.meta}
    flags = new._flags
    masks = [images.mask for images in sets]
    ivars = [images._ivar for images in sets]
    new._set_pixels(
        np.concatenate([images.data for images in sets]),
        _join(masks, sets, False),
        _join(ivars, sets, np.float32(0)),
    )
    new._flags = flags
    return new


def _check_same_grid(a, b):
    same = a.bands == b.bands and a.shape[2:] == b.shape[2:]
    if not same or not checks.same_scale(a.pixel_scale, b.pixel_scale):
        msg = (
            f"the sets differ: {a!r} and {b!r}; bring them to one grid with "
            "to_grid first"
        )
        raise ValueError(msg)


def _join(arrays, sets, fill):
    if all(array is None for array in arrays):
        return None
    return np.concatenate(
        [
            np.broadcast_to(fill, images.shape) if array is None else array
            for array, images in zip(arrays, sets, strict=True)
        ]
    )


def _join_coords(sets):
    if all(images.coords is None for images in sets):
        return None
    ra, dec = (
        np.concatenate(
            [
                np.full(len(images), np.nan)
                if images.coords is None
                else getattr(images.coords, axis).deg
                for images in sets
            ]
        )
        for axis in ("ra", "dec")
    )
    return checks.sky(ra, dec)


def _to_bands(images, bands):
    n, _, ny, nx = images.shape
    shape = (n, len(bands), ny, nx)
    old = [images.bands.index(b) if b in images.bands else -1 for b in bands]
    missing = [i < 0 for i in old]
    # Index -1 takes the last band; it is then overwritten.
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
    return images._with_pixels(
        data, mask, ivar, bands=bands, psf_fwhm=psf_fwhm
    )


def _to_frame(images, size):
    # Crop or pad, each axis by itself; the pixels stay as they are
    # unless the centre would move by half a pixel.
    if any((n - size) % 2 for n in images.shape[-2:]):
        return resample(images, images.pixel_scale, size)
    data, mask, ivar = images.data, images.mask, images._ivar
    cut = [slice(max(n - size, 0) // 2, None) for n in images.shape[-2:]]
    cut = tuple(slice(s.start, s.start + size) for s in cut)
    pad = [max(size - n, 0) // 2 for n in images.shape[-2:]]
    pad = ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1]))
    data, mask, ivar = (
        None if array is None else array[(..., *cut)]
        for array in (data, mask, ivar)
    )
    if any(n for side in pad for n in side):
        if mask is None:
            mask = np.zeros(data.shape, dtype=bool)
        mask = np.pad(mask, pad, constant_values=True)
        data = np.pad(data, pad)
        ivar = None if ivar is None else np.pad(ivar, pad)
    return images._with_pixels(data, mask, ivar)


def _invert(values):
    # Zero stays zero: no information on both sides.
    out = np.zeros(values.shape, dtype=values.dtype)
    return np.divide(1, values, out=out, where=values > 0)


def _check_size(size):
    if isinstance(size, (bool, np.bool_)) or not isinstance(
        size, (int, np.integer)
    ):
        msg = f"'size' must be an int, a number of pixels, not {size!r}"
        raise TypeError(msg)
    if size < 1:
        msg = f"'size' must be at least 1 pixel, not {size}"
        raise ValueError(msg)
    return int(size)
