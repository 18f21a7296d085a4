# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What else latents give: images, draws and densities.
"""

import warnings

import numpy as np
from scipy import ndimage
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from astrovae.exceptions import AstrovaeWarning
from astrovae.flags import UNUSABLE
from astrovae.images import GalaxyImageSet
from astrovae.images.checks import check_angle
from astrovae.nn import choose_device, decode_arrays, encode_arrays
from astrovae.parameters import PARAMETERS

from .frames import CHUNK, check_images, encode_images, preprocessed_chunks
from .posteriors import build_posterior
from .results import posterior_table

__all__ = ["GenerationMixin"]


# So many pixels as bright as the brightest are the top of a saturated star.
_PLATEAU = 0.995
_LEAST_PLATEAU = 4
# Pixels within two of those that are lost have their share of them.
_AROUND = np.ones((1, 1, 5, 5), dtype=bool)
# Of a galaxy's probability of a redshift, on a grid that is fit for it.
_LEAST_HELD = 0.95
# Of the pixels, for an error.
_ENOUGH = 0.2


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

    def reconstruction_error(self, images, *, radius=None):
        """
        Measure how badly each galaxy's latents describe its image.

        Masked pixels, saturated ones and those within two of the
        network's pixels from either do not count, so that an error is
        one of the light that was measured.
        `~astrovae.anomaly.AnomalyScore` with the method ``"value"``
        turns them, as the column ``error[:, None]``, into p-values.

        Parameters
        ----------
        images : `~astrovae.GalaxyImageSet`
            N images.
        radius : `~astropy.units.Quantity`, optional
            Only pixels within this angle from the frame's centre
            count; `None`: all do. The neighbours of a galaxy cannot be
            told from its latents.

        Returns
        -------
        error : `~numpy.ndarray`, shape (N,)
            Root mean square of the difference, on the network's
            stretched scale: that of ``standard`` is asinh(flux / sky
            sigma), where noise alone gives 0.8. NaN where less than a
            fifth of the pixels remains.

        Raises
        ------
        TypeError, ValueError, `~astropy.units.UnitsError`
            If the images are not in the model's bands, or the radius is
            no angle or reaches no pixel.
        """
        check_is_fitted(self, "network_")
        preprocessing = self.preprocessing_
        check_images(images, preprocessing.bands)
        size = preprocessing.output_size
        inside = np.ones((size, size), dtype=bool)
        if radius is not None:
            radius = check_angle(radius, "radius")
            y, x = np.mgrid[:size, :size] - (size - 1) / 2
            inside = np.hypot(x, y) * preprocessing.output_pixel_scale <= radius
            if not inside.any():
                msg = f"no pixel is within the radius of {radius}"
                raise ValueError(msg)
        device = choose_device(self.device)
        network = self.network_.to(device)
        errors = [np.zeros(0)]
        for chunk in images.iter_chunks(CHUNK):
            parts = preprocessed_chunks(_without_saturated(chunk), preprocessing)
            for x, valid, _, known in parts:
                code = encode_arrays(network, x, valid, device, known)
                squared = np.square(decode_arrays(network, code.mean, device) - x)
                used = ~ndimage.binary_dilation(~valid, _AROUND) & inside
                count = used.sum(axis=(1, 2, 3))
                mean = np.where(used, squared, 0).sum(axis=(1, 2, 3))
                mean = mean / np.maximum(count, 1)
                enough = count >= _ENOUGH * inside.sum() * x.shape[1]
                errors.append(np.where(enough, np.sqrt(mean), np.nan))
        return np.concatenate(errors)

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
        posterior = build_posterior(self, code)
        return posterior_table(
            images,
            posterior,
            posterior.sample(n, random),
            self.scaling_.statistics,
            self.outlier_score_(code.features),
            flags,
        )

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
        OSError, ValueError
            If the file exists, or its name does not end in ``.hdf5``.

        Warns
        -----
        `~astrovae.exceptions.AstrovaeWarning`
            If the grid holds less than 95 % of a galaxy's probability:
            in the file, all densities are normalised on the grid.
        """
        from astrovae.posterior_files import prepare_qp, write_qp

        prepare_qp(path, overwrite=overwrite)
        density = self.redshift_pdf(images, grid)
        plain = np.asarray(getattr(grid, "value", grid), dtype=float)
        held = np.trapezoid(getattr(density, "value", density), plain, axis=1)
        n = np.count_nonzero(held < _LEAST_HELD)
        if n:
            msg = (
                f"the grid holds less than {100 * _LEAST_HELD:g} % of the "
                f"probability of {n} of {len(images)} galaxies, the densities of "
                "which are normalised on it"
            )
            warnings.warn(msg, AstrovaeWarning, stacklevel=2)
        write_qp(path, grid, density, images.ids, overwrite=overwrite)


def _without_saturated(images):
    """
    Images with the flat tops of saturated stars masked.
    """
    data = np.asarray(images.data)
    valid = np.isfinite(data)
    if images.mask is not None:
        valid &= ~images.mask
    peak = np.where(valid, data, -np.inf).max(axis=(2, 3), keepdims=True)
    top = valid & (data >= _PLATEAU * peak) & (peak > 0)
    top &= top.sum(axis=(2, 3), keepdims=True) >= _LEAST_PLATEAU
    return images._with_pixels(data, ~valid | top, images._ivar)
