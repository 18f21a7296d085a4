# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
One number for the shape: what the physical latents leave over.
"""

import numpy as np

__all__ = ["MorphologyAxis"]


class MorphologyAxis:
    """
    The direction in which the residual latents vary most.

    With one residual latent, as in the paper, the number is that
    latent, untouched. With several it is their projection on the
    first principal component of the training split, with mean 0 and
    standard deviation 1 there. The sign is chosen such that the
    component's largest element is positive.

    Parameters
    ----------
    first : int
        Index of the first residual latent.
    centre, axis : array_like, shape (n_residual,)
        Point of zero, and direction including the scale.
    """

    def __init__(self, first, centre, axis):
        self.first = int(first)
        self.centre = np.asarray(centre, dtype=float)
        self.axis = np.asarray(axis, dtype=float)

    @classmethod
    def fit(cls, mean, first):
        """
        Find the direction.

        Parameters
        ----------
        mean : array, shape (N, n_latent)
            Latent means of the training split.
        first : int
            Index of the first residual latent.

        Returns
        -------
        morphology : `MorphologyAxis`
            The direction.
        """
        residual = np.asarray(mean, dtype=float)[:, first:]
        n = residual.shape[1]
        if n == 1:
            return cls(first, [0.0], [1.0])
        centre = residual.mean(axis=0)
        _, _, vectors = np.linalg.svd(residual - centre, full_matrices=False)
        axis = vectors[0] * np.sign(vectors[0][np.argmax(np.abs(vectors[0]))])
        scale = np.std((residual - centre) @ axis)
        return cls(first, centre, axis / max(scale, 1e-12))

    def __call__(self, mean):
        """
        Project latents.

        Parameters
        ----------
        mean : array, shape (N, n_latent)
            Latent means.

        Returns
        -------
        morphology : `~numpy.ndarray`, shape (N,)
            The number.
        """
        residual = np.asarray(mean, dtype=float)[:, self.first :]
        return (residual - self.centre) @ self.axis

    def to_dict(self):
        """
        Get everything that JSON needs to keep.

        Returns
        -------
        state : dict
            The constructor's arguments.
        """
        return {
            "first": self.first,
            "centre": self.centre.tolist(),
            "axis": self.axis.tolist(),
        }
