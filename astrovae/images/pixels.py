# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Checks of the pixels, masks and uncertainties given to an image set.
"""

import astropy.units as u
import numpy as np
from astropy.nddata import InverseVariance, NDUncertainty

from astrovae.images.checks import AB_FLUX, check_flux_unit

__all__ = [
    "check_mask",
    "check_pixels",
    "inverse_variance",
    "mask_nonfinite",
    "reciprocal",
]


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


def reciprocal(values):
    """
    Turn variances into inverse variances, or the reverse.

    Parameters
    ----------
    values : `~numpy.ndarray`
        Values that are not negative.

    Returns
    -------
    reciprocal : `~numpy.ndarray`
        Of the same type; zero where the value is zero: no information
        on both sides.
    """
    out = np.zeros(values.shape, dtype=values.dtype)
    return np.divide(1, values, out=out, where=values > 0)
