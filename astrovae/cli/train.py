# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Train a model with images of galaxies whose parameters are known.

IMAGES is an HDF5 set, as `astrovae simulate` writes it, or a folder of FITS
files on one grid. LABELS is a table with the columns redshift, stellar_mass
and sfr with their units, best each with its error (redshift_err ...), and id
to match the images.
"""

from pathlib import Path

from .tables import output_path, positive, read_table

NAME = "train"
HELP = "images and labels in, a model out"

#: The presets and devices of PhysicsVAE, known here without torch.
PRESETS = ("standard", "gagliano2023")
DEVICES = ("auto", "cpu", "cuda")

# Further arguments of PhysicsVAE, their type and what they are. One that
# is not given is None, which leaves the choice to the preset.
_NUMBERS = (
    ("max_epochs", positive, "number of epochs"),
    ("batch_size", positive, "number of galaxies in a step"),
    ("learning_rate", float, "learning rate of Adam"),
    ("n_latent", positive, "number of latents"),
    ("validation_fraction", float, "part that chooses the best epoch"),
    ("patience", positive, "stop after so many epochs without improvement"),
    ("max_seconds", float, "stop at the end of the epoch after this time"),
    ("random_state", int, "seed: the same seed gives the same model"),
)


def add_arguments(parser):
    """
    Say what the verb understands.
    """
    parser.add_argument("images", metavar="IMAGES", type=Path)
    parser.add_argument("labels", metavar="LABELS", type=Path)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=output_path,
        required=True,
        help="where to write the model; replaced if it exists",
    )
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        default=PRESETS[0],
        help=f"{PRESETS[0]} (default), or {PRESETS[1]}, faithful to the paper",
    )
    parser.add_argument(
        "--device", choices=DEVICES, default=DEVICES[0], help="default: auto"
    )
    for name, kind, text in _NUMBERS:
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=kind, metavar="NUMBER", help=text)
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        type=output_path,
        help="a file that is written after each epoch",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the checkpoint",
    )


def run(args):
    """
    Carry out the verb.
    """
    _check_checkpoint(args.checkpoint, args.resume)
    for path in (args.images, args.labels):
        if not path.exists():
            msg = f"there is no {path}"
            raise FileNotFoundError(msg)
    labels = read_table(args.labels)
    from astrovae import GalaxyImageSet, PhysicsVAE

    numbers = {name: getattr(args, name) for name, _, _ in _NUMBERS}
    vae = PhysicsVAE(
        args.preset, device=args.device, checkpoint=args.checkpoint, **numbers
    )
    vae.fit(GalaxyImageSet.read(args.images), labels)
    vae.save(args.output)
    best = vae.best_epoch_
    print(
        f"{vae.n_train_} galaxies trained and {vae.n_validation_} chose epoch "
        f"{best} of {len(vae.history_['epoch'])}, with a validation loss of "
        f"{vae.history_['val_loss'][best]:.4g}: {args.output}"
    )
    return 0


def _check_checkpoint(path, resume):
    """
    Go on from a checkpoint only if that is wanted, and if there is one.
    """
    if resume and (path is None or not path.is_file()):
        msg = "--resume needs --checkpoint with the file of an earlier training"
        raise FileNotFoundError(msg)
    if not resume and path is not None and path.exists():
        msg = f"{path} exists: give --resume to go on from it, or remove it"
        raise FileExistsError(msg)
