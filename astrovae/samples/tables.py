# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The tables that hold a sample: from VizieR, from the package or given.
"""

import warnings
from pathlib import Path

import numpy as np
from astropy.table import Table

from astrovae.exceptions import AstrovaeWarning, CatalogueError
from astrovae.samples.definition import first_of
from astrovae.samples.vizier import query_tables

__all__ = ["given_tables", "packaged_tables", "vizier_tables"]

_COMPUTED = ("_RAJ2000", "_DEJ2000")


def vizier_tables(sample, values, strict, **options):
    """
    Get a sample's tables from VizieR.

    Of a large sample, VizieR is first asked what columns there are,
    and then for those columns and rows that are needed.

    Parameters
    ----------
    sample : `Sample`
        The sample.
    values : dict
        The value of each cut.
    strict : bool
        Whether another number of rows than the published is an error,
        not only a warning.
    **options : dict
        ``server``, ``timeout`` and ``cache`` of
        `~astrovae.samples.vizier.query_tables`.

    Returns
    -------
    tables : dict of str to `~astropy.table.Table`
        By their names in VizieR.
    filters : dict of str to str
        The conditions that VizieR applied before it sent them.

    Raises
    ------
    `~astrovae.exceptions.CatalogueError`
        If VizieR fails, or has no such table or columns.
    """
    failures = []
    for catalogue in sample.catalogues:
        limit = 1 if sample.large else -1
        tables = query_tables(
            catalogue, columns=("**", *_COMPUTED), row_limit=limit, **options
        )
        tables = {name: table for name, table in tables.items() if len(table) > 0}
        if not tables:
            failures.append(f"VizieR has no table {catalogue}, or no row of it")
            continue
        try:
            if sample.large:
                tables = _usable(sample, tables, values)
                return _needed_part(sample, tables, values, options)
            return _chosen(sample, _usable(sample, tables, values), strict), {}
        except CatalogueError as error:
            failures.append(str(error))
    msg = f"the sample {sample.name!r} was not found: {'; '.join(failures)}"
    raise CatalogueError(msg)


def packaged_tables(sample):
    """
    Get the table of positions and redshifts that comes with astrovae.

    Parameters
    ----------
    sample : `Sample`
        The sample.

    Returns
    -------
    tables : dict of str to `~astropy.table.Table`
        One table.

    Raises
    ------
    ValueError
        If none comes with astrovae.
    """
    if not sample.packaged:
        msg = f"no table of the sample {sample.name!r} comes with astrovae"
        raise ValueError(msg)
    path = Path(__file__).parent / "data" / sample.packaged
    return {sample.packaged: Table.read(path, format="ascii.ecsv")}


def given_tables(sample, values, table, strict):
    """
    Read tables that the user has, in any of the known layouts.

    Parameters
    ----------
    sample : `Sample`
        The sample.
    values : dict
        The value of each cut.
    table : `~astropy.table.Table`, path-like or a list of them
        The tables.
    strict : bool
        Whether another number of rows than the published is an error.

    Returns
    -------
    tables : dict of str to `~astropy.table.Table`
        By file name.

    Raises
    ------
    `~astrovae.exceptions.CatalogueError`
        If a column is missing.
    """
    given = table if isinstance(table, (list, tuple)) else [table]
    tables = {}
    for i, one in enumerate(given):
        name = f"table {i + 1}" if isinstance(one, Table) else Path(one).name
        if name in tables:
            name = str(one)
        tables[name] = one if isinstance(one, Table) else Table.read(one)
    usable = _usable(sample, tables, values)
    if len(usable) < len(tables):
        raise CatalogueError(_what_is_missing(sample, tables, values))
    n_rows = sum(len(one) for one in tables.values())
    _check_count(sample, n_rows, ", ".join(tables), strict)
    return tables


def _usable(sample, tables, values):
    """
    The tables that have every required column.
    """
    required = sample.required(values).values()
    usable = {
        name: table
        for name, table in tables.items()
        if all(first_of(names, table.colnames) for names in required)
    }
    if not usable:
        raise CatalogueError(_what_is_missing(sample, tables, values))
    return usable


def _what_is_missing(sample, tables, values):
    required = sample.required(values)
    parts = []
    for name, table in tables.items():
        missing = [
            f"{' or '.join(repr(n) for n in names)} for {purpose!r}"
            for purpose, names in required.items()
            if first_of(names, table.colnames) is None
        ]
        if missing:
            parts.append(
                f"{name} has no column {', no column '.join(missing)}; "
                f"it has: {_some(table.colnames)}"
            )
    return f"{'; '.join(parts)}. Name the right one in 'columns'"


def _chosen(sample, tables, strict):
    """
    The one table that is the sample's, or all if it has several.
    """
    if sample.combine:
        return tables
    wanted = sample.optional()

    def rank(name):
        table = tables[name]
        right = sample.n_rows is None or len(table) == sample.n_rows
        return right, sum(first_of(n, table.colnames) is not None for n in wanted)

    best = max(tables, key=rank)
    _check_count(sample, len(tables[best]), best, strict)
    return {best: tables[best]}


def _check_count(sample, n_rows, name, strict):
    if sample.n_rows is None or n_rows == sample.n_rows:
        return
    msg = (
        f"{name} has {n_rows} rows, but the sample {sample.name!r} has "
        f"{sample.n_rows} ({sample.reference}): it may be another table"
    )
    if strict:
        msg = f"{msg}. To use it all the same: strict=False"
        raise CatalogueError(msg)
    warnings.warn(msg, AstrovaeWarning, stacklevel=4)


def _needed_part(sample, probed, values, options):
    """
    Ask for the columns and rows of a large sample.
    """
    tables, all_filters = {}, {}
    groups = [*sample.required(values).values(), *sample.optional(), sample.key]
    for name, probe in probed.items():
        found = [first_of(names, probe.colnames) for names in groups]
        columns = list(dict.fromkeys(column for column in found if column))
        filters = _server_filters(sample, probe, values)
        all_filters.update(filters)
        answer = query_tables(name, columns=columns, filters=filters, **options)
        # Where no row passes the conditions, VizieR may send no table.
        table = answer.get(name, probe[:0])
        missing = [column for column in columns if column not in table.colnames]
        if missing:
            msg = f"VizieR sent {name} without the column {', '.join(missing)}"
            raise CatalogueError(msg)
        if len(table) > 0:
            tables[name] = table
    if not tables:
        conditions = ", ".join(f"{k} {v}" for k, v in all_filters.items())
        msg = f"VizieR has no row of {', '.join(probed)} with {conditions}"
        raise CatalogueError(msg)
    return tables, all_filters


def _server_filters(sample, probe, values):
    """
    The cuts that VizieR can apply: conditions on plain numbers.
    """
    filters = {}
    for cut in sample.cuts:
        names = cut.names
        if cut.quantity == "redshift":
            names = sample.columns["redshift"].names
        name = first_of(names, probe.colnames)
        if not (cut.operator and cut.is_on(values[cut.name]) and name):
            continue
        if np.dtype(probe[name].dtype).kind in "iuf":
            condition = f"{cut.operator}{values[cut.name]!r}"
            both = (filters.get(name), condition)
            filters[name] = " & ".join(one for one in both if one)
    return filters


def _some(names, n=30):
    shown = ", ".join(names[:n])
    return shown if len(names) <= n else f"{shown}, ..."
