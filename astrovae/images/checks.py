# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Checks of what a user gives to an image set; each error names its
argument, the value and what to do.
"""

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord

__all__ = [
    "AB_FLUX",
    "check_angle",
    "check_bands",
    "check_coords",
    "check_ebv",
    "check_flux_unit",
    "check_ids",
    "check_image_set",
    "check_per_galaxy",
    "check_psf_fwhm",
    "same_scale",
    "sky",
]

#: Makes maggies and janskys convertible: AB magnitudes.
AB_FLUX = u.zero_point_flux(1.0 * u.AB)


def check_image_set(images):
    """
    Refuse what is no image set.

    Parameters
    ----------
    images : object
        Anything.

    Raises
    ------
    TypeError
        If it is no `~astrovae.GalaxyImageSet`.
    """
    # An image set is made of these checks.
    from .core import GalaxyImageSet

    if not isinstance(images, GalaxyImageSet):
        msg = (
            "images must be a GalaxyImageSet, not "
            f"{type(images).__name__}; GalaxyImageSet(data, bands=..., "
            "pixel_scale=..., unit=...) makes one from an array, "
            "GalaxyImageSet.read(path) from a file"
        )
        raise TypeError(msg)


def check_bands(bands):
    """
    Return bands as a tuple of names.

    Parameters
    ----------
    bands : str or sequence of str
        ``"grz"`` is short for ``("g", "r", "z")``.

    Returns
    -------
    bands : tuple of str
        The names, in the given order.

    Raises
    ------
    ValueError
        If there is no band, an empty name, or a name twice.
    TypeError
        If a name is not a string.
    """
    names = tuple(bands)
    if not all(isinstance(name, str) for name in names):
        msg = f"'bands' must be strings, not {bands!r}"
        raise TypeError(msg)
    if not names or not all(name.strip() for name in names):
        msg = f"'bands' must name at least one band, not {bands!r}"
        raise ValueError(msg)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        msg = f"'bands' names {', '.join(repeated)} more than once: {bands!r}"
        raise ValueError(msg)
    return names


def check_angle(value, name):
    """
    Return a positive scalar angle in arcseconds.

    Parameters
    ----------
    value : `~astropy.units.Quantity`
        The angle, e.g. ``0.262 * u.arcsec``.
    name : str
        The argument's name, for the error.

    Returns
    -------
    angle : `~astropy.units.Quantity`
        The angle in arcseconds.

    Raises
    ------
    `~astropy.units.UnitsError`
        If it is no angle.
    ValueError
        If it is not scalar, finite and positive.
    """
    unit = getattr(value, "unit", None)
    if unit is None or not unit.is_equivalent(u.arcsec):
        msg = f"{name!r} must be an angle such as 0.262 * u.arcsec, not {value!r}"
        raise u.UnitsError(msg)
    angle = u.Quantity(value).to(u.arcsec)
    if not angle.isscalar or not np.isfinite(angle) or angle <= 0:
        msg = f"{name!r} must be one positive angle, not {value!r}"
        raise ValueError(msg)
    return angle


def same_scale(a, b):
    """
    Tell whether two pixel scales are equal but for rounding.

    Parameters
    ----------
    a, b : `~astropy.units.Quantity`
        Scalar angles.

    Returns
    -------
    same : bool
        True below a relative difference of 1e-6: one ten-thousandth
        of a pixel across 128 pixels.
    """
    return bool(abs((a / b).to_value(u.dimensionless_unscaled) - 1) < 1e-6)


def check_flux_unit(unit, name):
    """
    Return a unit of flux per pixel.

    Parameters
    ----------
    unit : unit-like or None
        Anything that converts to nanomaggies.
    name : str
        The argument's name, for the error.

    Returns
    -------
    unit : `~astropy.units.Unit`
        The unit.

    Raises
    ------
    `~astropy.units.UnitsError`
        If it is missing or no flux.
    """
    if unit is None:
        msg = f"{name!r} needs a unit of flux, e.g. unit=u.nmgy"
        raise u.UnitsError(msg)
    unit = u.Unit(unit)
    if isinstance(unit, u.FunctionUnitBase):
        # They convert to fluxes, but are no factor of one.
        msg = (
            f"{name!r} has the unit '{unit}', a logarithm of flux; convert it "
            "first: magnitudes.to(u.nmgy, u.zero_point_flux(1 * u.AB))"
        )
        raise u.UnitsError(msg)
    if not unit.is_equivalent(u.nmgy, AB_FLUX):
        msg = (
            f"{name!r} has the unit '{unit}', which is no flux that "
            "converts to nanomaggies (nmgy) per pixel"
        )
        raise u.UnitsError(msg)
    return unit


def check_ids(ids, n):
    """
    Return identifiers as an array of unique strings.

    Parameters
    ----------
    ids : array_like or None
        One identifier per galaxy; None numbers them from "0".
    n : int
        The number of galaxies.

    Returns
    -------
    ids : `~numpy.ndarray` of str, shape (N,)
        The identifiers.

    Raises
    ------
    ValueError
        If their number is wrong, or if any is repeated.
    """
    if ids is None:
        return np.arange(n).astype(str)
    ids = np.atleast_1d(np.asarray(ids)).astype(str)
    if ids.shape != (n,):
        msg = f"'ids' has the shape {ids.shape} for {n} galaxies"
        raise ValueError(msg)
    values, counts = np.unique(ids, return_counts=True)
    if np.any(counts > 1):
        repeated = values[counts > 1]
        more = "" if repeated.size <= 5 else f" and {repeated.size - 5} more"
        msg = (
            "'ids' must be unique; repeated: "
            f"{', '.join(repr(str(i)) for i in repeated[:5])}{more}"
        )
        raise ValueError(msg)
    return ids


def check_coords(coords, n):
    """
    Return sky positions as one ICRS `SkyCoord`, or None.

    Parameters
    ----------
    coords : `~astropy.coordinates.SkyCoord` or None
        Positions, shape (N,); a scalar is taken for a single galaxy.
    n : int
        The number of galaxies.

    Returns
    -------
    coords : `~astropy.coordinates.SkyCoord` or None
        Positions, shape (N,).

    Raises
    ------
    TypeError
        If they are no `SkyCoord`.
    ValueError
        If their number is wrong.
    """
    if coords is None:
        return None
    if not isinstance(coords, SkyCoord):
        msg = f"'coords' must be a SkyCoord, not {type(coords).__name__}"
        raise TypeError(msg)
    if coords.isscalar:
        coords = coords.reshape(1)
    if coords.shape != (n,):
        msg = f"'coords' has the shape {coords.shape} for {n} galaxies"
        raise ValueError(msg)
    coords = coords.icrs
    return SkyCoord(ra=coords.ra, dec=coords.dec, frame="icrs")


def check_per_galaxy(value, n, name, dtype, fill):
    """
    Return one plain value per galaxy.

    Parameters
    ----------
    value : array_like or None
        A scalar, or an array of shape (N,).
    n : int
        The number of galaxies.
    name : str
        The argument's name, for the error.
    dtype : type
        The type of the result.
    fill : scalar
        The value where ``value`` is None.

    Returns
    -------
    value : `~numpy.ndarray`, shape (N,)
        The values, a copy.

    Raises
    ------
    ValueError
        If the shape is wrong.
    """
    array = np.asarray(fill if value is None else value).astype(dtype)
    if array.shape not in ((), (n,)):
        msg = f"{name!r} has the shape {array.shape} for {n} galaxies"
        raise ValueError(msg)
    return np.broadcast_to(array, (n,)).copy()


def check_ebv(ebv, n):
    """
    Return E(B-V) per galaxy.

    Parameters
    ----------
    ebv : array_like or None
        Magnitudes, a scalar or of shape (N,); masked means unknown.
    n : int
        The number of galaxies.

    Returns
    -------
    ebv : `~numpy.ndarray` of float, shape (N,)
        Magnitudes; NaN where not known.

    Raises
    ------
    `~astropy.units.UnitsError`
        If it has a unit other than of magnitudes.
    ValueError
        If the shape is wrong, or a value negative or infinite.
    """
    unit = getattr(ebv, "unit", None)
    if unit is not None and unit not in (u.mag, u.dimensionless_unscaled):
        msg = f"'ebv' must be in magnitudes, not of unit '{unit}'"
        raise u.UnitsError(msg)
    values = getattr(ebv, "value", ebv)
    mask = getattr(values, "mask", None)
    if mask is not None:
        values = np.ma.getdata(getattr(values, "unmasked", values))
        values = np.where(mask, np.nan, values)
    values = check_per_galaxy(values, n, "ebv", float, np.nan)
    wrong = values[(values < 0) | np.isinf(values)]
    if wrong.size:
        msg = f"'ebv' must be finite and not negative, or NaN, not {wrong[0]}"
        raise ValueError(msg)
    return values


def check_psf_fwhm(psf_fwhm, n, bands):
    """
    Return the width of the PSF per galaxy and band.

    Parameters
    ----------
    psf_fwhm : `~astropy.units.Quantity` or None
        A scalar, or of shape (bands,) or (N, bands).
    n : int
        The number of galaxies.
    bands : tuple of str
        The bands.

    Returns
    -------
    psf_fwhm : `~astropy.units.Quantity`, shape (N, bands)
        In arcseconds; NaN where not known.

    Raises
    ------
    `~astropy.units.UnitsError`
        If it is no angle.
    ValueError
        If the shape is wrong, or a width negative.
    """
    shape = (n, len(bands))
    if psf_fwhm is None:
        return np.full(shape, np.nan) << u.arcsec
    unit = getattr(psf_fwhm, "unit", None)
    if unit is None or not unit.is_equivalent(u.arcsec):
        msg = f"'psf_fwhm' must be an angle, not of unit {unit}"
        raise u.UnitsError(msg)
    values = u.Quantity(psf_fwhm).to_value(u.arcsec)
    if values.shape not in ((), shape[1:], shape):
        msg = f"'psf_fwhm' has the shape {values.shape}, not {shape}"
        raise ValueError(msg)
    if np.any(values < 0):
        msg = f"'psf_fwhm' must not be negative: {np.nanmin(values)} arcsec"
        raise ValueError(msg)
    return np.broadcast_to(values, shape).copy() << u.arcsec


def sky(ra, dec):
    """
    Return positions in degrees as ICRS coordinates.

    Parameters
    ----------
    ra, dec : array_like, shape (N,)
        Degrees; NaN where not known.

    Returns
    -------
    coords : `~astropy.coordinates.SkyCoord`, shape (N,)
        The positions.
    """
    return SkyCoord(ra=ra, dec=dec, unit="deg", frame="icrs")
