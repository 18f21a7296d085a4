# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Label tables: matched to images, checked, brought to the modelled scale.
"""

import warnings
from dataclasses import replace

import astropy.units as u
import numpy as np
from astropy.table import Row, Table

from astrovae.exceptions import AstrovaeWarning
from astrovae.parameters import PARAMETERS, PHYSICAL

from .scaling import wrap_angle

__all__ = ["DEFAULT_ERRORS", "Labels", "read_labels", "some"]

#: Error of a label that comes without, on the modelled scale: redshift,
#: dex, dex, and the paper's 0.1 rad.
DEFAULT_ERRORS = {
    "redshift": 1e-3,
    "stellar_mass": 0.1,
    "sfr": 0.2,
    "orientation": 0.1,
}

# On the same scale, a label with a larger error says next to nothing: such
# numbers mark what is missing. A logarithm is not known to the lesser one,
# which comes of errors in dex that were given as linear ones.
_LARGEST_ERRORS = {"redshift": 0.5, "stellar_mass": 2.0, "sfr": 3.0}
_LEAST_DEX = 1e-6


class Labels:
    """
    Values and errors of each parameter, on the modelled scale.

    Parameters
    ----------
    values, errors : dict of str to `~numpy.ndarray`, shape (N,)
        Per parameter; NaN where a value is missing. Angles are in
        radians.
    """

    def __init__(self, values, errors):
        self.values = values
        self.errors = errors

    def take(self, rows):
        """
        Get some rows.

        Parameters
        ----------
        rows : array of int
            Which.

        Returns
        -------
        labels : `Labels`
            Those rows, in this order.
        """
        return Labels(
            {name: value[rows] for name, value in self.values.items()},
            {name: error[rows] for name, error in self.errors.items()},
        )


def read_labels(labels, images, n_jobs=None, names=(*PHYSICAL, "orientation")):
    """
    Read the labels of a set of images.

    Values outside of the plausible range of `astrovae.parameters`,
    such as a redshift of -99, are taken as missing, with a warning.

    Parameters
    ----------
    labels : `~astropy.table.QTable` or list of its rows
        The columns ``redshift``, ``stellar_mass`` and ``sfr``, each
        with or without its 1-sigma error (``redshift_err`` ...), and
        optionally ``orientation``, from +x, the axis toward
        decreasing right ascension, counter-clockwise; it is brought
        to (-90, 90] degrees. With a column ``id`` the rows are
        matched by it, and rows of other galaxies are ignored;
        without, the rows are those of the images.
    images : `~astrovae.GalaxyImageSet`
        The images. Their orientation is measured if the table has
        none.
    n_jobs : int, optional
        Processes for that.
    names : tuple of str, optional
        The parameters to read.

    Returns
    -------
    labels : `Labels`
        Of these parameters.

    Raises
    ------
    TypeError
        If the labels are no table.
    ValueError
        If rows do not match, a column is missing, one has no finite
        value, or more than half of its values are outside of the
        plausible range.
    `~astropy.units.UnitsError`
        If a column has a wrong unit.
    """
    labels = _as_table(labels)
    physical = [name for name in names if name in PHYSICAL]
    if not isinstance(labels, Table):
        msg = (
            "labels must be a table with the columns "
            f"{', '.join(physical)}, not {type(labels).__name__}"
        )
        raise TypeError(msg)
    missing = [name for name in physical if name not in labels.colnames]
    if missing:
        msg = f"labels has no column {', '.join(missing)}"
        raise ValueError(msg)
    rows = _match(labels, images.ids)
    values, errors = {}, {}
    for name in names:
        if name in labels.colnames:
            values[name], errors[name] = _read_parameter(labels, name, rows)
    if "orientation" in names and "orientation" not in values:
        angle, error, failed = images.orientation(n_jobs=n_jobs)
        angle = np.where(failed, np.nan, angle.to_value(u.rad))
        values["orientation"] = angle
        error = error.to_value(u.rad)
        errors["orientation"] = _default(error, "orientation", angle)
    for name in physical:
        if len(images) > 0 and not np.any(np.isfinite(values[name])):
            msg = f"the label column {name!r} has no usable value"
            raise ValueError(msg)
    return Labels(values, errors)


def _as_table(labels):
    """
    Put rows of a table together again; scikit-learn divides only lists.
    """
    if not (isinstance(labels, list) and labels):
        return labels
    if not all(isinstance(row, Row) and row.table is labels[0].table for row in labels):
        return labels
    return labels[0].table[[row.index for row in labels]]


def _match(labels, ids):
    """
    Find the label row of each image.
    """
    if "id" not in labels.colnames:
        if len(labels) != len(ids):
            msg = (
                f"labels has {len(labels)} rows for {len(ids)} images, and "
                "no column 'id' to match them by"
            )
            raise ValueError(msg)
        return np.arange(len(ids))
    names = [str(name) for name in labels["id"]]
    position = {name: row for row, name in enumerate(names)}
    if len(position) < len(names):
        seen = set()
        repeated = {n for n in names if n in seen or seen.add(n)}
        msg = f"labels has repeated ids: {some(sorted(repeated))}"
        raise ValueError(msg)
    absent = [str(name) for name in ids if str(name) not in position]
    if absent:
        msg = (
            f"labels has no row for {len(absent)} of {len(ids)} images: {some(absent)}"
        )
        raise ValueError(msg)
    return np.array([position[str(name)] for name in ids], dtype=int)


def _read_parameter(labels, name, rows):
    parameter = PARAMETERS[name]
    linear = parameter.quantity(_filled(labels[name]))[rows]
    if parameter.scale != "periodic":
        linear = _plausible(parameter, linear)
    name_err = f"{name}_err"
    if name_err in labels.colnames:
        # The message of a wrong unit then names the error's column.
        own = replace(parameter, name=name_err)
        linear_error = own.quantity(_filled(labels[name_err]))[rows]
    else:
        linear_error = np.full(len(rows), np.nan) << parameter.unit
    values, errors = parameter.to_latent(linear, linear_error)
    values = np.where(np.isfinite(values), values, np.nan)
    values = _with_known_errors(parameter, values, errors)
    if parameter.scale == "periodic":
        beyond = (values <= -np.pi / 2) | (values > np.pi / 2)
        values = np.where(beyond, wrap_angle(values), values)
    return values, _default(errors, name, values)


def _plausible(parameter, linear):
    """
    The values with NaN in place of those that cannot be meant.
    """
    low, high = parameter.bounds
    value = linear.value
    finite = np.isfinite(value)
    outside = finite & ((value < low) | (value > high))
    n_outside, n_finite = np.count_nonzero(outside), np.count_nonzero(finite)
    if n_outside == 0:
        return linear
    name, unit = parameter.name, parameter.unit.to_string()
    text = (
        f"{n_outside} of {n_finite} values in the label column {name!r} are "
        f"outside of the plausible range {low:g} to {high:g} {unit}"
    )
    if n_outside > n_finite / 2:
        cause = "are these numbers that mark missing values? Mask them"
        if parameter.scale == "log10":
            cause = f"are these logarithms? Give 10**values, in {unit}"
        msg = f"{text}; {cause}"
        raise ValueError(msg)
    warnings.warn(f"{text}, and were taken as missing", AstrovaeWarning, stacklevel=4)
    return np.where(outside, np.nan, value) << linear.unit


def _with_known_errors(parameter, values, errors):
    """
    The values with NaN in place of those of which nothing is known.
    """
    name = parameter.name
    known = np.isfinite(values) & np.isfinite(errors) & (errors > 0)
    tiny = known & (errors < _LEAST_DEX)
    if parameter.scale == "log10" and 2 * np.count_nonzero(tiny) > len(values):
        msg = (
            f"{np.count_nonzero(tiny)} of {len(values)} errors in the column "
            f"'{name}_err' are below {_LEAST_DEX:g} dex; are these errors in dex? "
            f"Give them in {parameter.unit}: value * error * ln(10)"
        )
        raise ValueError(msg)
    vague = known & (errors > _LARGEST_ERRORS.get(name, np.inf))
    if vague.any():
        msg = (
            f"{np.count_nonzero(vague)} values in the label column {name!r} have "
            f"errors above {_LARGEST_ERRORS[name]:g} and were taken as missing"
        )
        warnings.warn(msg, AstrovaeWarning, stacklevel=4)
    return np.where(vague, np.nan, values)


def _default(errors, name, values):
    usable = np.isfinite(errors) & (errors >= 0)
    errors = np.where(usable, errors, DEFAULT_ERRORS[name])
    return np.where(np.isfinite(values), errors, np.nan)


def _filled(column):
    """
    A plain column with NaN where the column is masked.
    """
    unit = getattr(column, "unit", None)
    mask = getattr(column, "mask", None)
    plain = getattr(column, "unmasked", column)
    if isinstance(plain, np.ma.MaskedArray):
        plain = plain.data
    values = np.array(getattr(plain, "value", plain), dtype=float)
    if mask is not None:
        values[np.broadcast_to(mask, values.shape)] = np.nan
    return values if unit is None else u.Quantity(values, unit)


def some(names, n=5):
    """
    Quote a few names, for a message.

    Parameters
    ----------
    names : list of str
        The names.
    n : int, optional
        The number to show.

    Returns
    -------
    text : str
        The first ones; with dots if there are more.
    """
    shown = ", ".join(repr(name) for name in names[:n])
    return shown if len(names) <= n else f"{shown}, ..."
