# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
From the frames of one galaxy to an image set with one row.
"""

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.nddata import InverseVariance

from astrovae.exceptions import ImageFormatError
from astrovae.flags import GalaxyFlags
from astrovae.images import checks
from astrovae.images.core import GalaxyImageSet
from astrovae.images.frames import Frame, pixel_size, standard_wcs
from astrovae.images.operations import COARSE_RATIO
from astrovae.images.reprojection import is_centred, parallel_axes, place

__all__ = ["assemble"]


def assemble(frames, name, *, bands=None, pixel_scale=None, size=None, coords=None):
    """
    Bring the frames of one galaxy to one grid.

    Frames that share a grid with north up, and have the galaxy at
    their centre, keep their pixels unless another grid is asked for.
    Where several frames of a band overlap, each pixel comes from the
    first that measured it, the frame with the nearest tangent point
    (the brick's centre) first: bricks overlap with the same exposures,
    so an average would gain nothing.

    Parameters
    ----------
    frames : list of `~astrovae.images.frames.Frame`
        At least one.
    name : str
        The galaxy's id.
    bands : str or sequence of str, optional
        The bands wanted; by default those of the frames.
    pixel_scale : `~astropy.units.Quantity`, optional
        The pixel scale wanted; by default that of the frames.
    size : int, optional
        The side of the frame wanted, in pixels.
    coords : `~astropy.coordinates.SkyCoord`, optional
        The centre wanted; by default that of the frames together.

    Returns
    -------
    images : `~astrovae.images.GalaxyImageSet`
        One galaxy.

    Raises
    ------
    `~astrovae.exceptions.ImageFormatError`
        If no frame covers the centre wanted, or the frames lie apart.
    """
    if any(frame.ivar is None for frame in frames):
        # Weights of some bands only would mask all of the others.
        for frame in frames:
            frame.ivar = None
    centre, extent = _bounds(frames)
    if coords is not None:
        centre = _one_position(coords)
    native = pixel_size(frames[0].wcs)
    shape = frames[0].data.shape
    # The bands of a cutout share one grid: it is looked at once.
    grids = {(id(f.wcs), f.data.shape): f for f in frames}
    found = {
        grid: _axes_on_own_grid(frame, centre, native, shape)
        for grid, frame in grids.items()
    }
    axes = [found[id(frame.wcs), frame.data.shape] for frame in frames]
    names = tuple(dict.fromkeys(frame.band for frame in frames))
    position = SkyCoord(*centre, unit="deg").reshape(1)
    if len(frames) == len(names) and all(axes):
        pixels = [
            _upright(frame, axis) for frame, axis in zip(frames, axes, strict=True)
        ]
        images = _image_set(pixels, names, native, name, position)
        return images.to_grid(bands, pixel_scale, size)
    scale = native
    if pixel_scale is not None:
        scale = checks.check_angle(pixel_scale, "pixel_scale").to_value(u.arcsec)
    shape = (size, size)
    if size is None:
        shape = tuple(max(int(np.floor(e / scale + 0.01)), 1) for e in extent[::-1])
    pixels = [_mosaic(frames, band, centre, scale, shape) for band in names]
    images = _image_set(pixels, names, scale, name, position)
    if scale * COARSE_RATIO < native:
        images._flags |= int(GalaxyFlags.COARSE_PIXELS)
    if min(extent) < (min(shape) - 0.5) * scale:
        images._flags |= int(GalaxyFlags.SMALL_FRAME)
    return images.to_grid(bands)


def _one_position(coords):
    coords = checks.check_coords(coords, 1)[0]
    return coords.ra.deg, coords.dec.deg


def _bounds(frames):
    # The centre and the extent in arcsec of all frames together, on a
    # plane that touches the sky at the first frame's centre.
    first = frames[0].centre
    if _is_one_grid(frames):
        n = np.array(frames[0].data.shape[::-1])
        return tuple(map(float, first)), n * pixel_size(frames[0].wcs)
    plane = standard_wcs(first, 1.0, (1, 1))
    corners = [plane.wcs_world2pix(*frame.corners, 0) for frame in frames]
    corners = np.concatenate(corners, axis=1)
    if not np.isfinite(corners).all():
        msg = "the frames lie on different parts of the sky"
        raise ImageFormatError(msg)
    low, high = corners.min(axis=1), corners.max(axis=1)
    centre = plane.wcs_pix2world(*((low + high) / 2), 0)
    sides = sum(
        (np.array(f.data.shape[::-1]) * pixel_size(f.wcs) for f in frames),
        np.zeros(2),
    )
    if np.any(high - low > 1.5 * sides):
        msg = "the frames of one galaxy lie apart"
        raise ImageFormatError(msg)
    return tuple(map(float, centre)), high - low


def _is_one_grid(frames):
    if len({f.data.shape for f in frames}) > 1:
        return False
    different = {id(f.wcs): f.wcs for f in frames}.values()
    if len(different) == 1:
        return True
    return len({wcs.to_header_string() for wcs in different}) == 1


def _axes_on_own_grid(frame, centre, native, shape):
    # Whether the frame can stay as it is, but for reversing axes.
    if frame.data.shape != shape or abs(pixel_size(frame.wcs) / native - 1) > 1e-6:
        return None
    target = standard_wcs(centre, native, shape)
    axes = parallel_axes(frame.wcs, target, shape)
    if axes is None or not is_centred(axes, shape):
        return None
    return axes


def _upright(frame, axes):
    flip = tuple(slice(None, None, -1 if flipped else 1) for _, flipped in axes[::-1])
    ivar = None if frame.ivar is None else frame.ivar[flip]
    return frame.data[flip], frame.mask[flip], ivar


def _mosaic(frames, band, centre, scale, shape):
    target = standard_wcs(centre, scale, shape)
    pieces = [frame for frame in frames if frame.band == band]
    pieces.sort(key=lambda frame: _distance(frame, target))
    data, mask, ivar = place(pieces[0], target, shape)
    for piece in pieces[1:]:
        more, more_mask, more_ivar = place(piece, target, shape)
        fill = mask & ~more_mask
        data[fill] = more[fill]
        mask[fill] = False
        if ivar is not None and more_ivar is not None:
            ivar[fill] = more_ivar[fill]
    return data, mask, ivar


def _distance(frame: Frame, target):
    x, y = target.wcs_world2pix(*frame.wcs.wcs.crval, 0)
    centre = target.wcs.crpix - 1
    return float(np.hypot(x - centre[0], y - centre[1]))


def _image_set(pixels, bands, scale, name, position):
    data, mask, ivar = zip(*pixels, strict=True)
    uncertainty = None
    if all(plane is not None for plane in ivar):
        uncertainty = InverseVariance(np.array(ivar)[None], copy=False)
    return GalaxyImageSet(
        np.array(data)[None],
        unit=u.nmgy,
        bands=bands,
        pixel_scale=scale * u.arcsec,
        coords=position,
        ids=[name],
        uncertainty=uncertainty,
        mask=np.array(mask)[None],
    )
