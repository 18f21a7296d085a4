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
                    np.maximum(model.p_value(features[part]), _LEAST)
                )
    return score


def posterior_mean(features, errors, usual):
    r"""
    Replace uncertain features by what all that is known makes likely.

    The features of usual galaxies, taken for a Gaussian, are the
    prior; features and errors the likelihood. The mean of the posterior,
    a Gaussian as well, is

    .. math:: \mu + S (S + E)^{-1} (x - \mu).

    A colour that is not known becomes that of galaxies which have the
    other features: noise makes no galaxy rare.

    Parameters
    ----------
    features, errors : array, shape (N, n_features)
        Values and their standard errors; 0: exact, NaN or negative:
        not known, so that the value does not count.
    usual : array of bool, shape (N,)
        Those that the prior is taken from: of each feature the half
        with the smaller errors.

    Returns
    -------
    features : `~numpy.ndarray`, shape (N, n_features)
        Those of rows without errors, or with features that are not
        finite, as they are; all of them, if fewer than 100 galaxies
        have small errors.
    """
    errors = np.where(errors >= 0, errors, np.inf)
    finite = finite_rows(features)
    typical = finite & usual
    if not typical.any():
        return features
    typical &= np.all(errors <= np.median(errors[typical], axis=0), axis=1)
    if np.count_nonzero(typical) < _MIN_GALAXIES:
        return features
    mean = features[typical].mean(axis=0)
    scale = features[typical].std(axis=0)
    scale[scale == 0] = 1.0
    scaled = (features - mean) / scale
    prior = LedoitWolf(assume_centered=True).fit(scaled[typical]).covariance_
    # Not known is a thousand times the scatter: the matrix stays regular.
    noise = np.minimum(errors / scale, 1e3) ** 2
    result = features.copy()
    rows = np.flatnonzero(finite & (noise > 0).any(axis=1))
    total = prior + np.einsum("ij,jk->ijk", noise[rows], np.eye(len(mean)))
    shift = np.linalg.solve(total, scaled[rows][..., None])[..., 0] @ prior
    result[rows] = mean + scale * shift
    return result


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
