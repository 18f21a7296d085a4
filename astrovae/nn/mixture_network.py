# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The network of the ``standard`` preset: a joint posterior in one pass.
"""

import itertools

import torch
from torch import nn
from torch.nn import functional

from .adaptive import AdaptivePhotometry
from .blocks import (
    RunningNorm,
    channels_last,
    pool_maps,
    residual_decoder,
    residual_trunk,
)
from .mixtures import MixtureParameters, n_mixture_outputs
from .networks import LOG_VARIANCE_RANGE, Encoding
from .photometry import AperturePhotometry

__all__ = ["MixtureNetwork"]

# Latents of the orientation, cos and sin of twice the angle, come first.
_N_ORIENTATION = 2


class MixtureNetwork(nn.Module):
    """
    A residual network with a mixture of Gaussians as its answer.

    It sees stretched images, masks, fluxes in apertures and under
    Gaussians of the galaxy's size and shape, the noise of each band,
    and the width of the PSF where that is known. The physical latents
    are the moments of the mixture, so that the decoder, the latent
    space and the posterior tell the same.

    Parameters
    ----------
    n_bands : int, optional
        Number of bands.
    n_latent : int, optional
        Number of latents.
    size : int, optional
        Pixels on a side of the images, a multiple of 16.
    n_physical : int, optional
        Number of physical latents: two of the orientation, and those
        of the mixture; 0: the baseline without physics.
    widths : tuple of int, optional
        Channels of the four stages of the encoder.
    n_components : int, optional
        Number of Gaussians.
    adaptive : bool, optional
        Whether it measures size and shape; the network of the weights
        ``decals-sim-v2`` does not.
    """

    def __init__(
        self,
        n_bands=3,
        n_latent=10,
        size=64,
        n_physical=5,
        widths=(24, 48, 96, 160),
        n_components=6,
        adaptive=True,
    ):
        super().__init__()
        if size % 16:
            msg = f"size must be a multiple of 16, not {size}"
            raise ValueError(msg)
        self.n_latent = n_latent
        # Whether convolutions run in bfloat16; a setting of a training,
        # not part of the model.
        self.mixed_precision = False
        self.n_conditions = 2 * n_bands
        self.n_mixture = max(n_physical - _N_ORIENTATION, 0)
        self.trunk = residual_trunk(2 * n_bands, widths)
        self.photometry = AperturePhotometry(n_bands, size)
        n_facts = self.photometry.n_features + n_bands + self.n_conditions
        self.adaptive = None
        fact_widths = (256, 256, 96)
        if adaptive:
            self.adaptive = AdaptivePhotometry(n_bands, size)
            n_facts += self.adaptive.n_features
            fact_widths = (320, 320, 160)
        self.fact_norm = RunningNorm(n_facts)
        self.facts = _perceptron(n_facts, *fact_widths)
        self.shapes = _perceptron(3 * widths[-1] + fact_widths[-1], 256, 96)
        n_features = 96 + fact_widths[-1]
        self.gaussian = nn.Linear(n_features, 2 * (n_latent - self.n_mixture))
        if self.n_mixture:
            n_outputs = n_mixture_outputs(n_components, self.n_mixture)
            self.mixture = nn.Sequential(
                nn.Linear(n_features, 128), nn.SiLU(), nn.Linear(128, n_outputs)
            )
        self.decoder = residual_decoder(n_bands, n_latent, size)

    def encode(self, x, valid=None, conditions=None):
        """
        Encode images.

        Parameters
        ----------
        x : `~torch.Tensor`, shape (B, n_bands, size, size)
            Preprocessed images in asinh(flux / sky sigma); what
            masked pixels hold is not looked at.
        valid : `~torch.Tensor` of bool, same shape, optional
            False where a pixel is masked; `None`: no pixel is.
        conditions : `~torch.Tensor`, shape (B, 2 n_bands), optional
            Per band ln(PSF FWHM / 1.2 arcsec), 0 if it is not known,
            and then per band 1 if it is known; `None`: none is.

        Returns
        -------
        encoding : `Encoding`
            With the mixture's raw numbers, and the brightness.
        """
        weight = torch.ones_like(x)
        if valid is not None:
            weight = valid.to(x.dtype)
            x = x.masked_fill(~valid, 0.0)
        if conditions is None:
            conditions = x.new_zeros((len(x), self.n_conditions))
        with self._precision(x):
            h = self.trunk(channels_last(torch.cat([x, weight], dim=1)))
        # Fluxes and all that follows stay in full precision: a colour of
        # bfloat16 is good to two per cent.
        pooled = pool_maps(h.float())
        photometry = self.photometry(x, weight)
        measured = [photometry, _noise(x, weight), conditions]
        if self.adaptive is not None:
            measured.append(self.adaptive(x, weight))
        facts = self.facts(self.fact_norm(torch.cat(measured, dim=1)))
        shapes = self.shapes(torch.cat([pooled, facts], dim=1))
        features = torch.cat([shapes, facts], dim=1)
        mean, log_variance = self.gaussian(features).chunk(2, dim=1)
        mixture = None
        if self.n_mixture:
            mixture = self.mixture(features)
            moments = MixtureParameters(mixture, self.n_mixture).moments()
            mean = _insert(mean, moments[0])
            log_variance = _insert(log_variance, moments[1].clamp(min=1e-8).log())
        log_variance = log_variance.clamp(*LOG_VARIANCE_RANGE)
        brightness = self.photometry.brightness(photometry, weight)
        return Encoding(mean, log_variance, features, mixture, brightness)

    def decode(self, z):
        """
        Decode latents.

        Parameters
        ----------
        z : `~torch.Tensor`, shape (B, n_latent)
            Latents.

        Returns
        -------
        x : `~torch.Tensor`, shape (B, n_bands, size, size)
            Images in asinh(flux / sky sigma).
        """
        with self._precision(z):
            x = self.decoder(z)
        return x.float()

    def _precision(self, x):
        return torch.autocast(
            x.device.type, torch.bfloat16, enabled=self.mixed_precision
        )


def _perceptron(*widths):
    layers = []
    for n_in, n_out in itertools.pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.SiLU()]
    return nn.Sequential(*layers)


def _insert(gaussian, mixture):
    """
    Orientation, mixture, residual: the order of the latents.
    """
    first, rest = gaussian[:, :_N_ORIENTATION], gaussian[:, _N_ORIENTATION:]
    return torch.cat([first, mixture, rest], dim=1)


def _noise(x, weight):
    """
    The scatter of each band: mean difference of adjacent pixels.

    Light is smooth and noise is not; what is not smooth either, the
    edges of bright objects, is clipped.
    """
    pairs = weight[..., 1:] * weight[..., :-1]
    steps = (x[..., 1:] - x[..., :-1]).abs().clamp(max=3.0) * pairs
    mean = steps.sum(dim=(2, 3)) / pairs.sum(dim=(2, 3)).clamp(min=1.0)
    return functional.relu(mean).clamp(min=1e-2).log()
