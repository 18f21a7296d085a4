# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Positions from what a person has: coordinates, or a table.
"""

import astropy.units as u
import numpy as np
from astropy.coordinates import Angle, SkyCoord

from astrovae.images.checks import check_ids, sky

__all__ = ["find_column", "parse_angles", "read_positions", "table_columns"]

_RA = ("ra", "raj2000", "ra_j2000", "ra_icrs", "_ra", "_raj2000", "ra_deg")
_DEC = ("dec", "dej2000", "decj2000", "dec_j2000", "de_icrs", "dec_icrs")
_DEC += ("_dec", "_de", "_dej2000", "dec_deg")
_ID = ("id", "name", "object", "objid", "object_id", "source_id")


def read_positions(coords, ids=None):
    """
    Return positions and ids, one of each per object.

    Parameters
    ----------
    coords : `~astropy.coordinates.SkyCoord` or table
        Positions in any frame, one or many; or a table with columns
        ``ra`` and ``dec`` (or a usual synonym, in any case), or with
        one column of coordinates. A column without a unit is taken in
        degrees if it holds numbers; text may be degrees, or
        sexagesimal with the right ascension in hours, but not some of
        each. Rows that are masked or NaN have no position.
    ids : array_like, optional
        Unique names; by default the table's column ``id`` (or
        ``name``), else "0", "1", ...

    Returns
    -------
    coords : `~astropy.coordinates.SkyCoord`, shape (N,)
        ICRS; NaN where there is no position.
    ids : `~numpy.ndarray` of str, shape (N,)
        The ids.

    Raises
    ------
    TypeError
        If there are no coordinates in it.
    ValueError
        If a position makes no sense, or ids are missing, repeat or do
        not fit.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from astrovae.fetch.positions import read_positions
    >>> table = Table({"id": ["a", "b"], "RA": ["10:00:00", "10:00:10"],
    ...                "Dec": ["+02:12:00", "-02:12:00"]})
    >>> coords, ids = read_positions(table)
    >>> coords.ra.deg
    array([150.        , 150.04166667])
    """
    if isinstance(coords, SkyCoord):
        return _flatten(coords), check_ids(ids, coords.size)
    columns = table_columns(coords)
    if ids is None:
        found = find_column(columns, _ID)
        ids = None if found is None else _names(columns[found], found)
    coords = _from_columns(columns)
    return coords, check_ids(ids, len(coords))


def table_columns(table):
    """
    Get the columns of whatever holds columns.

    Parameters
    ----------
    table : table
        Of astropy; a pandas or polars frame, a structured array or a
        dict. Coordinates have no columns.

    Returns
    -------
    columns : dict of str to array_like
        By name.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(table, SkyCoord):
        return {}
    if hasattr(table, "colnames"):
        names = table.colnames
    elif hasattr(table, "columns"):
        names = list(table.columns)
    elif getattr(getattr(table, "dtype", None), "names", None):
        names = table.dtype.names
    elif isinstance(table, dict):
        names = list(table)
    else:
        msg = (
            "'coords' must be a SkyCoord or a table with the columns ra and "
            f"dec, not {type(table).__name__}"
        )
        raise TypeError(msg)
    columns = {str(name): table[name] for name in names}
    return {
        name: column.to_numpy() if hasattr(column, "to_numpy") else column
        for name, column in columns.items()
    }


def find_column(columns, names):
    """
    Find the first synonym that a column bears, in any case.

    Parameters
    ----------
    columns : dict
        By name.
    names : sequence of str
        Synonyms in lower case.

    Returns
    -------
    name : str or None
        The column's name.
    """
    lower = {}
    for name in columns:
        lower.setdefault(name.lower(), name)
    return next((lower[name] for name in names if name in lower), None)


def _from_columns(columns):
    ra, dec = find_column(columns, _RA), find_column(columns, _DEC)
    if ra is None or dec is None:
        mixins = [c for c in columns.values() if isinstance(c, SkyCoord)]
        if len(mixins) == 1:
            return _flatten(mixins[0])
        msg = (
            "no columns of positions, such as ra and dec, among "
            f"{', '.join(columns) or 'none at all'}"
        )
        raise ValueError(msg)
    ra = _degrees(columns[ra], ra, u.hourangle)
    dec = _degrees(columns[dec], dec, u.deg)
    if ra.shape != dec.shape:
        msg = f"{ra.size} right ascensions for {dec.size} declinations"
        raise ValueError(msg)
    beyond = np.flatnonzero((np.abs(dec) > 90) | (np.abs(ra) > 360))
    if beyond.size:
        row = beyond[0]
        msg = f"row {row} is no position in degrees: ra {ra[row]}, dec {dec[row]}"
        raise ValueError(msg)
    missing = ~(np.isfinite(ra) & np.isfinite(dec))
    return sky(np.where(missing, np.nan, ra % 360), np.where(missing, np.nan, dec))


def _degrees(column, name, sexagesimal_unit):
    mask = np.atleast_1d(np.asarray(getattr(column, "mask", False)))
    unit = getattr(column, "unit", None)
    values = np.atleast_1d(np.ma.getdata(getattr(column, "unmasked", column)))
    if values.dtype.kind in "OSU":
        values = parse_angles(_text(values), mask, name, sexagesimal_unit, unit)
    elif values.dtype.kind in "fiu":
        values = u.Quantity(getattr(values, "value", values), unit or u.deg)
    else:
        msg = f"the column {name!r} holds no angles, but {values.dtype}"
        raise ValueError(msg)
    if not values.unit.is_equivalent(u.deg):
        msg = f"the column {name!r} has the unit {values.unit}, which is no angle"
        raise u.UnitsError(msg)
    degrees = np.array(values.to_value(u.deg), dtype=float)
    degrees[np.broadcast_to(mask, degrees.shape)] = np.nan
    return degrees


def parse_angles(texts, mask, name, sexagesimal_unit, unit=None):
    """
    Read angles from text.

    Parameters
    ----------
    texts : `~numpy.ndarray` of str, shape (N,)
        Decimal degrees if each is one number, else sexagesimal; a blank
        one is no angle.
    mask : array_like of bool
        Where there is none.
    name : str
        The column's name, for errors.
    sexagesimal_unit : `~astropy.units.Unit`
        Of sexagesimal text: hours for right ascensions.
    unit : `~astropy.units.Unit`, optional
        Of both, where the column has one.

    Returns
    -------
    angles : `~astropy.units.Quantity`, shape (N,)
        NaN where there is none.

    Raises
    ------
    ValueError
        If a text is no angle; or if numbers, which would be degrees,
        stand beside sexagesimal text, so that nobody can tell.
    """
    empty = np.array([text.strip() == "" for text in texts], dtype=bool) | mask
    texts = np.where(empty, "nan", texts)
    # Archives have units such as "h:m:s", which say what is seen anyway.
    known = unit is not None and u.Unit(unit).is_equivalent(u.deg)
    is_number = np.array([_is_number(text) for text in texts], dtype=bool)
    if np.all(is_number):
        return u.Quantity(texts.astype(float), unit if known else u.deg)
    numbers = np.flatnonzero(is_number & ~empty)
    if numbers.size and not known:
        row, other = numbers[0], np.flatnonzero(~is_number)[0]
        msg = (
            f"the column {name!r} mixes numbers (row {row}: {str(texts[row])!r}) and "
            f"other text (row {other}: {str(texts[other])!r}); write all in degrees, "
            "or all sexagesimal"
        )
        raise ValueError(msg)
    sexagesimal_unit = unit if known else sexagesimal_unit
    degrees = np.full(len(texts), np.nan)
    for row in np.flatnonzero(~empty):
        try:
            degrees[row] = Angle(str(texts[row]), sexagesimal_unit).deg
        except (ValueError, u.UnitsError) as error:
            msg = f"row {row} of the column {name!r} is no angle: {str(texts[row])!r}"
            raise ValueError(msg) from error
    return degrees * u.deg


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _names(column, name):
    # What is masked has a value all the same, which is nobody's name.
    values = np.atleast_1d(np.ma.getdata(getattr(column, "unmasked", column)))
    missing = np.zeros(values.shape, dtype=bool) | getattr(column, "mask", False)
    if values.dtype.kind == "f":
        missing |= np.isnan(values)
    if values.dtype.kind == "O":
        # None, NaN and the NA of pandas, but not a galaxy of that name.
        words = ["x" if isinstance(v, (str, bytes)) else str(v) for v in values]
        missing |= np.isin(words, ("None", "nan", "<NA>"))
    if missing.any():
        row = np.flatnonzero(missing)[0]
        msg = (
            f"the column {name!r} has no value in row {row}; give it one, or all "
            "ids by the argument 'ids'"
        )
        raise ValueError(msg)
    return _text(column)


def _text(column):
    values = np.atleast_1d(np.ma.getdata(getattr(column, "unmasked", column)))
    if values.dtype.kind in "SO":
        values = [v.decode() if isinstance(v, bytes) else str(v) for v in values]
    return np.array(values).astype(str)


def _flatten(coords):
    coords = coords.icrs.reshape(coords.size)
    ra, dec = (np.array(getattr(coords, axis).deg) for axis in ("ra", "dec"))
    return sky(ra, dec)
