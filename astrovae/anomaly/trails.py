# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Straight lines across a frame, as satellites leave them.

These functions serve `find_artefacts`.
"""

import functools

import numpy as np
from scipy.sparse import csr_matrix

__all__ = []

# Frames are averaged down to about this many pixels on a side: a trail
# is as wide as the PSF, a few pixels.
_SIDE = 64
_CHUNK = 8  # images at a time, 5 MB per array
_SEGMENTS = 8
_WIDTH = 1.5  # of a line, in averaged pixels
_CLIP = 5.0  # in standard deviations: no source outweighs the rest
_SIDELOBE = 3  # lines to the left and right that are subtracted
_MIN_CHORD = 0.6  # of the frame: shorter lines cut corners
_MIN_PIXELS = 4  # in a segment
_LEAST_SIDE = 8  # pixels: less have no lines with others beside them


def trail_scores(data, dead):
    """
    Score the straight lines in images.

    The brightness along each of 100 directions and all offsets is
    averaged in eight segments from edge to edge, and that of the lines
    beside it subtracted. What counts is the second lowest segment:
    a trail is bright all along, a galaxy is not, however elongated.
    A satellite crosses one exposure, of one band; a line that another
    band shows as well is part of the sky. Twice the highest score of the
    other bands is subtracted.

    Parameters
    ----------
    data : array, shape (N, bands, y, x)
        Pixels.
    dead : array of bool, same shape
        Pixels that are no measurement.

    Returns
    -------
    score : `~numpy.ndarray`, shape (N,)
        Brightness of the second lowest segment of the best line, in
        standard deviations of a segment; 0 for frames of fewer than 8
        pixels on a side.
    """
    score = np.zeros(len(data))
    if min(data.shape[-2:]) < _LEAST_SIDE:
        return score
    for start in range(0, len(data), _CHUNK):
        part = slice(start, start + _CHUNK)
        score[part] = _score_some(data[part], dead[part])
    return score


def _score_some(data, dead):
    n, n_bands = data.shape[:2]
    values, weights = _average(data, dead)
    lines = _line_matrix(*values.shape[-2:])
    values = _standardise(values, weights)
    total = lines.matrix @ values.reshape(n * n_bands, -1).T
    weights = weights.reshape(n * n_bands, -1).T
    count = lines.count[:, None]
    if not weights.all():
        count = lines.matrix @ weights.astype(np.float32)
    total = total.reshape(*lines.shape, n * n_bands)
    count = count.reshape(*lines.shape, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(count >= _MIN_PIXELS, total / count, np.float32(np.nan))
    contrast = _contrast(mean)
    contrast *= np.sqrt(count[:, _SIDELOBE:-_SIDELOBE] / np.float32(1.5))
    # Segments that hold no pixels of this image do not count.
    unseen = np.isnan(contrast)
    contrast[unseen] = np.inf
    score = np.partition(contrast, 1, axis=2)[:, :, 1]
    score[np.count_nonzero(unseen, axis=2) >= _SEGMENTS / 2] = 0.0
    score[~lines.long[:, _SIDELOBE:-_SIDELOBE]] = 0.0
    score = score.reshape(*score.shape[:2], n, n_bands)
    if n_bands > 1:
        order = np.sort(score, axis=-1)
        others = np.where(score == order[..., -1:], order[..., -2:-1], order[..., -1:])
        score = score - 2.0 * np.maximum(others, 0.0)
    return np.maximum(score.max(axis=(0, 1, 3)), 0.0)


def _contrast(mean):
    """
    A line's mean less that of its neighbours in offset.
    """
    width = 2 * _SIDELOBE
    beside = np.float32(0.5) * (mean[:, :-width] + mean[:, width:])
    middle = mean[:, _SIDELOBE:-_SIDELOBE]
    # At the frame's edge, one side is enough.
    for other in (mean[:, :-width], mean[:, width:]):
        unseen = np.isnan(beside)
        beside[unseen] = other[unseen]
    return middle - beside


def _average(data, dead):
    """
    Average blocks of pixels, without the dead ones.
    """
    n, n_bands, ny, nx = data.shape
    factor = max(1, round(min(ny, nx) / _SIDE))
    my, mx = ny // factor, nx // factor
    cut = np.s_[:, :, : my * factor, : mx * factor]
    shape = (n, n_bands, my, factor, mx, factor)
    alive = ~dead[cut]
    number = alive.reshape(shape).sum(axis=(3, 5))
    total = (data[cut] * alive).reshape(shape).sum(axis=(3, 5), dtype=float)
    return total / np.maximum(number, 1), 2 * number >= factor**2


def _standardise(values, weights):
    """
    Subtract the median, divide by the scatter, and clip.
    """
    flat = np.where(weights, values, np.nan).reshape(*values.shape[:2], -1)
    empty = ~weights.reshape(flat.shape).any(axis=-1)
    flat[empty] = 0.0
    median = np.nanmedian(flat, axis=-1)[..., None, None]
    # The lower half is the sky's; the upper one has the sources.
    scatter = median - np.nanquantile(flat, 0.1587, axis=-1)[..., None, None]
    scatter = np.where(scatter > 0, scatter, 1.0)
    scaled = np.clip((values - median) / scatter, -_CLIP, _CLIP)
    return np.where(weights, scaled, 0.0).astype(np.float32)


class _Lines:
    """
    The sparse matrix from pixels to segments of lines.
    """

    def __init__(self, ny, nx):
        y, x = np.mgrid[:ny, :nx]
        y, x = (y - (ny - 1) / 2.0).ravel(), (x - (nx - 1) / 2.0).ravel()
        half = np.hypot(ny, nx) / 2.0
        # At the frame's edge neighbouring directions are a pixel apart.
        n_angles = int(np.ceil(np.pi * min(ny, nx) / 2.0))
        n_offsets = 2 * int(np.ceil(half / _WIDTH)) + 1
        angles = np.arange(n_angles) * np.pi / n_angles
        self.shape = (n_angles, n_offsets, _SEGMENTS)
        rows, columns = [], []
        self.long = np.zeros((n_angles, n_offsets), dtype=bool)
        for i, angle in enumerate(angles):
            across = x * np.cos(angle) + y * np.sin(angle)
            along = y * np.cos(angle) - x * np.sin(angle)
            offset = np.rint(across / _WIDTH).astype(int) + n_offsets // 2
            first, last = np.full((2, n_offsets), np.nan)
            for o in np.unique(offset):
                part = along[offset == o]
                first[o], last[o] = part.min(), part.max() + 1e-6
            length = last - first
            self.long[i] = length >= _MIN_CHORD * min(ny, nx)
            place = (along - first[offset]) / np.maximum(length[offset], 1.0)
            segment = np.minimum((place * _SEGMENTS).astype(int), _SEGMENTS - 1)
            rows.append((i * n_offsets + offset) * _SEGMENTS + segment)
            columns.append(np.arange(ny * nx))
        ones = np.ones(ny * nx * n_angles, dtype=np.float32)
        size = (int(np.prod(self.shape)), ny * nx)
        places = (np.concatenate(rows), np.concatenate(columns))
        self.matrix = csr_matrix((ones, places), shape=size)
        self.count = np.asarray(self.matrix.sum(axis=1)).ravel()


@functools.lru_cache(maxsize=4)
def _line_matrix(ny, nx):
    return _Lines(ny, nx)
