# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The continuous ranked probability score of predicted distributions.
"""

import astropy.units as u
import numpy as np

from .distances import fair_crps, normal_distance
from .predictive import predictive_of
from .ranks import plain, plain_pair

__all__ = ["crps_from_mixture", "crps_from_samples", "crps_values"]


def crps_from_samples(samples, truth):
    r"""
    Score draws of a distribution by their distance from the truth.

    This is the fair estimator of the continuous ranked probability
    score (Ferro 2014, QJRMS, 140, 1917), whose expectation does not
    depend on the number of draws:

    .. math::
        \mathrm{CRPS} = \frac{1}{n} \sum_i |x_i - y| - \frac{1}{2 n
        (n - 1)} \sum_{i, j} |x_i - x_j|,

    the second sum by sorting, in :math:`O(n \log n)`. It has the unit
    of the parameter, is smaller for the better distribution, and the
    absolute error of a distribution without a width.

    Parameters
    ----------
    samples : `~astropy.uncertainty.Distribution` or array_like
        A distribution of the shape (N,) or an array (N, n): n > 1
        draws per row, with or without a unit.
    truth : `~astropy.units.Quantity` or array_like, shape (N,)
        The true values, in an equivalent unit.

    Returns
    -------
    crps : `~numpy.ndarray` or `~astropy.units.Quantity`, shape (N,)
        In the unit of the samples, if they have one. NaN where the
        truth or a draw is masked or not finite.

    Raises
    ------
    ValueError
        If the shapes differ, or there is a single draw per row.
    `~astropy.units.UnitsError`
        If only one argument has a unit, or another one.

    Examples
    --------
    >>> from astrovae.metrics import crps_from_samples
    >>> crps_from_samples([[0.1, 0.2, 0.3]], [0.2])
    array([0.])
    """
    samples, truth, unit = plain_pair(samples, truth)
    if samples.shape[1] == 1:
        msg = "the score of a distribution needs two draws at least"
        raise ValueError(msg)
    crps = fair_crps(samples - truth[:, None])
    return crps if unit is None else u.Quantity(crps, unit)


def crps_from_mixture(weights, means, sigmas, truth):
    r"""
    Score mixtures of normal distributions, in closed form.

    With :math:`A(\mu, \sigma^2) = 2 \sigma \varphi(\mu / \sigma) +
    \mu\, [2 \Phi(\mu / \sigma) - 1]` (Grimit et al. 2006, QJRMS, 132,
    2925, equation 5),

    .. math::
        \mathrm{CRPS} = \sum_i w_i A(y - \mu_i, \sigma_i^2) -
        \frac{1}{2} \sum_{i, j} w_i w_j A(\mu_i - \mu_j, \sigma_i^2 +
        \sigma_j^2).

    Parameters
    ----------
    weights, means, sigmas : array_like, shape (N, K)
        K components per row, on the scale on which they are normal:
        of masses and star-formation rates their decimal logarithm.
        The weights of a row sum to 1.
    truth : array_like, shape (N,)
        The true values on the same scale.

    Returns
    -------
    crps : `~numpy.ndarray`, shape (N,)
        NaN where an argument is masked or not finite.

    Raises
    ------
    ValueError
        If the shapes differ, a weight or sigma is negative, or the
        weights do not sum to 1.
    """
    weights, means, sigmas = (plain(values) for values in (weights, means, sigmas))
    truth = plain(truth)
    shapes = {weights.shape, means.shape, sigmas.shape}
    if len(shapes) > 1 or weights.ndim != 2 or truth.shape != weights.shape[:1]:
        msg = (
            "weights, means and sigmas need one shape (N, K) and the truth "
            f"(N,), not {weights.shape}, {means.shape}, {sigmas.shape} and "
            f"{truth.shape}"
        )
        raise ValueError(msg)
    if np.any(weights < 0.0) or np.any(sigmas < 0.0):
        msg = "a weight or a sigma of the mixture is negative"
        raise ValueError(msg)
    total = weights.sum(axis=1)
    if np.any(np.abs(total[np.isfinite(total)] - 1.0) > 1e-4):
        msg = "the weights of a mixture do not sum to 1"
        raise ValueError(msg)
    to_truth = normal_distance(truth[:, None] - means, sigmas)
    crps = np.sum(weights * to_truth, axis=1)
    # By component: a matrix (N, K, K) of many rows would fill the memory.
    for i in range(weights.shape[1]):
        apart = normal_distance(
            means[:, i : i + 1] - means, np.hypot(sigmas[:, i : i + 1], sigmas)
        )
        crps -= 0.5 * weights[:, i] * np.sum(weights * apart, axis=1)
    return crps


def crps_values(predicted, truth, name, *, label_errors=False, random_state=0):
    """
    Score the predicted distributions of one parameter, row by row.

    Draws are scored as by `crps_from_samples`; estimates with an
    interval as the distribution that `calibration` assumes, in closed
    form. The distance of two orientations is their angle, 90 degrees
    at most.

    Parameters
    ----------
    predicted : `~astropy.table.QTable`
        Draws or estimates with intervals; see `calibration`.
    truth : `~astropy.table.QTable`
        The true values; matched as by `comparison_table`.
    name : str
        The parameter, e.g. ``"redshift"``.
    label_errors : bool, optional
        See `calibration`.
    random_state : int, `~numpy.random.Generator` or None, optional
        Seed of the label errors.

    Returns
    -------
    crps : `~numpy.ndarray`, shape (N,)
        On the modelled scale: redshift, dex, or degrees. NaN where
        anything is missing.

    Raises
    ------
    ValueError
        If a table lacks the parameter, or rows have no match.
    """
    predictive, true = predictive_of(
        predicted, truth, name, label_errors=label_errors, random_state=random_state
    )
    return predictive.crps(true)
