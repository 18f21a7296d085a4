# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
How rare a galaxy is among others, and by several tests.

These functions serve `rank_candidates`.
"""

import warnings

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.model_selection import KFold
from sklearn.preprocessing import RobustScaler

from astrovae.exceptions import AstrovaeWarning

from .latents import finite_rows
from .scores import AnomalyScore

__all__ = []

_N_FOLDS = 3
# Fewer galaxies do not show what is usual.
_MIN_GALAXIES = 100
_LEAST = 1e-30  # p-value; its logarithm must exist


def cross_score(features, usual, seed):
    """
    Tell how rare galaxies are, by densities that have not seen them.

    Parameters
    ----------
    features : array, shape (N, n_features)
        What describes the galaxies; rows that are not finite have no
        score.
    usual : array of bool, shape (N,)
        Those that the densities are fitted to, fold by fold; a density
        of two thirds of them judges the others.
    seed : int
        Seed of folds and densities.

    Returns
    -------
    score : `~numpy.ndarray`, shape (N,)
        Minus log10 of the p-values of `AnomalyScore`, with its
        exponential tail: what is rarer than one in as many as there
        are galaxies is an extrapolation that serves the order. NaN
        without a test: fewer than 100 galaxies are usual.
    """
    score = np.full(len(features), np.nan)
    finite = finite_rows(features)
    rows = np.flatnonzero(finite & usual)
    if len(rows) < _MIN_GALAXIES:
        return score
    others = np.flatnonzero(finite & ~usual)
    for train, test in KFold(_N_FOLDS, shuffle=True, random_state=seed).split(rows):
        model = AnomalyScore(tail="exponential", random_state=seed)
        with warnings.catch_warnings():
            # Of small tables: p-values in the tail are a rough guide.
            warnings.simplefilter("ignore", AstrovaeWarning)
            model.fit(features[rows[train]])
        # Artefacts are in no fold; the last model judges them.
        for part in (rows[test], others):
            if len(part):
                score[part] = -np.log10(
                    np.maximum(model.p_value(features[part]), 1e-30)
                )
    return score


def oddest_feature(features, usual):
    """
    Find what is odd about galaxies, given all else that is known of them.

    Parameters
    ----------
    features : array, shape (N, n_features)
        What describes the galaxies.
    usual : array of bool, shape (N,)
        Those whose covariance tells what goes with what.

    Returns
    -------
    index : `~numpy.ndarray` of int, shape (N,)
        The feature that is furthest from what the others predict
        linearly, in units of its scatter about that; -1 where a feature
        is not finite, or for all if fewer than 100 galaxies are usual.
    """
    index = np.full(len(features), -1)
    finite = finite_rows(features)
    if np.count_nonzero(finite & usual) < _MIN_GALAXIES:
        return index
    scaler = RobustScaler().fit(features[finite & usual])
    covariance = LedoitWolf().fit(scaler.transform(features[finite & usual]))
    precision = covariance.get_precision()
    # The conditional residual of a Gaussian, over its standard deviation.
    centred = scaler.transform(features[finite]) - covariance.location_
    residual = np.abs(centred @ precision) / np.sqrt(np.diag(precision))
    index[finite] = residual.argmax(axis=1)
    return index


def combine_scores(scores):
    """
    Combine tests by the harmonic mean of their p-values.

    Parameters
    ----------
    scores : list of array, shape (N,)
        Minus log10 of the p-values; NaN where there is none.

    Returns
    -------
    combined : `~numpy.ndarray`, shape (N,)
        Minus log10 of the mean; NaN without any test.
    """
    scores = np.array(scores)
    known = np.isfinite(scores)
    count = known.sum(axis=0)
    # The sum of powers of ten, without overflow.
    top = np.where(known, scores, -np.inf).max(axis=0)
    top = np.where(count > 0, top, 0.0)
    total = np.where(known, 10.0 ** (np.where(known, scores, 0.0) - top), 0.0).sum(0)
    combined = np.full(len(count), np.nan)
    some = count > 0
    combined[some] = top[some] + np.log10(total[some] / count[some])
    return combined
