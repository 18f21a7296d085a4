# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Bringing a frame to a grid with north up and east left.

Where the two grids are parallel, flux is shared by area, as
`~astrovae.images.GalaxyImageSet.resample` does it; elsewhere the
reproject package does the work.
"""

import numpy as np

from astrovae.images.frames import pixel_size
from astrovae.images.interpolation import (
    VALID_FRACTION,
    area_matrix,
    resize_masked,
)
from astrovae.images.pixels import reciprocal

__all__ = ["is_centred", "parallel_axes", "place"]

#: Grids that part by no more than this many pixels count as parallel.
PARALLEL_TOLERANCE = 0.1

#: Shifts and differences of scale below this many pixels are none.
SHIFT_TOLERANCE = 0.02


def parallel_axes(wcs, target, shape):
    """
    Find the shift between two grids, where they are parallel.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        The grid of a frame.
    target : `~astropy.wcs.WCS`
        The grid wanted.
    shape : tuple of int
        The shape (y, x) wanted.

    Returns
    -------
    axes : tuple or None
        For x and y the position of the target's centre in the frame,
        and whether the frame's axis runs the other way; None where
        the grids are not parallel across the target.
    """
    ny, nx = shape
    x, y = np.meshgrid(np.linspace(0, nx - 1, 5), np.linspace(0, ny - 1, 5))
    sky = target.wcs_pix2world(x.ravel(), y.ravel(), 0)
    position = np.array(wcs.wcs_world2pix(*sky, 0))
    ratio = pixel_size(target) / pixel_size(wcs)
    offset = np.array([x.ravel() - (nx - 1) / 2, y.ravel() - (ny - 1) / 2])
    axes = []
    for place_, step in zip(position, offset, strict=True):
        sign = 1 if np.dot(place_ - place_.mean(), step) > 0 else -1
        centre = np.mean(place_ - sign * ratio * step)
        if np.ptp(place_ - sign * ratio * step) / 2 > PARALLEL_TOLERANCE:
            return None
        axes.append((float(centre), sign < 0))
    return tuple(axes)


def is_centred(axes, shape):
    """
    Tell whether a parallel frame already has the target's centre.

    Parameters
    ----------
    axes : tuple
        What `parallel_axes` found.
    shape : tuple of int
        The frame's shape (y, x).

    Returns
    -------
    centred : bool
        Whether the centres agree within a fiftieth of a pixel.
    """
    return all(
        abs(centre - (n - 1) / 2) < SHIFT_TOLERANCE
        for (centre, _), n in zip(axes, shape[::-1], strict=True)
    )


def place(frame, target, shape):
    """
    Bring a frame to a grid, conserving flux.

    Parameters
    ----------
    frame : `~astrovae.images.frames.Frame`
        The frame.
    target : `~astropy.wcs.WCS`
        The grid wanted.
    shape : tuple of int
        Its shape (y, x).

    Returns
    -------
    data : `~numpy.ndarray`, shape (y, x)
        Flux per new pixel; zero where masked.
    mask : `~numpy.ndarray` of bool
        True where less than half of the pixel was measured.
    ivar : `~numpy.ndarray` or None
        The propagated inverse variance.
    """
    axes = parallel_axes(frame.wcs, target, shape)
    variance = None if frame.ivar is None else reciprocal(frame.ivar)
    if axes is None:
        data, mask, variance = _reproject(frame, variance, target, shape)
    else:
        data, mask, variance = _share(frame, variance, target, shape, axes)
    mask = np.zeros(shape, dtype=bool) if mask is None else np.array(mask)
    return data, mask, None if variance is None else reciprocal(variance)


def _share(frame, variance, target, shape, axes):
    ratio = pixel_size(target) / pixel_size(frame.wcs)
    # Within the tolerance over the whole frame: the same scale.
    if abs(ratio - 1) * max(shape) < SHIFT_TOLERANCE:
        ratio = 1.0
    matrices, flips = [], []
    for (centre, flipped), n_in, n_out in zip(
        axes, frame.data.shape[::-1], shape[::-1], strict=True
    ):
        shift = centre - (n_in - 1) / 2
        shift = -shift if flipped else shift
        # Half-pixel steps are exact where the sizes' parities differ.
        snapped = np.round(2 * shift) / 2
        if abs(shift - snapped) < SHIFT_TOLERANCE:
            shift = snapped
        matrices.append(area_matrix(n_in, n_out, ratio, shift))
        flips.append(slice(None, None, -1 if flipped else 1))
    flip = tuple(flips[::-1])
    return resize_masked(
        matrices[1],
        frame.data[flip],
        matrices[0],
        full=ratio**2,
        mask=frame.mask[flip],
        variance=None if variance is None else variance[flip],
    )


def _reproject(frame, variance, target, shape):
    # Data, the valid share and the variance go through as planes of
    # one call, so that the geometry is worked out once.
    ratio = pixel_size(target) / pixel_size(frame.wcs)
    valid = (~frame.mask).astype(float)
    planes = [frame.data * valid, valid]
    if variance is not None:
        planes += _combs(np.sqrt(variance * valid), ratio)
    planes = _adaptive(np.array(planes), frame.wcs, target, shape)
    share = planes[1] / ratio**2
    mask = share < VALID_FRACTION
    gain = np.where(mask, 0, 1 / np.where(mask, 1, share))
    data = (planes[0] * gain).astype(np.float32)
    if variance is not None:
        variance = (planes[2:] ** 2).sum(axis=0) * gain**2
        variance = variance.astype(np.float32)
    return data, mask, variance


def _combs(sigma, ratio):
    # The weights w of an output pixel reach over less than n input
    # pixels. With every n-th pixel alone in a plane, the square of that
    # plane's output is w**2 var of that one pixel: summed over
    # the planes, exactly sum(w**2 var).
    n = int(np.ceil(2 * max(ratio, 1) * np.sqrt(2))) + 2
    combs = []
    for first in np.ndindex(n, n):
        comb = np.zeros_like(sigma)
        teeth = np.s_[first[0] :: n, first[1] :: n]
        comb[teeth] = sigma[teeth]
        combs.append(comb)
    return combs


def _adaptive(planes, wcs, target, shape):
    # Loaded on use: the parallel grids of nearly all files do without.
    from reproject import reproject_adaptive

    out = reproject_adaptive(
        (planes, wcs),
        target,
        shape_out=(len(planes), *shape),
        kernel="hann",
        conserve_flux=True,
        boundary_mode="constant",
        boundary_fill_value=0.0,
        return_footprint=False,
    )
    # Outside of the frame it is NaN: no weight on any valid pixel.
    return np.nan_to_num(out, nan=0.0)
