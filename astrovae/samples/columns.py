# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A catalogue's columns in the units of astrovae.

The unit that a table states is believed before the one that the
registry expects; "[Msun]", as the CDS writes the logarithm of a mass,
becomes a mass. Errors in dex are propagated to first order:
``error = ln(10) * value * error_dex``.
"""

import warnings

import astropy.units as u
import numpy as np
from astropy.cosmology import units as cu

from astrovae.parameters import PARAMETERS
from astrovae.samples.definition import first_of

__all__ = ["plain", "read_positions", "read_quantity"]


def plain(column, missing=()):
    """
    Get the values of a column without mask and unit.

    Parameters
    ----------
    column : `~astropy.table.Column` or `~astropy.units.Quantity`
        The column, masked or not.
    missing : sequence of float, optional
        Numbers that stand for "not measured".

    Returns
    -------
    values : `~numpy.ndarray`, shape (N,)
        Floats with NaN, or strings with "", where there is no value.
    """
    mask = getattr(column, "mask", None)
    column = getattr(column, "unmasked", column)
    values = np.array(getattr(column, "value", column))
    if isinstance(column, np.ma.MaskedArray):
        values = np.array(column.data)
    mask = np.zeros(values.shape, bool) if mask is None else np.asarray(mask)
    mask = np.broadcast_to(mask, values.shape)
    if values.dtype.kind in "biuf":
        values = values.astype(float)
        values[mask | np.isin(values, missing)] = np.nan
        return values
    # An absent string may be None.
    mask = mask | (values == None)  # noqa: E711
    return np.where(mask, "", values.astype(str))


def read_quantity(table, quantity, spec):
    """
    Read a quantity and its error in the parameter's unit.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The catalogue, N rows.
    quantity : str
        ``"redshift"``, ``"stellar_mass"`` or ``"sfr"``.
    spec : `SampleColumn`
        Where it is found.

    Returns
    -------
    values, errors : `~numpy.ndarray` of float, shape (N,)
        NaN where the catalogue has none.

    Raises
    ------
    `~astropy.units.UnitsError`
        If a unit is of the wrong kind, or the values are implausible
        in it, as logarithms taken for numbers are.
    """
    nothing = np.full(len(table), np.nan)
    name = spec.find(table.colnames)
    if name is None:
        return nothing, nothing.copy()
    unit, log = _scale(table[name], name, quantity, spec)
    values = _numbers(table[name], name, spec)
    values = _linear(values, unit, log, quantity)
    values[values < (-0.1 if quantity == "redshift" else 0.0)] = np.nan
    _check_plausible(values, quantity, name, unit)
    errors = _read_errors(table, quantity, spec, values, log)
    # An error of zero, or of nothing, is none.
    errors[~(errors > 0) | np.isnan(values)] = np.nan
    return values, errors


def _linear(values, unit, log, quantity):
    with np.errstate(over="ignore"):
        values = 10.0**values if log else values
    values = values * _factor(unit, quantity)
    return np.where(np.isfinite(values), values, np.nan)


def _factor(unit, quantity):
    return 1.0 if quantity == "redshift" else unit.to(PARAMETERS[quantity].unit)


def _read_errors(table, quantity, spec, values, log):
    name = first_of(spec.error, table.colnames)
    if name is not None:
        errors = _numbers(table[name], name, spec)
        stated = _stated_unit(table[name])
        dex = log if stated is None else _is_dex(stated)
        if dex:
            return np.log(10.0) * values * errors
        unit = _scale(table[name], name, quantity, spec)[0]
        return errors * _factor(unit, quantity)
    names = [first_of(names, table.colnames) for names in spec.interval]
    if len(names) == 2 and None not in names:
        ends = []
        for end in names:
            unit, end_log = _scale(table[end], end, quantity, spec)
            numbers = _numbers(table[end], end, spec)
            factor = 1.0 if end_log else _factor(unit, quantity)
            ends.append(numbers * factor)
        half = (ends[1] - ends[0]) / 2
        return np.log(10.0) * values * half if end_log else half
    return np.full(len(table), np.nan)


def _scale(column, name, quantity, spec):
    """
    The unit of a column, and whether it holds logarithms of it.
    """
    wanted = PARAMETERS[quantity].unit
    stated = _stated_unit(column)
    if stated is None:
        return spec.unit or wanted, spec.log
    log = _is_dex(stated)
    unit = getattr(stated, "physical_unit", stated)
    if log and (stated == u.dex or unit == u.dimensionless_unscaled):
        unit = spec.unit or wanted
    if quantity == "redshift":
        if unit not in (u.dimensionless_unscaled, cu.redshift):
            msg = f"the column {name!r} should be a redshift, but its unit is {unit}"
            raise u.UnitsError(msg)
    elif not unit.is_equivalent(wanted):
        msg = (
            f"the column {name!r} has the unit {stated}, which cannot be "
            f"converted to {wanted} for {quantity!r}"
        )
        raise u.UnitsError(msg)
    return unit, log


def _stated_unit(column):
    """
    The unit that a table states, or None where it states nothing.
    """
    unit = getattr(column, "unit", None)
    if unit is None:
        return None
    text = unit.to_string()
    if isinstance(unit, u.UnrecognizedUnit) or "sun" in text.lower():
        # As VOTable 1.4 is read, brackets for logarithms are unknown and
        # "Msun" is a million suns. VizieR means what the CDS means.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", u.UnitsWarning)
            try:
                unit = u.Unit(text.replace(" ", ""), format="cds")
            except ValueError:
                if text != "dex":
                    msg = (
                        f"the unit {text!r} of the column {column.info.name!r} is "
                        "not understood"
                    )
                    raise u.UnitsError(msg) from None
                unit = u.dex
    return None if unit == u.dimensionless_unscaled else unit


def _is_dex(unit):
    return unit == u.dex or isinstance(unit, u.function.logarithmic.DexUnit)


def _numbers(column, name, spec):
    values = plain(column, spec.missing)
    if values.dtype.kind != "f":
        msg = f"the column {name!r} should hold numbers, not {values.dtype}"
        raise TypeError(msg)
    return np.where(np.isfinite(values), values, np.nan)


def _check_plausible(values, quantity, name, unit):
    parameter = PARAMETERS[quantity]
    good = values[values > 0]
    if parameter.scale != "log10" or len(good) == 0:
        return
    low, high = parameter.bounds
    median = np.median(good)
    if not low <= median <= high:
        msg = (
            f"the column {name!r}, read as {unit}, has a median {quantity!r} of "
            f"{median:.3g} {parameter.unit}, which is implausible: its unit, or "
            "whether it is a logarithm, is not what the sample's definition says"
        )
        raise u.UnitsError(msg)


def read_positions(table, ra, dec):
    """
    Read the positions, in degrees or sexagesimal.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The catalogue, N rows.
    ra, dec : `SampleColumn`
        Where they are found.

    Returns
    -------
    ra, dec : `~numpy.ndarray` of float, shape (N,)
        In degrees, NaN where there is no position.
    """
    names = ra.find(table.colnames), dec.find(table.colnames)
    values = [plain(table[name]) for name in names]
    lon, lat = (
        _degrees(table[name], name, one, unit)
        for name, one, unit in zip(names, values, (u.hourangle, u.deg), strict=True)
    )
    bad = ~(np.isfinite(lon) & (np.abs(lat) <= 90.0))
    return np.where(bad, np.nan, lon % 360.0), np.where(bad, np.nan, lat)


def _degrees(column, name, values, sexagesimal_unit):
    if values.dtype.kind == "f":
        return values * (_stated_unit(column) or u.deg).to(u.deg)
    from astrovae.fetch.positions import parse_angles  # loads much

    # Text may be decimal, too; then it is in degrees.
    return parse_angles(values, False, name, sexagesimal_unit).value
