# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The orientation of the galaxy at the centre of each frame.

As in Gagliano & Villar (2023) the bands are stacked, a background is
subtracted, the stack is convolved with a Gaussian, and the source
nearest the centre is measured by its second moments. The background is
one value, the median of boxes of 10 x 10 pixels, median-filtered 3 x 3.
"""

import warnings

import astropy.units as u
import numpy as np
from joblib import Parallel, delayed
from scipy.ndimage import convolve, label, median_filter

__all__ = ["FLOOR", "measure_orientation", "orientation_of"]

#: The smallest error, in radians: that of the paper for every galaxy.
#: Arms, bars and neighbours turn the isophotes of real galaxies more.
FLOOR = 0.1

#: The error of an angle that is not determined at all: that of a
#: uniform distribution over 180 degrees.
UNDETERMINED = np.pi / np.sqrt(12)

#: Spurious ellipticity, by the PSF and the pixels, in quadrature.
ELLIPTICITY_ERROR = 0.02

#: The pixels, in arcsec, that all that is counted in pixels is meant
#: for: kernel, boxes and areas. Images with much finer pixels are brought
#: to it, for they would be measured in their noise.
PIXEL = 0.262
FINE = 0.75

#: The farthest, in arcsec, that the galaxy's centroid may be from the
#: centre of the frame; a pixel where pixels are larger.
MAX_DISTANCE = 7.6 * PIXEL

#: A band, or a stack, with more of its pixels masked is not used.
MAX_MASKED = 0.5

#: Above this distance, in arcsec, the source may be blended with a
#: neighbour; a pixel where pixels are larger.
BLEND_DISTANCE = 2.0 * PIXEL

#: The isophote, in standard deviations of a pixel's noise, the pixels
#: that a source must have, and the side of the background's boxes.
THRESHOLD = 1.5
N_PIXELS = 10
BOX = 10

#: The factor from one isophote to the next, and what is wanted of one:
#: that it is near the centre, whole, and not blended.
STEP = 2.0
GOOD = 3

#: The inner isophote that the angle is compared with, in thresholds.
INNER = 4.0

#: The galaxies that one task of a parallel run measures.
CHUNK = 64


def measure_orientation(images, n_jobs=None):
    """
    Measure the angle of each galaxy's major axis on its frame.

    Parameters
    ----------
    images : `~astrovae.images.GalaxyImageSet`
        The images; lazy sets are read in chunks.
    n_jobs : int, optional
        The number of processes, as in joblib: None is one, -1 is one
        per core.

    Returns
    -------
    angle : `~astropy.units.Quantity`, shape (N,)
        Degrees from the +x axis (toward decreasing right ascension)
        counter-clockwise to the major axis, in (-90, 90]; NaN where
        the measurement failed. The position angle east of north is 90
        degrees less, modulo 180.
    error : `~astropy.units.Quantity`, shape (N,)
        Its standard deviation, see `orientation_of`; NaN where the
        measurement failed.
    failed : `~numpy.ndarray` of bool, shape (N,)
        Whether there is no source near the centre.
    """
    chunks = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    results = Parallel(n_jobs=n_jobs)(
        delayed(_measure_chunk)(chunk) for chunk in chunks
    )
    table = np.concatenate([np.empty((0, 2)), *results])
    angle, error = np.degrees(table.T) << u.deg
    return angle, error, np.isnan(table[:, 0])


def _measure_chunk(images):
    rows = np.full((len(images), 2), np.nan)
    if images.pixel_scale < FINE * PIXEL * u.arcsec:
        images = images.resample(PIXEL * u.arcsec)
    pixel = images.pixel_scale.to_value(u.arcsec)
    for row, stack, mask in zip(rows, *_stack(images), strict=True):
        row[:] = orientation_of(stack, mask, pixel)
    return rows


def _stack(images):
    # The sum of the bands; one that was hardly observed takes no part,
    # and elsewhere a pixel counts when all other bands have it.
    mask = images.mask
    if mask is None:
        return images.data.sum(axis=1), [None] * len(images)
    absent = mask.mean(axis=(2, 3), keepdims=True) > MAX_MASKED
    stack = np.where(mask | absent, 0, images.data).sum(axis=1)
    mask = (mask & ~absent).any(axis=1) | absent.all(axis=1)
    return stack, mask


def orientation_of(image, mask=None, pixel=PIXEL):
    r"""
    Measure the orientation of the source at the centre of an image.

    Where a brighter neighbour is part of the same isophote, or the
    isophote is cut by the frame, it is raised until that ends.

    The error adds four terms in quadrature. The floor of 0.1 rad. The
    noise of the moments,
    :math:`\sigma\sqrt{\sum (2 x' y')^2} / (2 F (a^2 - b^2))` for a flux
    F, with x' and y' along the axes and :math:`a^2, b^2` the second
    moments along them, doubled because the isophote itself follows the
    noise (rendered ellipses scatter by that factor more). What a
    spurious ellipticity of 0.02 turns the axis of a galaxy of
    ellipticity e by, 0.02 / 2e. And half of the angle between this
    isophote and one four times higher, large where a neighbour or an
    arm bends the outer one. A round galaxy's angle is not determined:
    the error is at most that of a uniform distribution, 52 degrees.

    Parameters
    ----------
    image : `~numpy.ndarray`, shape (y, x)
        One image.
    mask : `~numpy.ndarray` of bool, shape (y, x), optional
        True where there is no measurement.
    pixel : float, optional
        The size of a pixel in arcsec.

    Returns
    -------
    angle, error : float
        Radians; NaN where there is no source near the centre.
    """
    if mask is not None and mask.mean() > MAX_MASKED:
        return np.nan, np.nan
    background, noise = _background(image, mask)
    if not noise > 0:
        return np.nan, np.nan
    image = np.asarray(image, dtype=float) - background
    if mask is not None:
        image[mask] = 0
    convolved = convolve(image, _KERNEL)
    segment, threshold = _central_segment(convolved, noise, mask, pixel)
    if segment is None:
        return np.nan, np.nan
    angle, error = _shape(image, segment, noise)
    inner = _core(segment & (convolved > INNER * threshold))
    if np.isfinite(angle) and np.count_nonzero(inner) >= 2 * N_PIXELS:
        twist = _shape(image, inner, noise)[0] - angle
        twist = (twist + np.pi / 2) % np.pi - np.pi / 2
        error = np.hypot(error, twist / 2)
    return angle, min(error, UNDETERMINED)


def _gaussian_kernel(fwhm=3.0, size=5):
    x = np.arange(size) - size // 2
    profile = np.exp(-4 * np.log(2) * (x / fwhm) ** 2)
    kernel = np.outer(profile, profile)
    return kernel / kernel.sum()


_KERNEL = _gaussian_kernel()


def _background(image, mask):
    from photutils.background import Background2D, MedianBackground

    # The median filter of Background2D calls Python for every box and
    # would take most of the time; scipy's gives the same.
    maps = Background2D(
        image,
        min(BOX, *image.shape),
        mask=mask,
        filter_size=1,
        exclude_percentile=50.0,
        bkg_estimator=MedianBackground(),
    )
    mesh = median_filter(maps.background_mesh, size=3, mode="nearest")
    # The median level: a map of 10-pixel boxes would take part of
    # every large galaxy for sky.
    return np.median(mesh), np.median(maps.background_rms_mesh)


def _central_segment(convolved, noise, mask, pixel):
    from photutils.segmentation import detect_sources
    from photutils.utils.exceptions import NoDetectionsWarning

    centre = (np.array(convolved.shape) - 1) / 2
    farthest, blended = (max(d / pixel, 1) for d in (MAX_DISTANCE, BLEND_DISTANCE))
    threshold = THRESHOLD * noise
    best, quality = (None, threshold), 0
    while threshold < convolved.max() and quality < GOOD:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoDetectionsWarning)
            segments = detect_sources(convolved, threshold, N_PIXELS, mask=mask)
        if segments is None:
            break
        segment, distance = _nearest(convolved, segments, centre)
        if distance < farthest:
            new = 1 + (not _touches_edge(segment)) + (distance < blended)
            if new > quality:
                best, quality = (segment, threshold), new
        threshold *= STEP
    return best


def _touches_edge(segment):
    # The moments of a cut source are partly those of the frame.
    edges = (segment[0], segment[-1], segment[:, 0], segment[:, -1])
    return any(edge.any() for edge in edges)


def _core(segment):
    # The part of a segment that is nearest the centre.
    parts, n = label(segment, np.ones((3, 3)))
    if n < 2:
        return segment
    y, x = np.nonzero(segment)
    centre = (np.array(segment.shape) - 1) / 2
    nearest = np.argmin(np.hypot(y - centre[0], x - centre[1]))
    return parts == parts[y[nearest], x[nearest]]


def _nearest(convolved, segments, centre):
    from photutils.segmentation import SourceCatalog

    catalog = SourceCatalog(convolved, segments)
    centroid = np.atleast_2d(catalog.centroid)[:, ::-1]
    distance = np.hypot(*(centroid - centre).T)
    nearest = int(np.nanargmin(distance))
    number = np.atleast_1d(catalog.labels)[nearest]
    return segments.data == number, distance[nearest]


def _shape(image, segment, noise):
    y, x = np.nonzero(segment)
    flux = image[segment]
    total = flux.sum()
    if not total > 0:
        return np.nan, np.nan
    x = x - (flux * x).sum() / total
    y = y - (flux * y).sum() / total
    xx, yy, xy = ((flux * q).sum() / total for q in (x * x, y * y, x * y))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    difference = np.hypot(xx - yy, 2 * xy)
    ellipticity = difference / (xx + yy)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    spread = noise * np.sqrt(((2 * along * across) ** 2).sum()) / total
    error = np.sqrt(
        FLOOR**2
        + (2 * 0.5 * spread / difference) ** 2
        + (0.5 * ELLIPTICITY_ERROR / ellipticity) ** 2
    )
    if angle <= -np.pi / 2:
        angle += np.pi
    return angle, error
