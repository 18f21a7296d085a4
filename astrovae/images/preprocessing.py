# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
`Preprocessing`: from image sets to the input of a network, and back.
"""

import astropy.units as u
import numpy as np

from astrovae.flags import UNUSABLE
from astrovae.images import checks
from astrovae.images.interpolation import (
    apply_separable,
    area_matrix,
    bicubic_matrix,
    resize_masked,
)
from astrovae.images.normalization import (
    asinh_inverse,
    asinh_stretch,
    dereddening_factor,
    eq1_inverse,
    eq1_stretch,
)

__all__ = ["Preprocessing"]

#: The share of a bicubic weight that may lie on masked pixels.
BICUBIC_MASKED = 0.25

#: The resize that goes with each stretch.
RESIZES = {"eq1": "bicubic", "asinh": "area"}


class Preprocessing:
    """
    Bring images to a grid, stretch and resize them.

    There are two ways. The paper's, ``stretch="eq1",
    resize="bicubic"``: Eq. 1 on each band, then interpolation. And
    ``stretch="asinh", resize="area"``: pixels are summed, the Milky
    Way's extinction is undone, and the fluxes are compressed by an
    inverse hyperbolic sine. The scale has another meaning in each, so
    that they cannot be mixed.

    Extinction is undone by each galaxy's E(B-V). Where that is not
    known the median of the training images, ``ebv``, is assumed: a
    guess without bias, where none at all would make every such galaxy
    too faint and too red. `assumes_ebv` tells for which galaxies.

    Parameters
    ----------
    bands : str or sequence of str
        The bands and their order.
    pixel_scale : `~astropy.units.Quantity`
        The pixel scale that images are brought to.
    size : int
        The side of the frame, in such pixels.
    output_size : int
        The side of the network's input.
    stretch : {"eq1", "asinh"}, optional
        The normalisation.
    resize : {"bicubic", "area"}, optional
        How frames of ``size`` become ``output_size``: "bicubic" with
        "eq1" and "area" with "asinh".
    scale : array_like, shape (bands,), optional
        The scale of each band in nanomaggies per pixel; None until
        `fit`.
    beta : float, optional
        The softening of Eq. 1.
    ebv : float, optional
        The E(B-V) in magnitudes assumed where it is not known; None
        until `fit`, and where no training image has one: then such
        galaxies are left as they are.

    Raises
    ------
    ValueError
        If an argument is out of range, or ``resize`` does not go with
        ``stretch``.
    `~astropy.units.UnitsError`
        If ``pixel_scale`` is no angle.
    """

    def __init__(
        self,
        bands,
        pixel_scale,
        size,
        output_size,
        stretch="eq1",
        resize="bicubic",
        scale=None,
        beta=10.0,
        ebv=None,
    ):
        self.bands = checks.check_bands(bands)
        self.pixel_scale = checks.check_angle(pixel_scale, "pixel_scale")
        if not 1 <= output_size <= size:
            msg = (
                f"'output_size' must be between 1 and 'size' ({size}), not "
                f"{output_size}"
            )
            raise ValueError(msg)
        _check_choice("stretch", stretch, ("eq1", "asinh"))
        _check_choice("resize", resize, ("bicubic", "area"))
        if resize != RESIZES[stretch]:
            msg = (
                f"'resize' must be {RESIZES[stretch]!r} with stretch={stretch!r}, "
                f"not {resize!r}; the two ways are eq1 with bicubic and asinh "
                "with area"
            )
            raise ValueError(msg)
        if not beta > 0:
            msg = f"'beta' must be positive, not {beta}"
            raise ValueError(msg)
        self.size = int(size)
        self.output_size = int(output_size)
        self.stretch = stretch
        self.resize = resize
        self.beta = float(beta)
        self.scale = None if scale is None else self._check_scale(scale)
        ebv = float(checks.check_ebv(ebv, 1)[0])
        self.ebv = ebv if np.isfinite(ebv) else None
        if resize == "bicubic":
            self._matrix = bicubic_matrix(self.size, self.output_size)
        else:
            ratio = self.size / self.output_size
            self._matrix = area_matrix(self.size, self.output_size, ratio)

    def __repr__(self):
        return (
            f"<Preprocessing: {' '.join(self.bands)}, {self.size} pixels of "
            f"{self.pixel_scale:.4g}, {self.stretch}, {self.resize} to "
            f"{self.output_size} pixels>"
        )

    @property
    def output_pixel_scale(self):
        """
        The size of a pixel of the network's input.
        """
        return self.pixel_scale * self.size / self.output_size

    def fit(self, images):
        """
        Find the scale of each band, from training images only.

        For Eq. 1 it is the mean over galaxies of the maximum of the
        valid pixels; for asinh the median over galaxies of the sky's
        standard deviation (1.4826 times the median absolute deviation)
        per output pixel. The E(B-V) assumed where it is not known is
        the median of those known.

        Parameters
        ----------
        images : `~astrovae.images.GalaxyImageSet`
            The training split; lazy sets are read in chunks.

        Returns
        -------
        self : `Preprocessing`
            With ``scale`` and ``ebv`` set.

        Raises
        ------
        ValueError
            If a band has no valid image, or no scale above zero.
        """
        known = images.ebv[(images.flags & UNUSABLE == 0) & np.isfinite(images.ebv)]
        self.ebv = float(np.median(known)) if known.size else None
        found = [self._chunk_scale(chunk) for chunk in images.iter_chunks()]
        values = np.concatenate([np.empty((0, len(self.bands))), *found])
        n_valid = np.isfinite(values).sum(axis=0)
        if np.any(n_valid == 0):
            empty = [
                band for band, n in zip(self.bands, n_valid, strict=True) if n == 0
            ]
            msg = (
                f"no valid image in {', '.join(empty)} among "
                f"{len(images)} galaxies to fit the scale to"
            )
            raise ValueError(msg)
        mean = np.nanmean if self.stretch == "eq1" else np.nanmedian
        self.scale = self._check_scale(mean(values, axis=0))
        return self

    def transform(self, images):
        """
        Turn images into the network's input.

        Parameters
        ----------
        images : `~astrovae.images.GalaxyImageSet`
            Images on any grid.

        Returns
        -------
        x : `~numpy.ndarray`, shape (N, bands, output_size, output_size)
            Stretched values, float32; zero where not valid.
        valid : `~numpy.ndarray` of bool
            Of the same shape: whether the pixel was measured.

        Raises
        ------
        ValueError
            If the scale is not known yet.
        """
        if self.scale is None:
            msg = "the scale is not known yet: call 'fit' first"
            raise ValueError(msg)
        data, mask, images = self._pixels(images)
        if self.resize == "bicubic":
            x, mask = self._bicubic(self._stretch(data), mask)
        else:
            x, mask = self._area(data, mask)
            self._deredden(x, images)
            x = self._stretch(x)
        if mask is None:
            return x, np.ones(x.shape, dtype=bool)
        x[mask] = 0
        return x, ~mask

    def assumes_ebv(self, images):
        """
        Tell for which galaxies `transform` assumes an E(B-V).

        Parameters
        ----------
        images : `~astrovae.images.GalaxyImageSet`
            The images; pixels are not read.

        Returns
        -------
        assumed : `~numpy.ndarray` of bool, shape (N,)
            True where E(B-V) is not known and ``ebv`` takes its place.
        """
        if self.stretch == "eq1" or self.ebv is None:
            return np.zeros(len(images), dtype=bool)
        return ~np.isfinite(images.ebv)

    def inverse(self, x):
        """
        Turn the network's values back into fluxes.

        The resizing is not undone: fluxes are per pixel of
        `output_pixel_scale`, without the Milky Way's extinction where
        it was removed.

        Parameters
        ----------
        x : array_like, shape (N, bands, output_size, output_size)
            Stretched values.

        Returns
        -------
        flux : `~astropy.units.Quantity`
            Fluxes in nanomaggies per pixel, of the same shape.
        """
        if self.stretch == "eq1":
            flux = eq1_inverse(x, self.scale, self.beta)
        else:
            flux = asinh_inverse(x, self.scale)
        if self.resize == "bicubic":
            # Interpolated values are still per pixel of the old size.
            flux = flux * (self.size / self.output_size) ** 2
        return flux << u.nmgy

    def to_dict(self):
        """
        Describe the preprocessing by what JSON knows.

        Returns
        -------
        config : dict
            The arguments; the pixel scale in arcsec, the scale in nmgy.
        """
        return {
            "bands": list(self.bands),
            "pixel_scale": float(self.pixel_scale.to_value(u.arcsec)),
            "size": self.size,
            "output_size": self.output_size,
            "stretch": self.stretch,
            "resize": self.resize,
            "scale": None if self.scale is None else self.scale.tolist(),
            "beta": self.beta,
            "ebv": self.ebv,
        }

    @classmethod
    def from_dict(cls, config):
        """
        Undo `to_dict`.

        Parameters
        ----------
        config : dict
            What `to_dict` gave; ``ebv`` may be absent.

        Returns
        -------
        preprocessing : `Preprocessing`
            The same preprocessing.
        """
        config = dict(config)
        config["pixel_scale"] = config["pixel_scale"] * u.arcsec
        return cls(**config)

    def _pixels(self, images):
        images = images.to_grid(self.bands, self.pixel_scale, self.size)
        images = images.to(u.nmgy)
        data = images.data.astype(np.float32, copy=False)
        return data, images.mask, images

    def _stretch(self, flux):
        if self.stretch == "eq1":
            return eq1_stretch(flux, self.scale, self.beta)
        return asinh_stretch(flux, self.scale)

    def _area(self, data, mask):
        full = (self.size / self.output_size) ** 2
        x, mask, _ = resize_masked(self._matrix, data, self._matrix, full, mask=mask)
        return x, mask

    def _bicubic(self, x, mask):
        matrix = self._matrix
        if mask is None:
            return apply_separable(matrix, x, matrix), None
        x = np.where(mask, np.float32(0), x)
        weight = np.abs(matrix)
        masked = apply_separable(weight, mask.astype(np.float32), weight)
        total = np.outer(weight.sum(axis=1), weight.sum(axis=1))
        mask = masked > BICUBIC_MASKED * total.astype(np.float32)
        return apply_separable(matrix, x, matrix), mask

    def _deredden(self, x, images):
        ebv = images.ebv
        if self.ebv is not None:
            ebv = np.where(np.isfinite(ebv), ebv, self.ebv)
        if np.isfinite(ebv).any():
            factor = dereddening_factor(ebv, self.bands)
            x *= factor.astype(np.float32)[..., None, None]

    def _chunk_scale(self, images):
        images = images[(images.flags & UNUSABLE) == 0]
        data, mask, images = self._pixels(images)
        if self.stretch == "asinh":
            data, mask = self._area(data, mask)
            self._deredden(data, images)
            return _sky_sigma(data, mask)
        if mask is None:
            return data.max(axis=(2, 3)).astype(float)
        maximum = np.where(mask, -np.inf, data).max(axis=(2, 3))
        return np.where(np.isfinite(maximum), maximum, np.nan).astype(float)

    def _check_scale(self, scale):
        scale = np.asarray(scale, dtype=float)
        if scale.shape != (len(self.bands),) or not np.all(scale > 0):
            msg = (
                f"'scale' must hold {len(self.bands)} positive values, one "
                f"per band, not {scale.tolist()}"
            )
            raise ValueError(msg)
        return scale


def _sky_sigma(data, mask):
    # Per galaxy and band; NaN where fewer than half the pixels count.
    flat = data.reshape(*data.shape[:2], -1)
    if mask is None:
        median = np.median(flat, axis=2, keepdims=True)
        return 1.4826 * np.median(np.abs(flat - median), axis=2).astype(float)
    sigma = np.full(data.shape[:2], np.nan)
    masked = mask.reshape(flat.shape)
    for row, band in np.ndindex(*sigma.shape):
        values = flat[row, band][~masked[row, band]]
        if values.size >= flat.shape[2] / 2:
            sigma[row, band] = 1.4826 * np.median(np.abs(values - np.median(values)))
    return sigma


def _check_choice(name, value, choices):
    if value not in choices:
        msg = f"{name!r} must be one of {', '.join(choices)}, not {value!r}"
        raise ValueError(msg)
