# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Reproduce Gagliano & Villar (2023), from data to figures.

Trains the physics-informed and the vanilla model, measures both on galaxies
that they never saw, and writes tables, figures 1 to 3 and a report in Markdown
and HTML. The galaxies are those of the paper's catalogues, with cutouts of the
Legacy Surveys, or with --simulated drawn here, without a network. A run that
was interrupted goes on when it is started again with the same arguments.
"""

import argparse
from pathlib import Path

from .tables import positive
from .train import PRESETS

NAME = "reproduce"
HELP = "the paper, from data to figures"


def add_arguments(parser):
    """
    Say what the verb understands.
    """
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        required=True,
        help="the folder for everything; made if it is not there",
    )
    parser.add_argument(
        "--simulated", action="store_true", help="simulate the galaxies"
    )
    parser.add_argument(
        "--n",
        type=positive,
        default=12000,
        help="galaxies besides the anomalies, a fifth of them held out; at "
        "least 25 (default: 12000; the paper: 26126)",
    )
    parser.add_argument(
        "--epochs",
        type=positive,
        default=20,
        help="of each training (default: 20; the paper: 1000)",
    )
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        default="gagliano2023",
        help="what is trained (default: gagliano2023, the paper's)",
    )
    parser.add_argument(
        "--learning-rate",
        type=float,
        metavar="NUMBER",
        help="of Adam; by default higher than the paper's as there are fewer "
        "steps, at most 1e-3",
    )
    parser.add_argument(
        "--weights",
        metavar="NAME|FILE",
        help="packaged weights or a model's file instead of a training of the "
        "physics-informed model",
    )
    parser.add_argument(
        "--gama-properties",
        metavar="FILE",
        help="GAMA's table of masses and rates (ProSpect), for the real sample",
    )
    parser.add_argument(
        "--random-state",
        type=int,
        default=12345,
        metavar="SEED",
        help="the same seed gives the same galaxies and models (default: 12345)",
    )


def run(args):
    """
    Carry out the verb.
    """
    from astrovae.reproduction import ReproductionSettings, reproduce

    try:
        settings = ReproductionSettings(
            simulated=args.simulated,
            n=args.n,
            epochs=args.epochs,
            preset=args.preset,
            learning_rate=args.learning_rate,
            weights=args.weights,
            random_state=args.random_state,
            gama_properties=args.gama_properties,
        )
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    folder = reproduce(args.output, settings, say=_say)
    report = (folder / "report.md").read_text(encoding="utf-8")
    start = report.index("## The paper's figures of merit")
    print(f"\n{report[start : report.index('![', start)].strip()}\n")
    print(f"Everything: {folder / 'report.html'}")
    return 0


def _say(text):
    print(text, flush=True)
