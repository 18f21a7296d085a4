# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Checks of what a user gives to an image set; each error names its
argument, the value and what to do.
"""

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.nddata import InverseVariance, NDUncertainty

__all__ = [
    "AB_FLUX",
    "check_angle",
    "check_bands",
    "check_coords",
    "check_flux_unit",
    "check_ids",
    "check_mask",
    "check_per_galaxy",
    "check_pixels",
    "check_psf_fwhm",
    "inverse_variance",
    "mask_nonfinite",
    "same_scale",
    "sky",
]

#: Makes maggies and janskys convertible: AB magnitudes.
AB_FLUX = u.zero_point_flux(1.0 * u.AB)


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
        msg = (
            f"{name!r} must be an angle such as 0.262 * u.arcsec, not {value!r}"
        )
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
        If the shape is wrong.
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
    return np.broadcast_to(values, shape).copy() << u.arcsec


def check_mask(mask, shape):
    """
    Return a mask broadcast to the data, or None if nothing is masked.

    Parameters
    ----------
    mask : array_like of bool or None
        True where a pixel is no measurement.
    shape : tuple of int
        The shape of the data.

    Returns
    -------
    mask : `~numpy.ndarray` of bool or None
        The mask, of the data's shape; perhaps a read-only view.

    Raises
    ------
    TypeError
        If it is not boolean.
    ValueError
        If it does not broadcast to the data.
    """
    if mask is None:
        return None
    mask = np.asarray(mask)
    if mask.dtype != bool:
        msg = f"'mask' must be boolean, not {mask.dtype}"
        raise TypeError(msg)
    try:
        broadcast = np.broadcast_to(mask, shape)
    except ValueError:
        msg = (
            f"'mask' has the shape {mask.shape}, which does not broadcast "
            f"to that of the data, {shape}"
        )
        raise ValueError(msg) from None
    return broadcast if mask.any() else None


def check_pixels(data, unit, n_bands, copy):
    """
    Return pixels as a plain array with its unit.

    Parameters
    ----------
    data : `~astropy.units.Quantity` or array_like, shape (N, bands, y, x)
        Flux per pixel.
    unit : unit-like or None
        The unit, where ``data`` has none, or to convert it to.
    n_bands : int
        The number of bands.
    copy : bool
        Whether to copy the data.

    Returns
    -------
    data : `~numpy.ndarray`, shape (N, bands, y, x)
        The pixels: float32 or float64, as given, else float32.
    unit : `~astropy.units.Unit`
        Their unit.
    mask : `~numpy.ndarray` of bool or None
        The mask, where ``data`` is a masked array.

    Raises
    ------
    `~astropy.units.UnitsError`
        If the unit is missing or no flux.
    ValueError
        If the shape is not (N, bands, y, x).
    """
    own_unit = getattr(data, "unit", None)
    unit = check_flux_unit(own_unit if unit is None else unit, "data")
    mask = getattr(data, "mask", None)
    if own_unit is not None:
        check_flux_unit(own_unit, "data")
        if own_unit != unit:
            data = data.to(unit, AB_FLUX)
        data = data.value
    data = np.ma.getdata(getattr(data, "unmasked", data))
    if data.ndim != 4 or data.shape[1] != n_bands:
        msg = (
            f"'data' has the shape {data.shape}; with {n_bands} bands it "
            f"must be (N, {n_bands}, y, x)"
        )
        raise ValueError(msg)
    if data.shape[2] == 0 or data.shape[3] == 0:
        msg = f"'data' has frames without pixels: shape {data.shape}"
        raise ValueError(msg)
    if data.dtype not in (np.float32, np.float64):
        if data.dtype.kind not in "fiu":
            msg = f"'data' must be numbers, not {data.dtype}"
            raise TypeError(msg)
        return data.astype(np.float32), unit, mask
    native = data.dtype.newbyteorder("=")
    return np.array(data, dtype=native, copy=copy or None), unit, mask


def mask_nonfinite(data, mask):
    """
    Turn NaN and infinite pixels into masked zeros.

    Parameters
    ----------
    data : `~numpy.ndarray`, shape (N, bands, y, x)
        The pixels; not changed.
    mask : `~numpy.ndarray` of bool or None
        True where a pixel is no measurement.

    Returns
    -------
    data : `~numpy.ndarray`
        The pixels, all finite.
    mask : `~numpy.ndarray` of bool or None
        The mask with the pixels that were not finite.
    nonfinite : `~numpy.ndarray` of bool, shape (N,)
        Whether a pixel of the galaxy had to be masked.
    """
    finite = np.isfinite(data)
    if finite.all():
        return data, mask, np.zeros(data.shape[0], dtype=bool)
    new = ~finite if mask is None else ~finite & ~mask
    mask = ~finite if mask is None else ~finite | mask
    return np.where(finite, data, 0), mask, new.any(axis=(1, 2, 3))


def inverse_variance(uncertainty, unit, shape):
    """
    Return the inverse variance of each pixel as a plain array.

    Parameters
    ----------
    uncertainty : `~astropy.nddata.NDUncertainty` or None
        Standard deviation, variance or inverse variance; without a
        unit it is taken in that of the data.
    unit : `~astropy.units.Unit`
        The unit of the data.
    shape : tuple of int
        The shape of the data; the uncertainty is broadcast to it.

    Returns
    -------
    ivar : `~numpy.ndarray` or None
        Inverse variance in ``unit**-2``; zero where it is not finite.

    Raises
    ------
    TypeError
        If it is no uncertainty that has an inverse variance.
    `~astropy.units.UnitsError`
        If its unit does not fit the data's.
    ValueError
        If it is negative, or does not broadcast to the data.
    """
    if uncertainty is None:
        return None
    kind = getattr(uncertainty, "uncertainty_type", None)
    if not isinstance(uncertainty, NDUncertainty) or kind not in (
        "std",
        "var",
        "ivar",
    ):
        msg = (
            "'uncertainty' must be an InverseVariance, VarianceUncertainty "
            f"or StdDevUncertainty, not {type(uncertainty).__name__}"
        )
        raise TypeError(msg)
    ivar = uncertainty
    if kind != "ivar":
        with np.errstate(divide="ignore", invalid="ignore"):
            ivar = uncertainty.represent_as(InverseVariance)
    values = np.asarray(ivar.array)
    if ivar.unit is not None:
        values = values * _ivar_factor(ivar.unit, unit)
    values = values.astype(np.float32, copy=False)
    if np.any(values < 0):
        msg = "'uncertainty' has a negative inverse variance"
        raise ValueError(msg)
    finite = np.isfinite(values)
    if not finite.all():
        values = np.where(finite, values, np.float32(0))
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        msg = (
            f"'uncertainty' has the shape {values.shape}, which does not "
            f"broadcast to that of the data, {shape}"
        )
        raise ValueError(msg) from None


def _ivar_factor(ivar_unit, unit):
    # 1 / uJy**2 has no direct conversion to 1 / nmgy**2: the root of
    # its inverse, a flux, has.
    try:
        sigma_unit = (1 / ivar_unit) ** 0.5
        return (1 * sigma_unit).to_value(unit, AB_FLUX) ** -2
    except u.UnitsError:
        msg = (
            f"'uncertainty' has the unit '{ivar_unit}', which does not fit "
            f"data in '{unit}'"
        )
        raise u.UnitsError(msg) from None


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
