# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The networks: an encoder and a decoder around a small latent space.

`PaperNetwork` is that of Gagliano & Villar (2023), layer by layer.
`ResidualNetwork` is that of the ``standard`` preset.
"""

import math
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

__all__ = ["Encoding", "PaperNetwork", "ResidualNetwork", "build_network"]

# exp() of anything outside is of no use and overflows sooner or later.
_LOG_VARIANCE_RANGE = (-14.0, 14.0)


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
    """

    mean: torch.Tensor
    log_variance: torch.Tensor
    features: torch.Tensor


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

    def encode(self, x, valid=None):  # noqa: ARG002
        """
        Encode images.

        Parameters
        ----------
        x : `~torch.Tensor`, shape (B, n_bands, size, size)
            Preprocessed images; masked pixels are zero.
        valid : object, optional
            Not used: the paper's network knows no mask.

        Returns
        -------
        encoding : `Encoding`
            The features are the latents and their log variances.
        """
        latents = self.encoder(x)
        mean, log_variance = latents.chunk(2, dim=1)
        log_variance = log_variance.clamp(*_LOG_VARIANCE_RANGE)
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
        layers = [_conv(2 * n_bands, widths[0], 4, stride=2)]
        for i, width in enumerate(widths):
            if i > 0:
                layers.append(_conv(widths[i - 1], width, 4, stride=2))
            layers.append(ResidualBlock(width))
        self.trunk = nn.Sequential(*layers)
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
        self.decoder = _residual_decoder(n_bands, n_latent, size)

    def encode(self, x, valid=None):
        """
        Encode images.

        Parameters
        ----------
        x : `~torch.Tensor`, shape (B, n_bands, size, size)
            Preprocessed images in asinh(flux / sky sigma); masked
            pixels are zero.
        valid : `~torch.Tensor` of bool, same shape, optional
            False where a pixel is masked; `None`: no pixel is.

        Returns
        -------
        encoding : `Encoding`
            The features are the last hidden layers, of the images and
            of the fluxes.
        """
        weight = torch.ones_like(x) if valid is None else valid.to(x.dtype)
        h = self.trunk(_channels_last(torch.cat([x, weight], dim=1)))
        n = h.shape[-1] // 2
        centre = h[:, :, n - 1 : n + 1, n - 1 : n + 1].mean(dim=(2, 3))
        pooled = [h.mean(dim=(2, 3)), h.amax(dim=(2, 3)), centre]
        fluxes = self.photometry_head(self.photometry(x, weight))
        shapes = self.head(torch.cat([*pooled, fluxes], dim=1))
        features = torch.cat([shapes, fluxes], dim=1)
        mean, log_variance = self.latents(features).chunk(2, dim=1)
        log_variance = log_variance.clamp(*_LOG_VARIANCE_RANGE)
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


class ResidualBlock(nn.Module):
    """
    Two convolutions beside an identity.

    Parameters
    ----------
    width : int
        Number of channels.
    """

    def __init__(self, width):
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)
        # An identity at first: deeper stages start to matter gradually.
        nn.init.zeros_(self.second_norm.weight)

    def forward(self, x):
        """
        Apply the block.

        Parameters
        ----------
        x : `~torch.Tensor`, shape (B, width, n, n)
            Feature maps.

        Returns
        -------
        x : `~torch.Tensor`, shape (B, width, n, n)
            Feature maps.
        """
        h = functional.relu(self.first_norm(self.first(x)), inplace=True)
        return functional.relu(x + self.second_norm(self.second(h)))


class AperturePhotometry(nn.Module):
    """
    Fluxes in fixed apertures around the image's centre.

    The colours of a galaxy are sums over many pixels, and ratios of
    those; a small network learns them slowly from stretched pixels,
    and at once from here. Masked pixels are replaced by the mean of
    the aperture's other pixels; a band without any gives zero.

    Parameters
    ----------
    n_bands : int
        Number of bands.
    size : int
        Pixels on a side of the images.
    radii : tuple of float, optional
        Radii in units of half the image.
    """

    def __init__(self, n_bands, size, radii=(0.06, 0.1, 0.18, 0.3, 0.5, 0.9)):
        super().__init__()
        axis = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
        radius = torch.hypot(axis[:, None], axis[None, :])
        edges = torch.tensor(radii, dtype=torch.float64) * size / 2
        # Soft edges of one pixel, so that small apertures are round.
        weights = (edges[:, None, None] - radius + 0.5).clamp(0, 1)
        weights = weights.reshape(len(radii), -1).T.to(torch.float32)
        self.register_buffer("weights", weights, persistent=False)
        self.n_features = (2 * n_bands - 1) * len(radii) + n_bands

    def forward(self, x, weight):
        """
        Measure the images.

        Parameters
        ----------
        x : `~torch.Tensor`, shape (B, n_bands, size, size)
            Images in asinh(flux / sky sigma).
        weight : `~torch.Tensor`, same shape
            1 where a pixel is valid, 0 where it is masked.

        Returns
        -------
        features : `~torch.Tensor`, shape (B, n_features)
            Per aperture: asinh of signal to noise in each band and
            the differences of neighbouring bands; then the fraction
            of valid pixels of each band in the last aperture.
        """
        flux = torch.sinh(x.clamp(-16.0, 16.0)) * weight
        area = weight.flatten(2) @ self.weights
        total = self.weights.sum(dim=0)
        fraction = area / total
        mean_flux = (flux.flatten(2) @ self.weights) / area.clamp(min=1e-3)
        # All apertures in the same units, so that their differences are
        # colours and concentrations; 2 tempers the noise of faint ones.
        signal = torch.asinh(mean_flux * total / 2.0)
        colours = signal[:, 1:] - signal[:, :-1]
        parts = [signal.flatten(1), colours.flatten(1), fraction[:, :, -1]]
        return torch.cat(parts, dim=1)


def build_network(kind, n_bands, n_latent, size):
    """
    Build a network by name.

    Parameters
    ----------
    kind : {"paper", "residual"}
        Which network.
    n_bands, n_latent, size : int
        Number of bands, of latents, and pixels on a side.

    Returns
    -------
    network : `~torch.nn.Module`
        With the methods ``encode`` and ``decode``.
    """
    kinds = {"paper": PaperNetwork, "residual": ResidualNetwork}
    network = kinds[kind](n_bands=n_bands, n_latent=n_latent, size=size)
    return network.to(memory_format=torch.channels_last)


def _conv(n_in, n_out, kernel, stride=1):
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, kernel, stride, padding=1, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
    )


def _residual_decoder(n_bands, n_latent, size):
    start = size // 8
    n_doublings = int(math.log2(8)) - 1
    layers = [
        nn.Linear(n_latent, 96),
        nn.SiLU(),
        nn.Linear(96, 32 * start**2),
        nn.Unflatten(1, (32, start, start)),
        nn.BatchNorm2d(32),
        nn.ReLU(inplace=True),
    ]
    width = 32
    for _ in range(n_doublings):
        layers += [
            nn.Upsample(scale_factor=2, mode="bilinear"),
            _conv(width, 24, 3),
        ]
        width = 24
    # The last doubling rearranges channels: four times cheaper.
    layers += [nn.Conv2d(width, 4 * n_bands, 3, padding=1), nn.PixelShuffle(2)]
    return nn.Sequential(*layers)


def _channels_last(x):
    return x.contiguous(memory_format=torch.channels_last)


def _upsample(x, size):
    return functional.interpolate(
        x, size=(size, size), mode="bilinear", align_corners=False
    )
