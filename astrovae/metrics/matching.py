# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Which estimate belongs to which true value, on which scale.

These functions serve the other modules of this sub-package.
"""

from dataclasses import replace

import astropy.units as u
import numpy as np

from astrovae.parameters import PARAMETERS

__all__ = []

# The period of an angle in degrees: a galaxy's axis has no direction.
PERIOD = 180.0


def shared_parameters(predicted, truth):
    """
    List (parameter, estimates, true values) in matching order.

    The estimate of a column of draws is their median.
    """
    names = shared_names(predicted, truth)
    rows = matching_rows(predicted, truth)
    return [
        (
            PARAMETERS[name],
            point(PARAMETERS[name], modelled(PARAMETERS[name], predicted[name])),
            modelled(PARAMETERS[name], truth[name])[rows],
        )
        for name in names
    ]


def shared_names(predicted, truth):
    """
    List the parameters that are columns of both tables.
    """
    names = [
        name
        for name in PARAMETERS
        if name in predicted.colnames and name in truth.colnames
    ]
    if not names:
        msg = f"the tables share none of the columns {', '.join(PARAMETERS)}"
        raise ValueError(msg)
    return names


def matching_rows(predicted, truth):
    """
    The row of the truth that belongs to each row of the estimates.
    """
    if "id" not in predicted.colnames or "id" not in truth.colnames:
        if len(predicted) != len(truth):
            msg = (
                f"{len(predicted)} estimates cannot be compared with "
                f"{len(truth)} true values unless both tables have an 'id'"
            )
            raise ValueError(msg)
        return np.arange(len(truth))
    ids = _names(truth["id"])
    row_of = {value: row for row, value in enumerate(ids)}
    if len(row_of) < len(ids):
        msg = "the column 'id' of the true values has duplicates"
        raise ValueError(msg)
    wanted = _names(predicted["id"])
    missing = [value for value in wanted if value not in row_of]
    if missing:
        msg = (
            f"{len(missing)} of {len(wanted)} estimates have no true "
            f"values; the first id without any is {missing[0]!r}"
        )
        raise ValueError(msg)
    return np.array([row_of[value] for value in wanted], dtype=int)


def _names(column):
    """
    Identifiers as a list of str, which FITS files hold as bytes.
    """
    return np.asarray(column).astype(str).tolist()


def bounds_of(parameter, predicted):
    """
    The modelled lower and upper values, or None if there are none.
    """
    names = [f"{parameter.name}_lower", f"{parameter.name}_upper"]
    if any(name not in predicted.colnames for name in names):
        return None
    return [modelled(replace(parameter, name=name), predicted[name]) for name in names]


def modelled(parameter, values):
    """
    Values on the modelled scale, angles in degrees.

    NaN where a value is masked or has no logarithm. Draws keep their
    own axis, the last one.
    """
    values = unpacked(values)
    mask = np.asarray(getattr(values, "mask", False))
    unit = getattr(values, "unit", None)
    plain = np.ma.getdata(getattr(values, "unmasked", values))
    plain = np.asarray(getattr(plain, "value", plain), dtype=float)
    latent = parameter.to_latent(plain if unit is None else u.Quantity(plain, unit))
    if parameter.scale == "periodic":
        latent = np.degrees(latent)
    return np.where(mask | ~np.isfinite(latent), np.nan, latent)


def unpacked(values):
    """
    The draws (N, n) of a Distribution; other values as they are.
    """
    values = getattr(values, "distribution", values)
    dtype = getattr(values, "dtype", None)
    if dtype is not None and dtype.names == ("samples",):
        # As the columns of a table that is no QTable, or without a unit.
        unit = getattr(values, "unit", None)
        values = np.asarray(values)["samples"]["sample"]
        return values if unit is None else u.Quantity(values, unit)
    return values


def modelled_error(parameter, values, errors):
    """
    Errors on the modelled scale; 0 where there is no finite one.
    """
    plain = [
        np.ma.getdata(getattr(column, "unmasked", column))
        for column in (values, errors)
    ]
    named = replace(parameter, name=f"{parameter.name}_err")
    _, latent = parameter.to_latent(
        parameter.quantity(plain[0]), named.quantity(plain[1])
    )
    if parameter.scale == "periodic":
        latent = np.degrees(latent)
    known = np.isfinite(latent) & ~np.asarray(getattr(errors, "mask", False))
    return np.where(known, np.abs(latent), 0.0)


def point(parameter, values):
    """
    Medians of draws, shape (N, n); other values as they are.
    """
    if values.ndim == 1:
        return values
    middle = centre(parameter, values)
    return middle + np.median(wrap(parameter, values - middle[:, None]), axis=1)


def centre(parameter, draws):
    """
    About where to cut the circle of angles: opposite to their mean.

    Zero for what is not an angle. Shape (N, n) in, (N,) out.
    """
    if parameter.scale != "periodic":
        return np.zeros(len(draws))
    turns = np.exp(2j * np.pi * draws / PERIOD)
    return np.angle(turns.mean(axis=1)) * PERIOD / (2.0 * np.pi)


def wrap(parameter, residual):
    """
    Bring the residual of an angle, in degrees, to [-90, 90).
    """
    if parameter.scale != "periodic":
        return residual
    return (residual + PERIOD / 2.0) % PERIOD - PERIOD / 2.0


def mean(values):
    """
    The mean; NaN of nothing.
    """
    return float(np.mean(values)) if len(values) else np.nan


def median(values):
    """
    The median; NaN of nothing.
    """
    return float(np.median(values)) if len(values) else np.nan
