# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Encoding and decoding of many images: arrays in, arrays out.
"""

import numpy as np
import torch

from .networks import Encoding

__all__ = ["decode_arrays", "encode_arrays", "join_encodings"]

#: Small chunks stay in the processor's cache.
_CHUNK = 32


@torch.inference_mode()
def encode_arrays(network, x, valid=None, device="cpu", conditions=None):
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
    conditions : array, shape (N, n_conditions), optional
        What is known of the observations.

    Returns
    -------
    encoding : `~astrovae.nn.Encoding`
        Of `~numpy.ndarray`.
    """
    if len(x) == 0:
        # One image of zeros tells the shapes.
        one = np.zeros((1, *x.shape[1:]))
        code = encode_arrays(network, one, None, device)
        return Encoding(*(None if part is None else part[:0] for part in code))
    chunk = _CHUNK if torch.device(device).type == "cpu" else 16 * _CHUNK
    codes = []
    for i in range(0, len(x), chunk):
        images = torch.from_numpy(np.asarray(x[i : i + chunk], np.float32))
        weights = None
        if valid is not None and not np.all(valid[i : i + chunk]):
            weights = torch.from_numpy(np.asarray(valid[i : i + chunk], bool))
            weights = weights.to(device)
        known = None
        if conditions is not None:
            known = torch.from_numpy(np.asarray(conditions[i : i + chunk], np.float32))
            known = known.to(device)
        codes.append(network.encode(images.to(device), weights, known))
    return join_encodings(codes)


def join_encodings(codes):
    """
    Put encodings together.

    Parameters
    ----------
    codes : list of `~astrovae.nn.Encoding`
        Of tensors or arrays, at least one.

    Returns
    -------
    encoding : `~astrovae.nn.Encoding`
        Of `~numpy.ndarray`.
    """
    return Encoding(
        *(
            None
            if parts[0] is None
            else np.concatenate([np.asarray(torch.as_tensor(p).cpu()) for p in parts])
            for parts in zip(*codes, strict=True)
        )
    )


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
