# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Images of galaxies in colour.
"""

import numpy as np
from astropy.visualization import make_lupton_rgb

from .canvas import new_axes

__all__ = ["colour_images", "plot_images"]

_WAVELENGTH_ORDER = "ugrizy"

# The weights and the sky level of the Legacy Surveys' viewer (legacypipe).
_WEIGHTS = {"g": 6.0, "r": 3.4, "i": 3.0, "z": 2.2}
_SKY = -0.03

_NO_DATA = 96  # grey, which no faint sky and no galaxy has


def colour_images(images, *, bands=None, stretch=0.25, softening=8.0):
    r"""
    Combine three bands to colours that keep for bright pixels.

    The scaling is that of Lupton et al. (2004, PASP, 116, 133):
    :math:`f(I) = \sinh^{-1}(Q I / s) / Q` of the mean of the bands.

    Parameters
    ----------
    images : `~astrovae.images.GalaxyImageSet`
        The images; shape (N, bands, y, x).
    bands : sequence of str, optional
        The bands to show as red, green and blue. If not given, the
        longest, the middle and the shortest.
    stretch : float
        The linear range, s, in the images' unit times a weight per
        band: 6.0 in g, 3.4 in r, 3.0 in i, 2.2 in z, else 1.
    softening : float
        The parameter Q.

    Returns
    -------
    colours : `~numpy.ndarray` of uint8, shape (N, y, x, 3)
        Red, green and blue. A pixel that is masked in one or two of
        them has their mean for it, and so less colour; one that is
        masked in all three is grey.

    Raises
    ------
    ValueError
        If a band is not in the images, or not three are given.
    """
    chosen = _colour_bands(images.bands, bands)
    rows = [images.bands.index(band) for band in chosen]
    weights = np.array([_WEIGHTS.get(band, 1.0) for band in chosen])
    data = np.asarray(images.data)[:, rows] * weights[:, None, None]
    masked = ~np.isfinite(data)
    if images.mask is not None:
        masked |= np.broadcast_to(images.mask, images.shape)[:, rows]
    mean = np.where(masked, 0.0, data).sum(axis=1, keepdims=True)
    mean /= np.maximum(np.count_nonzero(~masked, axis=1, keepdims=True), 1)
    data = np.where(masked, mean, data)
    colours = np.empty((len(data), *data.shape[2:], 3), dtype=np.uint8)
    for i, planes in enumerate(data):
        colours[i] = make_lupton_rgb(
            *planes, minimum=_SKY, stretch=stretch, Q=softening
        )
    colours[masked.all(axis=1)] = _NO_DATA
    return colours


def plot_images(
    images,
    *,
    titles=None,
    bands=None,
    n_columns=6,
    stretch=0.25,
    softening=8.0,
    figure=None,
):
    """
    Plot galaxies in colour, north up and east left.

    Parameters
    ----------
    images : `~astrovae.images.GalaxyImageSet`
        The images, all of which are shown: choose them by indexing.
    titles : sequence of str, optional
        What to write above each image; its ``id``, if not given.
    bands : sequence of str, optional
        The bands to show as red, green and blue, see `colour_images`.
    n_columns : int
        The largest number of images in a row.
    stretch, softening : float
        The scaling of the brightness, see `colour_images`.
    figure : `~matplotlib.figure.Figure`, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        The figure.

    Raises
    ------
    ValueError
        If there is no image, or not one title for each.
    """
    if len(images) == 0:
        msg = "there is no image to plot"
        raise ValueError(msg)
    titles = list(images.ids if titles is None else titles)
    if len(titles) != len(images):
        msg = f"{len(titles)} titles were given for {len(images)} images"
        raise ValueError(msg)
    colours = colour_images(images, bands=bands, stretch=stretch, softening=softening)
    figure, axes = new_axes(figure, len(images), n_columns, (1.9, 2.1))
    for ax, picture, title in zip(axes, colours, titles, strict=True):
        ax.imshow(picture, origin="lower", interpolation="nearest")
        ax.set_title(str(title), fontsize="small")
        ax.set(xticks=[], yticks=[])
    return figure


def _colour_bands(available, bands):
    """
    The names of the bands for red, green and blue.
    """
    if bands is None:
        ordered = sorted(available, key=_WAVELENGTH_ORDER.find)
        return ordered[-1], ordered[len(ordered) // 2], ordered[0]
    bands = tuple(bands)
    unknown = [band for band in bands if band not in available]
    if unknown or len(bands) != 3:
        msg = (
            f"bands must name three of {', '.join(available)} for red, green "
            f"and blue, not {', '.join(bands)}"
        )
        raise ValueError(msg)
    return bands
