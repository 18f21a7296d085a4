# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The manifest: what became of each object, as a table.
"""

import json
import os
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.table import QTable

__all__ = ["Record", "now", "read_manifest", "records_table", "write_manifest"]

_UNITS = {"ra": u.deg, "dec": u.deg}

#: Texts of any length and content. The others are short and plain.
_FREE = ("id", "reason", "url")

#: Bytes that a column of fixed width may take: one long text widens all.
_WIDEST = 1 << 26


@dataclass(slots=True)
class Record:
    """
    What became of one object.

    Parameters
    ----------
    id : str
        The user's name for it.
    ra, dec : float
        Degrees.
    service : str
        The service that was asked.
    status : {"pending", "ok", "empty", "failed"}
        Not tried; fetched and kept; nothing there; something went
        wrong.
    reason : str
        What was wrong, or the bands that are not covered.
    url : str
        The requests, separated by blanks.
    sha256 : str
        The hash of the file.
    bytes : int
        Its length.
    time : str
        When it was fetched, UTC.
    file : str
        Its name in the cache.
    """

    id: str
    ra: float
    dec: float
    service: str
    status: str = "pending"
    reason: str = ""
    url: str = ""
    sha256: str = ""
    bytes: int = 0
    time: str = ""
    file: str = ""

    def to_json(self):
        """
        Return the record as one line.
        """
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line):
        """
        Read a line that `to_json` made.

        Parameters
        ----------
        line : bytes
            The line.

        Returns
        -------
        record : `Record` or None
            None if the line was cut short.
        """
        try:
            return cls(**json.loads(line))
        except (ValueError, TypeError):
            return None


_NAMES = [field.name for field in fields(Record)]


def now():
    """
    Return the time as the manifest has it.
    """
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def records_table(records):
    """
    Make a table of records.

    Parameters
    ----------
    records : iterable of `Record`
        One per row.

    Returns
    -------
    table : `~astropy.table.QTable`
        A column per field; ra and dec in degrees. Texts that are too
        long for a column of fixed width are Python's (dtype object).
    """
    records = list(records)
    table = QTable()
    for field in fields(Record):
        values = [getattr(record, field.name) for record in records]
        longest = max(map(len, values), default=0) if field.type is str else 0
        objects = 4 * longest * len(values) > _WIDEST
        column = np.array(values, dtype=object if objects else field.type)
        unit = _UNITS.get(field.name)
        table[field.name] = column if unit is None else column << unit
    return table


def read_manifest(path):
    """
    Read a manifest.

    Parameters
    ----------
    path : `~pathlib.Path`
        The file.

    Returns
    -------
    records : dict
        Records by the names of their files.

    Raises
    ------
    OSError
        If the file is no manifest.
    """
    try:
        table = QTable.read(path, format="ascii.ecsv")
        columns = [_plain(table[name]) for name in _NAMES]
    except (ValueError, KeyError, TypeError) as error:
        msg = (
            f"{path} is no manifest of astrovae ({error}); without it the "
            "cutouts of this cache are fetched again"
        )
        raise OSError(msg) from error
    rows = zip(*columns, strict=True)
    return {record.file: record for record in (Record(*row) for row in rows)}


def _plain(column):
    # ECSV has no empty strings: they come back masked.
    if np.ma.isMaskedArray(column):
        column = column.filled("" if column.dtype.kind in "OSU" else 0)
    return np.asarray(getattr(column, "value", column)).tolist()


def write_manifest(path, records):
    """
    Write a manifest; there is a whole one at any time.

    Parameters
    ----------
    path : `~pathlib.Path`
        The file.
    records : iterable of `Record`
        One per row.
    """
    path = Path(path)
    records = list(records)
    table = records_table(records)
    # As objects they are written as JSON, which keeps every text: a "#" at
    # the beginning, blanks at the end, what is no Unicode.
    for name in _FREE:
        table[name] = np.array([getattr(r, name) for r in records], dtype=object)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        table.write(partial, format="ascii.ecsv", overwrite=True)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
