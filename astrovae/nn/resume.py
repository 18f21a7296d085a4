# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The state of an unfinished training, to the last bit.
"""

import zlib
from dataclasses import asdict

import numpy as np
import torch

from .checkpoints import read_tensors, write_tensors

__all__ = ["load_state", "save_state", "training_identity"]

# What may differ between the run that wrote a checkpoint and the next.
_FREE_SETTINGS = ("max_seconds", "patience")


def training_identity(trainer, store, train_rows, validation_rows):
    """
    Say what must be the same for a checkpoint to be continued.

    Parameters
    ----------
    trainer : `~astrovae.nn.Trainer`
        The training.
    store : `~astrovae.nn.ImageStore`
        Its data; every so many images enter a checksum, 256 at least
        if there are as many.
    train_rows, validation_rows : array of int
        Rows of the two splits.

    Returns
    -------
    identity : dict
        Settings, loss, shapes of the network and checksum.
    """
    settings = asdict(trainer.settings)
    for name in _FREE_SETTINGS:
        settings.pop(name)
    if trainer.settings.schedule == "constant":
        settings.pop("max_epochs")
    step = max(len(store) // 256, 1)
    checksum = zlib.crc32(np.ascontiguousarray(store.x[::step]))
    for rows in (train_rows, validation_rows):
        checksum = zlib.crc32(np.array(rows, dtype=np.int64), checksum)
    for numbers in (store.target, store.error, store.conditions):
        if numbers is not None:
            checksum = zlib.crc32(np.ascontiguousarray(numbers), checksum)
    return settings | {
        "data": checksum,
        "loss": [type(trainer.loss).__name__, vars(trainer.loss)],
        "shapes": [list(p.shape) for p in trainer.network.parameters()],
    }


def save_state(trainer, identity):
    """
    Write a trainer's checkpoint.

    Parameters
    ----------
    trainer : `~astrovae.nn.Trainer`
        The training, at the end of an epoch.
    identity : dict
        From `training_identity`.
    """
    tensors = {"generator": trainer.generator.get_state()}
    for name, tensor in trainer.network.state_dict().items():
        tensors[f"network.{name}"] = tensor
    for name, tensor in (trainer.best_weights or {}).items():
        tensors[f"best.{name}"] = tensor
    for index, slots in trainer.optimiser.state_dict()["state"].items():
        for slot, tensor in slots.items():
            tensors[f"optimiser.{index}.{slot}"] = torch.as_tensor(tensor)
    write_tensors(
        trainer.checkpoint,
        {name: tensor.cpu().numpy() for name, tensor in tensors.items()},
        {
            "kind": "checkpoint",
            "identity": identity,
            "history": trainer.history,
            "best_epoch": trainer.best_epoch,
            "seconds": trainer.seconds,
        },
    )


def load_state(trainer, identity):
    """
    Put a trainer where its checkpoint is.

    Parameters
    ----------
    trainer : `~astrovae.nn.Trainer`
        The training; changed.
    identity : dict
        From `training_identity`.

    Raises
    ------
    ValueError
        If the checkpoint belongs to another training.
    `~astrovae.exceptions.ModelFileError`
        If the file cannot be used.
    """
    tensors, record = read_tensors(trainer.checkpoint, "checkpoint")
    if record["identity"] != identity:
        differing = [
            name
            for name in sorted(identity | record["identity"])
            if identity.get(name) != record["identity"].get(name)
        ]
        msg = (
            f"the checkpoint {trainer.checkpoint.name} belongs to another "
            f"training (differs in: {', '.join(differing)}); remove it or "
            "give another path"
        )
        raise ValueError(msg)
    tensors = {name: torch.from_numpy(a) for name, a in tensors.items()}
    trainer.network.load_state_dict(_under(tensors, "network."))
    trainer.best_weights = _under(tensors, "best.") or None
    trainer.generator.set_state(tensors["generator"])
    _load_optimiser(trainer.optimiser, _under(tensors, "optimiser."))
    trainer.history = record["history"]
    trainer.best_epoch = record["best_epoch"]
    trainer.seconds = record["seconds"]


def _load_optimiser(optimiser, tensors):
    groups = optimiser.param_groups
    parameters = [p for group in groups for p in group["params"]]
    for name, tensor in tensors.items():
        index, slot = name.split(".")
        parameter = parameters[int(index)]
        value = tensor.to(parameter.device)
        if tensor.shape == parameter.shape:
            # In the parameter's own memory layout: the fused kernel
            # runs through both side by side.
            value = torch.empty_like(parameter).detach().copy_(tensor)
        optimiser.state[parameter][slot] = value


def _under(tensors, prefix):
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
