# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Simulate images of N galaxies, and write what they are beside them.

The galaxies have z < 1 and are seen as by the Legacy Surveys: pixels of 0.262
arcsec, their depth and seeing. Needs the extra `simulate`.
"""

from .tables import check_format, output_path, positive, write_table

NAME = "simulate"
HELP = "galaxies with known answers"


def add_arguments(parser):
    """
    Say what the verb understands.
    """
    parser.add_argument("n", metavar="N", type=positive, help="number of galaxies")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=output_path,
        required=True,
        help="where to write the images, as HDF5; replaced if it exists",
    )
    parser.add_argument(
        "--truth",
        metavar="FILE",
        type=output_path,
        required=True,
        help="where to write the table of their parameters",
    )
    parser.add_argument(
        "--random-state",
        metavar="SEED",
        type=int,
        help="the same seed gives the same galaxies",
    )
    parser.add_argument(
        "--selection",
        choices=["decals", "gama", "deep", "red-spirals", "green-peas"],
        default="decals",
        help="brighter than r = 19.8 (gama), 22.5 (deep), or half of each "
        "(default: decals); or a rare kind alone",
    )
    parser.add_argument(
        "--bands", default="grz", help="among g, r, i and z (default: grz)"
    )
    parser.add_argument(
        "--size", type=positive, default=128, help="pixels on a side (default: 128)"
    )
    parser.add_argument(
        "--n-jobs",
        metavar="N",
        type=int,
        default=1,
        help="number of processes; -1: all cores",
    )
    parser.add_argument(
        "--artefacts",
        metavar="FRACTION",
        type=float,
        default=0.0,
        help="part of the frames with a chip gap, a saturated star, a satellite "
        "trail or a missing band (default: 0)",
    )
    parser.add_argument(
        "--quantize-level",
        metavar="LEVEL",
        type=float,
        help="keep pixels to a fraction of their noise, 4 for a quarter: the "
        "file is four times smaller",
    )


def run(args):
    """
    Carry out the verb.
    """
    name = check_format(args.truth)
    from astrovae.simulation import simulate_to_file

    truth = simulate_to_file(
        args.output,
        args.n,
        quantize_level=args.quantize_level,
        random_state=args.random_state,
        selection=args.selection,
        bands=args.bands,
        size=args.size,
        n_jobs=args.n_jobs,
        artefacts=args.artefacts,
    )
    write_table(truth, args.truth, name)
    print(f"{args.n} galaxies: {args.output}, {args.truth}")
    return 0
