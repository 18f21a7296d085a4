# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The parts that the residual networks are built of.
"""

import itertools
import math

import torch
from torch import nn
from torch.nn import functional

__all__ = [
    "ResidualBlock",
    "RunningNorm",
    "channels_last",
    "convolution",
    "pool_maps",
    "residual_decoder",
    "residual_trunk",
]


class RunningNorm(nn.BatchNorm1d):
    """
    Normalise numbers by all that were seen so far, not by the batch.

    The mean of a batch of 128 is off by a tenth of the scatter: as an
    error of colours that would drown what a redshift is read from.
    Few galaxies more, as of a fine-tuning, change it little.

    Parameters
    ----------
    n_features : int
        Numbers per galaxy.
    """

    def __init__(self, n_features):
        # No momentum: the mean and variance of all batches.
        super().__init__(n_features, momentum=None)

    def forward(self, x):
        """
        Normalise a batch; in training, learn from it first.

        Parameters
        ----------
        x : `~torch.Tensor`, shape (B, n_features)
            Numbers.

        Returns
        -------
        x : `~torch.Tensor`, shape (B, n_features)
            The numbers, normalised.
        """
        if self.training:
            # What it gives is by the batch's mean; its sums are kept.
            with torch.no_grad():
                super().forward(x)
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )


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


def convolution(n_in, n_out, kernel, stride=1):
    """
    Build a convolution with batch normalisation and ReLU.

    Parameters
    ----------
    n_in, n_out : int
        Number of channels.
    kernel, stride : int
        Pixels.

    Returns
    -------
    layers : `~torch.nn.Sequential`
        The layers.
    """
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, kernel, stride, padding=1, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
    )


def residual_trunk(n_in, widths):
    """
    Build the stages of a residual encoder, each half as fine.

    Parameters
    ----------
    n_in : int
        Number of channels of the images.
    widths : tuple of int
        Channels of the stages.

    Returns
    -------
    layers : `~torch.nn.Sequential`
        From (B, n_in, y, x) to (B, widths[-1], y / 16, x / 16), for
        four stages.
    """
    layers = []
    for n_before, width in itertools.pairwise((n_in, *widths)):
        layers += [convolution(n_before, width, 4, stride=2), ResidualBlock(width)]
    return nn.Sequential(*layers)


def pool_maps(maps):
    """
    Sum feature maps up: mean, maximum, and what is at the centre.

    Parameters
    ----------
    maps : `~torch.Tensor`, shape (B, C, n, n)
        Feature maps, of an even number of pixels.

    Returns
    -------
    pooled : `~torch.Tensor`, shape (B, 3 C)
        One number per map of each kind.
    """
    n = maps.shape[-1] // 2
    centre = maps[:, :, n - 1 : n + 1, n - 1 : n + 1].mean(dim=(2, 3))
    return torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3)), centre], dim=1)


def residual_decoder(n_bands, n_latent, size):
    """
    Build the decoder of the residual networks.

    Parameters
    ----------
    n_bands, n_latent : int
        Number of bands and of latents.
    size : int
        Pixels on a side, a multiple of 8.

    Returns
    -------
    layers : `~torch.nn.Sequential`
        From (B, n_latent) to (B, n_bands, size, size).
    """
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
            convolution(width, 24, 3),
        ]
        width = 24
    # The last doubling rearranges channels: four times cheaper.
    layers += [nn.Conv2d(width, 4 * n_bands, 3, padding=1), nn.PixelShuffle(2)]
    return nn.Sequential(*layers)


def channels_last(x):
    """
    Lay a batch out in memory as convolutions like it.

    Parameters
    ----------
    x : `~torch.Tensor`, shape (B, C, y, x)
        A batch.

    Returns
    -------
    x : `~torch.Tensor`
        The same values.
    """
    return x.contiguous(memory_format=torch.channels_last)
