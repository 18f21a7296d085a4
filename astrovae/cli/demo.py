# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
See astrovae at work, without network or data of your own.

Estimates the parameters of the packaged sample of simulated galaxies with the
packaged weights, compares them with the truth, and names the strangest
galaxies. Writes results.ecsv and results.png.
"""

import time
from pathlib import Path

from .messages import remark
from .models import add_model_argument, load_model
from .tables import format_figures, format_head, plain_values, write_table

NAME = "demo"
HELP = "see it work, without network or data"

# Outside of these percentiles of the sample a galaxy's value is extreme.
_EXTREME = (2.5, 97.5)


def add_arguments(parser):
    """
    Say what the verb understands.
    """
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        default=Path(),
        help="the folder to write to; the current one, if not given",
    )
    add_model_argument(parser)


def run(args):
    """
    Carry out the verb.
    """
    args.output.mkdir(parents=True, exist_ok=True)
    from astrovae.data import load_sample_set
    from astrovae.metrics import comparison_table

    images, truth = load_sample_set()
    vae = load_model(args.model)
    start = time.perf_counter()
    table = vae.predict(images)
    seconds = time.perf_counter() - start
    # True of the packaged weights; of others we know nothing.
    unseen = "" if args.model else ", which the model has never seen,"
    print(
        f"{len(table)} simulated galaxies{unseen} in "
        f"{seconds:.1f} s ({1000 * seconds / len(table):.1f} ms each).\n"
    )
    print(f"The first rows:\n\n{format_head(table)}\n")
    figures = comparison_table(table, truth)
    print(f"Against the truth:\n\n{format_figures(figures)}\n")
    print("The strangest galaxies:\n")
    for text in strangest(table):
        print(f"- {text}")
    write_table(table, args.output / "results.ecsv")
    print(f"\nEvery row: {args.output / 'results.ecsv'}")
    _write_figure(table, truth, args.output / "results.png")
    return 0


def strangest(table, n=3):
    """
    Tell which galaxies have the highest ``ood_score``, and why.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        The result of ``PhysicsVAE.predict``.
    n : int
        How many.

    Returns
    -------
    texts : list of str
        One line each, the strangest first.
    """
    import numpy as np

    scores = plain_values(table["ood_score"])
    known = np.flatnonzero(np.isfinite(scores))
    order = known[np.argsort(-scores[known], kind="stable")][:n]
    return [
        f"{table['id'][row]}: ood_score {scores[row]:.2f}, "
        f"{'; '.join(_reasons(table, row, scores[row]))}"
        for row in order
    ]


def _reasons(table, row, score):
    """
    What is known about a strange galaxy.
    """
    from astrovae.flags import FLAG_MEANINGS, decode_flags

    rarity = f"{10.0**score:.2g}" if score < 6.0 else "a million"
    reasons = [f"as unusual as one in {rarity} training images"]
    reasons += [FLAG_MEANINGS[name] for name in decode_flags(table["flags"][row])]
    for side, names in _extremes(table, row).items():
        if names:
            reasons.append(f"among the {side} of this sample in {', '.join(names)}")
    return reasons


def _extremes(table, row):
    """
    The columns in which a galaxy is among the first or last few percent.
    """
    import numpy as np

    from astrovae.parameters import PHYSICAL

    found = {"lowest": [], "highest": []}
    for name in (*PHYSICAL, "morphology"):
        if name not in table.colnames:
            continue
        values = plain_values(table[name])
        low, high = np.nanpercentile(values, _EXTREME)
        if values[row] < low:
            found["lowest"].append(name)
        elif values[row] > high:
            found["highest"].append(name)
    return found


def _write_figure(table, truth, path):
    """
    Plot estimates against the truth, where matplotlib is installed.
    """
    try:
        from astrovae.plotting import plot_comparison
    except ImportError as error:
        remark(f"{path} is not written: {error}")
        return
    plot_comparison(table, truth).savefig(path, dpi=150)
    print(f"Truth against estimate: {path}")
