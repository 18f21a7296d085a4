# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
From image sets to the arrays that a network takes.
"""

import sys

import astropy.units as u
import numpy as np
from tqdm import tqdm

from astrovae.flags import UNUSABLE
from astrovae.images import GalaxyImageSet
from astrovae.nn import ImageStore

__all__ = ["check_images", "fill_store", "preprocess"]

#: Galaxies in memory at a time, as raw images.
CHUNK = 256


def check_images(images, bands=None):
    """
    Make sure that these are images in some of the right bands.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        The images.
    bands : tuple of str, optional
        The model's bands.

    Raises
    ------
    TypeError
        If they are no image set.
    ValueError
        If they have none of the bands.
    """
    if not isinstance(images, GalaxyImageSet):
        msg = (
            "images must be a GalaxyImageSet, not "
            f"{type(images).__name__}; GalaxyImageSet(data, bands=..., "
            "pixel_scale=..., unit=...) makes one from an array"
        )
        raise TypeError(msg)
    if bands is not None and not set(bands) & set(images.bands):
        msg = (
            f"the images have the bands {', '.join(images.bands)}, but the "
            f"model needs {', '.join(bands)}"
        )
        raise ValueError(msg)


def preprocess(images, preprocessing):
    """
    Bring a chunk of images to the network's grid and stretch.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        The images.
    preprocessing : `~astrovae.images.Preprocessing`
        Fitted.

    Returns
    -------
    x : `~numpy.ndarray`, shape (N, n_bands, y, x)
        Images for the network.
    valid : `~numpy.ndarray` of bool, same shape
        False where masked.
    flags : `~numpy.ndarray` of int, shape (N,)
        The images' flags, and those of the model's grid.
    """
    if images.unit != u.nmgy:
        images = images.to(u.nmgy)
    images = images.to_grid(
        bands=preprocessing.bands,
        pixel_scale=preprocessing.pixel_scale,
        size=preprocessing.size,
    )
    x, valid = preprocessing.transform(images)
    return x, valid, np.array(images.flags)


def fill_store(images, preprocessing, dtype, verbose=None):
    """
    Preprocess a set that may be larger than the memory.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        The images; may be lazy.
    preprocessing : `~astrovae.images.Preprocessing`
        Fitted.
    dtype : str
        Type to keep them in.
    verbose : bool, optional
        Show a progress bar on stderr; `None`: if that is a terminal.

    Returns
    -------
    store : `~astrovae.nn.ImageStore`
        The preprocessed images.
    usable : `~numpy.ndarray` of bool, shape (N,)
        False where nothing can be learnt from an image.
    """
    size = preprocessing.output_size
    store = ImageStore(len(images), (len(preprocessing.bands), size, size), dtype)
    usable = np.zeros(len(images), dtype=bool)
    verbose = sys.stderr.isatty() if verbose is None else verbose
    bar = tqdm(
        total=len(images),
        disable=not verbose,
        unit="galaxy",
        desc="preprocessing",
    )
    start = 0
    with bar:
        for chunk in images.iter_chunks(CHUNK):
            x, valid, flags = preprocess(chunk, preprocessing)
            store.fill(start, x, valid)
            usable[start : start + len(x)] = (flags & UNUSABLE) == 0
            start += len(x)
            bar.update(len(x))
    return store, usable
