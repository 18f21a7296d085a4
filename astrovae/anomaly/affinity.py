# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What a person's labels say of the galaxies without one.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import RobustScaler

from .latents import check_length, mask_of

__all__ = ["TRIAGE_LABELS", "label_affinity", "match_labels"]

#: What a galaxy can be labelled as.
TRIAGE_LABELS = ("interesting", "artefact", "known")

_VOTES = {"interesting": 1.0, "artefact": -1.0}
# A galaxy's neighbourhood reaches to this neighbour, in small tables to
# an earlier one.
_N_NEIGHBORS = 10


def match_labels(labels, ids):
    """
    Find the label of each galaxy in a table of labels.

    Parameters
    ----------
    labels : `~astropy.table.Table`
        The columns ``id`` and ``label``, as the triage page exports
        them; masked and empty labels are none.
    ids : array_like of str, shape (N,)
        The galaxies.

    Returns
    -------
    matched : `~numpy.ndarray` of str, shape (N,)
        One of `TRIAGE_LABELS`, or "" without a label.
    unmatched : list of str
        Labelled ids that are not among the galaxies.

    Raises
    ------
    ValueError
        If a column is missing, a label is not known, or a galaxy has
        two labels.
    """
    for name in ("id", "label"):
        if name not in labels.colnames:
            msg = f"the table of labels has no column {name!r}"
            raise ValueError(msg)
    given = {}
    empty = np.broadcast_to(mask_of(labels["label"]), len(labels))
    names = np.ma.getdata(labels["id"]).astype(str)
    words = np.ma.getdata(labels["label"]).astype(str)
    for name, word, is_empty in zip(
        names.tolist(), words.tolist(), empty.tolist(), strict=True
    ):
        if is_empty or not word:
            continue
        if word not in TRIAGE_LABELS:
            msg = f"{name} has the label {word!r}, not one of {TRIAGE_LABELS}"
            raise ValueError(msg)
        if given.setdefault(name, word) != word:
            msg = f"{name} has two labels, {given[name]!r} and {word!r}"
            raise ValueError(msg)
    ids = np.asarray(ids).astype(str)
    matched = np.array([given.get(name, "") for name in ids], dtype="U11")
    known = set(ids.tolist())
    return matched, [name for name in given if name not in known]


@dataclass(frozen=True)
class Affinity:
    """
    How like the labelled galaxies each galaxy is.

    Parameters
    ----------
    values : array, shape (N,)
        From -1, like artefacts, to 1, like interesting galaxies.
    nearest : array of int, shape (N,)
        The row of the labelled galaxy that says most; -1: none does.
    """

    values: np.ndarray
    nearest: np.ndarray


def label_affinity(features, labels):
    r"""
    Tell how like the labelled galaxies the others are.

    Labelled galaxies vote for those near them, the interesting ones
    with +1 and artefacts with -1. A vote counts
    :math:`k = \exp(-d^2 / (h_i h_j))`, where d is the distance of
    the two and h the distance of each to its tenth neighbour, or to an
    earlier one among less than 200 galaxies (Zelnik-Manor & Perona
    2004): rare galaxies have few near them and so reach further. The
    affinity is :math:`\sum \pm k / (1 + \sum k)`. The 1 is one vote for
    nothing at all, so that far from all labels nothing changes and few
    labels suffice.

    Parameters
    ----------
    features : array, shape (N, n_features)
        What describes the galaxies; standardised here by median and
        interquartile range. NaN is taken as the median.
    labels : array of str, shape (N,)
        `TRIAGE_LABELS`, or "". Those other than ``"interesting"`` and
        ``"artefact"`` do not vote.

    Returns
    -------
    affinity : `Affinity`
        Labelled galaxies that vote have the value of their vote.

    Raises
    ------
    ValueError
        If a label is not known, or there are not N.
    """
    labels = check_length("labels", labels, len(features))
    unknown = set(np.unique(labels)) - {*TRIAGE_LABELS, ""}
    if unknown:
        msg = f"unknown labels {sorted(unknown)}; known are {list(TRIAGE_LABELS)}"
        raise ValueError(msg)
    values = np.zeros(len(labels))
    nearest = np.full(len(labels), -1)
    voters = np.flatnonzero(np.isin(labels, list(_VOTES)))
    if len(voters) and len(labels) > 1:
        points = _standardise(features)
        reach = _reach(points)
        squared = cdist(points, points[voters], "sqeuclidean")
        weight = np.exp(-squared / (reach[:, None] * reach[voters]))
        votes = np.array([_VOTES[label] for label in labels[voters]])
        values = weight @ votes / (1.0 + weight.sum(axis=1))
        # Of those who voted as it came out, the one that says most.
        agreeing = weight * (np.sign(values)[:, None] == votes)
        nearest = np.where(agreeing.any(axis=1), voters[agreeing.argmax(axis=1)], -1)
        values[voters] = votes
        nearest[voters] = -1
    return Affinity(values, nearest)


def _standardise(features):
    features = np.asarray(features, dtype=float)
    features = np.where(np.isfinite(features), features, np.nan)
    features = features[:, np.isfinite(features).any(axis=0)]
    points = RobustScaler().fit_transform(features)
    # One broken number is not to decide who is near to whom.
    return np.clip(np.nan_to_num(points), -10.0, 10.0)


def _reach(points):
    """
    Distance to the tenth neighbour, never zero, shape (N,).
    """
    k = min(_N_NEIGHBORS, max(len(points) // 20, 1))
    distance, _ = NearestNeighbors(n_neighbors=k).fit(points).kneighbors()
    reach = distance[:, -1]
    positive = reach[reach > 0]
    return np.maximum(reach, positive.min() if len(positive) else 1.0)
