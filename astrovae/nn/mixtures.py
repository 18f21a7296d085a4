# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Mixtures of Gaussians over the physical parameters of each galaxy.

A galaxy's posterior is a sum of K Gaussians with full covariances: it
may be skewed, have two peaks, and tell that a higher redshift goes
with a higher mass. The network gives its parameters in one pass.
"""

import math

import torch
from torch.nn import functional

__all__ = ["MixtureParameters", "mixture_nll", "n_mixture_outputs"]

# Widths are in units of the training labels' standard deviation.
_LOG_WIDTH_RANGE = (-6.0, 2.0)

# Stands for the error of a label that is missing: so large that the
# label has no say.
_NO_LABEL = 1e3


def n_mixture_outputs(n_components, n_parameters):
    """
    Count the numbers that a network has to give.

    Parameters
    ----------
    n_components, n_parameters : int
        Number K of Gaussians and D of parameters.

    Returns
    -------
    n : int
        K (1 + D + D (D + 1) / 2).
    """
    triangle = n_parameters * (n_parameters + 1) // 2
    return n_components * (1 + n_parameters + triangle)


class MixtureParameters:
    """
    A mixture for each galaxy of a batch.

    Parameters
    ----------
    raw : `~torch.Tensor`, shape (B, n_mixture_outputs)
        The network's numbers.
    n_parameters : int
        Number D of parameters.

    Attributes
    ----------
    log_weight : `~torch.Tensor`, shape (B, K)
        Logarithms of the weights.
    mean : `~torch.Tensor`, shape (B, K, D)
        Means.
    factor : `~torch.Tensor`, shape (B, K, D, D)
        Lower triangles whose squares are the covariances.
    covariance : `~torch.Tensor`, shape (B, K, D, D)
        Covariances.
    """

    def __init__(self, raw, n_parameters):
        per_component = n_mixture_outputs(1, n_parameters)
        n_components = raw.shape[1] // per_component
        raw = raw.reshape(len(raw), n_components, per_component)
        self.log_weight = functional.log_softmax(raw[..., 0], dim=1)
        self.mean = raw[..., 1 : 1 + n_parameters]
        widths = raw[..., 1 + n_parameters : 1 + 2 * n_parameters]
        diagonal = widths.clamp(*_LOG_WIDTH_RANGE).exp()
        factor = torch.diag_embed(diagonal)
        row, column = torch.tril_indices(n_parameters, n_parameters, -1)
        # In units of the row's width: a mixing angle, not a size.
        below = raw[..., 1 + 2 * n_parameters :] * diagonal[..., row]
        factor[..., row, column] = below
        self.factor = factor
        self.covariance = factor @ factor.transpose(-1, -2)

    def moments(self):
        """
        Get mean and variance of each parameter.

        Returns
        -------
        mean, variance : `~torch.Tensor`, shape (B, D)
            Of the whole mixture.
        """
        weight = self.log_weight.exp().unsqueeze(-1)
        mean = (weight * self.mean).sum(dim=1)
        own = self.covariance.diagonal(dim1=-2, dim2=-1)
        spread = (self.mean - mean.unsqueeze(1)).square()
        return mean, (weight * (own + spread)).sum(dim=1)


def mixture_nll(mixture, target, error):
    """
    Negative log likelihood of labels that have errors of their own.

    A label is the parameter with normal noise, so the likelihood has
    the errors' squares added to the covariances' diagonals.

    Parameters
    ----------
    mixture : `MixtureParameters`
        Of B galaxies and D parameters.
    target, error : `~torch.Tensor`, shape (B, D)
        Labels and their 1-sigma errors; NaN where a label is missing.

    Returns
    -------
    nll : `~torch.Tensor`, scalar
        Mean over galaxies, per parameter, without the constant.
    """
    present = torch.isfinite(target) & torch.isfinite(error)
    target = torch.where(present, target, 0.0).unsqueeze(1)
    error = torch.where(present, error, _NO_LABEL)
    noise = torch.diag_embed(error.square() + 1e-6)
    whitened, log_determinant = _whiten(
        target - mixture.mean, mixture.covariance + noise.unsqueeze(1)
    )
    log_density = -0.5 * whitened.square().sum(dim=-1) - log_determinant
    nll = -torch.logsumexp(mixture.log_weight + log_density, dim=1)
    # Where a label is missing, its constant is taken out again.
    nll = nll - math.log(_NO_LABEL) * (~present).sum(dim=1)
    return nll.mean() / target.shape[-1]


def _whiten(residual, covariance):
    """
    Solve L x = residual with covariance = L L^T.

    Written out for a few dimensions: the library's batched routines
    take a hundred times longer for matrices as small as these.
    """
    n = residual.shape[-1]
    factor = [[None] * n for _ in range(n)]
    whitened = []
    log_determinant = 0.0
    for i in range(n):
        for j in range(i + 1):
            value = covariance[..., i, j]
            for k in range(j):
                value = value - factor[i][k] * factor[j][k]
            factor[i][j] = (
                value.clamp(min=1e-10).sqrt() if i == j else value / factor[j][j]
            )
        solved = residual[..., i]
        for k in range(i):
            solved = solved - factor[i][k] * whitened[k]
        whitened.append(solved / factor[i][i])
        log_determinant = log_determinant + factor[i][i].log()
    return torch.stack(whitened, dim=-1), log_determinant
