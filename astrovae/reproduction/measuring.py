# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The figures of merit, of estimates and of anomalies.
"""

import numpy as np
from astropy.table import QTable, vstack

from astrovae.anomaly import AnomalyClassifier, SimilaritySearch, explain
from astrovae.metrics import comparison_table

from .modelling import MODELS, latents_of
from .sampling import held_out
from .settings import CONTROL, KINDS

__all__ = [
    "explain_anomalies",
    "find_neighbours",
    "measure_anomalies",
    "measure_estimates",
]

_N_NEIGHBOURS = 10  # of each anomaly, as in the paper
_N_RANKED = 16  # in the galleries and in the report


def measure_estimates(place):
    """
    Compare estimates with labels, for each kind; ``metrics.ecsv``.

    Parameters
    ----------
    place : `~astrovae.reproduction.stages.Workplace`
        Where everything is.
    """
    results = QTable.read(place.path("results.ecsv"))
    labels, kinds = held_out(place)
    tables = []
    for kind in KINDS.values():
        own = kinds == kind
        table = comparison_table(results[own], labels[own])
        table.add_column([kind] * len(table), 0, "kind")
        tables.append(table)
    place.write_table("metrics.ecsv", vstack(tables))


def measure_anomalies(place):
    """
    Measure recovery and contamination for both models.

    Writes ``anomalies.ecsv``: the table of
    `~astrovae.anomaly.AnomalyClassifier.evaluate` for each model, with
    controls of the anomalies' redshifts too.

    Parameters
    ----------
    place : `~astrovae.reproduction.stages.Workplace`
        Where everything is.
    """
    labels, kinds = held_out(place)
    classifier = AnomalyClassifier(random_state=place.settings.random_state)
    tables = []
    for name in MODELS:
        table = classifier.evaluate(
            latents_of(place, name), kinds, control=CONTROL, redshift=labels["redshift"]
        )
        table.add_column([name] * len(table), 0, "model")
        tables.append(table)
    place.write_table("anomalies.ecsv", vstack(tables, metadata_conflicts="silent"))


def find_neighbours(place):
    """
    Rank the ordinary galaxies most like each rare kind.

    Writes ``neighbours.ecsv``; ``row`` counts the galaxies of the part
    ``validation``.

    Parameters
    ----------
    place : `~astrovae.reproduction.stages.Workplace`
        Where everything is.
    """
    labels, kinds = held_out(place)
    latents = latents_of(place, "physics-informed")
    ordinary = kinds == CONTROL
    ids = np.asarray(labels["id"], dtype=str)
    search = SimilaritySearch(min(_N_NEIGHBOURS, np.count_nonzero(ordinary)))
    search.fit(latents[ordinary], ids=ids[ordinary])
    tables = []
    for kind in KINDS.values():
        if kind != CONTROL:
            table = search.query(latents[kinds == kind], n=_N_RANKED)
            table.add_column([kind] * len(table), 0, "kind")
            tables.append(table)
    place.write_table("neighbours.ecsv", vstack(tables))


def explain_anomalies(place):
    """
    Say what sets each rare kind apart, by its estimates.

    Writes ``explanations.json``: a text by kind.

    Parameters
    ----------
    place : `~astrovae.reproduction.stages.Workplace`
        Where everything is.
    """
    results = QTable.read(place.path("results.ecsv"))
    _, kinds = held_out(place)
    texts = {
        kind: explain(
            results,
            kind,
            kinds,
            columns=["redshift", "stellar_mass", "sfr", "morphology"],
            random_state=place.settings.random_state,
        ).text
        for kind in KINDS.values()
        if kind != CONTROL
    }
    place.write_json("explanations.json", texts)
