# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The paper's figures of merit beside ours, each with its definition.
"""

import numpy as np
from astropy.table import QTable

from .settings import CONTROL

__all__ = ["compare_with_paper", "percent_with_interval"]

# Of section 3 of the paper; r2 are the outputs of its authors' public code.
# Per figure: parameter, column of the comparison table, name, definition,
# the paper's value or `None`.
_ESTIMATES = (
    ("redshift", "MSE", "redshift MSE", "mean (z_est - z_spec)^2", 0.01),
    ("redshift", "bias", "redshift bias, median", "median dz/(1+z)", 0.001),
    ("redshift", "mean_bias", "redshift bias, mean", "mean dz/(1+z)", 0.001),
    ("redshift", "MAD", "redshift MAD", "mean |z_est - z_spec|", 0.05),
    ("redshift", "NMAD", "redshift NMAD", "1.4826 median|dz - median dz|/(1+z)", None),
    ("redshift", "outlier_fraction", "outliers", "|dz|/(1+z) > 0.15", 0.1),
    ("redshift", "r2_pearson", "redshift r2", "squared Pearson correlation", 0.830),
    ("redshift", "R2", "redshift R2", "1 - SSE/SST", None),
    ("stellar_mass", "r2_pearson", "log mass r2", "squared Pearson correlation", 0.738),
    ("stellar_mass", "R2", "log mass R2", "1 - SSE/SST", None),
    (
        "stellar_mass",
        "NMAD",
        "log mass NMAD (dex)",
        "1.4826 median|d - median d|",
        None,
    ),
    ("sfr", "r2_pearson", "log SFR r2", "squared Pearson correlation", 0.260),
    ("sfr", "R2", "log SFR R2", "1 - SSE/SST", None),
    ("sfr", "NMAD", "log SFR NMAD (dex)", "1.4826 median|d - median d|", None),
)

# Recovery, and the part of the ordinary galaxies that is called so.
_ANOMALIES = {"green pea": ("100 %", "2 %"), "red spiral": ("98 %", "5 %")}

_PAPER_MS = 7


def compare_with_paper(place, metrics, anomalies):
    """
    Put the paper's figures beside ours.

    Parameters
    ----------
    place : `~astrovae.reproduction.stages.Workplace`
        Where the results are.
    metrics, anomalies : `~astropy.table.QTable`
        From ``metrics.ecsv`` and ``anomalies.ecsv``.

    Returns
    -------
    table : `~astropy.table.QTable`
        ``quantity``, ``definition``, ``paper`` and ``here``, as text.
    """
    rows = []
    ordinary = metrics[metrics["kind"] == CONTROL]
    by_name = {row["parameter"]: row for row in ordinary}
    for parameter, column, name, definition, paper in _ESTIMATES:
        if parameter in by_name:
            value = by_name[parameter][column]
            shown = "" if np.ma.is_masked(value) else f"{value:.4f}"
            rows.append((name, definition, "" if paper is None else str(paper), shown))
    for model in dict.fromkeys(anomalies["model"]):
        for kind, paper in _ANOMALIES.items():
            rows += _anomaly_rows(anomalies, model, kind, paper)
    meta = QTable.read(place.path("results.ecsv")).meta
    rows.append(
        (
            "time per galaxy (ms)",
            "from image file to estimates, here; the paper's on an Apple M2 Max",
            str(_PAPER_MS),
            f"{meta['ms_per_galaxy']:.2f}",
        )
    )
    names = ("quantity", "definition", "paper", "here")
    return QTable(list(zip(*rows, strict=True)), names=names)


def _anomaly_rows(anomalies, model, kind, paper):
    """
    Recovery and contamination of one kind by one model.
    """
    own = anomalies[
        (anomalies["model"] == model)
        & (anomalies["class"] == kind)
        & (anomalies["controls"] == "all")
    ]
    # The paper states its figures for the physics-informed model.
    recovery, contamination = paper if model == "physics-informed" else ("", "")
    return [
        row
        for line in own
        for row in (
            (
                f"{kind}s recovered, {model}",
                "part of the held-out class called so",
                recovery,
                percent_with_interval(line, "recovery"),
            ),
            (
                f"contamination, {kind}, {model}",
                "part of the held-out ordinary galaxies called so",
                contamination,
                percent_with_interval(line, "false_positive_rate"),
            ),
        )
    ]


def percent_with_interval(row, name):
    """
    Write a rate as per cent, with its interval.
    """
    value = row[name]
    if not np.isfinite(value):
        return "not defined"
    low, high = 100 * row[f"{name}_lower"], 100 * row[f"{name}_upper"]
    return f"{100 * value:.1f} % ({low:.1f} to {high:.1f})"
