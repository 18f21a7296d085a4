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
    """
    names = [
        name
        for name in PARAMETERS
        if name in predicted.colnames and name in truth.colnames
    ]
    if not names:
        msg = f"the tables share none of the columns {', '.join(PARAMETERS)}"
        raise ValueError(msg)
    rows = _matching_rows(predicted, truth)
    return [
        (
            PARAMETERS[name],
            modelled(PARAMETERS[name], predicted[name]),
            modelled(PARAMETERS[name], truth[name])[rows],
        )
        for name in names
    ]


def _matching_rows(predicted, truth):
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

    NaN where a value is masked or has no logarithm.
    """
    mask = np.asarray(getattr(values, "mask", False))
    unit = getattr(values, "unit", None)
    plain = np.ma.getdata(getattr(values, "unmasked", values))
    plain = np.asarray(getattr(plain, "value", plain), dtype=float)
    latent = parameter.to_latent(plain if unit is None else u.Quantity(plain, unit))
    if parameter.scale == "periodic":
        latent = np.degrees(latent)
    return np.where(mask, np.nan, latent)


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
