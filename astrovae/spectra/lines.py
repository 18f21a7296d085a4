# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Fluxes and equivalent widths of emission lines.

Lines that stand together are fitted together: a straight continuum and
one Gaussian per line, of one velocity and one width. Equivalent widths are
of the rest frame and positive for emission. What stars absorb at the
Balmer lines is not added: the values are net.
"""

import astropy.units as u
import numpy as np
from astropy.table import MaskedColumn, QTable
from astropy.utils.masked import Masked

from astrovae.spectra.arrays import FLUX_UNIT, spectral_arrays
from astrovae.spectra.line_fits import fit_group
from astrovae.spectra.line_groups import GROUPS, LINES

__all__ = ["line_measurements"]

_LINE_FLUX = FLUX_UNIT * u.AA

# Columns of numbers, and their units.
_COLUMNS = {
    "wavelength": u.AA,
    "flux": _LINE_FLUX,
    "flux_err": _LINE_FLUX,
    "flux_upper": _LINE_FLUX,
    "ew": u.AA,
    "ew_err": u.AA,
    "ew_upper": u.AA,
    "ew_lower": u.AA,
    "continuum": FLUX_UNIT,
    "continuum_err": FLUX_UNIT,
    "velocity": u.km / u.s,
    "velocity_width": u.km / u.s,
    "snr": u.one,
}


def line_measurements(spectrum, redshift, *, lines=None, n_sigma=3.0):
    """
    Measure emission lines.

    Parameters
    ----------
    spectrum : `~specutils.Spectrum`
        With uncertainties and vacuum wavelengths.
    redshift : float
        The redshift of the galaxy; lines may be up to 500 km / s off.
    lines : sequence of str, optional
        Of "[O II] 3727" (both lines of the doublet), "H beta",
        "[O III] 4959", "[O III] 5007", "H alpha" and "[N II] 6583"; by
        default all.
    n_sigma : float, optional
        What a detection and a limit is, in standard deviations.

    Returns
    -------
    measurements : `~astropy.table.QTable`
        A row for each line, in order, with the columns ``line``,
        ``wavelength`` (rest frame, vacuum), ``detected``, ``flux`` and
        ``ew`` with ``_err``, and ``continuum``, ``velocity`` and
        ``velocity_width`` (a standard deviation, that of the
        spectrograph included), ``snr`` and ``reason``.
        ``flux_upper`` and ``ew_upper`` are limits where the line is not
        detected: ``n_sigma`` errors above the value, or above zero if
        it is negative. Where the line is detected but the continuum is
        not, ``ew`` is masked and ``ew_lower`` is a limit. A line that
        is out of range or masked is masked, and ``reason`` says why.
        Fluxes are as observed, without correction for dust.

    Raises
    ------
    ValueError
        If the redshift is none, or a line has no such name.
    TypeError, `~astropy.units.UnitsError`
        If the spectrum is none, or its units are not those of one.
    `~astrovae.exceptions.SpectrumError`
        If the spectrum cannot be measured.
    """
    redshift = check_redshift(redshift)
    names = list(LINES) if lines is None else list(lines)
    unknown = [name for name in names if name not in LINES]
    if unknown:
        msg = f"no such line: {', '.join(unknown)}; there are {', '.join(LINES)}"
        raise ValueError(msg)
    arrays = spectral_arrays(spectrum)
    groups = [group for group in GROUPS if set(group.names) & set(names)]
    rows = {}
    kinematics = None
    # Strong lines first: they lend faint ones their velocity and width.
    fits = [fit_group(arrays, redshift, group) for group in groups]
    order = np.argsort([-fit.best_snr for fit in fits])
    for index in order:
        fit = fits[index]
        if fit.free:
            kinematics = kinematics or fit.kinematics
        elif kinematics is not None and not fit.reason:
            fit = fit_group(arrays, redshift, groups[index], kinematics)
        for name in groups[index].names:
            rows[name] = _row(name, fit, redshift, n_sigma)
    return _table([rows[name] for name in names], redshift, n_sigma)


def check_redshift(redshift):
    """
    Return a redshift as a float.

    Parameters
    ----------
    redshift : float or `~astropy.units.Quantity`
        The redshift.

    Returns
    -------
    redshift : float
        The redshift.
    """
    value = float(u.Quantity(redshift).value)
    if not -0.1 < value < 10:
        msg = f"'redshift' must be a number between -0.1 and 10, not {redshift}"
        raise ValueError(msg)
    return value


def _row(name, fit, redshift, n_sigma):
    row = {
        "line": name,
        "wavelength": LINES[name],
        "detected": False,
        "reason": fit.reason or fit.reasons.get(name, ""),
    }
    if row["reason"]:
        return row
    flux, error, continuum, continuum_error, covariance = fit.line(name)
    row |= {
        "flux": flux,
        "flux_err": error,
        "continuum": continuum,
        "continuum_err": continuum_error,
        "snr": flux / error,
        "velocity": fit.kinematics[0],
        "velocity_width": fit.kinematics[1],
        "detected": flux > n_sigma * error,
    }
    if not row["detected"]:
        row["flux_upper"] = max(flux, 0.0) + n_sigma * error
    stretch = 1 + redshift
    if continuum <= n_sigma * continuum_error:
        row["reason"] = "the continuum is not detected"
        highest = continuum + n_sigma * continuum_error
        if row["detected"] and highest > 0:
            row["ew_lower"] = max(flux - n_sigma * error, 0.0) / highest / stretch
        return row
    ew = flux / continuum
    variance = error**2 + (ew * continuum_error) ** 2 - 2 * ew * covariance
    row["ew"] = ew / stretch
    row["ew_err"] = np.sqrt(variance) / continuum / stretch
    if not row["detected"]:
        row["ew_upper"] = max(row["ew"], 0.0) + n_sigma * row["ew_err"]
    return row


def _table(rows, redshift, n_sigma):
    table = QTable({"line": [row["line"] for row in rows]})
    for name, unit in _COLUMNS.items():
        values = np.array([row.get(name, np.nan) for row in rows], dtype=float)
        table[name] = Masked(np.nan_to_num(values), mask=np.isnan(values)) * unit
    absent = [np.isnan(row.get("flux", np.nan)) for row in rows]
    table["detected"] = MaskedColumn([row["detected"] for row in rows], mask=absent)
    table["reason"] = [row["reason"] for row in rows]
    table.meta["redshift"] = redshift
    table.meta["n_sigma"] = n_sigma
    table.meta["convention"] = (
        "equivalent widths: rest frame, positive for emission, net of stellar "
        "absorption"
    )
    return table
