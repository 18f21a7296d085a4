# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What an encoding says of the parameters, as probabilities.

Everything here is on the modelled scale: redshift, log10 of mass and
SFR, and the orientation in radians.
"""

import numpy as np
import torch
from scipy.special import ndtr, ndtri

from astrovae.nn import MixtureParameters
from astrovae.parameters import PARAMETERS

from .scaling import angle_difference, angle_estimate, wrap_angle

__all__ = ["GaussianPosterior", "MixturePosterior", "build_posterior"]

# Halvings of the interval in which a quantile is looked for: from some
# 100 sigma to 1e-10 of it.
_N_BISECTIONS = 40
# Nodes of the table by which many draws are turned into probabilities,
# around each Gaussian in units of its sigma.
_NODES = np.linspace(-8.0, 8.0, 97)
# Redshifts are positive; the other parameters have no such end.
_LOWEST = {"redshift": 0.0}
# Equally likely values of a normal variable: steps of less than one per cent,
# also where errors are so large that the posterior is one.
_ERRORS = ndtri((np.arange(129) + 0.5) / 129)


def build_posterior(vae, code):
    """
    Read an encoding.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        Fitted.
    code : `~astrovae.nn.Encoding`
        Of N galaxies, in arrays.

    Returns
    -------
    posterior : `GaussianPosterior` or `MixturePosterior`
        Their posteriors.
    """
    if code.mixture is not None:
        return MixturePosterior(code, vae.scaling_, vae.calibration_)
    estimates = vae.scaling_.to_estimates(code.mean, code.log_variance)
    return GaussianPosterior(estimates, vae.calibration_)


class GaussianPosterior:
    """
    Independent parameters, each of one calibrated shape.

    Parameters
    ----------
    estimates : dict of str to tuple
        Per parameter the network's mean and sigma, of shape (N,).
    calibration : dict of str to `~astrovae.nn.QuantileCalibration`
        Per parameter.
    """

    def __init__(self, estimates, calibration):
        self.names = tuple(name for name in PARAMETERS if name in estimates)
        self._estimates = estimates
        self._calibration = calibration

    def quantiles(self, name, levels):
        """
        Get quantiles of one parameter.

        Parameters
        ----------
        name : str
            The parameter.
        levels : sequence of float
            Cumulative probabilities.

        Returns
        -------
        values : `~numpy.ndarray`, shape (N, len(levels))
            On the modelled scale. At 0.5 it is the estimate.
        """
        mean, sigma = self._turned(name)
        calibration = self._calibration[name]
        columns = [
            calibration.estimate(mean, sigma)
            if level == 0.5
            else calibration.interval(mean, sigma, (level, level))[int(level > 0.5)]
            for level in levels
        ]
        return np.stack(columns, axis=1)

    def cdf(self, name, values):
        """
        Get cumulative probabilities of one parameter.

        Parameters
        ----------
        name : str
            The parameter.
        values : `~numpy.ndarray`, shape (P,) or (N, P)
            On the modelled scale.

        Returns
        -------
        probabilities : `~numpy.ndarray`, shape (N, P)
            Of smaller values.
        """
        mean, sigma = self._turned(name)
        return self._calibration[name].cdf(values, mean, sigma)

    def sample(self, n, random):
        """
        Draw, independently for each parameter.

        Parameters
        ----------
        n : int
            Number of draws.
        random : `~numpy.random.RandomState`
            Source of randomness.

        Returns
        -------
        draws : dict of str to `~numpy.ndarray`, shape (N, n)
            Per parameter.
        """
        draws = {}
        for name in self.names:
            mean, sigma = self._turned(name)
            normal = random.standard_normal((len(mean), n))
            draws[name] = self._calibration[name].sample(mean, sigma, normal)
        return draws

    def _turned(self, name):
        """
        Mean and sigma, with the estimates of angles within their range.
        """
        mean, sigma = self._estimates[name]
        if PARAMETERS[name].scale == "periodic":
            estimate = self._calibration[name].estimate(mean, sigma)
            mean = mean + _whole_turns(estimate)
        return mean, sigma


class MixturePosterior:
    """
    A joint posterior: a mixture of Gaussians, calibrated.

    Each parameter by itself is the mixture's marginal, cut off at
    zero for the redshift, with its probabilities calibrated. How the
    parameters go together, their copula, is the mixture's. The
    orientation is independent of the others.

    Parameters
    ----------
    code : `~astrovae.nn.Encoding`
        Of N galaxies, in arrays.
    scaling : `~astrovae.vae.scaling.LatentScaling`
        What the latents stand for.
    calibration : dict of str to `~astrovae.nn.PITCalibration`
        Per parameter; a parameter without one is left as it is.
    """

    def __init__(self, code, scaling, calibration):
        joint = scaling.latents[2:]
        raw = torch.from_numpy(np.asarray(code.mixture, dtype=float))
        parameters = MixtureParameters(raw, len(joint))
        spread = np.array([scaling.statistics[name]["std"] for name in joint])
        centre = np.array([scaling.statistics[name]["mean"] for name in joint])
        self.weight = parameters.log_weight.exp().numpy()
        self.mean = centre + spread * parameters.mean.numpy()
        self.factor = spread[:, None] * parameters.factor.numpy()
        self.covariance = self.factor @ np.swapaxes(self.factor, -1, -2)
        self.brightness = code.brightness
        self.names = (*joint, "orientation")
        self._joint = joint
        self._angle = angle_estimate(code.mean[:, :2], code.log_variance[:, :2])
        self._calibration = calibration

    def quantiles(self, name, levels):
        """
        As `GaussianPosterior.quantiles`.
        """  # numpydoc ignore=PR01,RT01
        raw = self._to_network(name, np.asarray(levels, dtype=float))
        return self._raw_quantiles(name, raw)

    def cdf(self, name, values):
        """
        As `GaussianPosterior.cdf`.
        """  # numpydoc ignore=PR01,RT01
        shape = (len(self.weight), np.shape(values)[-1])
        raw = self.raw_cdf(name, np.broadcast_to(values, shape))
        if name not in self._calibration:
            return raw
        return self._calibration[name].to_calibrated(raw, self.brightness)

    def raw_cdf(self, name, values, error=None):
        """
        Get cumulative probabilities before calibration.

        Parameters
        ----------
        name : str
            The parameter.
        values : `~numpy.ndarray`, shape (N, P)
            On the modelled scale.
        error : `~numpy.ndarray`, shape (N,), optional
            1-sigma errors of the values, which widen the posterior.

        Returns
        -------
        probabilities : `~numpy.ndarray`, shape (N, P)
            Of smaller values.
        """
        if error is not None and name in _LOWEST:
            # What is cut off has no Gaussian as its sum with one.
            shifts = np.multiply.outer(_ERRORS, error[:, None])
            return np.mean(
                [self.raw_cdf(name, values - shift) for shift in shifts], axis=0
            )
        variance = 0.0 if error is None else np.square(error)[:, None]
        if name == "orientation":
            angle, sigma = self._angle
            width = np.sqrt(sigma[:, None] ** 2 + variance)
            return ndtr(angle_difference(values, angle[:, None]) / width)
        mean, sigma = self._marginal(name)
        sigma = np.sqrt(sigma**2 + variance)
        if name not in _LOWEST:
            return _mixture_cdf(values, self.weight, mean, sigma)
        # By what lies above, which keeps its digits where that is little.
        lowest = np.full((len(values), 1), -_LOWEST[name])
        whole = _mixture_cdf(lowest, self.weight, -mean, sigma)
        above = _mixture_cdf(-values, self.weight, -mean, sigma)
        return np.clip(1.0 - above / np.maximum(whole, 1e-300), 0.0, 1.0)

    def sample(self, n, random):
        """
        Draw jointly; otherwise as `GaussianPosterior.sample`.
        """  # numpydoc ignore=PR01,RT01
        joint = self._sample_mixture(n, random)
        draws = {}
        for i, name in enumerate(self._joint):
            mean, sigma = self._marginal(name)
            nodes = self._nodes(name)
            drawn = _mixture_cdf(nodes, self.weight, mean, sigma)
            levels = _interpolate(joint[..., i], nodes, drawn)
            levels = self._to_network(name, levels)
            values = np.maximum(nodes, _lowest(name))
            draws[name] = _interpolate(levels, self.raw_cdf(name, nodes), values)
        levels = self._to_network("orientation", random.uniform(size=joint.shape[:2]))
        draws["orientation"] = self._raw_quantiles("orientation", levels)
        return draws

    def _sample_mixture(self, n, random):
        """
        Draws of the mixture as it is, (N, n, D).
        """
        draws = np.empty((len(self.weight), n, len(self._joint)))
        for row, weight in enumerate(self.weight):
            share = weight / weight.sum()
            chosen = random.choice(len(share), size=n, p=share)
            normal = random.standard_normal((n, len(self._joint), 1))
            turned = self.factor[row, chosen] @ normal
            draws[row] = self.mean[row, chosen] + turned[..., 0]
        return draws

    def _to_network(self, name, levels):
        if name not in self._calibration:
            shape = (len(self.weight), np.shape(levels)[-1])
            return np.broadcast_to(levels, shape)
        return self._calibration[name].to_network(levels, self.brightness)

    def _raw_quantiles(self, name, levels):
        if name == "orientation":
            angle, sigma = self._angle
            median = self._to_network(name, np.array([0.5]))
            levels = np.clip(np.concatenate([median, levels], 1), 1e-9, 1 - 1e-9)
            values = angle[:, None] + sigma[:, None] * ndtri(levels)
            return values[:, 1:] + _whole_turns(values[:, :1])
        low, high = (np.repeat(end, levels.shape[1], 1) for end in self._range(name))
        for _ in range(_N_BISECTIONS):
            middle = 0.5 * (low + high)
            above = self.raw_cdf(name, middle) > levels
            high = np.where(above, middle, high)
            low = np.where(above, low, middle)
        return 0.5 * (low + high)

    def _marginal(self, name):
        i = self._joint.index(name)
        return self.mean[..., i], np.sqrt(self.covariance[..., i, i])

    def _nodes(self, name):
        """
        Increasing values at which to tabulate probabilities, (N, P).
        """
        mean, sigma = self._marginal(name)
        nodes = mean[..., None] + sigma[..., None] * _NODES
        if name in _LOWEST:
            # Where most is cut off, what is left piles up at the end.
            near = _lowest(name) + sigma[..., None] * (_NODES - _NODES[0]) / 8
            nodes = np.concatenate([nodes, near], axis=2)
        return np.sort(nodes.reshape(len(nodes), nodes.shape[1] * nodes.shape[2]))

    def _range(self, name):
        """
        Ends beyond which there is nothing, each (N, 1).
        """
        mean, sigma = self._marginal(name)
        low = (mean - 8 * sigma).min(axis=1, keepdims=True)
        high = (mean + 8 * sigma).max(axis=1, keepdims=True)
        return np.maximum(low, _lowest(name)), np.maximum(high, _lowest(name) + 1e-6)


def _lowest(name):
    """
    The smallest value that a parameter can have.
    """
    return _LOWEST.get(name, -np.inf)


def _mixture_cdf(values, weight, mean, sigma):
    """
    Cumulative probabilities, (N, P), of mixtures (N, K) at (N, P).
    """
    total = np.zeros(np.shape(values))
    for k in range(weight.shape[1]):
        own = slice(k, k + 1)
        total += weight[:, own] * ndtr((values - mean[:, own]) / sigma[:, own])
    return total


def _interpolate(values, x, y):
    """
    Interpolate in a table of each row's own.
    """
    rows = zip(values, x, y, strict=True)
    return np.reshape([np.interp(*row) for row in rows], np.shape(values))


def _whole_turns(angle):
    """
    Half-turns, in radians, that bring angles into (-pi/2, pi/2].
    """
    return np.pi * np.round((wrap_angle(angle) - angle) / np.pi)
