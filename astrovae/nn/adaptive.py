# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Adaptive moments and fluxes under matched weights, as a layer.
"""

import torch
from torch import nn

__all__ = ["AdaptivePhotometry"]

# Variances of the weights in units of the galaxy's own, each twice the
# one before: from its core to all of its light.
_N_SCALES = 7
_LARGEST_SCALE = 16.0

_N_ITERATIONS = 6
_FIRST_VARIANCE = 4.0
_LEAST_VARIANCE = 0.5
# An edge-on disc behind a PSF has 0.8; noise alone can have anything.
_LARGEST_ELLIPTICITY = 0.85


class AdaptivePhotometry(nn.Module):
    """
    Size, shape and colours of the galaxy in an image's centre.

    The galaxy's size and ellipticity are those of the elliptical
    Gaussian that, as a weight, measures itself (adaptive moments:
    Bernstein & Jarvis 2002, AJ 123, 583; Hirata & Seljak 2003, MNRAS
    343, 459), about the frame's centre, which is not fitted; all bands
    together decide on it. Six steps are taken towards it, from a
    variance of 4 pixels: a few per cent of the variance are missing
    for a Gaussian of 4 pixels, a tenth for one of 6. Fluxes are then
    sums under Gaussians of that shape, smaller and larger ones, the
    same in each band (as GAaP of Kuijken 2008, A&A 482, 1053, without
    its correction for the PSF). What is far from the galaxy, neighbours
    above all, has little weight; the ratios of the sums tell its
    profile and the gradients of its colours.

    Moments know no light where no band has a pixel, and where some
    have one it is their mean: a gap through a galaxy changes its size
    and shape here. The training hides parts of frames, and learns what
    to make of that: weights know these moments, not better ones.

    Parameters
    ----------
    n_bands : int
        Number of bands.
    size : int
        Pixels on a side of the images, a multiple of 4.
    """

    def __init__(self, n_bands, size):
        super().__init__()
        self.n_features = 4 + (3 * n_bands - 1) * _N_SCALES - n_bands
        self.largest_variance = (size / 8) ** 2
        # Moments are taken in the inner half of the frame.
        inner = torch.arange(size // 4, size - size // 4)
        pixels = (inner[:, None] * size + inner).flatten()
        axis = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
        y, x = (a.flatten() for a in torch.meshgrid(axis, axis, indexing="ij"))
        squares = torch.stack([x * x, x * y, y * y])
        self.register_buffer("squares", squares, persistent=False)
        self.register_buffer("pixels", pixels, persistent=False)

    @torch.no_grad()
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
            Logarithm of the size (pixels), ellipticity along the axes
            and the diagonals and its absolute value; then asinh of half
            the flux in each band at each scale, differences of
            neighbouring bands, and differences of neighbouring scales.
            No gradient flows through them.
        """
        weight = weight.flatten(2)
        flux = torch.sinh(x.clamp(-16.0, 16.0)).flatten(2) * weight
        size, e1, e2 = self._moments(flux, weight)
        signal = torch.asinh(self._fluxes(flux, weight, size, e1, e2) / 2.0)
        shape = torch.stack([0.5 * size.log(), e1, e2, torch.hypot(e1, e2)], dim=1)
        colours = signal[:, 1:] - signal[:, :-1]
        profile = signal[:, :, 1:] - signal[:, :, :-1]
        parts = [shape, signal.flatten(1), colours.flatten(1), profile.flatten(1)]
        return torch.cat(parts, dim=1)

    def _moments(self, flux, weight):
        """
        Mean variance along the axes (pixel^2), and ellipticities.
        """
        flux, weight = flux[..., self.pixels], weight[..., self.pixels]
        light = flux.sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
        squares = self.squares[:, self.pixels]
        basis = torch.cat([torch.ones_like(squares[:1]), squares]).T
        size = light.new_full((len(light),), _FIRST_VARIANCE)
        e1 = e2 = torch.zeros_like(size)
        for _ in range(_N_ITERATIONS):
            seen = light * _gaussian(squares, size, e1, e2)
            total, xx, xy, yy = (seen @ basis).unbind(dim=1)
            # Of a Gaussian seen through itself the variance is half.
            found = (xx + yy) / total
            # Noise can be negative: no galaxy is seen, and the weight
            # is round and as wide as before.
            good = (total > 0) & (found > 0)
            size = torch.where(good, found, size)
            size = size.clamp(_LEAST_VARIANCE, self.largest_variance)
            spread = torch.where(good, xx + yy, 1.0)
            e1 = torch.where(good, (xx - yy) / spread, 0.0)
            e2 = torch.where(good, 2 * xy / spread, 0.0)
            excess = torch.hypot(e1, e2).clamp(min=_LARGEST_ELLIPTICITY)
            e1, e2 = (e * _LARGEST_ELLIPTICITY / excess for e in (e1, e2))
        return size, e1, e2

    def _fluxes(self, flux, weight, size, e1, e2):
        """
        Sums under each Gaussian, (B, n_bands, scales); smallest first.
        """
        gaussians = [_gaussian(self.squares, _LARGEST_SCALE * size, e1, e2)]
        for _ in range(_N_SCALES - 1):
            # Half the variance.
            gaussians.append(gaussians[-1].square())
        gaussians = torch.stack(gaussians[::-1], dim=2)
        total = gaussians.sum(dim=1, keepdim=True)
        area = (weight @ gaussians).clamp(min=1e-3)
        return (flux @ gaussians) / area * total


def _gaussian(squares, size, e1, e2):
    """
    Elliptical Gaussians, 1 in the centre, (B, pixels).
    """
    scale = size * (1 - e1**2 - e2**2)
    inverse = torch.stack([1 - e1, -2 * e2, 1 + e1], dim=1) / scale[:, None]
    return (-0.5 * (inverse @ squares)).exp()
