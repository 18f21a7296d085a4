# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The physics-informed model and the vanilla one, and what they say.
"""

import time
from pathlib import Path

import numpy as np
from astropy.table import QTable, vstack

from astrovae import PhysicsVAE

from .sampling import load_part
from .settings import KINDS

__all__ = ["MODELS", "encode", "latents_of", "load_model", "load_weights", "train"]

#: The models: whether each is physics-informed.
MODELS = {"physics-informed": True, "vanilla": False}


def train(place, name):
    """
    Train a model, or go on with its training; or take packaged weights.

    Parameters
    ----------
    place : `~astrovae.reproduction.stages.Workplace`
        Where the sample is, and the model goes.
    name : str
        A name of `MODELS`.
    """
    own = place.settings
    if MODELS[name] and own.weights is not None:
        vae = load_weights(own.weights)
    else:
        vae = PhysicsVAE(
            own.preset,
            physics=MODELS[name],
            max_epochs=own.epochs,
            learning_rate=own.rate(),
            random_state=own.random_state,
            checkpoint=place.path(f"{name}.checkpoint"),
        )
        images, labels = load_part(place, "train")
        vae.fit(images, labels)
    place.write(f"{name}.safetensors", vae.save)
    # The model is there; the state of its training is not needed further.
    place.path(f"{name}.checkpoint").unlink(missing_ok=True)


def load_weights(weights):
    """
    Read a model's file, or weights that come with the package.

    Parameters
    ----------
    weights : str
        The path of a file, or a name.

    Returns
    -------
    vae : `~astrovae.PhysicsVAE`
        The model.

    Raises
    ------
    ValueError
        If there is neither such a file nor weights of that name.
    `~astrovae.exceptions.ModelFileError`
        If the file is no model, or was altered.
    """
    is_file = Path(weights).is_file()
    load = PhysicsVAE.load if is_file else PhysicsVAE.from_pretrained
    return load(weights)


def load_model(place, name):
    """
    Read a model.

    Parameters
    ----------
    place : `~astrovae.reproduction.stages.Workplace`
        Where it is.
    name : str
        A name of `MODELS`.

    Returns
    -------
    vae : `~astrovae.PhysicsVAE`
        The model.
    """
    return PhysicsVAE.load(place.path(f"{name}.safetensors"))


def encode(place):
    """
    Estimate and encode the galaxies that were held out.

    Writes ``results.ecsv``, whose meta has ``ms_per_galaxy``, and the
    latents of both models.

    Parameters
    ----------
    place : `~astrovae.reproduction.stages.Workplace`
        Where everything is.
    """
    models = {name: load_model(place, name) for name in MODELS}
    results, latents = [], {name: [] for name in MODELS}
    seconds = 0.0
    for part in KINDS:
        images, _ = load_part(place, part)
        start = time.perf_counter()
        results.append(models["physics-informed"].predict(images))
        seconds += time.perf_counter() - start
        for name, vae in models.items():
            table = QTable(vae.transform(images), names=vae.get_feature_names_out())
            table.add_column(np.asarray(images.ids), 0, "id")
            latents[name].append(table)
    results = vstack(results, metadata_conflicts="silent")
    results.meta = {"ms_per_galaxy": round(1e3 * seconds / len(results), 3)}
    place.write_table("results.ecsv", results)
    for name, tables in latents.items():
        place.write_table(f"{name}-latents.ecsv", vstack(tables))


def latents_of(place, name):
    """
    Read the latents of a model.

    Parameters
    ----------
    place : `~astrovae.reproduction.stages.Workplace`
        Where they are.
    name : str
        A name of `MODELS`.

    Returns
    -------
    latents : `~numpy.ndarray`, shape (N, n_latent)
        As the network has them; NaN for unusable images.
    """
    table = QTable.read(place.path(f"{name}-latents.ecsv"))
    return np.column_stack([table[column] for column in table.colnames[1:]])
