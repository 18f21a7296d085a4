# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Fetch a cutout of every galaxy in a table.

TABLE is any table with columns of right ascension and declination, in
degrees or sexagesimal, and perhaps an id or a name. Every reply is checked; a
galaxy without an image keeps its row, masked. With --cache an interrupted
fetch goes on where it stopped. A column ebv, E(B-V) in magnitudes, goes into
the output.
"""

import argparse
from pathlib import Path

from .fetching import (
    add_service_arguments,
    check_distinct,
    make_fetcher,
    remark_failures,
)
from .tables import check_format, output_path, positive, read_table, write_table

NAME = "fetch"
HELP = "positions in, images out"


def add_arguments(parser):
    """
    Say what the verb understands.
    """
    parser.add_argument("table", metavar="TABLE", type=Path)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=output_path,
        required=True,
        help="where to write the images, as HDF5; replaced if it exists",
    )
    parser.add_argument(
        "--manifest",
        metavar="FILE",
        type=output_path,
        help="where to write a table of what became of each galaxy",
    )
    parser.add_argument(
        "--bands", default="grz", help="among g, r, i and z (default: grz)"
    )
    parser.add_argument(
        "--size", type=positive, default=128, help="pixels on a side (default: 128)"
    )
    parser.add_argument(
        "--pixel-scale",
        metavar="ARCSEC",
        type=_positive_float,
        default=0.262,
        help="arcsec per pixel (default: 0.262)",
    )
    parser.add_argument(
        "--planes",
        metavar="PLANE",
        nargs="+",
        choices=["invvar", "maskbits", "psf"],
        default=[],
        help="what comes with the images: invvar, maskbits, psf",
    )
    parser.add_argument(
        "--quantize-level",
        metavar="LEVEL",
        type=_positive_float,
        help="keep pixels to a fraction of their noise, 4 for a quarter: the "
        "file is four times smaller",
    )
    add_service_arguments(parser)


def run(args):
    """
    Carry out the verb.
    """
    import astropy.units as u

    check_distinct(TABLE=args.table, output=args.output, manifest=args.manifest)
    if args.manifest is not None:
        check_format(args.manifest)
    fetcher = make_fetcher(
        args,
        bands=args.bands,
        size=args.size,
        pixel_scale=args.pixel_scale * u.arcsec,
        planes=args.planes,
    )
    table = read_table(args.table)
    images = fetcher.fetch(
        table,
        cache=args.cache,
        output=args.output,
        quantize_level=args.quantize_level,
        overwrite=True,
        retry_empty=args.retry_empty,
    )
    manifest = fetcher.manifest
    if args.manifest is not None:
        write_table(_plain_texts(manifest, args.manifest), args.manifest)
    n_failed = remark_failures(manifest)
    if n_failed == len(images):
        msg = (
            f"none of {len(images)} galaxies has an image; {args.output} is all masked"
        )
        raise ValueError(msg)
    print(
        f"{len(images)} galaxies, of which {n_failed} without an image: {args.output}"
    )
    return 0


def _plain_texts(manifest, path):
    """
    The manifest with columns that the file's format can hold.
    """
    if path.suffix.lower() != ".ecsv":
        for name in manifest.colnames:
            if manifest[name].dtype.kind == "O":
                manifest[name] = manifest[name].astype(str)
    return manifest


def _positive_float(text):
    """
    Turn an argument into a number above zero.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        msg = f"{text} is no number above zero"
        raise argparse.ArgumentTypeError(msg)
    return value
