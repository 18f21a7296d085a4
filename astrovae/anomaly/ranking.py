# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A list of candidates: the strangest galaxies first, and why.
"""

import warnings
from itertools import chain

import astropy.units as u
import numpy as np
from astropy.table import QTable, Table

from astrovae.exceptions import AstrovaeWarning
from astrovae.flags import UNUSABLE

from .affinity import label_affinity, match_labels
from .artefacts import ARTEFACT_THRESHOLDS
from .latents import column_values, read_table, unmasked
from .quantities import compared_quantities
from .rarity import combine_scores, cross_score, oddest_feature, posterior_mean
from .reasons import artefact_words, flag_words, quantity_words, score_words

__all__ = ["rank_candidates"]

#: The groups, in the order of the list.
_KINDS = ("candidate", "artefact", "unusable", "known")

# A galaxy beside many that are interesting counts as a thousand times rarer.
_GAIN = 3.0
# A quantity that fewer have would leave the others without a score.
_KNOWN = 0.5
# From here on a vote is worth a reason.
_AFFINITY = 0.25


def rank_candidates(
    table,
    *,
    artefacts=None,
    light=None,
    latents=None,
    labels=None,
    random_state=0,
):
    r"""
    Rank galaxies by how odd they are, artefacts apart, with reasons.

    Up to three tests tell how rare a galaxy is. Each gives a p-value
    :math:`p_k`:

    ``model``
        ``ood_score`` of the table, against the training images.
    ``latents``
        `AnomalyScore` of the latents, against the other galaxies here.
    ``parameters``
        `AnomalyScore` of redshift, mass, offset from the main
        sequence, morphology, colours and size, against the others.
        A colour with an error is replaced by what this and all else
        that is known of the galaxy make likely; a quantity that less
        than half of the galaxies have does not count, of which a
        warning tells.

    The last two are cross-fitted: no galaxy is judged by a density
    that has seen it. They need 100 galaxies; artefacts do not count.
    The ``score`` is minus the decimal logarithm of the harmonic mean
    of the p-values (Wilson 2019, PNAS 116, 1195), which needs no
    independent tests: a galaxy is about as strange as its strangest
    test says. The ``priority`` is the score plus three times the
    affinity to the labels, see `label_affinity`.

    The list is sorted by priority, in four groups: candidates, then
    artefacts (found in the image, or labelled so), then rows that the
    model could not use, then those labelled as known. A galaxy that a
    person labelled interesting is a candidate whatever its image.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        N galaxies: the result of ``PhysicsVAE.predict``.
    artefacts : `~astropy.table.QTable`, optional
        Of the same galaxies in order, from `find_artefacts`.
    light : `~astropy.table.QTable`, optional
        Of the same galaxies in order, from `measure_light`.
    latents : `~astropy.table.Table` or array_like, optional
        Shape (N, n_latent), from ``PhysicsVAE.transform``; a table
        names them, and its ids, if it has any, must be those of the
        others.
    labels : `~astropy.table.Table`, optional
        Labels of some galaxies: the columns ``id`` and ``label``, one
        of ``"interesting"``, ``"artefact"`` and ``"known"``.
    random_state : int, optional
        Seed of folds and densities.

    Returns
    -------
    candidates : `~astropy.table.QTable`
        All galaxies in order: ``rank`` from 1; ``id``; ``kind``, the
        group; ``label`` or ""; ``priority``, ``score``, ``affinity``;
        ``score_model``, ``score_latents`` and ``score_parameters``,
        minus the logarithms of the p-values (NaN: no test);
        ``reasons`` and ``artefacts`` in words, separated by "; "; the
        columns of the tables; ``main_sequence_offset`` and colours,
        where the tables have what they need; and ``latent_0`` and so
        on. The ids of labels that fit no galaxy are in
        ``meta["unmatched_labels"]``.

    Raises
    ------
    ValueError
        If ids are missing or repeated, an argument is of another
        length, or the labels are wrong.

    Examples
    --------
    >>> from astrovae import PhysicsVAE
    >>> from astrovae.anomaly import find_artefacts, rank_candidates
    >>> from astrovae.data import load_sample_set
    >>> images = load_sample_set()[0][:120]
    >>> table = PhysicsVAE.from_pretrained().predict(images)
    >>> ranked = rank_candidates(table, artefacts=find_artefacts(images))
    >>> ranked["rank", "kind"][:2].pprint()
    rank    kind
    ---- ---------
       1 candidate
       2 candidate
    """
    ids = _check_tables(table, artefacts, light, latents)
    label, unmatched = np.full(len(ids), "", dtype="U11"), []
    if labels is not None:
        label, unmatched = match_labels(labels, ids)
    flags = _flags(table)
    unusable = (flags & UNUSABLE) > 0
    missing = np.full(len(ids), "") if light is None else light["missing_bands"]
    broken = artefact_words(artefacts, flags, np.asarray(missing))
    # Of what could not be used, the flags say all.
    broken = [[] if bad else words for bad, words in zip(unusable, broken, strict=True)]
    usual = np.array([not words for words in broken], dtype=bool) & ~unusable

    full = _with_columns(table, light)
    quantities = compared_quantities(full)
    features, described = _parameter_features(quantities, usual)
    # Of an artefact, no estimate is a reason.
    oddest = [
        described[i] if i >= 0 and own else ""
        for i, own in zip(oddest_feature(features, usual), usual, strict=True)
    ]
    scores = {"model": _model_score(table)}
    if latents is not None:
        latents, names = _read_latents(latents, len(ids))
        scores["latents"] = cross_score(latents, usual, random_state)
    scores["parameters"] = cross_score(features, usual, random_state)
    affinity = label_affinity(features if latents is None else latents, label)

    ranked = QTable({"id": ids, "kind": _kinds(label, broken, unusable)})
    ranked["label"] = label
    score = combine_scores(list(scores.values()))
    ranked["priority"] = score + _GAIN * affinity.values
    ranked["score"] = score
    ranked["affinity"] = affinity.values
    for name in ("model", "latents", "parameters"):
        ranked[f"score_{name}"] = scores.get(name, np.full(len(ids), np.nan))
    for name in ranked.colnames[3:]:
        ranked[name].info.format = ".3f"
    parts = [
        broken,
        _affinity_words(affinity, label, ids),
        _without(quantity_words(quantities, usual), broken),
        score_words(scores, np.count_nonzero(usual), oddest),
        flag_words(flags),
    ]
    reasons = [list(chain(*words)) for words in zip(*parts, strict=True)]
    ranked["reasons"] = _joined(reasons)
    ranked["artefacts"] = _joined(broken)
    ranked = _with_columns(ranked, full)
    for quantity in quantities:
        if quantity.name not in ranked.colnames:
            ranked[quantity.name] = u.Quantity(quantity.values, quantity.unit)
    if latents is not None:
        for name, values in zip(names, latents.T, strict=True):
            ranked[f"latent_{name}"] = values
    ranked = ranked[_order(ranked)]
    ranked.add_column(np.arange(1, len(ranked) + 1), name="rank", index=0)
    ranked.meta = dict(table.meta)
    ranked.meta["unmatched_labels"] = unmatched
    return ranked


def _with_columns(table, other):
    """
    A table with the columns that only another one has.
    """
    own = set(table.colnames)
    table = table.copy(copy_data=False)
    for name in () if other is None else other.colnames:
        # Errors of other values than the table's are none of its own.
        if name != "missing_bands" and not {name, name.removesuffix("_err")} & own:
            table[name] = other[name]
    return table


def _plain_ids(table):
    return np.ma.getdata(table["id"]).astype(str)


def _check_tables(table, artefacts, light, latents):
    """
    Refuse tables that do not go together; the ids as str.
    """
    ids = _check_ids(table)
    if {"rank", "priority"} <= set(table.colnames):
        msg = "the table is a list of candidates already; give what predict returned"
        raise ValueError(msg)
    _check_same(ids, artefacts=artefacts, light=light)
    _check_columns(artefacts=artefacts, light=light)
    if isinstance(latents, Table) and "id" in latents.colnames:
        _check_same(ids, latents=latents)
    return ids


def _check_ids(table):
    """
    The ids as str, which name each galaxy once.
    """
    if "id" not in table.colnames:
        msg = "the table has no column 'id'"
        raise ValueError(msg)
    if len(table) == 0:
        msg = "the table has no rows"
        raise ValueError(msg)
    ids = _plain_ids(table)
    unique, count = np.unique(ids, return_counts=True)
    if np.any(count > 1):
        msg = f"the id {str(unique[count > 1][0])!r} is in the table more than once"
        raise ValueError(msg)
    return ids


def _check_same(ids, **tables):
    """
    Refuse tables of other galaxies, or in another order.
    """
    for name, table in tables.items():
        if table is not None and not np.array_equal(_plain_ids(table), ids):
            msg = f"{name} and the table are not of the same galaxies, in order"
            raise ValueError(msg)


def _check_columns(**tables):
    """
    Refuse tables that are something else.
    """
    needed = {"artefacts": list(ARTEFACT_THRESHOLDS), "light": ["missing_bands"]}
    for argument, table in tables.items():
        names = needed[argument]
        missing = [] if table is None else set(names) - set(table.colnames)
        if missing:
            msg = f"{argument} lacks the columns {', '.join(sorted(missing))}"
            raise ValueError(msg)


def _read_latents(latents, n):
    """
    Latents as an array, and their names.
    """
    names = None
    if isinstance(latents, Table):
        latents, features = read_table(latents)
        names = features.names
    latents = np.asarray(unmasked(latents), dtype=float)
    if latents.ndim != 2 or len(latents) != n:
        msg = f"latents must have the shape ({n}, n_latent), got {latents.shape}"
        raise ValueError(msg)
    return latents, names or range(latents.shape[1])


def _flags(table):
    if "flags" not in table.colnames:
        return np.zeros(len(table), dtype=int)
    return np.ma.getdata(table["flags"]).astype(int)


def _model_score(table):
    if "ood_score" not in table.colnames:
        return np.full(len(table), np.nan)
    return column_values(table, "ood_score")


def _parameter_features(quantities, usual):
    """
    What describes galaxies in physical terms, shape (N, n), and its names.

    Colours count for less the less certain they are.
    """
    # The rate follows from the offset; what the model finds odd is judged
    # by itself.
    left_out = {"sfr", "ood_score"}
    if all(quantity.name != "main_sequence_offset" for quantity in quantities):
        left_out.remove("sfr")
    used = [
        quantity
        for quantity in quantities
        if quantity.name not in left_out and np.isfinite(quantity.values).any()
    ]
    if not used:
        msg = "the table has no numeric column that describes galaxies"
        raise ValueError(msg)
    known = [np.mean(np.isfinite(quantity.values[usual])) for quantity in used]
    rare = [q.name for q, part in zip(used, known, strict=True) if part < _KNOWN]
    if 0 < len(rare) < len(used):
        msg = (
            f"{', '.join(rare)}: known of too few galaxies; their parameters are "
            "judged without"
        )
        warnings.warn(msg, AstrovaeWarning, stacklevel=3)
        used = [quantity for quantity in used if quantity.name not in rare]
    exact = np.zeros(len(usual))
    features = posterior_mean(
        np.column_stack([quantity.values for quantity in used]),
        np.column_stack([exact if q.error is None else q.error for q in used]),
        usual,
    )
    return features, [quantity.name.replace("_", " ") for quantity in used]


def _kinds(label, broken, unusable):
    kind = np.full(len(label), "candidate")
    kind[[bool(words) for words in broken]] = "artefact"
    kind[label == "artefact"] = "artefact"
    kind[unusable] = "unusable"
    kind[label == "interesting"] = "candidate"
    kind[label == "known"] = "known"
    return kind


def _affinity_words(affinity, label, ids):
    words = [[] for _ in ids]
    strong = (np.abs(affinity.values) >= _AFFINITY) & (affinity.nearest >= 0)
    for i in np.flatnonzero(strong):
        other = affinity.nearest[i]
        words[i].append(f"like {ids[other]}, labelled {label[other]}")
    return words


def _without(words, broken):
    """
    No words on galaxies whose estimates an artefact has spoilt.
    """
    pairs = zip(words, broken, strict=True)
    return [[] if artefacts else own for own, artefacts in pairs]


def _joined(lists):
    return np.array(["; ".join(words) for words in lists], dtype=str)


def _order(ranked):
    """
    Rows by group, then the highest priority first; ties by id.
    """
    group = np.array([_KINDS.index(kind) for kind in ranked["kind"]])
    priority = np.nan_to_num(np.asarray(ranked["priority"]), nan=-np.inf)
    return np.lexsort((np.asarray(ranked["id"]), -priority, group))
