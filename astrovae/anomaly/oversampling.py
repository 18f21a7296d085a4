# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The pipeline of the classifier: scale, oversample, separate.

These functions serve the other modules of this sub-package.
"""

import numpy as np
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

__all__ = []


def neighbours_of(codes, k_neighbors):
    """
    Say how each class is oversampled.

    Parameters
    ----------
    codes : array of int, shape (N,)
        The classes.
    k_neighbors : int
        The number of neighbours that SMOTE should use.

    Returns
    -------
    neighbours : dict of int to (int or None)
        Per class the number of neighbours that it allows; 0: one
        member, which can only be repeated; `None`: a largest class,
        not oversampled.
    """
    present, counts = np.unique(codes, return_counts=True)
    return {
        int(code): None if n == counts.max() else int(min(k_neighbors, n - 1))
        for code, n in zip(present, counts, strict=True)
    }


def make_pipeline(codes, *, k_neighbors, C, gamma, seed):
    """
    Build the pipeline for a training set; not fitted.

    Parameters
    ----------
    codes : array of int, shape (N,)
        The classes of the training set.
    k_neighbors : int
        Of SMOTE, at most.
    C, gamma : float or str
        Of the support vector machine.
    seed : int
        Seed of the oversampling.

    Returns
    -------
    pipeline : `~imblearn.pipeline.Pipeline`
        The scaler sees the original galaxies only. Each class is then
        brought to the size of the largest.
    """
    target = int(np.unique(codes, return_counts=True)[1].max())
    steps = [("scale", StandardScaler())]
    neighbours = neighbours_of(codes, k_neighbors)
    # One sampler for each number of neighbours; SMOTE interpolates
    # between members of one class, so the order does not matter.
    for k in sorted({k for k in neighbours.values() if k is not None}):
        wanted = {code: target for code, own in neighbours.items() if own == k}
        if k == 0:
            sampler = RandomOverSampler(sampling_strategy=wanted, random_state=seed)
            steps.append(("repeat", sampler))
        else:
            sampler = SMOTE(sampling_strategy=wanted, k_neighbors=k, random_state=seed)
            steps.append((f"smote{k}", sampler))
    # One against one: all that the machine knows; `votes` sums it up.
    svm = SVC(C=C, gamma=gamma, decision_function_shape="ovo")
    return Pipeline([*steps, ("svm", svm)])


def pairwise_decision(pipeline, values, codes):
    """
    Decision values of each pair of classes.

    Parameters
    ----------
    pipeline : `~imblearn.pipeline.Pipeline`
        Fitted, perhaps to a part of the classes.
    values : array, shape (N, n_features)
        Finite latents.
    codes : array of int, shape (n_classes,)
        All classes.

    Returns
    -------
    decision : `~numpy.ndarray`, shape (N, n_classes (n_classes - 1) / 2)
        Positive for the first of two classes; 0 for pairs that the
        pipeline does not know.
    """
    known = pipeline.classes_
    pairs = [(a, b) for i, a in enumerate(codes) for b in codes[i + 1 :]]
    decision = np.zeros((len(values), len(pairs)))
    if len(values) == 0:
        return decision
    found = pipeline.decision_function(values)
    if len(known) == 2:
        # scikit-learn's habit: of two classes, positive is the second.
        found = -found[:, None]
    own = [(a, b) for i, a in enumerate(known) for b in known[i + 1 :]]
    for column, pair in enumerate(own):
        decision[:, pairs.index(pair)] = found[:, column]
    return decision


def votes(pairwise, n_classes):
    """
    Sum up pairwise decisions, as scikit-learn's one against rest does.

    Parameters
    ----------
    pairwise : array, shape (N, n_classes (n_classes - 1) / 2)
        From `pairwise_decision`.
    n_classes : int
        Number of classes.

    Returns
    -------
    decision : `~numpy.ndarray`, shape (N, n_classes)
        Pairs won, and within +/- 1/3 how clearly.
    """
    won = np.zeros((len(pairwise), n_classes))
    clearly = np.zeros_like(won)
    column = 0
    for first in range(n_classes):
        for second in range(first + 1, n_classes):
            value = pairwise[:, column]
            won[:, first] += value > 0
            won[:, second] += value < 0
            clearly[:, first] += value
            clearly[:, second] -= value
            column += 1
    return won + clearly / (3.0 * (np.abs(clearly) + 1.0))
