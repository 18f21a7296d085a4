# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What else latents give: images, draws and densities.
"""

import numpy as np
from sklearn.utils import check_random_state

from astrovae.flags import UNUSABLE
from astrovae.images import GalaxyImageSet
from astrovae.nn import choose_device, decode_arrays
from astrovae.parameters import PARAMETERS

from .frames import encode_images, preprocessed_chunks
from .posteriors import build_posterior
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
        code, flags = encode_images(self, images)
        device = choose_device(self.device)
        x = decode_arrays(self.network_.to(device), code.mean, device)
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

        With the preset ``standard`` the draws are joint: they know
        that a galaxy that is further away than thought is heavier,
        too. Only the orientation is drawn by itself, and with other
        models every parameter is. The quantiles are those of
        `predict`.

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
        code, flags = encode_images(self, images)
        random = check_random_state(random_state)
        draws = build_posterior(self, code).sample(n, random)
        return posterior_table(images, draws, flags)

    def redshift_pdf(self, images, grid):
        """
        Get the probability density of each galaxy's redshift.

        Parameters
        ----------
        images : `~astrovae.GalaxyImageSet`
            N images.
        grid : array_like or `~astropy.units.Quantity`, shape (M,)
            Increasing redshifts, two at least.

        Returns
        -------
        density : `~numpy.ndarray`, shape (N, M)
            Per unit redshift. A value is the mean density between the
            middles of the grid's steps, so that the integral by the
            trapezoidal rule is the probability between the first and
            the last redshift of the grid, for any grid: one, where
            the grid holds all. NaN for unusable images. A model
            without a joint posterior may leave some probability to
            redshifts below zero, where a grid can begin, too.

        Raises
        ------
        ValueError
            If the grid does not increase, or the model knows no
            redshift.
        """
        grid = PARAMETERS["redshift"].quantity(grid).value
        if grid.ndim != 1 or len(grid) < 2 or not np.all(np.diff(grid) > 0):
            msg = "grid must hold at least two increasing redshifts"
            raise ValueError(msg)
        code, flags = encode_images(self, images)
        posterior = build_posterior(self, code)
        if "redshift" not in posterior.names:
            msg = "a model without physical parameters has no redshift_pdf"
            raise ValueError(msg)
        edges = np.r_[grid[0], 0.5 * (grid[1:] + grid[:-1]), grid[-1]]
        density = np.diff(posterior.cdf("redshift", edges)) / np.diff(edges)
        density[(flags & UNUSABLE) > 0] = np.nan
        return density

    def write_redshift_pdf(self, path, images, grid, *, overwrite=False):
        """
        Write `redshift_pdf` to a file that qp and RAIL read.

        See `~astrovae.posterior_files.write_qp`.

        Parameters
        ----------
        path : path-like
            The file, which ends in ``.hdf5``.
        images : `~astrovae.GalaxyImageSet`
            N images.
        grid : array_like or `~astropy.units.Quantity`, shape (M,)
            Increasing redshifts.
        overwrite : bool, optional
            Whether to replace an existing file.

        Raises
        ------
        ImportError
            If ``qp-prob``, the extra ``qp``, is not installed.
        """
        from astrovae.posterior_files import write_qp

        density = self.redshift_pdf(images, grid)
        write_qp(path, grid, density, images.ids, overwrite=overwrite)


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
    mean = encode_images(vae, images)[0].mean
    device = choose_device(vae.device)
    total, n_valid, start = 0.0, 0, 0
    for x, valid, *_ in preprocessed_chunks(images, vae.preprocessing_):
        codes = mean[start : start + len(x)]
        error = (decode_arrays(vae.network_, codes, device) - x)[valid]
        total += float(np.square(error, dtype=float).sum())
        n_valid += error.size
        start += len(x)
    return float(np.sqrt(total / max(n_valid, 1)))
