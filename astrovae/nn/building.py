# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Networks by name.
"""

import torch

from .mixture_network import MixtureNetwork
from .networks import PaperNetwork, ResidualNetwork

__all__ = ["build_network"]


def build_network(kind, n_bands, n_latent, size, n_physical=0):
    """
    Build a network by name.

    Parameters
    ----------
    kind : {"paper", "residual", "mixture", "adaptive"}
        Which network.
    n_bands, n_latent, size : int
        Number of bands, of latents, and pixels on a side.
    n_physical : int, optional
        Number of physical latents, for a network that treats them
        in another way.

    Returns
    -------
    network : `~torch.nn.Module`
        With the methods ``encode`` and ``decode``.
    """
    shape = {"n_bands": n_bands, "n_latent": n_latent, "size": size}
    if kind in {"mixture", "adaptive"}:
        network = MixtureNetwork(
            **shape, n_physical=n_physical, adaptive=kind == "adaptive"
        )
    else:
        kinds = {"paper": PaperNetwork, "residual": ResidualNetwork}
        network = kinds[kind](**shape)
    return network.to(memory_format=torch.channels_last)
