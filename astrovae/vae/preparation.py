# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What is done to images and labels before a training.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state

from astrovae.exceptions import AstrovaeWarning
from astrovae.flags import UNUSABLE

from .frames import check_images, fill_store
from .labels import Labels, read_labels, some

__all__ = ["TrainingData", "fill", "prepare", "thin_out"]

# So many galaxies tell the pixels' statistics to a per cent.
_MOST_FOR_STATISTICS = 20_000


@dataclass
class TrainingData:  # numpydoc ignore=PR02
    """
    What a training is told beside the images.

    Parameters
    ----------
    labels : `~astrovae.vae.labels.Labels`
        Of all galaxies.
    train, validation : `~numpy.ndarray` of int
        Rows of the two splits.
    seed : int
        Of the split and the training.
    """

    labels: Labels
    train: np.ndarray
    validation: np.ndarray
    seed: int


def prepare(vae, images, labels, validation_fraction):
    """
    Check images and labels, and split them.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        The estimator.
    images : `~astrovae.GalaxyImageSet`
        The images.
    labels : `~astropy.table.QTable` or None
        See `~astrovae.PhysicsVAE.fit`.
    validation_fraction : float
        Part of the galaxies that goes to validation.

    Returns
    -------
    data : `TrainingData`
        Ready for `fill`.

    Raises
    ------
    TypeError, ValueError, `~astropy.units.UnitsError`
        If these cannot be used.
    """
    check_images(images)
    check_ids(images)
    labels = fit_labels(vae, images, labels)
    seed = int(check_random_state(vae.random_state).randint(2**31 - 1))
    train, validation = split_rows(images, validation_fraction, seed)
    return TrainingData(labels, train, validation, seed)


def thin_out(rows):
    """
    Take as many rows as statistics of the pixels need.

    Parameters
    ----------
    rows : array of int
        Rows of the training split.

    Returns
    -------
    rows : `~numpy.ndarray` of int
        At most 20,000 of them, evenly spread.
    """
    return rows[:: -(-len(rows) // _MOST_FOR_STATISTICS)]


def fill(vae, images, data, preset):
    """
    Preprocess all images, and take unusable ones out of the splits.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        With its ``preprocessing_``.
    images : `~astrovae.GalaxyImageSet`
        The images.
    data : `TrainingData`
        Its splits are changed.
    preset : `~astrovae.nn.Preset`
        The preset.

    Returns
    -------
    store : `~astrovae.nn.ImageStore`
        The preprocessed images.

    Raises
    ------
    ValueError
        If too few images are left.
    """
    store, usable = fill_store(images, vae.preprocessing_, preset.dtype, vae.verbose)
    data.train = data.train[usable[data.train]]
    data.validation = data.validation[usable[data.validation]]
    check_split(data.train, data.validation, len(images))
    return store


def fit_labels(vae, images, labels):
    """
    Read the labels that an estimator needs.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        The estimator.
    images : `~astrovae.GalaxyImageSet`
        The images.
    labels : `~astropy.table.QTable` or None
        See `~astrovae.PhysicsVAE.fit`.

    Returns
    -------
    labels : `~astrovae.vae.labels.Labels`
        Without any parameter for ``physics=False``.

    Raises
    ------
    ValueError
        If labels are needed and not given.
    """
    if not vae.physics:
        return Labels({}, {})
    if labels is None:
        msg = (
            "labels are needed; PhysicsVAE(physics=False) is the baseline "
            "that learns without"
        )
        raise ValueError(msg)
    return read_labels(labels, images)


def check_ids(images):
    """
    Make sure that no galaxy is there twice.

    A galaxy in both splits would make the validation worthless.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        The images.

    Raises
    ------
    ValueError
        If an id is repeated.
    """
    names, counts = np.unique(np.asarray(images.ids, dtype=str), return_counts=True)
    if np.any(counts > 1):
        msg = f"images has repeated ids: {some(names[counts > 1].tolist())}"
        raise ValueError(msg)


def split_rows(images, fraction, seed):
    """
    Split the usable rows in two, at random.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        The images.
    fraction : float
        Part of them that goes to validation.
    seed : int
        Of the random numbers.

    Returns
    -------
    train, validation : `~numpy.ndarray` of int
        Rows; sorted, as a file is read fastest.

    Raises
    ------
    ValueError
        If there are fewer than three.
    """
    rows = np.flatnonzero((np.asarray(images.flags) & UNUSABLE) == 0)
    if len(rows) < 3:
        msg = f"{len(rows)} usable images are too few: at least 3 are needed"
        raise ValueError(msg)
    order = np.random.default_rng(seed).permutation(rows)
    n_validation = round(fraction * len(rows))
    n_validation = min(max(n_validation, 1), len(rows) - 2)
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])


def check_split(train, validation, n):
    """
    Warn of images left out, and make sure that enough are left.

    Parameters
    ----------
    train, validation : array of int
        Rows of the two splits.
    n : int
        Number of images that were given.

    Raises
    ------
    ValueError
        If too few are left.
    """
    n_left_out = n - len(train) - len(validation)
    if n_left_out:
        msg = f"{n_left_out} of {n} images are unusable and were left out"
        warnings.warn(msg, AstrovaeWarning, stacklevel=3)
    if len(train) < 2 or len(validation) < 1:
        msg = f"{n - n_left_out} usable images are too few to train with"
        raise ValueError(msg)
