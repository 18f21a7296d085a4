# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Put what goes wrong into images: the artefacts of real surveys.

Each function takes a set of images and returns a copy with one
artefact in every image, at a place drawn from the seed. Some surveys
mask an artefact and some do not: ``masked`` says which, and by default
every second image is masked.
"""

import astropy.units as u
import numpy as np

__all__ = [
    "ARTEFACT_INJECTORS",
    "inject_artefacts",
    "inject_chip_gap",
    "inject_missing_band",
    "inject_satellite_trail",
    "inject_saturated_star",
]


def _copies(images, random_state, masked):
    """
    Return data, mask, inverse variance, a generator, and who is masked.
    """
    rng = np.random.default_rng(random_state)
    data = np.array(images.data, copy=True)
    mask = np.zeros(data.shape, dtype=bool)
    if images.mask is not None:
        mask |= images.mask
    ivar = None
    if images.uncertainty is not None:
        ivar = np.array(images.uncertainty.array, copy=True)
    if masked is None:
        masked = np.arange(len(data)) % 2 == 1
    masked = np.broadcast_to(np.asarray(masked, dtype=bool), (len(data),))
    return data, mask, ivar, rng, masked


def _with_pixels(images, data, mask, ivar):
    """
    Return a set with the same galaxies on changed pixels.
    """
    return images._with_pixels(data, mask if mask.any() else None, ivar)


def _blank(data, mask, ivar, row, where, masked):
    """
    Remove pixels: zeros, and masked or not.
    """
    data[row][where] = 0.0
    if masked:
        mask[row] |= where
        if ivar is not None:
            ivar[row][where] = 0.0


def inject_chip_gap(images, *, random_state=None, masked=None, min_width=0.06):
    """
    Remove a strip or a corner block, as where no chip was exposed.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        N images.
    random_state : int or `~numpy.random.Generator`, optional
        Seed.
    masked : bool or array_like of bool, shape (N,), optional
        Whether the pixels are masked or only zero.
    min_width : float, optional
        Least width, as a fraction of the frame; up to 0.4.

    Returns
    -------
    images : `~astrovae.GalaxyImageSet`
        With a gap in one band or in all, for half of the images each.
    """
    data, mask, ivar, rng, masked = _copies(images, random_state, masked)
    n_bands, ny, nx = data.shape[1:]
    for row in range(len(data)):
        width = rng.uniform(min_width, 0.4)
        start = rng.uniform(0.0, 1.0 - width)
        y, x = (np.arange(n) / n for n in (ny, nx))
        along = (x >= start) & (x < start + width)
        gap = np.broadcast_to(along, (ny, nx))
        if rng.random() < 0.5:
            along = (y >= start) & (y < start + width)
            gap = np.broadcast_to(along[:, None], (ny, nx))
        if rng.random() < 0.3:
            # A corner: the gap ends where the next chip begins.
            reach = rng.uniform(0.3, 0.7)
            gap = np.outer(y < reach, x < max(width, 0.2))
            gap = gap[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
        bands = np.zeros(n_bands, dtype=bool)
        bands[rng.integers(n_bands)] = True
        if rng.random() < 0.5:
            bands[:] = True
        _blank(data, mask, ivar, row, bands[:, None, None] & gap, masked[row])
    return _with_pixels(images, data, mask, ivar)


def inject_missing_band(images, *, random_state=None, masked=None):
    """
    Remove one band.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        N images.
    random_state : int or `~numpy.random.Generator`, optional
        Seed.
    masked : bool or array_like of bool, shape (N,), optional
        Whether the pixels are masked or only zero.

    Returns
    -------
    images : `~astrovae.GalaxyImageSet`
        With one band empty.
    """
    data, mask, ivar, rng, masked = _copies(images, random_state, masked)
    for row in range(len(data)):
        gone = np.zeros(data.shape[1:], dtype=bool)
        gone[rng.integers(data.shape[1])] = True
        _blank(data, mask, ivar, row, gone, masked[row])
    return _with_pixels(images, data, mask, ivar)


def inject_satellite_trail(
    images, *, random_state=None, signal_to_noise=(1.5, 8.0), both_sides=True
):
    """
    Add a straight trail through the frame in one band.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        N images.
    random_state : int or `~numpy.random.Generator`, optional
        Seed.
    signal_to_noise : tuple of float, optional
        Least and largest brightness on the trail's axis, in standard
        deviations of a pixel's noise; drawn uniformly in logarithm.
    both_sides : bool, optional
        Whether the trail crosses the frame; False: it ends within.

    Returns
    -------
    images : `~astrovae.GalaxyImageSet`
        With a trail at most 0.6 of half the frame from the centre, as
        wide as the PSF, or 5 pixels where that is not known.
    """
    data, mask, ivar, rng, _ = _copies(images, random_state, False)
    n_bands, ny, nx = data.shape[1:]
    y, x = np.mgrid[:ny, :nx]
    y, x = y - (ny - 1) / 2.0, x - (nx - 1) / 2.0
    scale = images.pixel_scale.to_value(u.arcsec)
    for row in range(len(data)):
        band = rng.integers(n_bands)
        angle = rng.uniform(0.0, np.pi)
        offset = rng.uniform(-0.6, 0.6) * min(nx, ny) / 2.0
        sigma = images.psf_fwhm[row, band].to_value(u.arcsec) / scale / 2.355
        sigma = sigma if np.isfinite(sigma) and sigma > 0 else 5.0 / 2.355
        across = x * np.cos(angle) + y * np.sin(angle) - offset
        trail = np.exp(-0.5 * (across / sigma) ** 2)
        if not both_sides:
            trail *= -x * np.sin(angle) + y * np.cos(angle) > 0
        noise = _noise(data[row, band])
        peak = np.exp(rng.uniform(*np.log(signal_to_noise))) * noise
        data[row, band] += (peak * trail).astype(data.dtype)
    return _with_pixels(images, data, mask, ivar)


def inject_saturated_star(
    images, *, random_state=None, masked=None, level=None, distance=0.5
):
    """
    Add a star that saturates, with a flat core and a bleed trail.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        N images.
    random_state : int or `~numpy.random.Generator`, optional
        Seed.
    masked : bool or array_like of bool, shape (N,), optional
        Whether the saturated pixels are masked; they have the level of
        saturation either way.
    level : float, optional
        Flux per pixel at which it saturates, in the images' unit; by
        default 2000 times the noise, but no less than twice the
        brightest pixel of the image.
    distance : float, optional
        Largest distance of the star from the centre, as a fraction of
        half the frame.

    Returns
    -------
    images : `~astrovae.GalaxyImageSet`
        With a star 5 to 200 times brighter than the level in each
        band, a core that is cut at the level, and for two in three a
        trail of pixels at this level along the columns.
    """
    data, mask, ivar, rng, masked = _copies(images, random_state, masked)
    n_bands, ny, nx = data.shape[1:]
    y, x = np.mgrid[:ny, :nx]
    scale = images.pixel_scale.to_value(u.arcsec)
    for row in range(len(data)):
        reach = distance * min(nx, ny) / 2.0 * np.sqrt(rng.random())
        angle = rng.uniform(0.0, 2.0 * np.pi)
        x0 = (nx - 1) / 2.0 + reach * np.cos(angle)
        y0 = (ny - 1) / 2.0 + reach * np.sin(angle)
        brightness = np.exp(rng.uniform(*np.log([5.0, 200.0])))
        bleed = rng.random() < 2.0 / 3.0
        half_length = rng.uniform(0.1, 0.5) * ny
        for band in range(n_bands):
            image = data[row, band]
            full = level
            if full is None:
                full = max(2000.0 * _noise(image), 2.0 * float(image.max()))
            fwhm = images.psf_fwhm[row, band].to_value(u.arcsec) / scale
            fwhm = fwhm if np.isfinite(fwhm) and fwhm > 0 else 4.5
            star = _moffat(x - x0, y - y0, fwhm)
            image += (brightness * full * star).astype(data.dtype)
            core = image >= full
            if bleed:
                core |= (np.abs(x - x0) < 1.5) & (np.abs(y - y0) < half_length)
            image[core] = full
            if masked[row]:
                mask[row, band] |= core
                if ivar is not None:
                    ivar[row, band][core] = 0.0
    return _with_pixels(images, data, mask, ivar)


def _moffat(dx, dy, fwhm, beta=3.5):
    """
    A star of central brightness 1.
    """
    core = fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / beta) - 1.0))
    return (1.0 + (dx**2 + dy**2) / core**2) ** -beta


def _noise(image):
    """
    The scatter of the background, from differences of neighbours.
    """
    used = image[image != 0]
    if used.size == 0:
        return 1.0
    difference = np.diff(image, axis=1)
    noise = 1.4826 * np.median(np.abs(difference)) / np.sqrt(2.0)
    return float(noise) if noise > 0 else float(used.std()) or 1.0


#: The functions above by the name of what they put in.
ARTEFACT_INJECTORS = {
    "chip_gap": inject_chip_gap,
    "saturated_star": inject_saturated_star,
    "satellite_trail": inject_satellite_trail,
    "missing_band": inject_missing_band,
}


def inject_artefacts(images, fraction, *, random_state=None):
    """
    Give some images one artefact each, of a random kind.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        N images.
    fraction : float
        Probability of each image to be hit, between 0 and 1.
    random_state : int or `~numpy.random.Generator`, optional
        Seed.

    Returns
    -------
    images : `~astrovae.GalaxyImageSet`
        A copy, in the same order.
    kinds : `~numpy.ndarray` of str, shape (N,)
        Keys of `ARTEFACT_INJECTORS`; empty where there is none.

    Raises
    ------
    ValueError
        If the fraction is out of range.
    """
    if not 0 <= fraction <= 1:
        msg = f"the fraction of artefacts must be between 0 and 1, got {fraction}"
        raise ValueError(msg)
    rng = np.random.default_rng(random_state)
    names = [
        name
        for name in ARTEFACT_INJECTORS
        # An image of one band that lacks it is no image.
        if name != "missing_band" or len(images.bands) > 1
    ]
    hit = rng.random(len(images)) < fraction
    kinds = np.where(hit, rng.choice(names, len(images)), "")
    rows = [np.flatnonzero(kinds == "")]
    parts = [images[rows[0]]]
    for name in names:
        rows.append(np.flatnonzero(kinds == name))
        if len(rows[-1]):
            injector = ARTEFACT_INJECTORS[name]
            parts.append(injector(images[rows[-1]], random_state=rng))
    parts = [part for part in parts if len(part)]
    order = np.argsort(np.concatenate(rows))
    return type(images).concatenate(parts)[order], kinds
