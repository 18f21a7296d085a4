# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Fluxes in apertures, as a layer of a network.
"""

import torch
from torch import nn

__all__ = ["AperturePhotometry"]


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
        self.n_bands, self.n_radii = n_bands, len(radii)
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

    def brightness(self, features, weight):
        """
        Get one number for how bright a galaxy is.

        Parameters
        ----------
        features : `~torch.Tensor`, shape (B, n_features)
            What `forward` gave.
        weight : `~torch.Tensor`, shape (B, n_bands, size, size)
            1 where a pixel is valid, 0 where it is masked.

        Returns
        -------
        brightness : `~torch.Tensor`, shape (B,)
            asinh of the signal to noise in the third aperture, the
            mean of the bands that are there.
        """
        n_signals = self.n_bands * self.n_radii
        signal = features[:, :n_signals].reshape(-1, self.n_bands, self.n_radii)
        seen = weight.flatten(2).amax(dim=2)
        return (signal[:, :, 2] * seen).sum(dim=1) / seen.sum(dim=1).clamp(min=1.0)
