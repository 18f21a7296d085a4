# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The model that a verb works with: a packaged one or a file.
"""

from pathlib import Path

__all__ = ["add_model_argument", "load_model"]


def add_model_argument(parser):
    """
    Add the argument ``--model``.

    Parameters
    ----------
    parser : `~argparse.ArgumentParser`
        The parser of a verb.
    """
    parser.add_argument(
        "--model",
        metavar="NAME|FILE",
        help="packaged weights or a .safetensors file; the recommended "
        "weights, if not given",
    )


def load_model(name):
    """
    Load a fitted model.

    Parameters
    ----------
    name : str or None
        The name of packaged weights, the path of a file, or `None`.

    Returns
    -------
    vae : `~astrovae.PhysicsVAE`
        The model.

    Raises
    ------
    ValueError
        If there are no weights of that name and no such file.
    """
    from astrovae import PhysicsVAE

    if name is not None and (Path(name).suffix or Path(name).is_file()):
        return PhysicsVAE.load(name)
    return PhysicsVAE.from_pretrained(name)
