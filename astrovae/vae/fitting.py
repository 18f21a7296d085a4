# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
How an estimator's arguments become a network and its training.
"""

from dataclasses import asdict, replace

import torch

from astrovae.nn import (
    MixtureLoss,
    PaperLoss,
    StandardLoss,
    TrainingSettings,
    VanillaLoss,
    build_network,
    get_preset,
)

from .model_file import plain

__all__ = [
    "build_loss",
    "check_preset",
    "resolve_preset",
    "seeded_network",
    "training_record",
    "training_settings",
]

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
    return check_preset(replace(get_preset(vae.preset), **own))


def check_preset(preset):
    """
    Make sure that a preset's numbers make sense.

    Parameters
    ----------
    preset : `~astrovae.nn.Preset`
        A preset.

    Returns
    -------
    preset : `~astrovae.nn.Preset`
        The same.

    Raises
    ------
    ValueError
        If a number is out of range.
    """
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
            preset.network,
            n_bands,
            preset.n_latent,
            preset.output_size,
            n_physical=len(preset.latents),
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
    kinds = {"standard": StandardLoss, "mixture": MixtureLoss}
    if preset.loss in kinds:
        return kinds[preset.loss](n, *weights)
    return PaperLoss(n, *weights) if n else VanillaLoss(weights[0])


def training_settings(vae, preset, seed):
    """
    Say how to train.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        The estimator.
    preset : `~astrovae.nn.Preset`
        Its preset, or that of a fine-tuning.
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
        band_dropout=preset.band_dropout,
        edge_dropout=preset.edge_dropout,
        clip=None if preset.loss == "paper" else 5.0,
        patience=plain(vae.patience),
        max_seconds=plain(vae.max_seconds),
        seed=seed,
        mixed_precision=bool(vae.mixed_precision),
    )


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
