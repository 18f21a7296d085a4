# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The losses: Eq. 2 of the paper term by term, and the standard loss.

A label that is missing (NaN) and a pixel that is masked have no weight.
"""

import torch

from .mixtures import MixtureParameters, mixture_nll

__all__ = [
    "ERROR_FLOOR",
    "MixtureLoss",
    "PaperLoss",
    "StandardLoss",
    "VanillaLoss",
    "gaussian_nll",
    "kl_divergence",
    "masked_squared_error",
    "paper_kl",
    "weighted_label_error",
]

#: Smallest label error of Eq. 2, in the units of each latent.
ERROR_FLOOR = 1e-3


def masked_squared_error(x, reconstruction, valid=None):
    """
    Sum the squared error over the valid pixels of each galaxy.

    Parameters
    ----------
    x, reconstruction : `~torch.Tensor`, shape (B, n_bands, y, x)
        Images and their reconstructions.
    valid : `~torch.Tensor` of bool, same shape, optional
        False where a pixel is masked.

    Returns
    -------
    error : `~torch.Tensor`, shape (B,)
        Sums over bands and pixels.
    """
    error = (x - reconstruction).square()
    if valid is not None:
        error = error * valid.to(error.dtype)
    return error.flatten(1).sum(dim=1)


def paper_kl(mean, log_variance):
    r"""
    The second term of Eq. 2, exactly as the paper prints it.

    :math:`\sigma^2 + \mu^2 - \log\sigma - 1`, with the logarithm of
    :math:`\sigma` and without the factor 1/2. The divergence from a
    standard normal is `kl_divergence`; this one is smallest at
    :math:`\sigma^2 = 1/2`, a slightly narrower latent. It is kept so
    that the preset ``gagliano2023`` minimises what the paper states.

    Parameters
    ----------
    mean, log_variance : `~torch.Tensor`, shape (B, n)
        The latent Gaussians.

    Returns
    -------
    kl : `~torch.Tensor`, shape (B,)
        Sums over the n latents.
    """
    terms = log_variance.exp() + mean.square() - 0.5 * log_variance - 1.0
    return terms.sum(dim=1)


def kl_divergence(mean, log_variance):
    r"""
    Kullback-Leibler divergence from a standard normal, in nats.

    :math:`\frac{1}{2} (\sigma^2 + \mu^2 - \log\sigma^2 - 1)`.

    Parameters
    ----------
    mean, log_variance : `~torch.Tensor`, shape (B, n)
        The latent Gaussians.

    Returns
    -------
    kl : `~torch.Tensor`, shape (B,)
        Sums over the n latents.
    """
    terms = log_variance.exp() + mean.square() - log_variance - 1.0
    return 0.5 * terms.sum(dim=1)


def weighted_label_error(mean, target, error, floor=ERROR_FLOOR):
    r"""
    The third term of Eq. 2: mean of :math:`(p - \mu)^2 / \sigma_p^2`.

    Every galaxy is weighted by its own label errors, element by
    element.

    Parameters
    ----------
    mean, target, error : `~torch.Tensor`, shape (B, n)
        Latent means, labels and 1-sigma label errors.
    floor : float, optional
        Smallest error.

    Returns
    -------
    term : `~torch.Tensor`, scalar
        Mean over the labels that are there.
    """
    present, target, error = _present(target, error)
    terms = ((target - mean) / error.clamp(min=floor)).square()
    return _mean(terms, present)


def gaussian_nll(mean, log_variance, target, error):
    r"""
    Negative log likelihood of labels that have errors of their own.

    A label is drawn from a Gaussian of variance
    :math:`\sigma^2 + \sigma_p^2`, so :math:`\sigma` is the scatter
    that is left when the label's error is taken out.

    Parameters
    ----------
    mean, log_variance : `~torch.Tensor`, shape (B, n)
        The latent Gaussians.
    target, error : `~torch.Tensor`, shape (B, n)
        Labels and their 1-sigma errors.

    Returns
    -------
    nll : `~torch.Tensor`, scalar
        Mean over the labels that are there, without the constant.
    """
    present, target, error = _present(target, error)
    variance = log_variance.exp() + error.square() + 1e-6
    terms = (target - mean).square() / variance + variance.log()
    return _mean(0.5 * terms, present)


class PaperLoss:
    """
    Eq. 2: reconstruction, KL of the last latents, weighted labels.

    Parameters
    ----------
    n_physical : int
        Number of physical latents, the first ones.
    reconstruction_weight : float, optional
        Factor beta_0 of the squared error summed over an image's pixels.
    physics_weight : float, optional
        Factor beta_1 of the weighted label error.
    """

    def __init__(self, n_physical=4, reconstruction_weight=10.0, physics_weight=50.0):
        self.n_physical = n_physical
        self.reconstruction_weight = reconstruction_weight
        self.physics_weight = physics_weight

    def __call__(self, network, batch, noise):
        """
        Evaluate the loss.

        Parameters
        ----------
        network : `~torch.nn.Module`
            With ``encode`` and ``decode``.
        batch : `~astrovae.nn.Batch`
            Images and labels.
        noise : `~torch.Tensor`, shape (B, n_latent)
            Standard normal numbers; zeros decode the means.

        Returns
        -------
        terms : dict of `~torch.Tensor`
            ``reconstruction``, ``kl``, ``physics``, each without its
            weight, and ``loss``, their weighted sum.
        """
        code = network.encode(batch.x, batch.valid, batch.conditions)
        reconstruction = network.decode(_sample(code, noise))
        squared = masked_squared_error(batch.x, reconstruction, batch.valid)
        return self.terms(code, squared, batch.target, batch.error)

    def terms(self, code, squared_error, target, error):
        """
        Combine the terms of Eq. 2.

        Parameters
        ----------
        code : `~astrovae.nn.Encoding`
            The latent Gaussians.
        squared_error : `~torch.Tensor`, shape (B,)
            Squared pixel error of each galaxy.
        target, error : `~torch.Tensor`, shape (B, n_physical)
            Labels and their errors.

        Returns
        -------
        terms : dict of `~torch.Tensor`
            As from calling the loss.
        """
        n = self.n_physical
        terms = {
            "reconstruction": squared_error.mean(),
            "kl": paper_kl(code.mean[:, n:], code.log_variance[:, n:]).mean(),
            "physics": weighted_label_error(code.mean[:, :n], target, error),
        }
        terms["loss"] = (
            self.reconstruction_weight * terms["reconstruction"]
            + terms["kl"]
            + self.physics_weight * terms["physics"]
        )
        return terms


class VanillaLoss(PaperLoss):
    """
    The paper's baseline: KL over all latents, no physical term.

    Parameters
    ----------
    reconstruction_weight : float, optional
        Factor beta_0 of the squared error summed over an image's pixels.
    """

    def __init__(self, reconstruction_weight=10.0):
        super().__init__(0, reconstruction_weight, 0.0)


class StandardLoss:
    """
    The loss of the ``standard`` preset.

    The reconstruction error is the mean over valid pixels, in units
    of the sky's noise; physical latents have a Gaussian likelihood
    with a variance of their own; residual latents have a KL term.
    The decoder reads the physical latents but does not bend them: no
    gradient flows back through those, so that their widths mean what
    the likelihood says.

    Parameters
    ----------
    n_physical : int
        Number of physical latents, the first ones; 0: none, the
        baseline without physics.
    reconstruction_weight, physics_weight, kl_weight : float, optional
        Weights of the terms.
    """

    def __init__(
        self,
        n_physical=5,
        reconstruction_weight=1.0,
        physics_weight=1.0,
        kl_weight=1e-3,
    ):
        self.n_physical = n_physical
        self.reconstruction_weight = reconstruction_weight
        self.physics_weight = physics_weight
        self.kl_weight = kl_weight

    def __call__(self, network, batch, noise):
        """
        Evaluate the loss; as `PaperLoss.__call__`.

        Parameters
        ----------
        network : `~torch.nn.Module`
            With ``encode`` and ``decode``.
        batch : `~astrovae.nn.Batch`
            Images and labels; the image to reconstruct is
            ``batch.clean`` where it differs from what is seen.
        noise : `~torch.Tensor`, shape (B, n_latent)
            Standard normal numbers; zeros decode the means.

        Returns
        -------
        terms : dict of `~torch.Tensor`
            As of `PaperLoss`.
        """
        n = self.n_physical
        code = network.encode(batch.x, batch.valid, batch.conditions)
        z = _sample(code, noise)
        z = torch.cat([z[:, :n].detach(), z[:, n:]], dim=1)
        x, valid = batch.clean if batch.clean else (batch.x, batch.valid)
        squared = masked_squared_error(x, network.decode(z), valid)
        n_valid = x[0].numel() * x.shape[0] if valid is None else valid.sum()
        residual_kl = kl_divergence(code.mean[:, n:], code.log_variance[:, n:]).mean()
        terms = {
            "reconstruction": 0.5 * squared.sum() / max(int(n_valid), 1),
            "kl": residual_kl,
            "physics": self._physics(code, batch),
        }
        terms["loss"] = (
            self.reconstruction_weight * terms["reconstruction"]
            + self.kl_weight * terms["kl"]
            + self.physics_weight * terms["physics"]
        )
        return terms

    def _physics(self, code, batch):
        n = self.n_physical
        return gaussian_nll(
            code.mean[:, :n],
            code.log_variance[:, :n],
            batch.target[:, :n],
            batch.error[:, :n],
        )


class MixtureLoss(StandardLoss):
    """
    The loss of the ``standard`` preset, with a joint posterior.

    As `StandardLoss`, but the likelihood of the physical parameters
    is that of the network's mixture; the orientation, two latents
    that come first, keeps a Gaussian of its own.
    """

    def _physics(self, code, batch):
        if code.mixture is None:
            return super()._physics(code, batch)
        n = self.n_physical
        angle = gaussian_nll(
            code.mean[:, :2],
            code.log_variance[:, :2],
            batch.target[:, :2],
            batch.error[:, :2],
        )
        mixture = MixtureParameters(code.mixture, n - 2)
        joint = mixture_nll(mixture, batch.target[:, 2:n], batch.error[:, 2:n])
        return (2 * angle + (n - 2) * joint) / n


def _sample(code, noise):
    return code.mean + noise * (0.5 * code.log_variance).exp()


def _present(target, error):
    present = torch.isfinite(target) & torch.isfinite(error)
    # NaN times zero is NaN, so absent labels are replaced, not weighted.
    return (
        present,
        torch.where(present, target, 0.0),
        torch.where(present, error, 1.0),
    )


def _mean(terms, present):
    total = torch.where(present, terms, 0.0).sum()
    return total / present.sum().clamp(min=1)
