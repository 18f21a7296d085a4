# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The break of the continuum at 4000 AA, which grows with the age of stars.
"""

from dataclasses import dataclass

import numpy as np

from astrovae.spectra.arrays import spectral_arrays
from astrovae.spectra.lines import check_redshift

__all__ = ["BreakMeasurement", "d4000"]

#: Rest-frame windows in AA, blue and red: of Balogh et al. (1999, ApJ 527,
#: 54) and of Bruzual (1983, ApJ 273, 105).
WINDOWS = {
    "narrow": ((3850.0, 3950.0), (4000.0, 4100.0)),
    "broad": ((3750.0, 3950.0), (4050.0, 4250.0)),
}

#: The part of each window that must be covered by good pixels.
_LEAST_COVERAGE = 0.8


@dataclass(frozen=True)
class BreakMeasurement:
    """
    The strength of the 4000 AA break.

    Parameters
    ----------
    value : float
        The ratio of the mean flux per unit frequency in the red window
        to that in the blue one; NaN if it was not measured.
    error : float
        Its 1-sigma error; NaN if it was not measured.
    kind : str
        "narrow" or "broad".
    reason : str
        Why it was not measured; empty if it was.
    """

    value: float
    error: float
    kind: str = "narrow"
    reason: str = ""


def d4000(spectrum, redshift, *, kind="narrow"):
    """
    Measure the break at 4000 AA.

    Parameters
    ----------
    spectrum : `~specutils.Spectrum`
        With uncertainties and vacuum wavelengths.
    redshift : float
        The redshift of the galaxy.
    kind : {"narrow", "broad"}, optional
        The windows: 3850-3950 and 4000-4100 AA (Balogh et al. 1999), or
        3750-3950 and 4050-4250 AA (Bruzual 1983).

    Returns
    -------
    measurement : `BreakMeasurement`
        The break; without a value, but with a reason, where a window is
        covered by less than 80 % or holds no light.

    Raises
    ------
    ValueError
        If the redshift or the kind makes no sense.
    TypeError, `~astropy.units.UnitsError`
        If the spectrum is none, or its units are not those of one.
    `~astrovae.exceptions.SpectrumError`
        If the spectrum cannot be measured.

    Notes
    -----
    Pixels count by the part of them that is inside; masked ones are left
    out. The windows are applied to vacuum wavelengths, 1.1 AA redder
    than the air wavelengths of the same lines.
    """
    redshift = check_redshift(redshift)
    if kind not in WINDOWS:
        msg = f"'kind' must be 'narrow' or 'broad', not {kind!r}"
        raise ValueError(msg)
    arrays = spectral_arrays(spectrum)
    means, errors = [], []
    for window in WINDOWS[kind]:
        mean, error, coverage = _mean_flux(arrays, redshift, window)
        if coverage < _LEAST_COVERAGE:
            low, high = (edge * (1 + redshift) for edge in window)
            reason = (
                f"only {100 * coverage:.0f} % of the window {low:.0f} to {high:.0f} "
                "AA (observed) has good pixels"
            )
            return BreakMeasurement(np.nan, np.nan, kind, reason)
        means.append(mean)
        errors.append(error)
    blue, red = means
    if blue <= 3 * errors[0]:
        reason = "the flux below the break is not detected"
        return BreakMeasurement(np.nan, np.nan, kind, reason)
    value = red / blue
    error = np.hypot(errors[1], value * errors[0]) / blue
    return BreakMeasurement(float(value), float(error), kind)


def _mean_flux(arrays, redshift, window):
    """
    The mean flux per unit frequency, up to a factor, and its error.
    """
    low, high = (edge * (1 + redshift) for edge in window)
    edges = arrays.edges
    overlap = np.clip(edges[1:], low, high) - np.clip(edges[:-1], low, high)
    overlap = np.where(arrays.good, overlap, 0.0)
    covered = overlap.sum()
    if covered <= 0:
        return np.nan, np.nan, 0.0
    # Flux per unit frequency is flux per unit wavelength times its square.
    weights = overlap * (arrays.wavelength / 4000.0) ** 2 / covered
    mean = np.sum(weights * arrays.flux)
    variance = np.sum(weights[arrays.good] ** 2 / arrays.ivar[arrays.good])
    return mean, np.sqrt(variance), covered / (high - low)
