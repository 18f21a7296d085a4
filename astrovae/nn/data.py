# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Images and labels in memory, and batches of them.
"""

from dataclasses import dataclass

import numpy as np
import torch

__all__ = ["Batch", "ImageStore"]


@dataclass
class Batch:  # numpydoc ignore=PR02
    """
    Some galaxies, as a loss takes them.

    Parameters
    ----------
    x : `~torch.Tensor`, shape (B, n_bands, y, x)
        Preprocessed images.
    valid : `~torch.Tensor` of bool or None, same shape
        False where a pixel is masked; `None`: all are valid.
    target, error : `~torch.Tensor`, shape (B, n_labels)
        Labels and errors; NaN where a label is missing.
    clean : tuple, optional
        ``x`` and ``valid`` before augmentation hid anything.
    conditions : `~torch.Tensor`, shape (B, n_conditions), optional
        What is known of the observation; for some networks.
    """

    x: torch.Tensor
    valid: torch.Tensor | None
    target: torch.Tensor
    error: torch.Tensor
    clean: tuple | None = None
    conditions: torch.Tensor | None = None


class ImageStore:
    """
    Preprocessed images and labels of many galaxies, held compactly.

    Filled chunk by chunk, so that the raw images never are in memory
    together. The mask takes a bit per pixel, and nothing while every
    pixel is valid.

    Parameters
    ----------
    n : int
        Number of galaxies.
    shape : tuple of int
        Shape of one image: (n_bands, y, x).
    dtype : str or `~numpy.dtype`, optional
        Type in memory, e.g. ``"float16"``.
    """

    def __init__(self, n, shape, dtype="float32"):
        self.x = np.zeros((n, *shape), dtype=dtype)
        self.shape = tuple(shape)
        self.packed = None
        self.target = np.full((n, 0), np.nan, dtype=np.float32)
        self.error = self.target
        self.conditions = None

    def __len__(self):
        return len(self.x)

    def fill(self, start, x, valid):
        """
        Put a chunk of images in place.

        Parameters
        ----------
        start : int
            Row of the first image.
        x : array, shape (M, n_bands, y, x)
            Preprocessed images.
        valid : array of bool, same shape
            False where a pixel is masked.
        """
        stop = start + len(x)
        self.x[start:stop] = x
        if self.packed is None and not np.all(valid):
            row = np.packbits(np.ones(self.shape, dtype=bool))
            self.packed = np.tile(row, (len(self), 1))
        if self.packed is not None:
            flat = np.reshape(valid, (len(x), -1))
            self.packed[start:stop] = np.packbits(flat, axis=1)

    def set_labels(self, target, error):
        """
        Set the labels.

        Parameters
        ----------
        target, error : array, shape (N, n_labels)
            Labels and 1-sigma errors; NaN where missing.
        """
        self.target = np.asarray(target, dtype=np.float32)
        self.error = np.asarray(error, dtype=np.float32)

    def set_conditions(self, conditions):
        """
        Set what is known of each observation.

        Parameters
        ----------
        conditions : array, shape (N, n_conditions)
            See `~astrovae.nn.MixtureNetwork.encode`.
        """
        self.conditions = np.asarray(conditions, dtype=np.float32)

    def batch(self, index, device="cpu"):
        """
        Get some galaxies.

        Parameters
        ----------
        index : array of int, shape (B,)
            Their rows.
        device : str or `~torch.device`, optional
            Where the tensors go.

        Returns
        -------
        batch : `Batch`
            The galaxies, in this order.
        """
        index = np.asarray(index)
        x = torch.from_numpy(self.x[index]).to(device, torch.float32)
        valid = None
        if self.packed is not None:
            n_pixels = int(np.prod(self.shape))
            bits = np.unpackbits(self.packed[index], axis=1, count=n_pixels)
            valid = torch.from_numpy(bits.view(bool)).to(device)
            valid = valid.reshape(-1, *self.shape)
        conditions = None
        if self.conditions is not None:
            conditions = torch.from_numpy(self.conditions[index]).to(device)
        return Batch(
            x.contiguous(memory_format=torch.channels_last),
            valid,
            torch.from_numpy(self.target[index]).to(device),
            torch.from_numpy(self.error[index]).to(device),
            conditions=conditions,
        )
