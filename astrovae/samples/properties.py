# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Masses and star-formation rates that stand in a table of their own.
"""

import numpy as np
from astropy.table import MaskedColumn, Table

from astrovae.exceptions import CatalogueError
from astrovae.samples.definition import first_of
from astrovae.samples.naming import plain_text

__all__ = ["join_properties"]


def join_properties(sample, table, properties):
    """
    Add the columns of a second table, matched by the catalogue's key.

    Parameters
    ----------
    sample : `Sample`
        The sample.
    table : `~astropy.table.Table`
        The catalogue.
    properties : `~astropy.table.Table` or path-like
        The second table.

    Returns
    -------
    joined : `~astropy.table.Table`
        The catalogue with those columns that the sample knows and the
        catalogue has not; masked where the second table has no row.
    n_matched : int
        How many rows have one.

    Raises
    ------
    ValueError
        If the sample has no such table, or a key occurs twice in it.
    `~astrovae.exceptions.CatalogueError`
        If a table lacks the key.
    """
    if not sample.key:
        msg = f"the sample {sample.name!r} takes no second table of properties"
        raise ValueError(msg)
    if not isinstance(properties, Table):
        properties = Table.read(properties)
    ours, theirs = (
        _key(sample, table, "catalogue"),
        _key(sample, properties, "table of properties"),
    )
    order = np.argsort(theirs, kind="stable")
    sorted_keys = theirs[order]
    if np.any(sorted_keys[1:] == sorted_keys[:-1]):
        twice = sorted_keys[1:][sorted_keys[1:] == sorted_keys[:-1]][0]
        msg = f"the table of properties has the key {twice} more than once"
        raise ValueError(msg)
    place = np.minimum(np.searchsorted(sorted_keys, ours), max(len(order) - 1, 0))
    found = np.zeros(len(ours), bool)
    if len(order):
        found = (sorted_keys[place] == ours) & (ours != "")
    joined = table.copy(copy_data=False)
    groups = sample.optional(("stellar_mass", "sfr"))
    names = [first_of(group, properties.colnames) for group in groups]
    for name in dict.fromkeys(n for n in names if n and n not in table.colnames):
        joined[name] = _taken(properties[name], order, place, found)
    return joined, int(np.count_nonzero(found))


def _taken(column, order, place, found):
    data = np.zeros(len(found))
    mask = ~found
    if np.any(found):
        rows = order[place[found]]
        own_mask = np.broadcast_to(getattr(column, "mask", False), len(column))
        mask[found] = own_mask[rows]
        values = getattr(column, "unmasked", column)
        data[found] = np.asarray(getattr(values, "value", values), float)[rows]
    return MaskedColumn(data, mask=mask, unit=getattr(column, "unit", None))


def _key(sample, table, what):
    name = first_of(sample.key, table.colnames)
    if name is None:
        msg = (
            f"the {what} of {sample.name!r} has no column "
            f"{' or '.join(sample.key)} to join by; it has: "
            f"{', '.join(table.colnames[:30])}"
        )
        raise CatalogueError(msg)
    return plain_text(table[name])
