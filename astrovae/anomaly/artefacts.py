# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Images that are strange because something went wrong with them.
"""

import astropy.units as u
import numpy as np
from astropy.table import QTable
from scipy import ndimage

from astrovae.flags import GalaxyFlags
from astrovae.images.checks import check_image_set

from .trails import trail_scores

__all__ = ["ARTEFACT_THRESHOLDS", "find_artefacts"]

#: The score from which on an artefact of each kind is flagged.
ARTEFACT_THRESHOLDS = {
    "chip_gap": 0.01,
    "saturated_star": 0.5,
    "satellite_trail": 2.6,
    "missing_band": 0.95,
}

_CHUNK = 64
# Noise never makes so many equal pixels on a side, even in images of
# which the pixels are rounded.
_BLOCK = 5
_SEEING = 1.3 * u.arcsec  # where the PSF is not known
_BRIGHT = 100.0  # standard deviations of the noise
_PLATEAU = 0.995  # of the brightest pixel: saturated with it
_MIN_CORE = 4  # pixels: fewer are the top of a source in coarse pixels
_BRIGHT_RING = 8  # bright pixels around masked ones
_BRIGHTEST = 2e4  # standard deviations: no galaxy's core is


def find_artefacts(images, *, thresholds=None):
    """
    Flag what went wrong with images, apart from what is odd in the sky.

    Works on the images alone; no model is asked. What a kind of
    artefact is, and its score:

    ``chip_gap``
        A part of a band, at the frame's edge, that is masked, zero or
        constant: the fraction of the frame in the worst band.
    ``saturated_star``
        A core that is flat at the top, a masked one within bright
        pixels, or one that is brighter than galaxies are: pixels in
        it, in units of the PSF's area (of diameter FWHM).
    ``satellite_trail``
        A straight line across the frame in one band alone: brightness
        of its second faintest eighth over the noise of such an eighth.
    ``missing_band``
        The fraction without measurement of the worst band.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        N images; may be lazy and larger than the memory.
    thresholds : dict of str to float, optional
        Scores from which on the kinds are flagged; those not given are
        `ARTEFACT_THRESHOLDS`, which flag less than 1 % of simulated
        galaxies without artefacts or stars in their frame.

    Returns
    -------
    table : `~astropy.table.QTable`
        One row per galaxy, in order: ``id``; for each kind its
        ``_score`` and a bool of its name; ``artefact``, true if any
        is; and ``saturated_star_distance``, arcsec from the frame's
        centre to the core, NaN where none is flagged. The thresholds
        are in the table's meta.

    Raises
    ------
    TypeError, ValueError
        If these are no image set, or a threshold is of no known kind.

    Examples
    --------
    >>> from astrovae.anomaly import find_artefacts
    >>> from astrovae.data import load_sample_set
    >>> from astrovae.simulation.artefacts import inject_missing_band
    >>> images, _ = load_sample_set()
    >>> broken = inject_missing_band(images[:1], random_state=0)
    >>> find_artefacts(broken)["missing_band_score", "missing_band"].pprint()
    missing_band_score missing_band
    ------------------ ------------
                 1.000         True
    """
    check_image_set(images)
    limits = dict(ARTEFACT_THRESHOLDS)
    unknown = set(thresholds or {}) - set(limits)
    if unknown:
        msg = f"unknown artefacts {sorted(unknown)}; known are {sorted(limits)}"
        raise ValueError(msg)
    limits |= thresholds or {}
    parts = {name: [np.zeros(0)] for name in (*limits, "distance")}
    for chunk in images.iter_chunks(_CHUNK):
        for kind, score in _scores(chunk).items():
            parts[kind].append(score)
    table = QTable({"id": np.asarray(images.ids, dtype=str)})
    flagged = np.zeros(len(images), dtype=bool)
    for kind, limit in limits.items():
        score = np.concatenate(parts[kind])
        table[f"{kind}_score"] = score
        table[f"{kind}_score"].info.format = ".3f"
        table[kind] = score >= limit
        flagged |= table[kind]
    table["artefact"] = flagged
    distance = np.where(
        table["saturated_star"], np.concatenate(parts["distance"]), np.nan
    )
    table["saturated_star_distance"] = distance * images.pixel_scale.to(u.arcsec)
    table.meta["thresholds"] = limits
    return table


def _scores(images):
    """
    Scores of a few images by kind, and the distance of the star, (N,) each.
    """
    data = np.asarray(images.data)
    mask = images.mask
    mask = np.zeros(data.shape, dtype=bool) if mask is None else np.asarray(mask)
    area = _psf_area(images)
    noise = _noise(data, mask, area)
    flat = _flat(data)
    dim = np.abs(data) < _BRIGHT * noise[..., None, None]
    dead = mask | (flat & dim)
    # A small frame's padding is no part of it.
    small = (images.flags & int(GalaxyFlags.SMALL_FRAME)) > 0
    frames = [
        _frame(own) if is_small else np.s_[:, :]
        for own, is_small in zip(mask, small, strict=True)
    ]
    missing = np.empty(data.shape[:2])
    for i, frame in enumerate(frames):
        missing[i] = dead[i][:, *frame].mean(axis=(-1, -2))
    gap = np.zeros(missing.shape)
    star = np.zeros(missing.shape)
    distance = np.full(missing.shape, np.nan)
    absent = missing >= ARTEFACT_THRESHOLDS["missing_band"]
    for i, band in np.argwhere(~absent):
        bright = data[i, band] > _BRIGHT * noise[i, band]
        own = frames[i]
        if dead[i, band][own].any():
            gap[i, band] = _gap(dead[i, band][own], (bright & ~mask[i, band])[own])
        core = np.zeros(bright.shape, dtype=bool)
        core[own] = _star(
            data[i, band][own], mask[i, band][own], bright[own], noise[i, band]
        )
        if np.count_nonzero(core) >= _MIN_CORE:
            star[i, band] = np.count_nonzero(core) / area[i, band]
            distance[i, band] = _distance(core)
    worst = star.argmax(axis=1)
    return {
        "chip_gap": gap.max(axis=1),
        "saturated_star": star.max(axis=1),
        "distance": distance[np.arange(len(star)), worst],
        "satellite_trail": trail_scores(data, dead),
        "missing_band": missing.max(axis=1),
    }


def _psf_area(images):
    """
    Pixels within the PSF's FWHM, shape (N, bands).
    """
    fwhm = u.Quantity(images.psf_fwhm).to_value(u.arcsec)
    known = np.isfinite(fwhm) & (fwhm > 0)
    fwhm = np.where(known, fwhm, _SEEING.to_value(u.arcsec))
    fwhm = fwhm / images.pixel_scale.to_value(u.arcsec)
    return np.maximum(np.pi / 4.0 * fwhm**2, 1.0)


def _noise(data, mask, area):
    """
    Scatter of the sky, from pixels far enough apart to be independent.
    """
    noise = np.ones(data.shape[:2])
    for i, band in np.ndindex(*noise.shape):
        lag = int(np.ceil(np.sqrt(area[i, band])))
        used = ~(mask[i, band, :, lag:] | mask[i, band, :, :-lag])
        used &= data[i, band, :, lag:] != data[i, band, :, :-lag]
        difference = (data[i, band, :, lag:] - data[i, band, :, :-lag])[used]
        if difference.size:
            noise[i, band] = 1.4826 * np.median(np.abs(difference)) / np.sqrt(2.0)
    return np.maximum(noise, np.finfo(np.float32).tiny)


def _frame(mask):
    """
    The rows and columns in which any pixel of any band is not masked.
    """
    seen = ~mask.all(axis=0)
    slices = []
    for axis in (1, 0):
        used = np.flatnonzero(seen.any(axis=axis))
        slices.append(slice(used[0], used[-1] + 1) if len(used) else slice(None))
    return tuple(slices)


def _flat(data):
    """
    Find pixels in a square of equal ones.
    """
    size = (1, 1, _BLOCK, _BLOCK)
    highest = ndimage.maximum_filter(data, size, mode="nearest")
    lowest = ndimage.minimum_filter(data, size, mode="nearest")
    return ndimage.maximum_filter(highest == lowest, size)


def _gap(dead, bright):
    """
    The fraction of a frame in dead blocks that reach its edge.

    Those within a star's light are the star's.
    """
    square = np.ones((_BLOCK, _BLOCK), dtype=bool)
    # Beyond the frame all is dead: blocks at the edge are not narrowed.
    padded = np.pad(dead, _BLOCK, constant_values=True)
    blocks = ndimage.binary_opening(padded, square)
    blocks = blocks[_BLOCK:-_BLOCK, _BLOCK:-_BLOCK] & dead
    labels, n = ndimage.label(blocks)
    found = 0
    for label in range(1, n + 1):
        block = labels == label
        edge = block[0].any() or block[-1].any() or block[:, 0].any()
        edge = edge or block[:, -1].any()
        if not edge or min(np.ptp(np.nonzero(block), axis=1)) < _BLOCK - 1:
            continue
        ring = ndimage.binary_dilation(block, iterations=2) & ~dead
        if np.count_nonzero(ring & bright) > 0.5 * max(np.count_nonzero(ring), 1):
            continue
        found += np.count_nonzero(block)
    return found / dead.size


def _star(image, mask, bright, noise):
    """
    The pixels of the largest saturated core.
    """
    alive = ~mask
    core = np.zeros(image.shape, dtype=bool)
    if (bright & alive).any():
        peak = image[alive].max()
        core = alive & bright & (image >= _PLATEAU * peak)
        if peak > _BRIGHTEST * noise:
            core |= alive & (image > 0.5 * peak)
        # Of several stars, each is a core of its own.
        labels, n = ndimage.label(core, np.ones((3, 3)))
        core = labels == 1 + np.argmax(np.bincount(labels.ravel(), minlength=2)[1:])
    labels, n = ndimage.label(mask)
    for label in range(1, n + 1):
        hole = labels == label
        ring = ndimage.binary_dilation(hole, iterations=2) & alive
        enclosed = np.count_nonzero(ring & bright) >= _BRIGHT_RING
        if enclosed and np.count_nonzero(hole) > np.count_nonzero(core):
            core = hole
    return core


def _distance(core):
    """
    Pixels from the frame's centre to the middle of a core.
    """
    middle = np.mean(np.nonzero(core), axis=1)
    return np.hypot(*(middle - (np.array(core.shape) - 1) / 2.0))
