# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The generative side of the estimator: images and draws from latents.
"""

import numpy as np
from sklearn.utils import check_random_state

from astrovae.flags import UNUSABLE
from astrovae.images import GalaxyImageSet
from astrovae.nn import choose_device, decode_arrays
from astrovae.parameters import PARAMETERS

from .frames import encode_images, preprocessed_chunks
from .results import posterior_table

__all__ = ["GenerationMixin", "reconstruction_error"]


class GenerationMixin:
    """
    Reconstructions and posterior draws, for `~astrovae.PhysicsVAE`.
    """

    def reconstruct(self, images):
        """
        Encode galaxies and decode the latent means.

        Parameters
        ----------
        images : `~astrovae.GalaxyImageSet`
            N images.

        Returns
        -------
        images : `~astrovae.GalaxyImageSet`
            On the network's grid, in nanomaggies per pixel; unusable
            images are masked. The preset ``standard`` gives fluxes
            without the Milky Way's extinction where E(B-V) is known.
        """
        mean, _, _, flags = encode_images(self, images)
        device = choose_device(self.device)
        x = decode_arrays(self.network_.to(device), mean, device)
        flux = self.preprocessing_.inverse(x)
        mask = np.zeros(flux.shape, dtype=bool)
        mask[(flags & UNUSABLE) > 0] = True
        return GalaxyImageSet(
            flux,
            bands=self.preprocessing_.bands,
            pixel_scale=self.preprocessing_.output_pixel_scale,
            coords=images.coords,
            ids=images.ids,
            mask=mask,
            reasons=images.reasons,
        )

    def sample_posterior(self, images, n=1000, random_state=None):
        """
        Draw from each galaxy's posterior.

        The draws are independent between parameters, with the
        quantiles of the intervals of `predict`.

        Parameters
        ----------
        images : `~astrovae.GalaxyImageSet`
            N images.
        n : int, optional
            Number of draws.
        random_state : int, `~numpy.random.RandomState` or None, optional
            Seed.

        Returns
        -------
        table : `~astropy.table.QTable`
            ``id``, ``ra``, ``dec``, a column of
            `~astropy.uncertainty.Distribution` per parameter, and
            ``flags``; draws of unusable images are NaN.
        """
        mean, log_variance, _, flags = encode_images(self, images)
        estimates = self.scaling_.to_estimates(mean, log_variance)
        random = check_random_state(random_state)
        normal = {
            name: random.standard_normal((len(mean), n))
            for name in PARAMETERS
            if name in estimates
        }
        return posterior_table(images, estimates, self.calibration_, flags, normal)


def reconstruction_error(vae, images):
    """
    Measure how well the latent means describe the images.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        Fitted.
    images : `~astrovae.GalaxyImageSet`
        N images.

    Returns
    -------
    error : float
        Root mean square over valid pixels, on the stretched scale.
    """
    mean = encode_images(vae, images)[0]
    device = choose_device(vae.device)
    total, n_valid, start = 0.0, 0, 0
    for x, valid, _ in preprocessed_chunks(images, vae.preprocessing_):
        codes = mean[start : start + len(x)]
        error = (decode_arrays(vae.network_, codes, device) - x)[valid]
        total += float(np.square(error, dtype=float).sum())
        n_valid += error.size
        start += len(x)
    return float(np.sqrt(total / max(n_valid, 1)))
