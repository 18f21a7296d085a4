# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The galaxies: those to train with, those held out, and the anomalies.
"""

import numpy as np
from astropy.table import QTable, vstack

from astrovae.exceptions import CatalogueError
from astrovae.images import GalaxyImageSet

from .settings import KINDS

__all__ = ["PARTS", "load_part", "make_sample", "sample_files"]

#: The parts of the sample, each an image set and a table of labels.
PARTS = ("train", *KINDS)

# Noise is drawn to a quarter of its scatter: files are four times smaller.
_QUANTIZE = 4.0


def sample_files():
    """
    Name the files of the sample.

    Returns
    -------
    names : tuple of str
        Images and labels of each part.
    """
    return tuple(
        name for part in PARTS for name in (f"{part}.hdf5", f"{part}-labels.ecsv")
    )


def load_part(place, part):
    """
    Read one part of the sample.

    Parameters
    ----------
    place : `~astrovae.reproduction.stages.Workplace`
        Where it is.
    part : str
        A name of `PARTS`.

    Returns
    -------
    images : `~astrovae.GalaxyImageSet`
        The images, read when they are needed.
    labels : `~astropy.table.QTable`
        Their labels.
    """
    images = GalaxyImageSet.read(place.path(f"{part}.hdf5"))
    return images, QTable.read(place.path(f"{part}-labels.ecsv"))


def make_sample(place):
    """
    Make the sample.

    Parameters
    ----------
    place : `~astrovae.reproduction.stages.Workplace`
        Where to write `sample_files`.
    """
    if place.settings.simulated:
        _simulate(place)
    else:
        _fetch(place)


def _simulate(place):
    """
    Draw ordinary galaxies in two parts, and the two rare kinds.
    """
    from astrovae.simulation import catalogue_labels, simulate_to_file

    own = place.settings
    numbers = {
        "train": own.n - own.n_held_out,
        "validation": own.n_held_out,
        "red-spirals": own.n_red_spirals,
        "green-peas": own.n_green_peas,
    }
    for i, (part, n) in enumerate(numbers.items()):
        # The parts must not be the same galaxies.
        seed = int(np.random.SeedSequence([own.random_state, i]).generate_state(1)[0])
        truths = []

        def write(path, part=part, n=n, seed=seed, truths=truths):
            selection = part if part in ("red-spirals", "green-peas") else "decals"
            truth = simulate_to_file(
                path,
                n,
                quantize_level=_QUANTIZE,
                random_state=seed,
                selection=selection,
            )
            truths.append(truth)

        place.write(f"{part}.hdf5", write)
        labels = catalogue_labels(truths[0], random_state=seed)
        place.write_table(f"{part}-labels.ecsv", labels)
        place.say(f"  {part}: {n} galaxies")


def _fetch(place):
    """
    Load the paper's catalogues, and fetch a cutout of each galaxy.
    """
    from astrovae.fetch import CutoutFetcher
    from astrovae.samples import build_training_set

    rng = np.random.default_rng(place.settings.random_state)
    ordinary = [_thin_out(place, table, rng) for table in _ordinary_samples(place)]
    fetcher = CutoutFetcher(layer="ls-dr10", bands="grz", size=128)
    options = {"cache": place.path("cutouts")}
    images, labels = build_training_set(
        ordinary, fetcher=fetcher, fetch_options=options
    )
    order = rng.permutation(len(labels))
    cut = max(1, round(len(labels) * place.settings.n_held_out / place.settings.n))
    _write(place, "train", images, labels, np.sort(order[cut:]))
    _write(place, "validation", images, labels, np.sort(order[:cut]))
    for part, load in (("red-spirals", _red_spirals), ("green-peas", _green_peas)):
        images, labels = build_training_set(
            [load(place)],
            fetcher=fetcher,
            require=("redshift",),
            fetch_options=options,
        )
        _write(place, part, images, labels, np.arange(len(labels)))


def _write(place, part, images, labels, rows):
    chosen = images[rows]
    place.write(f"{part}.hdf5", chosen.write)
    place.write_table(f"{part}-labels.ecsv", QTable(labels[rows], meta={}))
    place.say(f"  {part}: {len(rows)} galaxies")


def _ordinary_samples(place):
    """
    The paper's two samples, or the one that can be had whole.
    """
    from astrovae.samples import load_sample

    options = {"cache": place.path("catalogues")}
    tables = [load_sample("zou2022", **options)]
    if place.settings.gama_properties is None:
        place.say(
            "  without GAMA, whose masses and rates VizieR does not have: give "
            "its table of ProSpect (gama-survey.org/dr4) as properties"
        )
    else:
        properties = place.settings.gama_properties
        tables.insert(0, load_sample("gama-dr4", properties=properties, **options))
    return tables


def _thin_out(place, table, rng):
    """
    As many of a sample's galaxies as are asked for, at most.
    """
    share = place.settings.n // (2 if place.settings.gama_properties else 1)
    # Some fall out later: duplicates, and places without images.
    n = min(len(table), round(1.1 * share) + 10)
    return table[np.sort(rng.choice(len(table), n, replace=False))]


def _red_spirals(place):
    from astrovae.samples import load_sample

    return load_sample("red-spirals", cache=place.path("catalogues"))


def _green_peas(place):
    """
    The paper's 13 green peas, or those of Cardamone et al. (2009).
    """
    from astrovae.samples import load_sample

    try:
        return load_sample("green-peas-kiss", cache=place.path("catalogues"))
    except CatalogueError as error:
        place.say(f"  the 80 green peas of Cardamone et al. instead of KISS's: {error}")
        return load_sample("green-peas-cardamone", source="package")


def held_out(place):
    """
    Read the labels and kinds of all galaxies that were held out.

    Parameters
    ----------
    place : `~astrovae.reproduction.stages.Workplace`
        Where the sample is.

    Returns
    -------
    labels : `~astropy.table.QTable`
        The columns that every part has, and those that only some have,
        masked elsewhere.
    kinds : `~numpy.ndarray` of str
        Of `KINDS`, `CONTROL` first.
    """
    tables = [load_part(place, part)[1] for part in KINDS]
    kinds = np.repeat(list(KINDS.values()), [len(table) for table in tables])
    return vstack(tables, metadata_conflicts="silent"), kinds
