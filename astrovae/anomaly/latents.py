# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Latents as the classifiers take them: from tables or arrays to floats.

These functions serve the other modules of this sub-package.
"""

import warnings
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.table import Table
from sklearn.utils.validation import check_array, validate_data

from astrovae.exceptions import AstrovaeWarning
from astrovae.parameters import PARAMETERS

__all__ = []

# Columns of a table that say which galaxy a row is, not what it is like.
_IDENTITY = ("id", "ra", "dec", "flags")
_COMPANIONS = ("_err", "_lower", "_upper")

# Logarithms and angles of the table of parameters, once modelled.
_MODELLED_UNITS = {"log10": u.dimensionless_unscaled, "periodic": u.rad}


@dataclass(frozen=True)
class Features:
    """
    Names and units of a table's features.

    Parameters
    ----------
    names : tuple of str
        The columns, in order.
    units : tuple of (`~astropy.units.Unit` or None)
        Their units as given; `None` where a column has none.
    """

    names: tuple
    units: tuple


def feature_names(table):
    """
    List the columns that describe a galaxy.

    These are the numeric ones of one number per row, without ``id``,
    ``ra``, ``dec``, ``flags``, and without the errors and interval
    ends of other columns.
    """
    names = []
    for name in table.colnames:
        stem = next((name[: -len(s)] for s in _COMPANIONS if name.endswith(s)), None)
        if name in _IDENTITY or stem in table.colnames:
            continue
        kind = np.dtype(getattr(table[name], "dtype", object)).kind
        if kind in "fiu" and table[name].ndim == 1:
            names.append(name)
    return names


def mask_of(column):
    """
    Return the mask of whatever may have one; False if it has none.
    """
    mask = getattr(column, "mask", False)
    # Of pandas, it is a method that does something else.
    return np.False_ if callable(mask) else np.asarray(mask)


def column_values(table, name, unit=None):
    """
    Return a column as floats; NaN where it is masked.

    A galaxy's parameter that has a unit is brought to the scale on
    which `astrovae.parameters` models it: masses and star-formation
    rates to their decimal logarithm.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    name : str
        The column.
    unit : `~astropy.units.Unit`, optional
        Convert to this unit first.

    Returns
    -------
    values : `~numpy.ndarray`, shape (N,)
        Values in ``unit``, or else in the column's own.
    """
    column = table[name]
    mask = mask_of(column)
    plain = np.ma.getdata(getattr(column, "unmasked", column))
    plain = np.array(getattr(plain, "value", plain), dtype=float)
    own = getattr(column, "unit", None)
    if unit is not None:
        if own is None or not own.is_equivalent(unit):
            msg = f"the column {name!r} needs a unit equivalent to {unit}, got {own}"
            raise u.UnitsError(msg)
        plain, own = own.to(unit, plain), unit
    if name in PARAMETERS and own not in (None, u.dimensionless_unscaled):
        plain = PARAMETERS[name].to_latent(u.Quantity(plain, own))
    return np.where(mask, np.nan, plain)


def read_table(table, features=None):
    """
    Read the features of a table.

    Parameters
    ----------
    table : `~astropy.table.Table`
        N rows.
    features : `Features`, optional
        Those of the table that was fitted.

    Returns
    -------
    values : `~numpy.ndarray`, shape (N, n_features)
        The features.
    features : `Features`
        What they are.
    """
    if features is None:
        names = tuple(feature_names(table))
        if not names:
            msg = "the table of latents has no numeric column"
            raise ValueError(msg)
        features = Features(
            names, tuple(getattr(table[name], "unit", None) for name in names)
        )
    missing = [name for name in features.names if name not in table.colnames]
    if missing:
        msg = f"the latents lack the columns {', '.join(missing)}"
        raise ValueError(msg)
    columns = [
        column_values(table, name, unit)
        for name, unit in zip(features.names, features.units, strict=True)
    ]
    return np.column_stack(columns), features


def fit_latents(estimator, latents, y="no_validation"):
    """
    Read the latents that an estimator is fitted with.

    Sets ``n_features_in_``, for tables ``feature_names_in_`` and
    ``feature_units_``, and ``_features``.

    Parameters
    ----------
    estimator : `~sklearn.base.BaseEstimator`
        The estimator.
    latents : `~astropy.table.Table` or array_like, shape (N, n_features)
        The latents.
    y : array_like, shape (N,), optional
        The classes; scikit-learn's word where there are none.

    Returns
    -------
    values : `~numpy.ndarray`, shape (N, n_features)
        The latents, not all of them finite.
    y : array
        Only if given.
    """
    estimator._features = None
    values = latents
    if isinstance(latents, Table):
        values, estimator._features = read_table(latents)
    options = {"dtype": float, "ensure_all_finite": False}
    checked = validate_data(estimator, unmasked(values), y, **options)
    if estimator._features is not None:
        names, units = estimator._features.names, estimator._features.units
        estimator.feature_names_in_ = np.array(names, dtype=object)
        estimator.feature_units_ = dict(zip(names, units, strict=True))
    return checked


def new_latents(estimator, latents):
    """
    Read latents that a fitted estimator is asked about.

    Returns
    -------
    values : `~numpy.ndarray`, shape (N, n_features)
        The latents, not all of them finite.
    """
    options = {"dtype": float, "ensure_all_finite": False}
    if not isinstance(latents, Table):
        latents = unmasked(latents)
        if estimator._features is None:
            return validate_data(estimator, latents, reset=False, **options)
        # An array is taken to have the fitted table's columns, in order.
        values = check_array(latents, **options)
        if values.shape[1] != estimator.n_features_in_:
            msg = (
                f"the latents have {values.shape[1]} features, but "
                f"{type(estimator).__name__} was fitted with {estimator.n_features_in_}"
            )
            raise ValueError(msg)
        return values
    if estimator._features is not None:
        return read_table(latents, estimator._features)[0]
    values, _ = read_table(latents)
    return validate_data(estimator, values, reset=False, **options)


def unmasked(values):
    """
    An array with NaN where it is masked; anything else as it is.
    """
    mask = mask_of(values)
    if not np.any(mask):
        return values
    plain = np.ma.getdata(getattr(values, "unmasked", values))
    plain = np.array(getattr(plain, "value", plain), dtype=float)
    return np.where(mask, np.nan, plain)


def finite_rows(values):
    """
    Find the rows without NaN or infinity, shape (N,).
    """
    return np.isfinite(values).all(axis=1)


def usable_rows(values, what):
    """
    Find the rows to fit to; warn of the others.

    Returns
    -------
    good : `~numpy.ndarray` of bool, shape (N,)
        The rows without NaN or infinity.

    Raises
    ------
    ValueError
        If there is none.
    """
    good = finite_rows(values)
    if len(good) and not good.any():
        msg = f"the latents of all {len(good)} galaxies are masked, NaN or infinite"
        raise ValueError(msg)
    warn_of_dropped(good, what)
    return good


def warn_of_dropped(good, what):
    """
    Warn that rows which are not finite are not used.
    """
    n = np.count_nonzero(~good)
    if n:
        msg = (
            f"{n} of {len(good)} galaxies have latents that are masked, NaN "
            f"or infinite and are left out of {what}"
        )
        warnings.warn(msg, AstrovaeWarning, stacklevel=3)


def check_length(name, values, n):
    """
    Return a one-dimensional array of length n.
    """
    values = np.asarray(values)
    if values.shape != (n,):
        msg = f"{name} must have one entry for each of {n} galaxies, got {values.shape}"
        raise ValueError(msg)
    return values


def read_labels(labels, n):
    """
    Return the classes' names as plain str; bytes and masks resolved.
    """
    if np.any(mask_of(labels)):
        msg = "some labels are masked; leave these galaxies out or name their class"
        raise ValueError(msg)
    labels = check_length("labels", getattr(labels, "value", labels), n)
    return labels.astype(str) if labels.dtype.kind == "S" else labels


def read_redshift(redshift, n):
    """
    Return redshifts as floats; NaN where masked.
    """
    mask = mask_of(redshift)
    plain = np.ma.getdata(getattr(redshift, "unmasked", redshift))
    quantity = PARAMETERS["redshift"].quantity(plain)
    values = check_length("redshift", quantity.value, n).astype(float)
    return np.where(mask, np.nan, values)
