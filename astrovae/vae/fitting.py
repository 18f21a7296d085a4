# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The steps of a fit, around the training loop.
"""

import warnings
from dataclasses import asdict, replace

import numpy as np
import torch

from astrovae.exceptions import AstrovaeWarning
from astrovae.flags import UNUSABLE
from astrovae.nn import (
    OutlierScore,
    PaperLoss,
    QuantileCalibration,
    StandardLoss,
    TrainingSettings,
    VanillaLoss,
    build_network,
    get_preset,
)
from astrovae.parameters import PARAMETERS

from .frames import encode_rows
from .labels import Labels, read_labels, some
from .model_file import plain
from .morphology import MorphologyAxis
from .scaling import angle_difference

__all__ = [
    "build_loss",
    "calibrate",
    "check_ids",
    "check_split",
    "fit_labels",
    "resolve_preset",
    "seeded_network",
    "split_rows",
    "training_record",
    "training_settings",
]

# Fewer validation labels than this cannot place a 16th percentile.
_MIN_CALIBRATION = 20

_PRESET_ARGUMENTS = (
    "n_latent",
    "reconstruction_weight",
    "physics_weight",
    "learning_rate",
    "batch_size",
    "max_epochs",
    "validation_fraction",
)


def resolve_preset(vae):
    """
    Put an estimator's own arguments into its preset.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        The estimator.

    Returns
    -------
    preset : `~astrovae.nn.Preset`
        Complete and checked.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    own = {
        name: plain(getattr(vae, name))
        for name in _PRESET_ARGUMENTS
        if getattr(vae, name) is not None
    }
    if not vae.physics:
        own["latents"] = ()
    preset = replace(get_preset(vae.preset), **own)
    least = {
        "n_latent": len(preset.latents) + 1,
        "batch_size": 2,
        "max_epochs": 1,
    }
    for name, value in least.items():
        if getattr(preset, name) < value:
            msg = f"{name} must be at least {value}, not {getattr(preset, name)}"
            raise ValueError(msg)
    for name in ("reconstruction_weight", "physics_weight", "learning_rate"):
        if not getattr(preset, name) >= 0:
            msg = f"{name} must not be negative, but is {getattr(preset, name)}"
            raise ValueError(msg)
    if not 0 < preset.validation_fraction < 1:
        msg = (
            "validation_fraction must be between 0 and 1, not "
            f"{preset.validation_fraction}"
        )
        raise ValueError(msg)
    return preset


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


def seeded_network(preset, n_bands, seed):
    """
    Build a network; torch's own random state stays as it is.

    Parameters
    ----------
    preset : `~astrovae.nn.Preset`
        Which network.
    n_bands : int
        Number of bands.
    seed : int
        Of the initial weights.

    Returns
    -------
    network : `~torch.nn.Module`
        The network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network(
            preset.network, n_bands, preset.n_latent, preset.output_size
        )


def build_loss(preset):
    """
    Build the loss of a preset.

    Parameters
    ----------
    preset : `~astrovae.nn.Preset`
        The preset; without latents, that of the vanilla baseline.

    Returns
    -------
    loss : callable
        For `~astrovae.nn.Trainer`.
    """
    n = len(preset.latents)
    weights = preset.reconstruction_weight, preset.physics_weight
    if preset.loss == "standard":
        return StandardLoss(n, *weights)
    return PaperLoss(n, *weights) if n else VanillaLoss(weights[0])


def training_settings(vae, preset, seed):
    """
    Say how to train.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        The estimator.
    preset : `~astrovae.nn.Preset`
        Its preset.
    seed : int
        Of the training.

    Returns
    -------
    settings : `~astrovae.nn.TrainingSettings`
        For `~astrovae.nn.Trainer`.
    """
    return TrainingSettings(
        max_epochs=preset.max_epochs,
        batch_size=preset.batch_size,
        learning_rate=preset.learning_rate,
        weight_decay=preset.weight_decay,
        schedule=preset.schedule,
        augment=preset.augment,
        clip=5.0 if preset.loss == "standard" else None,
        patience=plain(vae.patience),
        max_seconds=plain(vae.max_seconds),
        seed=seed,
    )


def calibrate(vae, store, labels, train, validation, device):
    """
    Fit what turns latents into intervals and scores.

    Sets ``morphology_``, ``outlier_score_`` and ``calibration_``.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        With a trained network and its ``scaling_``.
    store : `~astrovae.nn.ImageStore`
        All galaxies.
    labels : `~astrovae.vae.labels.Labels`
        Their labels.
    train, validation : array of int
        Rows of the two splits.
    device : `~torch.device`
        Where the network is.
    """
    trained = encode_rows(vae.network_, store, train, device)
    held_out = encode_rows(vae.network_, store, validation, device)
    n_physical = len(vae.scaling_.latents)
    vae.morphology_ = MorphologyAxis.fit(trained[0], n_physical)
    vae.outlier_score_ = OutlierScore.fit(trained[2], held_out[2])
    few = [
        name
        for name, values in labels.values.items()
        if np.isfinite(values[validation]).sum() < _MIN_CALIBRATION
    ]
    if few:
        msg = (
            f"fewer than {_MIN_CALIBRATION} validation galaxies have a label "
            f"of {', '.join(few)}; the intervals are calibrated on the "
            "training split too and may be too narrow"
        )
        warnings.warn(msg, AstrovaeWarning, stacklevel=3)
    both = np.concatenate([train, validation])
    joined = [np.concatenate(pair) for pair in zip(trained, held_out, strict=True)]
    vae.calibration_ = {}
    for name in labels.values:
        rows, code = (both, joined) if name in few else (validation, held_out)
        vae.calibration_[name] = _calibration(vae, name, labels.take(rows), code)


def training_record(vae, images, trainer):
    """
    Write down what the training was.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        Fitted.
    images : `~astrovae.GalaxyImageSet`
        The images; their ``meta["sample"]`` is the sample's name.
    trainer : `~astrovae.nn.Trainer`
        The training.

    Returns
    -------
    record : dict
        Anything that JSON knows.
    """
    return {
        "preset": vae.preset,
        "sample": str(images.meta.get("sample", "")),
        "n_train": vae.n_train_,
        "n_validation": vae.n_validation_,
        "n_epochs": len(trainer.history["epoch"]),
        "seconds": round(trainer.seconds, 1),
        "device": str(trainer.device),
        "settings": asdict(trainer.settings),
    }


def _calibration(vae, name, labels, code):
    value, sigma = vae.scaling_.to_estimates(code[0], code[1])[name]
    truth, error = labels.values[name], labels.errors[name]
    residual = truth - value
    if PARAMETERS[name].scale == "periodic":
        residual = angle_difference(truth, value)
    if not vae.preset_.predicts_sigma:
        return QuantileCalibration.fit(residual)
    return QuantileCalibration.fit(residual, sigma, error)
