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
    """

    def __init__(self, quantiles, sigma=None, n=0):
        self.quantiles = np.asarray(quantiles, dtype=float)
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

    def interval(self, mean, sigma=None, levels=(0.16, 0.84)):
        """
        Get an interval around each estimate.

        Parameters
        ----------
        mean : array, shape (N,)
            Estimates.
        sigma : array, shape (N,), optional
            Predicted sigma, if the network predicts it.
        levels : tuple of float, optional
            Cumulative probabilities of the ends.

        Returns
        -------
        lower, upper : `~numpy.ndarray`, shape (N,)
            The ends; the estimate lies between them or on one.
        """
        width = self.sigma if self.sigma is not None else sigma
        low, high = self._quantile(norm.ppf(levels))
        return mean + min(low, 0.0) * width, mean + max(high, 0.0) * width

    def sample(self, mean, sigma, normal):
        """
        Draw values whose quantiles are those of the intervals.

        Parameters
        ----------
        mean : array, shape (N,)
            Estimates.
        sigma : array, shape (N,), or None
            Predicted sigma, if the network predicts it.
        normal : array, shape (N, n)
            Standard normal numbers.

        Returns
        -------
        samples : `~numpy.ndarray`, shape (N, n)
            The draws.
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
        # Beyond the outermost levels, straight on through the median.
        low = values[0] / nodes[0] if values[0] < 0 else 0.0
        high = values[-1] / nodes[-1] if values[-1] > 0 else 0.0
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
