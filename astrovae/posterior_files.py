# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Redshift posteriors as files that other photo-z tools read.
"""

import warnings
from pathlib import Path

import astropy.units as u
import numpy as np

from astrovae.exceptions import AstrovaeWarning
from astrovae.parameters import PARAMETERS

__all__ = ["write_qp"]


def write_qp(path, grid, density, ids, *, overwrite=False):
    """
    Write redshift densities to a file of qp, as RAIL and others use it.

    The file holds an ensemble of the parameterisation ``interp``,
    normalised on the grid, and the identifiers as its ancillary column
    ``id``; ``qp.read(path)`` gives it back. This function needs
    ``qp-prob``, the extra ``qp``.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        The file, which ends in ``.hdf5``.
    grid : `~astropy.units.Quantity` or array_like, shape (M,)
        Increasing redshifts.
    density : `~astropy.units.Quantity` or array_like, shape (N, M)
        Probability densities per unit redshift, not negative. A galaxy
        without a density that is finite and has an integral above zero
        is left out, since the format has no place for it, and a
        warning says so.
    ids : array_like of str, shape (N,)
        The galaxies' identifiers.
    overwrite : bool, optional
        Whether to replace an existing file.

    Raises
    ------
    ImportError
        If ``qp-prob`` is not installed.
    OSError
        If the file exists and ``overwrite`` is `False`.
    ValueError
        If the shapes differ, the grid does not increase, a density is
        negative, no density is usable, or the suffix is another.
    `~astropy.units.UnitsError`
        If the grid or the density has a wrong unit.

    Warns
    -----
    `~astrovae.exceptions.AstrovaeWarning`
        If galaxies are left out.
    """
    grid, density, ids = _checked(grid, density, ids)
    path, qp = prepare_qp(path, overwrite=overwrite)
    good = np.all(np.isfinite(density), axis=1)
    good &= np.trapezoid(np.where(good[:, None], density, 0.0), grid, axis=1) > 0.0
    if not np.any(good):
        msg = f"none of {len(ids)} galaxies has a usable density"
        raise ValueError(msg)
    if not np.all(good):
        msg = (
            f"{np.count_nonzero(~good)} of {len(ids)} galaxies have no usable "
            f"density and are not in {path.name}; the first is {ids[~good][0]!s}"
        )
        warnings.warn(msg, AstrovaeWarning, stacklevel=2)
    ensemble = qp.interp.create_ensemble(
        xvals=grid, yvals=density[good], ancil={"id": ids[good]}
    )
    path.unlink(missing_ok=True)
    ensemble.write_to(str(path))


def prepare_qp(path, *, overwrite=False):
    """
    Find out whether a file can be written, before there is work to lose.

    Parameters
    ----------
    path, overwrite : path-like, bool
        As of `write_qp`.

    Returns
    -------
    path : `~pathlib.Path`
        The path.
    qp : module
        The library.

    Raises
    ------
    ImportError, OSError, ValueError
        As of `write_qp`.
    """
    path = Path(path)
    if path.suffix != ".hdf5":
        # qp's files of other formats do not give the identifiers back.
        msg = f"{path.name!r} must end in .hdf5"
        raise ValueError(msg)
    try:
        import qp
    except ImportError as error:
        msg = "qp files need qp-prob: python -m pip install 'astrovae[qp]'"
        raise ImportError(msg) from error
    if path.exists() and not overwrite:
        msg = f"{path} exists; overwrite=True replaces it"
        raise OSError(msg)
    return path, qp


def _checked(grid, density, ids):
    """
    Plain arrays of the right shapes, NaN where masked.
    """
    redshift = PARAMETERS["redshift"]
    grid = np.asarray(redshift.quantity(grid).value, dtype=float)
    unit = getattr(density, "unit", None)
    if unit not in {None, u.one, redshift.unit**-1}:
        msg = f"'density' has the unit {unit}, not that of 1 / redshift"
        raise u.UnitsError(msg)
    mask = np.asarray(getattr(density, "mask", False))
    density = np.ma.getdata(getattr(density, "unmasked", density))
    density = np.asarray(getattr(density, "value", density), dtype=float)
    density = np.where(mask, np.nan, density)
    ids = np.asarray(ids).astype(str)
    if grid.ndim != 1 or density.shape != (len(ids), len(grid)):
        msg = (
            f"a density of the shape {density.shape} does not belong to "
            f"{len(ids)} galaxies and a grid of the shape {grid.shape}"
        )
        raise ValueError(msg)
    if len(grid) < 2 or not np.all(np.diff(grid) > 0.0):
        msg = "the grid of redshifts must increase"
        raise ValueError(msg)
    if np.any(density < 0.0):
        msg = f"a density is negative: {np.nanmin(density)}"
        raise ValueError(msg)
    return grid, density, ids
