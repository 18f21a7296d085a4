# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The networks: an encoder and a decoder around a small latent space.

`PaperNetwork` is that of Gagliano & Villar (2023), layer by layer.
`ResidualNetwork` is that of the weights ``decals-sim-v1``.
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from .blocks import channels_last, pool_maps, residual_decoder, residual_trunk
from .photometry import AperturePhotometry

__all__ = ["LOG_VARIANCE_RANGE", "Encoding", "PaperNetwork", "ResidualNetwork"]

#: exp() of anything outside is of no use and overflows sooner or later.
LOG_VARIANCE_RANGE = (-14.0, 14.0)


class Encoding(NamedTuple):
    """
    What an encoder says about a batch of images.

    Attributes
    ----------
    mean : `~torch.Tensor`, shape (B, n_latent)
        Means of the latent Gaussians.
    log_variance : `~torch.Tensor`, shape (B, n_latent)
        Natural logarithms of their variances.
    features : `~torch.Tensor`, shape (B, n_features)
        What the distance to the training images is measured in.
    mixture : `~torch.Tensor`, shape (B, n_outputs), or None
        Raw numbers of `~astrovae.nn.MixtureParameters`, if the
        network gives a joint posterior.
    brightness : `~torch.Tensor`, shape (B,), or None
        asinh of the signal to noise in the middle of the image, by
        which the posterior is calibrated.
    """

    mean: torch.Tensor
    log_variance: torch.Tensor
    features: torch.Tensor
    mixture: torch.Tensor | None = None
    brightness: torch.Tensor | None = None


class PaperNetwork(nn.Module):
    """
    The convolutional network of Gagliano & Villar (2023).

    "Three encoding layers" in the paper counts two convolutions and
    the linear layer. With 3 bands, 69 pixels and 5 latents it has
    176,237 parameters.

    Parameters
    ----------
    n_bands : int, optional
        Number of bands.
    n_latent : int, optional
        Number of latents.
    size : int, optional
        Pixels on a side of the images.
    """

    def __init__(self, n_bands=3, n_latent=5, size=69):
        super().__init__()
        self.n_latent = n_latent
        self.half = (size + 1) // 2
        self.quarter = (self.half + 1) // 2
        self.size = size
        n_flat = 32 * self.quarter**2
        self.encoder = nn.Sequential(
            nn.Conv2d(n_bands, 16, 3, stride=2, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(n_flat, 2 * n_latent),
        )
        self.decoder_input = nn.Linear(n_latent, n_flat)
        self.decoder_norm = nn.BatchNorm2d(32)
        self.deconvolution = nn.ConvTranspose2d(32, 16, 3, stride=1, padding=1)
        self.deconvolution_norm = nn.BatchNorm2d(16)
        self.output = nn.ConvTranspose2d(16, n_bands, 3, stride=1, padding=1)

    def encode(self, x, valid=None, conditions=None):  # noqa: ARG002
        """
        Encode images.

        Parameters
        ----------
        x : `~torch.Tensor`, shape (B, n_bands, size, size)
            Preprocessed images; masked pixels are zero.
        valid, conditions : object, optional
            Not used: the paper's network knows no mask and no PSF.

        Returns
        -------
        encoding : `Encoding`
            The features are the latents and their log variances.
        """
        latents = self.encoder(x)
        mean, log_variance = latents.chunk(2, dim=1)
        log_variance = log_variance.clamp(*LOG_VARIANCE_RANGE)
        return Encoding(mean, log_variance, latents)

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
            Images between 0 and 1.
        """
        h = self.decoder_input(z)
        h = h.view(-1, 32, self.quarter, self.quarter)
        h = functional.relu(self.decoder_norm(h))
        h = _upsample(h, self.half)
        h = functional.relu(self.deconvolution_norm(self.deconvolution(h)))
        return torch.sigmoid(self.output(_upsample(h, self.size)))


class ResidualNetwork(nn.Module):
    """
    A small residual network that sees masks and aperture fluxes.

    Parameters
    ----------
    n_bands : int, optional
        Number of bands.
    n_latent : int, optional
        Number of latents.
    size : int, optional
        Pixels on a side of the images, a multiple of 16.
    widths : tuple of int, optional
        Channels of the four stages of the encoder.
    """

    def __init__(self, n_bands=3, n_latent=8, size=64, widths=(24, 48, 96, 128)):
        super().__init__()
        if size % 16:
            msg = f"size must be a multiple of 16, not {size}"
            raise ValueError(msg)
        self.n_latent = n_latent
        self.trunk = residual_trunk(2 * n_bands, widths)
        self.photometry = AperturePhotometry(n_bands, size)
        self.photometry_head = nn.Sequential(
            nn.BatchNorm1d(self.photometry.n_features),
            nn.Linear(self.photometry.n_features, 192),
            nn.SiLU(),
            nn.Linear(192, 192),
            nn.SiLU(),
            nn.Linear(192, 64),
            nn.SiLU(),
        )
        self.head = nn.Sequential(
            nn.Linear(3 * widths[-1] + 64, 192),
            nn.SiLU(),
            nn.Linear(192, 64),
            nn.SiLU(),
        )
        # Fluxes reach the latents also directly, past the images.
        self.latents = nn.Linear(128, 2 * n_latent)
        self.decoder = residual_decoder(n_bands, n_latent, size)

    def encode(self, x, valid=None, conditions=None):  # noqa: ARG002
        """
        Encode images.

        Parameters
        ----------
        x : `~torch.Tensor`, shape (B, n_bands, size, size)
            Preprocessed images in asinh(flux / sky sigma); masked
            pixels are zero.
        valid : `~torch.Tensor` of bool, same shape, optional
            False where a pixel is masked; `None`: no pixel is.
        conditions : object, optional
            Not used.

        Returns
        -------
        encoding : `Encoding`
            The features are the last hidden layers, of the images and
            of the fluxes.
        """
        weight = torch.ones_like(x) if valid is None else valid.to(x.dtype)
        h = self.trunk(channels_last(torch.cat([x, weight], dim=1)))
        pooled = pool_maps(h)
        fluxes = self.photometry_head(self.photometry(x, weight))
        shapes = self.head(torch.cat([pooled, fluxes], dim=1))
        features = torch.cat([shapes, fluxes], dim=1)
        mean, log_variance = self.latents(features).chunk(2, dim=1)
        log_variance = log_variance.clamp(*LOG_VARIANCE_RANGE)
        return Encoding(mean, log_variance, features)

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
        return self.decoder(z)


def _upsample(x, size):
    return functional.interpolate(
        x, size=(size, size), mode="bilinear", align_corners=False
    )
