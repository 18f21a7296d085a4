# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The density of galaxies in latent space, as a mixture of normals.

These functions serve `AnomalyScore`.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split

__all__ = []

# Of standardised latents: narrower components fit single galaxies.
_REGULARIZATION = 1e-4
# Galaxies that a component needs in each dimension, at least.
_PER_PARAMETER = 3


def fit_mixture(values, max_components, rng):
    """
    Fit a mixture whose size galaxies held out decide.

    1, 2, 3, 4, 6, 8, 12, 16 ... components are tried on four fifths of
    the galaxies, until two in turn do not make the last fifth more
    likely, by twice the standard error of the difference. The best is
    fitted again to all.

    Parameters
    ----------
    values : array, shape (N, n_features)
        Standardised latents.
    max_components : int
        Components, at most.
    rng : `~numpy.random.RandomState`
        Source of randomness.

    Returns
    -------
    model : `~sklearn.mixture.GaussianMixture`
        Fitted.
    """
    train, held_out = train_test_split(values, test_size=0.2, random_state=rng)
    affordable = len(train) // (_PER_PARAMETER * (values.shape[1] + 1))
    best, highest, failures = 1, None, 0
    for n in _sizes(min(max_components, max(affordable, 1))):
        likelihood = _fit(train, n, rng).score_samples(held_out)
        if highest is None or _is_higher(likelihood, highest):
            best, highest, failures = n, likelihood, 0
        else:
            failures += 1
        if failures == 2:
            break
    return _fit(values, best, rng)


def _is_higher(new, old):
    gain = new - old
    return gain.mean() > 2.0 * gain.std() / np.sqrt(len(gain))


def _sizes(largest):
    every = sorted({2**i for i in range(12)} | {3 * 2**i for i in range(11)})
    return [n for n in every if n <= largest]


def _fit(values, n, rng):
    model = GaussianMixture(
        n, reg_covar=_REGULARIZATION, max_iter=200, random_state=rng
    )
    with warnings.catch_warnings():
        # Not converged is not wrong here: galaxies held out judge it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(values)
