# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Joining image sets of one grid.
"""

import numpy as np

from astrovae.images import checks

__all__ = ["concatenate"]


def concatenate(sets):
    """
    Join sets: `~astrovae.images.GalaxyImageSet.concatenate`.

    Parameters
    ----------
    sets : list of `~astrovae.images.GalaxyImageSet`
        The sets.

    Returns
    -------
    images : `~astrovae.images.GalaxyImageSet`
        All galaxies in order.
    """
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
