# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Brightness, colour and size, measured on the images alone.
"""

import astropy.units as u
import numpy as np
from astropy.table import QTable

from astrovae.images.checks import AB_FLUX, check_image_set

__all__ = ["measure_light"]

_CHUNK = 256
_APERTURE = 3.0 * u.arcsec
_BLOCK = 1.3 * u.arcsec  # a typical PSF: the noise of such blocks is independent
_POGSON = 2.5 / np.log(10.0)
_SOFTENING = 1.042  # standard deviations of the flux, Lupton et al.'s choice
_NEGATIVE = -5.0  # standard deviations: no noise, but a fault of the sky level
# Of a band without measurement, and of an aperture that can be used.
_MISSING = 0.95
_COVERED = 0.8
# A ring has light if its median is above this many errors of a median.
_DETECTED = 2.0


def measure_light(images):
    """
    Measure magnitudes and half-light radii within fixed apertures.

    They tell a person what is odd about a galaxy; they are no
    photometry for a catalogue. Magnitudes are of a circle of 3 arcsec
    radius around the frame's centre, neighbours included and without
    a correction for the PSF or for extinction. The half-light radius is that
    of the azimuthal median of all bands, which most neighbours leave
    alone, out to the first ring without light or the frame's edge; of
    inclined galaxies it is that of a circle. It is not corrected for the
    PSF either.

    Magnitudes are asinh magnitudes (Lupton, Gunn & Szalay 1999, AJ 118,
    1406), which agree with others within 0.01 mag from eleven standard
    deviations on, and exist for light that is not detected. The
    noise is that of the same image, in blocks as large as a PSF, so
    that most of what is correlated counts.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        N images; may be lazy and larger than the memory.

    Returns
    -------
    table : `~astropy.table.QTable`
        One row per galaxy, in order: ``id``; ``mag_g`` and
        ``mag_g_err`` and so on, in AB magnitudes, NaN without a
        measurement, in frames smaller than the circle, or with less
        light than noise explains;
        ``half_light_radius`` in arcsec, NaN where there is no light
        at all; and ``missing_bands``, the names of the bands without
        measurement, separated by spaces.

    Raises
    ------
    TypeError
        If these are no image set.

    Examples
    --------
    >>> from astrovae.anomaly import measure_light
    >>> from astrovae.data import load_sample_set
    >>> images, _ = load_sample_set()
    >>> measure_light(images[:2]).colnames
    ['id', 'mag_g', 'mag_g_err', 'mag_r', 'mag_r_err', 'mag_z', 'mag_z_err',
     'half_light_radius', 'missing_bands']
    """
    check_image_set(images)
    scale = images.pixel_scale.to_value(u.arcsec)
    radius = _radii(images.shape[-2:]) * scale
    number = _aperture_pixels(images.shape[-2:], scale)
    to_nmgy = images.unit.to(u.nmgy, equivalencies=AB_FLUX)
    light = [np.zeros((0, len(images.bands)))]
    noise = [np.zeros((0, len(images.bands)))]
    sizes = [np.zeros(0)]
    missing = [np.zeros((0, len(images.bands)), dtype=bool)]
    for chunk in images.iter_chunks(_CHUNK):
        data, absent = _measurements(chunk)
        light.append(_aperture_flux(data, radius, number) * to_nmgy)
        noise.append(_aperture_noise(data, scale, number) * to_nmgy)
        sizes.append(_half_light_radius(data, radius, scale))
        missing.append(absent)
    table = QTable({"id": np.asarray(images.ids, dtype=str)})
    magnitude, error = _asinh_magnitude(np.concatenate(light), np.concatenate(noise))
    for i, band in enumerate(images.bands):
        table[f"mag_{band}"] = magnitude[:, i] * u.mag
        table[f"mag_{band}_err"] = error[:, i] * u.mag
    table["half_light_radius"] = np.concatenate(sizes) * u.arcsec
    bands = np.array(images.bands)
    names = [" ".join(bands[row]) for row in np.concatenate(missing)]
    table["missing_bands"] = np.array(names, dtype=str)
    return table


def _radii(shape):
    """
    Distance of each pixel from the frame's centre, in pixels.
    """
    y, x = (np.arange(n) - (n - 1) / 2.0 for n in shape)
    return np.hypot(y[:, None], x[None, :])


def _measurements(images):
    """
    Pixels, NaN where they are none, and the bands without any.
    """
    data = np.array(images.data, dtype=np.float64)
    if images.mask is not None:
        data[np.broadcast_to(images.mask, data.shape)] = np.nan
    void = np.isnan(data).mean(axis=(-1, -2)) >= _MISSING
    # A band of zeros was not observed, masked or not.
    void |= np.ptp(np.nan_to_num(data), axis=(-1, -2)) == 0
    data[void] = np.nan
    return data, void


def _aperture_flux(data, radius, number):
    """
    Sums within the aperture, shape (N, bands).
    """
    inside = data[..., radius <= _APERTURE.to_value(u.arcsec)]
    # Of pixels larger than the aperture, none need be within it.
    covered = np.isfinite(inside).sum(axis=-1) / max(number, 1)
    flux = np.nansum(inside, axis=-1)
    usable = covered >= _COVERED
    return np.where(usable, flux / np.where(usable, covered, 1.0), np.nan)


def _aperture_pixels(shape, scale):
    """
    Pixels within the aperture, of which a small frame has not all.
    """
    reach = _APERTURE.to_value(u.arcsec) / scale
    # By an even number, so that the centre stays where it is in a pixel.
    wide = [n + 2 * int(np.ceil(reach)) for n in shape]
    return np.count_nonzero(_radii(wide) <= reach)


def _aperture_noise(data, scale, number):
    """
    Standard deviations of those sums, from the sky, shape (N, bands).
    """
    side = max(1, round(_BLOCK.to_value(u.arcsec) / scale))
    ny, nx = (n // side for n in data.shape[-2:])
    blocks = data[..., : ny * side, : nx * side]
    blocks = blocks.reshape(*data.shape[:2], ny, side, nx, side)
    # Of a block with masked pixels nothing is known.
    sums = blocks.sum(axis=(3, 5))
    # Next but one, blocks have no light of a PSF in common.
    pairs = np.concatenate(
        [
            (sums[..., 2:] - sums[..., :-2]).reshape(*data.shape[:2], -1),
            (sums[..., 2:, :] - sums[..., :-2, :]).reshape(*data.shape[:2], -1),
        ],
        axis=-1,
    )
    noise = np.full(data.shape[:2], np.nan)
    known = np.isfinite(pairs).any(axis=-1)
    noise[known] = np.nanmedian(np.abs(pairs[known]), axis=-1)
    return 1.4826 / np.sqrt(2.0) * noise * np.sqrt(number / side**2)


def _asinh_magnitude(flux, noise):
    """
    Magnitudes and their errors of fluxes in nanomaggies.

    A flux without noise has its logarithmic magnitude.
    """
    softening = 2.0 * _SOFTENING * noise
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.arcsinh(flux / softening) + np.log(0.5 * softening)
        plain = np.log(np.where(flux > 0, flux, np.nan))
        error = _POGSON * noise / np.hypot(flux, softening)
    magnitude = 22.5 - _POGSON * np.where(noise > 0, scaled, plain)
    magnitude[flux < _NEGATIVE * noise] = np.nan
    return magnitude, np.where(np.isnan(magnitude), np.nan, error)


def _half_light_radius(data, radius, scale):
    """
    Half-light radii of the mean of the bands, in arcsec, shape (N,).
    """
    known = np.isfinite(data)
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.where(known.any(axis=1), np.nansum(data, axis=1) / count, np.nan)
    outer = 0.5 * scale * min(radius.shape)
    # Sources are brighter than the median: the scatter below is the sky's.
    flat = mean.reshape(len(mean), -1)
    noise = np.full(len(mean), np.nan)
    some = np.isfinite(flat).any(axis=1)
    low, middle = np.nanpercentile(flat[some], [15.87, 50.0], axis=1)
    noise[some] = middle - low
    edges = np.arange(0.0, outer + 2.0 * scale, scale)
    ring_of = np.digitize(radius, edges) - 1
    growth = np.zeros((len(data), len(edges)))
    least = np.zeros((len(data), len(edges) - 1))
    for i in range(len(edges) - 1):
        ring = mean[:, ring_of == i]
        number = ring.shape[1]
        growth[:, i + 1] = number * _median(ring)
        # A median of normal numbers is 1.25 times as uncertain as a mean.
        least[:, i] = _DETECTED * 1.25 * noise * np.sqrt(number)
    # Beyond the first ring without light there is sky only.
    dark = np.cumsum(~(growth[:, 1:] > least), axis=1) > 0
    growth[:, 1:][dark] = 0.0
    growth = np.cumsum(growth, axis=1)
    total = growth[:, -1]
    half = np.array(
        [np.interp(0.5 * row[-1], row, edges) for row in growth], dtype=float
    )
    return np.where(total > 0, half, np.nan)


def _median(ring):
    """
    Medians over the pixels of a ring that are known; 0 without any.
    """
    median = np.zeros(len(ring))
    known = np.isfinite(ring).any(axis=1)
    median[known] = np.nanmedian(ring[known], axis=1)
    return median
