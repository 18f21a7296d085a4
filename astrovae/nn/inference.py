# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Encoding and decoding of many images: arrays in, arrays out.
"""

import numpy as np
import torch

__all__ = ["decode_arrays", "encode_arrays"]

#: Small chunks stay in the processor's cache.
_CHUNK = 32


@torch.inference_mode()
def encode_arrays(network, x, valid=None, device="cpu"):
    """
    Encode images with the encoder alone.

    Parameters
    ----------
    network : `~torch.nn.Module`
        In evaluation mode.
    x : array, shape (N, n_bands, y, x)
        Preprocessed images.
    valid : array of bool, same shape, optional
        False where a pixel is masked.
    device : str or `~torch.device`, optional
        Where the network is.

    Returns
    -------
    mean, log_variance : `~numpy.ndarray`, shape (N, n_latent)
        The latent Gaussians.
    features : `~numpy.ndarray`, shape (N, n_features)
        The encoder's features.
    """
    if len(x) == 0:
        # One image of zeros tells the shapes.
        one = np.zeros((1, *x.shape[1:]))
        parts = encode_arrays(network, one, None, device)
        return tuple(part[:0] for part in parts)
    chunk = _CHUNK if torch.device(device).type == "cpu" else 16 * _CHUNK
    codes = []
    for i in range(0, len(x), chunk):
        images = torch.from_numpy(np.asarray(x[i : i + chunk], np.float32))
        weights = None
        if valid is not None and not np.all(valid[i : i + chunk]):
            weights = torch.from_numpy(np.asarray(valid[i : i + chunk], bool))
            weights = weights.to(device)
        code = network.encode(images.to(device), weights)
        codes.append(tuple(part.cpu().numpy() for part in code))
    return tuple(np.concatenate(parts) for parts in zip(*codes, strict=True))


@torch.inference_mode()
def decode_arrays(network, z, device="cpu"):
    """
    Decode latents.

    Parameters
    ----------
    network : `~torch.nn.Module`
        In evaluation mode.
    z : array, shape (N, n_latent)
        Latents.
    device : str or `~torch.device`, optional
        Where the network is.

    Returns
    -------
    x : `~numpy.ndarray`, shape (N, n_bands, y, x)
        Preprocessed images.
    """
    z = torch.from_numpy(np.array(z, dtype=np.float32))
    if len(z) == 0:
        return decode_arrays(network, np.zeros((1, z.shape[1])), device)[:0]
    parts = [network.decode(part.to(device)).cpu().numpy() for part in z.split(_CHUNK)]
    return np.concatenate(parts)
