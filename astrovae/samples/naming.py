# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A unique name for each galaxy.
"""

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord

__all__ = ["designation", "plain_text", "read_ids", "unique_ids"]


def read_ids(table, spec, prefix, ra, dec):
    """
    Name each galaxy, uniquely.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The catalogue, N rows.
    spec : `SampleColumn` or None
        Where the name is found.
    prefix : str
        What precedes it.
    ra, dec : `~numpy.ndarray` of float, shape (N,)
        Positions in degrees, for galaxies without a name.

    Returns
    -------
    ids : `~numpy.ndarray` of str, shape (N,)
        The prefix and the catalogue's name, or the position.
    """
    name = None if spec is None else spec.find(table.colnames)
    words = np.full(len(table), "", dtype=object)
    if name is not None:
        words[:] = plain_text(table[name])
    unnamed = words == ""
    if np.any(unnamed):
        words[unnamed] = designation(ra[unnamed], dec[unnamed])
    return (prefix + words).astype(str)


def plain_text(column):
    """
    Write the values of a column, integers without loss.

    Parameters
    ----------
    column : `~astropy.table.Column`
        Integers, floats or strings.

    Returns
    -------
    words : `~numpy.ndarray` of str, shape (N,)
        "" where the column is masked.
    """
    mask = np.broadcast_to(getattr(column, "mask", False), len(column))
    data = np.array(column.data if hasattr(column, "data") else column)
    if data.dtype.kind == "f":
        whole = np.isfinite(data) & (data == np.round(data))
        words = np.array(
            [f"{x:.0f}" if w else f"{x}" for x, w in zip(data, whole, strict=True)]
        )
        mask = mask | ~np.isfinite(data)
    else:
        words = np.char.strip(data.astype(str)) if len(data) else data.astype(str)
    return np.where(mask, "", words)


def designation(ra, dec):
    """
    Name positions in the way of the IAU.

    Parameters
    ----------
    ra, dec : array_like of float, shape (N,)
        In degrees.

    Returns
    -------
    names : list of str
        E.g. "J123456.78-012345.6".
    """
    coords = SkyCoord(np.atleast_1d(ra), np.atleast_1d(dec), unit=u.deg)
    lon = coords.ra.to_string(u.hourangle, sep="", precision=2, pad=True)
    lat = coords.dec.to_string(u.deg, sep="", precision=1, pad=True, alwayssign=True)
    return [f"J{a}{b}" for a, b in zip(lon, lat, strict=True)]


def unique_ids(ids, ra, dec):
    """
    Tell galaxies of the same name apart by their positions.

    Parameters
    ----------
    ids : `~numpy.ndarray` of str, shape (N,)
        Names; those of one survey field may occur again in another.
    ra, dec : `~numpy.ndarray` of float, shape (N,)
        Positions in degrees.

    Returns
    -------
    ids : `~numpy.ndarray` of str, shape (N,)
        Repeated names have their position appended, and a number if
        this is the same too.
    """
    for numbered in (False, True):
        _, inverse, counts = np.unique(ids, return_inverse=True, return_counts=True)
        repeated = np.flatnonzero(counts[inverse] > 1)
        if len(repeated) == 0:
            break
        new = ids.astype(object)
        if numbered:
            seen = {}
            for row in repeated:
                seen[ids[row]] = seen.get(ids[row], 0) + 1
                new[row] = f"{ids[row]} #{seen[ids[row]]}"
        else:
            places = designation(ra[repeated], dec[repeated])
            new[repeated] = [
                f"{name} {place}"
                for name, place in zip(ids[repeated], places, strict=True)
            ]
        ids = new.astype(str)
    return ids
