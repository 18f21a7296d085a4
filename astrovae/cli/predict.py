# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Estimate the parameters of the galaxies in images, one row for each.

PATH is a FITS file, a folder of them, an HDF5 set, or a table of positions, of
which the images are fetched first. Whatever their pixel scale and size,
images are brought to the grid of the model. A galaxy that cannot be used
keeps its row: its estimates are masked, and the flags and the table's header
say why.
"""

import argparse
import tempfile
from contextlib import contextmanager
from pathlib import Path

from .fetching import add_service_arguments, check_distinct, make_fetcher
from .messages import remark
from .models import add_model_argument, load_model
from .tables import (
    FORMATS,
    check_format,
    is_table,
    output_path,
    read_table,
    write_table,
)

NAME = "predict"
HELP = "images in, a table out"

_HDF5 = {".hdf5", ".h5"}

#: Galaxies that are fetched into memory; more go by a file.
_IN_MEMORY = 2000


def add_arguments(parser):
    """
    Say what the verb understands.
    """
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=output_path,
        required=True,
        help="where to write the table; replaced if it exists",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="the format of the table; by the file's ending, if not given",
    )
    add_model_argument(parser)
    add_service_arguments(parser)


def run(args):
    """
    Carry out the verb.
    """
    name = check_format(args.output, args.format)
    for path in args.paths:
        if not path.exists():
            msg = f"there is no {path}"
            raise FileNotFoundError(msg)
    if len(args.paths) > 1 and any(is_table(path) for path in args.paths):
        msg = "a table of positions is given alone, without other paths"
        raise argparse.ArgumentTypeError(msg)
    for path in args.paths:
        check_distinct(PATH=path, output=args.output)
    vae = load_model(args.model)
    with _images(args, vae.preprocessing_) as images:
        table = vae.predict(images)
        report_reasons(images)
    if len(table) == _count_unusable(table):
        msg = "none of the images could be used"
        raise ValueError(msg)
    write_table(table, args.output, name)
    print(_summary(table, args.output))
    return 0


@contextmanager
def _images(args, grid):
    """
    Read the images, or fetch them.
    """
    if not is_table(args.paths[0]):
        yield read_images(args.paths, grid)
        return
    fetcher = make_fetcher(
        args, bands=grid.bands, size=grid.size, pixel_scale=grid.pixel_scale
    )
    positions = read_table(args.paths[0])
    if len(positions) <= _IN_MEMORY:
        yield fetcher.fetch(positions, cache=args.cache, retry_empty=args.retry_empty)
        return
    with tempfile.TemporaryDirectory(prefix="astrovae-") as folder:
        output = Path(folder) / "cutouts.hdf5"
        yield fetcher.fetch(
            positions, cache=args.cache, output=output, retry_empty=args.retry_empty
        )


def read_images(paths, grid):
    """
    Read all images, brought to one grid where they are FITS files.

    Parameters
    ----------
    paths : list of `~pathlib.Path`
        FITS files, folders and HDF5 sets.
    grid : `~astrovae.images.Preprocessing`
        Knows the bands, the pixel scale and the size; not asked if the
        only path is a set.

    Returns
    -------
    images : `~astrovae.GalaxyImageSet`
        All of them.
    """
    from astrovae import GalaxyImageSet

    if len(paths) == 1 and is_set(paths[0]):
        # It stays as it is, on disk.
        return GalaxyImageSet.read(paths[0])
    wanted = {
        "bands": grid.bands,
        "pixel_scale": grid.pixel_scale,
        "size": grid.size,
    }
    sets = [GalaxyImageSet.read(path) for path in paths if is_set(path)]
    others = [path for path in paths if not is_set(path)]
    if others:
        others = others[0] if len(others) == 1 else others
        sets.insert(0, GalaxyImageSet.read(others, **wanted))
    if len(sets) == 1:
        return sets[0]
    return GalaxyImageSet.concatenate([one.to_grid(**wanted) for one in sets])


def is_set(path):
    """
    Tell whether a path is named like an HDF5 set.

    Parameters
    ----------
    path : `~pathlib.Path`
        The path.

    Returns
    -------
    found : bool
        Whether it is; such a set is read as it is, on no other grid.
    """
    return path.suffix.lower() in _HDF5


def report_reasons(images):
    """
    Name the files that gave no row, and the rows without an image.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        As read.
    """
    for path, reason in images.meta.get("passed_over", {}).items():
        remark(f"passed over {path}: {reason}")
    for name, reason in images.reasons.items():
        remark(f"masked row {name}: {reason}")


def _summary(table, path):
    """
    One line about the result.
    """
    unusable = _count_unusable(table)
    flagged = sum(table["flags"] > 0) - unusable
    return (
        f"{len(table)} galaxies, of which {unusable} without an estimate and "
        f"{flagged} with a flag: {path}"
    )


def _count_unusable(table):
    """
    The rows without any estimate.
    """
    from astrovae.flags import UNUSABLE

    return sum((table["flags"] & UNUSABLE) > 0)
