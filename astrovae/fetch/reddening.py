# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Galactic reddening, which a table of positions may have.
"""

import numpy as np

from astrovae.fetch.positions import find_column, table_columns
from astrovae.images.checks import check_ebv

__all__ = ["read_ebv"]

#: Magnitudes; there is no more in front of any galaxy in an image, and -99
#: or 9999 stand for what is not known.
_MOST = 10.0


def read_ebv(ebv, table, n):
    """
    Find E(B-V) of each object.

    Parameters
    ----------
    ebv : array_like or None
        Magnitudes, a scalar or of shape (N,); None: the table's column
        ``ebv``, in any case, if it has one.
    table : `~astropy.coordinates.SkyCoord` or table
        Where the positions came from.
    n : int
        The number of objects.

    Returns
    -------
    ebv : `~numpy.ndarray` of float, shape (N,), or None
        Magnitudes, NaN where masked or NaN; None if nothing is known.

    Raises
    ------
    `~astropy.units.UnitsError`
        If it has another unit than magnitudes.
    ValueError
        If a value is no number from 0 to 10.
    """
    if ebv is None:
        columns = table_columns(table)
        name = find_column(columns, ("ebv",))
        if name is None:
            return None
        ebv = columns[name]
    if np.asarray(getattr(ebv, "value", ebv)).dtype.kind not in "fiu":
        msg = "'ebv' must hold numbers, E(B-V) in magnitudes"
        raise ValueError(msg)
    values = check_ebv(ebv, n)
    beyond = np.flatnonzero(values > _MOST)
    if beyond.size:
        row = beyond[0]
        msg = (
            f"'ebv' must be from 0 to {_MOST:g} magnitudes, or masked where it is "
            f"not known, not {values[row]:g} as in row {row}"
        )
        raise ValueError(msg)
    return values
