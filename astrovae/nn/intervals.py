# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Intervals that hold: widths corrected on galaxies not trained on.

A network's sigma is a guess. On the validation split the standardised
residuals u = (truth - mean) / sqrt(sigma^2 + label error^2) tell by how
much it is wrong, and in which direction; their quantiles are kept.
"""

import numpy as np
from scipy.stats import norm

__all__ = ["LEVELS", "QuantileCalibration"]

#: Cumulative probabilities of the stored quantiles of u.
LEVELS = (0.025, 0.05, 0.16, 0.25, 0.5, 0.75, 0.84, 0.95, 0.975)

_MEDIAN = LEVELS.index(0.5)


class QuantileCalibration:
    """
    Quantiles of the standardised residuals of one parameter.

    Parameters
    ----------
    quantiles : array_like, shape (9,)
        Quantiles of u at `LEVELS`.
    sigma : float or None, optional
        A constant sigma for all galaxies, for a network that predicts
        none.
    n : int, optional
        Number of galaxies that the quantiles come from.

    Notes
    -----
    With a predicted sigma the estimate is the calibrated median, and
    estimate, interval and draws are of one distribution. With a
    constant sigma, as in the paper, the estimate is the network's mean
    as it is; should both ends of the interval lie on one side of it,
    the nearer end is moved to the estimate.
    """

    def __init__(self, quantiles, sigma=None, n=0):
        quantiles = np.asarray(quantiles, dtype=float)
        if sigma is None:
            # An interval has a width, however few residuals there were.
            quantiles = _spread(quantiles)
        self.quantiles = quantiles
        self.sigma = sigma
        self.n = int(n)

    @classmethod
    def fit(cls, residual, sigma=None, error=None):
        """
        Calibrate.

        Parameters
        ----------
        residual : array, shape (N,)
            Truth minus mean; NaN where there is no truth.
        sigma : array, shape (N,), optional
            Predicted sigma. `None`: one for all, the residuals' root
            mean square, errors included.
        error : array, shape (N,), optional
            Errors of the labels. Used only with ``sigma``.

        Returns
        -------
        calibration : `QuantileCalibration`
            The normal distribution's quantiles if there is no
            residual at all.
        """
        present = np.isfinite(residual)
        residual = np.asarray(residual, dtype=float)[present]
        constant = None
        if sigma is None:
            constant = float(np.sqrt(np.mean(residual**2))) if len(residual) else 1.0
            constant = max(constant, 1e-6)
            width = constant
        else:
            variance = np.asarray(sigma, dtype=float)[present] ** 2
            if error is not None:
                variance = variance + np.nan_to_num(error[present]) ** 2
            width = np.sqrt(variance)
        if len(residual) == 0:
            return cls(norm.ppf(LEVELS), constant, 0)
        quantiles = np.quantile(residual / width, LEVELS)
        return cls(quantiles, constant, len(residual))

    def estimate(self, mean, sigma=None):
        """
        Get the estimates.

        Parameters
        ----------
        mean : array, shape (N,)
            The network's means.
        sigma : array, shape (N,), optional
            Predicted sigma, if the network predicts it.

        Returns
        -------
        estimate : `~numpy.ndarray`, shape (N,)
            Medians, or the means as they are if sigma is constant.
        """
        if self.sigma is not None:
            return np.asarray(mean)
        return mean + self._quantile(0.0) * sigma

    def interval(self, mean, sigma=None, levels=(0.16, 0.84)):
        """
        Get an interval around each estimate.

        Parameters
        ----------
        mean : array, shape (N,)
            The network's means.
        sigma : array, shape (N,), optional
            Predicted sigma, if the network predicts it.
        levels : tuple of float, optional
            Cumulative probabilities of the ends, below and above 1/2.

        Returns
        -------
        lower, upper : `~numpy.ndarray`, shape (N,)
            The ends. The estimate lies between them; on one of them
            only if sigma is constant.
        """
        low, high = self._quantile(norm.ppf(levels))
        if self.sigma is not None:
            low, high = min(low, 0.0), max(high, 0.0)
        width = self.sigma if self.sigma is not None else sigma
        return mean + low * width, mean + high * width

    def cdf(self, values, mean, sigma=None):
        """
        Get cumulative probabilities.

        Parameters
        ----------
        values : array, shape (P,) or (N, P)
            Where.
        mean : array, shape (N,)
            The network's means.
        sigma : array, shape (N,), optional
            Predicted sigma, if the network predicts it.

        Returns
        -------
        probabilities : `~numpy.ndarray`, shape (N, P)
            Of smaller values.
        """
        width = self.sigma if self.sigma is not None else sigma[:, None]
        residual = (np.asarray(values) - mean[:, None]) / width
        nodes = norm.ppf(LEVELS)
        # Far nodes on the straight lines beyond the outermost levels.
        ends = np.array([-40.0, 40.0])
        quantiles = _spread(self.quantiles)
        wide = np.r_[self._quantile(ends[:1]), quantiles, self._quantile(ends[1:])]
        normal = np.interp(residual, wide, np.r_[ends[0], nodes, ends[1]])
        return norm.cdf(normal)

    def sample(self, mean, sigma, normal):
        """
        Draw values whose quantiles are those of the intervals.

        Parameters
        ----------
        mean : array, shape (N,)
            The network's means.
        sigma : array, shape (N,), or None
            Predicted sigma, if the network predicts it.
        normal : array, shape (N, n)
            Standard normal numbers.

        Returns
        -------
        samples : `~numpy.ndarray`, shape (N, n)
            The draws; their median is the estimate, unless sigma is
            constant.
        """
        width = self.sigma if self.sigma is not None else sigma[:, None]
        return mean[:, None] + self._quantile(normal) * width

    def _quantile(self, normal):
        """
        Quantile of u where a normal variable has the value given.
        """
        normal = np.asarray(normal, dtype=float)
        nodes, values = norm.ppf(LEVELS), self.quantiles
        inner = np.interp(normal, nodes, values)
        # Beyond the outermost levels, straight on from the median.
        low = (values[0] - values[_MEDIAN]) / nodes[0]
        high = (values[-1] - values[_MEDIAN]) / nodes[-1]
        inner = inner + np.minimum(normal - nodes[0], 0.0) * low
        return inner + np.maximum(normal - nodes[-1], 0.0) * high

    def to_dict(self):
        """
        Get everything that JSON needs to keep.

        Returns
        -------
        state : dict
            For `from_dict`.
        """
        quantiles = self.quantiles.tolist()
        return {"quantiles": quantiles, "sigma": self.sigma, "n": self.n}

    @classmethod
    def from_dict(cls, state):
        """
        Restore a calibration.

        Parameters
        ----------
        state : dict
            From `to_dict`.

        Returns
        -------
        calibration : `QuantileCalibration`
            The calibration.
        """
        return cls(**state)


def _spread(quantiles, least=0.01):
    """
    Keep quantiles apart, by a part of what they are in a normal one.
    """
    quantiles = quantiles.copy()
    gaps = least * np.diff(norm.ppf(LEVELS))
    for i in range(_MEDIAN, len(LEVELS) - 1):
        quantiles[i + 1] = max(quantiles[i + 1], quantiles[i] + gaps[i])
    for i in range(_MEDIAN, 0, -1):
        quantiles[i - 1] = min(quantiles[i - 1], quantiles[i] - gaps[i - 1])
    return quantiles
