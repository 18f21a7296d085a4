# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Recovery and contamination from repeated stratified folds.

These functions serve `AnomalyClassifier`.
"""

import warnings

import numpy as np
from astropy.stats import binom_conf_interval
from astropy.table import MaskedColumn, QTable, Table
from joblib import Parallel, delayed
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import check_array, check_random_state

from astrovae.exceptions import AstrovaeWarning

from .latents import (
    read_labels,
    read_redshift,
    read_table,
    unmasked,
    usable_rows,
)
from .matching import match_redshift
from .oversampling import make_pipeline, neighbours_of, pairwise_decision, votes

__all__ = []

_RATES = ("recovery", "contamination", "false_positive_rate")


def warn_of_small_classes(neighbours, k_neighbors):
    """
    Warn of classes that do not have the neighbours SMOTE is to use.

    Parameters
    ----------
    neighbours : dict of str to (int or None)
        As from `neighbours_of`, by name.
    k_neighbors : int
        What was asked for.
    """
    for name, k in neighbours.items():
        if k is None or k >= k_neighbors:
            continue
        how = (
            f"SMOTE uses {k} neighbours instead of {k_neighbors}"
            if k
            else "its one member is repeated instead of using SMOTE"
        )
        msg = f"the class {str(name)!r} is small: {how}"
        warnings.warn(msg, AstrovaeWarning, stacklevel=4)


def binomial_interval(k, n, confidence):
    """
    Wilson interval of a fraction whose k and n need not be integers.

    Averages over rounds are not; the interval is interpolated between
    those of the integers around k, and n is rounded.

    Returns
    -------
    lower, upper : float
        NaN if n is 0.
    """
    n = round(float(n))
    if n == 0:
        return np.nan, np.nan
    k = min(max(float(k), 0.0), n)
    floor = int(np.floor(k))
    ends = [
        binom_conf_interval(i, n, confidence_level=confidence, interval="wilson")
        for i in (floor, min(floor + 1, n))
    ]
    weight = k - floor
    lower, upper = (1.0 - weight) * ends[0] + weight * ends[1]
    return float(lower), float(upper)


def held_out_predictions(clf, values, codes, *, n_splits, n_repeats, seed, n_jobs):
    """
    Predict each galaxy once per round, by a pipeline without it.

    Returns
    -------
    predicted : `~numpy.ndarray` of int, shape (n_repeats, N)
        Classes.
    neighbours : dict of int to (int or None)
        The least number of neighbours of SMOTE in any fold.
    """
    if n_repeats < 1:
        msg = f"n_repeats must be at least 1, not {n_repeats}"
        raise ValueError(msg)
    rng = check_random_state(seed)
    seeds = rng.randint(2**31 - 1, size=n_repeats)
    work = []
    for turn, fold_seed in enumerate(seeds):
        folds = StratifiedKFold(n_splits, shuffle=True, random_state=fold_seed)
        with warnings.catch_warnings():
            # Classes with fewer members than folds: said in the notes.
            warnings.filterwarnings("ignore", "The least populated class")
            work += [
                (turn, train, test, int(fold_seed))
                for train, test in folds.split(values, codes)
            ]
    every = np.unique(codes)
    found = Parallel(n_jobs=n_jobs)(
        delayed(_predict_fold)(clf, values, codes, every, train, test, fold_seed)
        for _, train, test, fold_seed in work
    )
    predicted = np.zeros((n_repeats, len(codes)), dtype=int)
    least = {}
    for (turn, _, test, _), (labels, neighbours) in zip(work, found, strict=True):
        predicted[turn, test] = labels
        for code, k in neighbours.items():
            old = least.get(code, k)
            least[code] = k if old is None else old if k is None else min(k, old)
    return predicted, least


def _predict_fold(clf, values, codes, every, train, test, seed):
    if len(np.unique(codes[train])) == 1:
        # All of the other class are in this fold: it is never predicted.
        return np.full(len(test), codes[train][0]), {}
    pipeline = make_pipeline(
        codes[train], k_neighbors=clf.k_neighbors, C=clf.C, gamma=clf.gamma, seed=seed
    ).fit(values[train], codes[train])
    pairwise = pairwise_decision(pipeline, values[test], every)
    missing = ~np.isin(every, pipeline.classes_)
    decision = votes(pairwise, len(every))
    decision[:, missing] = -np.inf
    return every[decision.argmax(axis=1)], neighbours_of(codes[train], clf.k_neighbors)


def evaluate(clf, latents, labels, *, control, redshift, confidence, **options):
    """
    Do the work of `AnomalyClassifier.evaluate`.
    """
    n_matched, max_difference = options.pop("n_matched"), options.pop("max_difference")
    if isinstance(latents, Table):
        values = read_table(latents)[0]
    else:
        values = check_array(unmasked(latents), dtype=float, ensure_all_finite=False)
    labels = read_labels(labels, len(values))
    if redshift is not None:
        redshift = read_redshift(redshift, len(values))
        if not np.isfinite(redshift).any():
            msg = "all redshifts are masked or NaN: there are no controls to match"
            raise ValueError(msg)
    good = usable_rows(values, "the evaluation")
    values, labels = values[good], labels[good]
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        msg = "the labels have one class only; at least two classes are needed"
        raise ValueError(msg)
    if control is not None and control not in classes:
        msg = f"no galaxy has the label {control!r}; there are {', '.join(classes)}"
        raise ValueError(msg)
    usual = int(
        counts.argmax() if control is None else np.searchsorted(classes, control)
    )
    seed = int(check_random_state(clf.random_state).randint(2**31 - 1))
    options["seed"] = seed
    predicted, least = held_out_predictions(clf, values, codes, **options)
    warn_of_small_classes({classes[c]: k for c, k in least.items()}, clf.k_neighbors)
    rows = [
        _row(classes, code, "all", codes, predicted, usual, confidence, least)
        for code in range(len(classes))
    ]
    if redshift is not None:
        redshift = redshift[good]
        for code in np.delete(np.arange(len(classes)), usual):
            members, field = (
                np.flatnonzero(codes == code),
                np.flatnonzero(codes == usual),
            )
            matched, alone = match_redshift(
                redshift,
                members,
                field,
                n_matched=n_matched,
                max_difference=max_difference,
                random_state=seed,
            )
            if len(matched) == 0:
                msg = f"no control has the redshifts of {str(classes[code])!r}"
                warnings.warn(msg, AstrovaeWarning, stacklevel=3)
                continue
            part = np.concatenate([members, matched])
            note = _match_note(redshift, members, matched, alone)
            again, k = held_out_predictions(clf, values[part], codes[part], **options)
            for name, found, least_k in (
                ("matched", again, k),
                ("all, tested on matched", predicted[:, part], least),
            ):
                row = _row(
                    classes, code, name, codes[part], found, usual, confidence, least_k
                )
                row["note"] = "; ".join(filter(None, [row["note"], note]))
                rows.append(row)
    return _table(rows, classes, usual, confidence, options)


def _match_note(redshift, members, matched, alone):
    medians = np.nanmedian(redshift[members]), np.median(redshift[matched])
    note = f"median redshift {medians[0]:.3f}, of controls {medians[1]:.3f}"
    if alone:
        note += f"; {alone} without a control at their redshift"
    return note


def _row(classes, code, controls, codes, predicted, usual, confidence, least):
    """
    Figures of one class among the galaxies given.
    """
    own = codes == code
    other = codes != usual if code == usual else codes == usual
    called = predicted == code
    n, n_other = np.count_nonzero(own), np.count_nonzero(other)
    n_called = called.sum(axis=1).mean()
    hits = called[:, own].sum(axis=1)
    counts = {
        "recovery": (hits.mean(), n),
        "contamination": (n_called - hits.mean(), n_called),
        "false_positive_rate": (called[:, other].sum(axis=1).mean(), n_other),
    }
    note = ""
    if n == 1:
        # Held out, the class is not there to be learnt.
        counts["recovery"] = (np.nan, 0)
        note = "one member: its recovery cannot be measured"
    row = {"class": classes[code], "controls": controls, "n": n, "n_controls": n_other}
    for name in _RATES:
        k, total = counts[name]
        lower, upper = binomial_interval(k, total, confidence)
        rate = k / total if total else np.nan
        # n is rounded for the interval, which must hold the rate.
        row[name] = rate
        row[f"{name}_lower"], row[f"{name}_upper"] = min(lower, rate), max(upper, rate)
    row["recovery_std"] = float(np.std(hits / n)) if n > 1 else np.nan
    row["n_called"] = n_called
    row["smote_neighbors"] = least.get(code)
    row["note"] = note
    return row


def _table(rows, classes, usual, confidence, options):
    neighbours = [row.pop("smote_neighbors") for row in rows]
    notes = [row.pop("note") for row in rows]
    order = sorted(
        range(len(rows)),
        key=lambda i: (rows[i]["class"] == classes[usual], str(rows[i]["class"])),
    )
    table = QTable([rows[i] for i in order])
    mask = [neighbours[i] is None for i in order]
    table["smote_neighbors"] = MaskedColumn(
        [neighbours[i] or 0 for i in order], mask=mask, dtype=int
    )
    table["note"] = [notes[i] for i in order]
    for name in table.colnames:
        if table[name].dtype.kind == "f":
            table[name].info.format = ".3f"
    table.meta |= {
        "control": str(classes[usual]),
        "confidence": confidence,
        "interval": "Wilson; n is the number of galaxies, not of predictions",
        "n_splits": options["n_splits"],
        "n_repeats": options["n_repeats"],
    }
    return table
