# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Label tables: matched to images, checked, brought to the modelled scale.
"""

from dataclasses import replace

import astropy.units as u
import numpy as np
from astropy.table import Table

from astrovae.parameters import PARAMETERS, PHYSICAL

__all__ = ["DEFAULT_ERRORS", "Labels", "read_labels"]

#: Error of a label that comes without, on the modelled scale: redshift,
#: dex, dex, and the paper's 0.1 rad.
DEFAULT_ERRORS = {
    "redshift": 1e-3,
    "stellar_mass": 0.1,
    "sfr": 0.2,
    "orientation": 0.1,
}


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


def read_labels(labels, images, n_jobs=None):
    """
    Read the labels of a set of images.

    Parameters
    ----------
    labels : `~astropy.table.QTable`
        The columns ``redshift``, ``stellar_mass`` and ``sfr``, each
        with or without its 1-sigma error (``redshift_err`` ...), and
        optionally ``orientation``. With a column ``id`` the rows are
        matched by it, and rows of other galaxies are ignored;
        without, the rows are those of the images.
    images : `~astrovae.GalaxyImageSet`
        The images. Their orientation is measured if the table has
        none.
    n_jobs : int, optional
        Processes for that.

    Returns
    -------
    labels : `Labels`
        For ``redshift``, ``stellar_mass``, ``sfr``, ``orientation``.

    Raises
    ------
    TypeError
        If the labels are no table.
    ValueError
        If rows do not match, a column is missing, or one has no
        finite value.
    `~astropy.units.UnitsError`
        If a column has a wrong unit.
    """
    if not isinstance(labels, Table):
        msg = (
            "labels must be a table with the columns "
            f"{', '.join(PHYSICAL)}, not {type(labels).__name__}"
        )
        raise TypeError(msg)
    missing = [name for name in PHYSICAL if name not in labels.colnames]
    if missing:
        msg = f"labels has no column {', '.join(missing)}"
        raise ValueError(msg)
    rows = _match(labels, images.ids)
    values, errors = {}, {}
    names = [*PHYSICAL]
    if "orientation" in labels.colnames:
        names.append("orientation")
    for name in names:
        values[name], errors[name] = _read_parameter(labels, name, rows)
    if "orientation" not in values:
        angle, error, failed = images.orientation(n_jobs=n_jobs)
        angle = np.where(failed, np.nan, angle.to_value(u.rad))
        values["orientation"] = angle
        error = error.to_value(u.rad)
        errors["orientation"] = _default(error, "orientation", angle)
    for name in PHYSICAL:
        if len(images) > 0 and not np.any(np.isfinite(values[name])):
            msg = f"the label column {name!r} has no usable value"
            raise ValueError(msg)
    return Labels(values, errors)


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
        msg = f"labels has repeated ids: {_some(sorted(repeated))}"
        raise ValueError(msg)
    absent = [str(name) for name in ids if str(name) not in position]
    if absent:
        msg = (
            f"labels has no row for {len(absent)} of {len(ids)} images: {_some(absent)}"
        )
        raise ValueError(msg)
    return np.array([position[str(name)] for name in ids], dtype=int)


def _read_parameter(labels, name, rows):
    parameter = PARAMETERS[name]
    linear = parameter.quantity(_filled(labels[name]))[rows]
    name_err = f"{name}_err"
    if name_err in labels.colnames:
        # The message of a wrong unit then names the error's column.
        own = replace(parameter, name=name_err)
        linear_error = own.quantity(_filled(labels[name_err]))[rows]
    else:
        linear_error = np.full(len(rows), np.nan) << parameter.unit
    values, errors = parameter.to_latent(linear, linear_error)
    values = np.where(np.isfinite(values), values, np.nan)
    return values, _default(errors, name, values)


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


def _some(names, n=5):
    shown = ", ".join(repr(name) for name in names[:n])
    return shown if len(names) <= n else f"{shown}, ..."
