# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Rank the strangest galaxies of a result, with reasons and a page to see them.

RESULTS is a table that `astrovae predict` wrote. Writes candidates.ecsv, and
index.html: a page that any browser opens without a server, in which galaxies
are sorted, plotted and labelled by keys. The labels that it exports rank the
list anew with --labels: galaxies like the interesting ones rise, galaxies like
artefacts sink. Artefacts that are found in the images come after all others.
"""

import argparse
from pathlib import Path

from .fetching import check_distinct
from .messages import remark
from .models import load_model
from .predict import is_set, read_images, report_reasons
from .tables import positive, read_table, write_table

NAME = "anomalies"
HELP = "results in, ranked candidates and a page out"

_CHUNK = 64
_PICTURES = 100  # read at a time


def add_arguments(parser):
    """
    Say what the verb understands.
    """
    parser.add_argument("results", metavar="RESULTS", type=Path)
    parser.add_argument(
        "--images",
        metavar="PATH",
        type=Path,
        required=True,
        help="the images of the same galaxies: an HDF5 set or a folder, whose "
        "files are brought to the grid of the model",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        required=True,
        help="the folder to write to",
    )
    parser.add_argument(
        "--labels",
        metavar="FILE",
        type=Path,
        help="labels that the page exported, by which to rank anew",
    )
    parser.add_argument(
        "--n-candidates",
        metavar="N",
        type=positive,
        default=1000,
        help="how many to write, beside those labelled (default: 1000)",
    )
    parser.add_argument(
        "--model",
        metavar="NAME|FILE",
        help="packaged weights or a .safetensors file, whose latents are "
        "ranked and shown as well; no latents, if not given. A folder's "
        "files are brought to its grid, or to that of the recommended weights",
    )


def run(args):
    """
    Carry out the verb.
    """
    from astrovae.anomaly import rank_candidates, write_triage_page

    for path in (args.results, args.images, args.labels):
        if path is not None and not path.exists():
            msg = f"there is no {path}"
            raise FileNotFoundError(msg)
    if args.output.exists() and not args.output.is_dir():
        msg = f"{args.output} is no folder"
        raise argparse.ArgumentTypeError(msg)
    output = args.output / "candidates.ecsv"
    check_distinct(RESULTS=args.results, labels=args.labels, output=output)
    table = read_table(args.results)
    labels = None if args.labels is None else read_table(args.labels)
    # Files are brought to the grid of a model; a set has its own.
    is_asked = args.model is not None or not is_set(args.images)
    vae = load_model(args.model) if is_asked else None
    images = read_images([args.images], vae.preprocessing_ if is_asked else None)
    report_reasons(images)
    rows = match_rows(table, images)
    _remark_missing(rows, args)
    light, artefacts = measure(table, images, rows)
    ranked = rank_candidates(
        table,
        artefacts=artefacts,
        light=light,
        latents=None if args.model is None else _latents(vae, images, rows),
        labels=labels,
    )
    _remark_unmatched(ranked.meta.pop("unmatched_labels"), args.labels)
    ranked.meta["source_sha256"] = _sha256(args.results)
    counts = _counts(ranked)
    chosen = ranked[(ranked["rank"] <= args.n_candidates) | (ranked["label"] != "")]
    args.output.mkdir(parents=True, exist_ok=True)
    write_table(chosen, output)
    page = args.output / "index.html"
    title = f"Candidates of {args.results.name}"
    pictures = _pictures(images, match_rows(chosen, images))
    write_triage_page(chosen, pictures, page, title=title)
    print(f"{len(chosen)} of {len(table)} galaxies ({counts}): {page}")
    return 0


def match_rows(table, images):
    """
    Find the image of each row.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        N rows with an ``id``.
    images : `~astrovae.GalaxyImageSet`
        The images.

    Returns
    -------
    rows : `~numpy.ndarray` of int, shape (N,)
        Places in the set; -1: no image.

    Raises
    ------
    ValueError
        If the table has no ids, or no image fits.
    """
    import numpy as np

    if "id" not in table.colnames:
        msg = "the table of results has no column 'id'"
        raise ValueError(msg)
    place = {name: i for i, name in enumerate(images.ids.tolist())}
    ids = np.ma.getdata(table["id"]).astype(str).tolist()
    rows = np.array([place.get(name, -1) for name in ids], dtype=int)
    if len(rows) == 0 or np.all(rows < 0):
        msg = f"none of the {len(rows)} ids of the results is among the images"
        raise ValueError(msg)
    return rows


def measure(table, images, rows):
    """
    Measure light and artefacts of the galaxies that have an image.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        N rows with an ``id``.
    images : `~astrovae.GalaxyImageSet`
        The images.
    rows : array of int, shape (N,)
        From `match_rows`.

    Returns
    -------
    light, artefacts : `~astropy.table.QTable`
        N rows each; without an image nothing is measured, and no
        artefact found.
    """
    import numpy as np
    from astropy.table import vstack
    from tqdm import tqdm

    from astrovae.anomaly import find_artefacts, measure_light

    found = np.flatnonzero(rows >= 0)
    tables = []
    with tqdm(total=len(found), desc="artefacts", unit="", disable=None) as bar:
        for start in range(0, len(found), _CHUNK):
            chunk = images[rows[found[start : start + _CHUNK]]]
            tables.append((measure_light(chunk), find_artefacts(chunk)))
            bar.update(len(chunk))
    ids = np.ma.getdata(table["id"]).astype(str)
    return [
        _expand(vstack(list(parts)), found, ids) for parts in zip(*tables, strict=True)
    ]


def _expand(measured, found, ids):
    """
    A row for each id: those that were measured, others without values.
    """
    import numpy as np

    place = np.zeros(len(ids), dtype=int)
    place[found] = np.arange(len(found))
    full = measured[place]
    absent = np.ones(len(ids), dtype=bool)
    absent[found] = False
    for name in full.colnames:
        kind = full[name].dtype.kind
        full[name][absent] = {"f": np.nan, "b": False}.get(kind, "")
    full["id"] = ids
    return full


def _latents(vae, images, rows):
    """
    The latents of the galaxies, a table; NaN without an image.
    """
    import numpy as np
    from astropy.table import QTable

    found = rows >= 0
    values = vae.transform(images[rows[found]])
    latents = np.full((len(rows), values.shape[1]), np.nan)
    latents[found] = values
    return QTable(latents, names=list(vae.get_feature_names_out()))


def _pictures(images, rows):
    """
    Give the picture of each galaxy in turn.
    """
    import numpy as np

    from astrovae.plotting import colour_images

    for start in range(0, len(rows), _PICTURES):
        part = rows[start : start + _PICTURES]
        found = np.flatnonzero(part >= 0)
        pictures = [None] * len(part)
        if len(found):
            for i, picture in zip(
                found, colour_images(images[part[found]]), strict=True
            ):
                pictures[i] = picture
        yield from pictures


def _remark_missing(rows, args):
    n = sum(rows < 0)
    if n:
        remark(f"{n} of {len(rows)} galaxies have no image in {args.images}")


def _remark_unmatched(unmatched, path):
    if unmatched:
        remark(
            f"{len(unmatched)} labels of {path} are of galaxies that the results "
            f"do not have, such as {unmatched[0]}"
        )


def _counts(ranked):
    """
    How many of each kind there are, in words.
    """
    import numpy as np

    kinds, counts = np.unique(np.asarray(ranked["kind"]), return_counts=True)
    parts = [
        f"{n} {kind}{'' if n == 1 or kind in {'known', 'unusable'} else 's'}"
        for kind, n in zip(kinds, counts, strict=True)
    ]
    return ", ".join(parts)


def _sha256(path):
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
