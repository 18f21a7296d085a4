# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A fitted estimator as one safetensors file.
"""

from dataclasses import asdict
from importlib.metadata import version

import numpy as np
import torch

from astrovae.exceptions import ModelFileError
from astrovae.images import Preprocessing
from astrovae.nn import (
    OutlierScore,
    PITCalibration,
    Preset,
    QuantileCalibration,
    build_network,
    read_tensors,
    write_tensors,
)
from astrovae.parameters import PARAMETERS

from .morphology import MorphologyAxis
from .scaling import LatentScaling

__all__ = ["plain", "read_model", "write_model"]

_KIND = "PhysicsVAE"
_OUTLIER_ARRAYS = ("mean", "whitening", "distances")


def write_model(path, vae):
    """
    Write a fitted estimator.

    Parameters
    ----------
    path : path-like
        The file.
    vae : `~astrovae.PhysicsVAE`
        Fitted.
    """
    tensors = {
        f"network.{name}": tensor.cpu().numpy()
        for name, tensor in vae.network_.state_dict().items()
    }
    for name in _OUTLIER_ARRAYS:
        tensors[f"outlier.{name}"] = getattr(vae.outlier_score_, name)
    units = {name: str(p.unit) for name, p in PARAMETERS.items()}
    metadata = {
        "kind": _KIND,
        "parameters": _plain_parameters(vae),
        "preset": asdict(vae.preset_),
        "preprocessing": vae.preprocessing_.to_dict(),
        "units": units,
        "scaling": {
            "latents": list(vae.scaling_.latents),
            "statistics": vae.scaling_.statistics,
            "standardise": vae.scaling_.standardise,
        },
        "calibration": {name: own.to_dict() for name, own in vae.calibration_.items()},
        "morphology": vae.morphology_.to_dict(),
        "outlier_tail": vae.outlier_score_.tail,
        "history": vae.history_,
        "best_epoch": vae.best_epoch_,
        "record": vae.record_,
        "versions": {
            "astrovae": version("astrovae"),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    }
    write_tensors(path, tensors, metadata)


def read_model(path, vae_class):
    """
    Read a fitted estimator.

    Parameters
    ----------
    path : path-like
        The file.
    vae_class : type
        `~astrovae.PhysicsVAE` or a subclass.

    Returns
    -------
    vae : `~astrovae.PhysicsVAE`
        As it was when it was saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    `~astrovae.exceptions.ModelFileError`
        If the file cannot be used; the message says why.
    """
    tensors, metadata = read_tensors(path, _KIND)
    try:
        return _restore(tensors, metadata, vae_class)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        msg = f"{path} does not hold a whole PhysicsVAE: {error!r}"
        raise ModelFileError(msg) from error


def plain(value):
    """
    Turn a NumPy scalar into what Python and JSON have for it.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    value : object
        A bool, int, float or str in place of a NumPy scalar; else as
        it was.
    """
    return value.item() if isinstance(value, np.generic) else value


def _restore(tensors, metadata, vae_class):
    vae = vae_class(**metadata["parameters"])
    preset = metadata["preset"]
    vae.preset_ = Preset(**preset | {"latents": tuple(preset["latents"])})
    vae.preprocessing_ = Preprocessing.from_dict(metadata["preprocessing"])
    vae.scaling_ = LatentScaling(**metadata["scaling"])
    vae.calibration_ = {
        name: (PITCalibration if "centres" in own else QuantileCalibration).from_dict(
            own
        )
        for name, own in metadata["calibration"].items()
    }
    vae.morphology_ = MorphologyAxis(**metadata["morphology"])
    vae.outlier_score_ = OutlierScore(
        *(tensors[f"outlier.{name}"] for name in _OUTLIER_ARRAYS),
        metadata["outlier_tail"],
    )
    for name in ("history", "best_epoch", "record"):
        setattr(vae, f"{name}_", metadata[name])
    # Files of before this key was written have it only here.
    vae.record_.setdefault("preset", vae.preset)
    vae.n_train_ = vae.record_["n_train"]
    vae.n_validation_ = vae.record_["n_validation"]
    vae.network_ = build_network(
        vae.preset_.network,
        len(vae.preprocessing_.bands),
        vae.preset_.n_latent,
        vae.preset_.output_size,
        n_physical=len(vae.preset_.latents),
    )
    weights = {
        name.removeprefix("network."): torch.from_numpy(tensor)
        for name, tensor in tensors.items()
        if name.startswith("network.")
    }
    vae.network_.load_state_dict(weights)
    vae.network_.eval()
    return vae


def _plain_parameters(vae):
    """
    The constructor's arguments that mean something in another session.
    """
    parameters = {
        name: plain(value) for name, value in vae.get_params(deep=False).items()
    }
    if not isinstance(parameters["random_state"], (int, type(None))):
        parameters["random_state"] = None
    for name in ("checkpoint", "verbose", "max_seconds"):
        parameters[name] = None
    return parameters | {"device": "auto"}
