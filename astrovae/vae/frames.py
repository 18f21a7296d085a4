# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
From image sets to the arrays that a network takes.
"""

import sys
import warnings

import astropy.units as u
import numpy as np
from sklearn.utils.validation import check_is_fitted
from tqdm import tqdm

from astrovae.exceptions import AstrovaeWarning
from astrovae.flags import UNUSABLE
from astrovae.images.checks import check_image_set
from astrovae.nn import ImageStore, choose_device, encode_arrays, join_encodings

__all__ = [
    "check_images",
    "encode_images",
    "encode_rows",
    "fill_store",
    "observing_conditions",
    "preprocessed_chunks",
    "warn_of_unknown_dust",
]

#: Galaxies in memory at a time, as raw images.
CHUNK = 256

# A usual seeing (FWHM); the networks see the PSF in units of it.
_USUAL_SEEING = 1.2 * u.arcsec


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
    check_image_set(images)
    if bands is not None and not set(bands) & set(images.bands):
        msg = (
            f"the images have the bands {', '.join(images.bands)}, but the "
            f"model needs {', '.join(bands)}"
        )
        raise ValueError(msg)


def preprocessed_chunks(images, preprocessing):
    """
    Bring images to the network's grid and stretch, some at a time.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        The images; may be lazy.
    preprocessing : `~astrovae.images.Preprocessing`
        Fitted.

    Yields
    ------
    x : `~numpy.ndarray`, shape (M, n_bands, y, x)
        Images for the network.
    valid : `~numpy.ndarray` of bool, same shape
        False where masked.
    flags : `~numpy.ndarray` of int, shape (M,)
        The images' flags, and those of the model's grid.
    conditions : `~numpy.ndarray`, shape (M, 2 n_bands)
        What is known of their PSFs; see `observing_conditions`.
    """
    for chunk in images.iter_chunks(CHUNK):
        grid = chunk.to_grid(
            bands=preprocessing.bands,
            pixel_scale=preprocessing.pixel_scale,
            size=preprocessing.size,
        )
        x, valid = preprocessing.transform(grid)
        yield x, valid, np.array(grid.flags), observing_conditions(grid)


def observing_conditions(images):
    """
    Describe the PSFs as networks take them.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        N images.

    Returns
    -------
    conditions : `~numpy.ndarray`, shape (N, 2 n_bands)
        Per band ln(FWHM / 1.2 arcsec), 0 where it is not known, then
        per band 1 where it is known.
    """
    widths = (images.psf_fwhm / _USUAL_SEEING).to_value(u.dimensionless_unscaled)
    widths = np.broadcast_to(widths, (len(images), len(images.bands)))
    known = np.isfinite(widths) & (widths > 0)
    logarithm = np.log(np.where(known, widths, 1.0))
    return np.concatenate([logarithm, known], axis=1).astype(np.float32)


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
    conditions = []
    start = 0
    with _progress(len(images), "preprocessing", verbose) as bar:
        for x, valid, flags, known in preprocessed_chunks(images, preprocessing):
            store.fill(start, x, valid)
            conditions.append(known)
            usable[start : start + len(x)] = (flags & UNUSABLE) == 0
            start += len(x)
            bar.update(len(x))
    if conditions:
        store.set_conditions(np.concatenate(conditions))
    return store, usable


def encode_images(vae, images):
    """
    Encode images with a fitted estimator.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        The estimator.
    images : `~astrovae.GalaxyImageSet`
        N images.

    Returns
    -------
    code : `~astrovae.nn.Encoding`
        As from `~astrovae.nn.encode_arrays`.
    flags : `~numpy.ndarray` of int, shape (N,)
        Flags of the images and of the model's grid.

    Raises
    ------
    `~sklearn.exceptions.NotFittedError`
        If the estimator is not fitted.
    TypeError, ValueError
        If these are no images in the model's bands.
    """
    check_is_fitted(vae, "network_")
    preprocessing = vae.preprocessing_
    check_images(images, preprocessing.bands)
    device = choose_device(vae.device)
    network = vae.network_.to(device)
    size = preprocessing.output_size
    empty = np.zeros((0, len(preprocessing.bands), size, size))
    # An empty part first, so that an empty set has the right shapes.
    codes = [encode_arrays(network, empty, None, device)]
    all_flags = [np.zeros(0, int)]
    with _progress(len(images), "encoding", vae.verbose) as bar:
        for x, valid, flags, known in preprocessed_chunks(images, preprocessing):
            codes.append(encode_arrays(network, x, valid, device, known))
            all_flags.append(flags)
            bar.update(len(x))
    return join_encodings(codes), np.concatenate(all_flags)


def encode_rows(network, store, rows, device):
    """
    Encode galaxies that are preprocessed already.

    Parameters
    ----------
    network : `~torch.nn.Module`
        In evaluation mode.
    store : `~astrovae.nn.ImageStore`
        The galaxies.
    rows : array of int, shape (M,)
        Which.
    device : `~torch.device`
        Where the network is.

    Returns
    -------
    code : `~astrovae.nn.Encoding`
        As from `~astrovae.nn.encode_arrays`.
    """
    codes = []
    for start in range(0, len(rows), CHUNK):
        batch = store.batch(rows[start : start + CHUNK])
        valid = None if batch.valid is None else batch.valid.numpy()
        known = None if batch.conditions is None else batch.conditions.numpy()
        codes.append(encode_arrays(network, batch.x.numpy(), valid, device, known))
    return join_encodings(codes)


def warn_of_unknown_dust(preprocessing, images):
    """
    Warn where the Milky Way's extinction had to be assumed.

    Parameters
    ----------
    preprocessing : `~astrovae.images.Preprocessing`
        The model's; its ``ebv``, if there is one, is what it assumes.
    images : `~astrovae.GalaxyImageSet`
        The images.
    """
    assumed = getattr(preprocessing, "ebv", None)
    # The other way of resizing leaves the fluxes as they are.
    if assumed is None or preprocessing.resize != "area":
        return
    n = np.count_nonzero(~np.isfinite(images.ebv))
    if n:
        msg = (
            f"E(B-V) is not known for {n} of {len(images)} galaxies; the "
            f"training galaxies' median of {float(assumed):.3g} was assumed. "
            "GalaxyImageSet(..., ebv=...) takes the values"
        )
        warnings.warn(msg, AstrovaeWarning, stacklevel=3)


def _progress(n, text, verbose):
    """
    A progress bar on stderr, for work that takes longer than 2 s.
    """
    verbose = sys.stderr.isatty() if verbose is None else verbose
    return tqdm(total=n, desc=text, unit="galaxy", delay=2.0, disable=not verbose)
