# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
How unlike the training images an image is.
"""

import numpy as np
from scipy.stats import chi2
from sklearn.covariance import LedoitWolf

__all__ = ["OutlierScore"]

_LEVELS = np.linspace(0.0, 0.9, 91)

# Fewer validation galaxies than this do not show the tail: its mean
# would come from less than five.
_MIN_TAIL = 50


class OutlierScore:
    """
    Mahalanobis distance, read as a tail probability.

    The distance is measured in the encoder's features, from the mean
    of the training split in units of its covariance. The validation
    split tells how many galaxies of the training's kind lie further
    out; beyond its tenth furthest, an exponential tail takes over, so
    that the strangest images can still be ranked.

    Fewer than 50 validation galaxies do not show how far usual
    galaxies reach. Quantiles and tail are then at least those of the
    chi-squared distribution with as many degrees of freedom as there
    are features, stretched by as much as the validation galaxies lie
    further out than it says. That distribution is the one of normally
    distributed features; real ones have longer tails, so with so few
    galaxies the score is a rough guide.

    Parameters
    ----------
    mean : array, shape (n_features,)
        Mean of the training features.
    whitening : array, shape (n_features, n_features)
        Matrix that makes their covariance the identity.
    distances : array, shape (91,)
        Quantiles of the validation split's squared distances, from 0
        to 90 % in steps of 1 %.
    tail : float
        Mean excess of the squared distances beyond the last quantile.
    """

    def __init__(self, mean, whitening, distances, tail):
        self.mean = np.asarray(mean, dtype=np.float32)
        self.whitening = np.asarray(whitening, dtype=np.float32)
        self.distances = np.asarray(distances, dtype=np.float32)
        self.tail = float(tail)

    @classmethod
    def fit(cls, training, validation):
        """
        Learn what usual images look like.

        Parameters
        ----------
        training, validation : array, shape (N, n_features)
            Features of the two splits.

        Returns
        -------
        score : `OutlierScore`
            The fitted score.
        """
        # Shrunk, since a small training set does not span the features.
        covariance = LedoitWolf().fit(np.asarray(training, dtype=float))
        values, vectors = np.linalg.eigh(covariance.covariance_)
        values = np.maximum(values, 1e-8 * max(values[-1], 1e-30))
        whitening = vectors / np.sqrt(values)
        score = cls(covariance.location_, whitening, np.zeros(91), 1.0)
        squared = score.squared_distance(validation)
        score.distances = np.quantile(squared, _LEVELS).astype(np.float32)
        excess = squared[squared > score.distances[-1]] - score.distances[-1]
        mean_excess = float(excess.mean()) if len(excess) else 0.0
        score.tail = max(mean_excess, 1e-6)
        if len(squared) < _MIN_TAIL:
            score._raise_to_chi_squared(squared)
        return score

    def _raise_to_chi_squared(self, squared):
        n_features = len(self.mean)
        # Of so few, the mean itself is uncertain by this part.
        uncertainty = np.sqrt(2.0 / (n_features * len(squared)))
        stretch = max(np.mean(squared) / n_features * (1.0 + uncertainty), 1.0)
        floor = stretch * chi2.ppf(_LEVELS, n_features)
        self.distances = np.maximum(self.distances, floor).astype(np.float32)
        edge = chi2.ppf(_LEVELS[-1], n_features)
        beyond = chi2.sf(edge, n_features + 2) / chi2.sf(edge, n_features)
        self.tail = max(self.tail, float(stretch * (n_features * beyond - edge)))

    def squared_distance(self, features):
        """
        Measure the distance.

        Parameters
        ----------
        features : array, shape (N, n_features)
            Features.

        Returns
        -------
        squared : `~numpy.ndarray`, shape (N,)
            Squared Mahalanobis distances.
        """
        white = (np.asarray(features) - self.mean) @ self.whitening
        return np.square(white.astype(float)).sum(axis=1)

    def __call__(self, features):
        """
        Score images.

        Parameters
        ----------
        features : array, shape (N, n_features)
            Features.

        Returns
        -------
        score : `~numpy.ndarray`, shape (N,)
            Minus the decimal logarithm of the fraction of usual
            images that lie further out: 0 is usual, 3 is one in a
            thousand.
        """
        squared = self.squared_distance(features)
        inside = 1.0 - np.interp(squared, self.distances, _LEVELS)
        excess = np.maximum(squared - self.distances[-1], 0.0)
        return -np.log10(inside) + excess / self.tail / np.log(10.0)
