# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The redshift of a galaxy from its spectrum.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from astrovae.spectra.arrays import spectral_arrays
from astrovae.spectra.correlation import STEP, LogGrid, nonnegative_gain
from astrovae.spectra.line_list import SPEED_OF_LIGHT
from astrovae.spectra.templates import TEMPLATES

__all__ = ["AMBIGUOUS_BELOW", "RedshiftMeasurement", "measure_redshift"]

#: A redshift is ambiguous if another one has a chi squared less than this
#: above the best; the limit of DESI's Redrock (``min_deltachi2``).
AMBIGUOUS_BELOW = 9.0

#: Redshifts within this velocity (km / s) are the same; Redrock's, too.
SAME_VELOCITY = 1000.0

# Standard deviations of emission lines that are tried, in km / s.
_WIDTHS = (80.0, 150.0, 280.0)

# The degree of the polynomial that takes up dust and flux calibration.
_DEGREE = 4


@dataclass(frozen=True)
class RedshiftMeasurement:
    """
    A redshift and how sure it is.

    Parameters
    ----------
    redshift : float
        The redshift of the lowest chi squared.
    error : float
        Its 1-sigma error, if it is not another minimum altogether:
        chi squared rises by one; by the reduced chi squared if that is
        larger than one, as no template is perfect.
    delta_chi2 : float
        By how much chi squared is larger at the next minimum, more than
        1000 km / s away; divided by the reduced chi squared if that is
        larger than one.
    second_redshift : float
        The redshift of that minimum; NaN if there is none.
    template : str
        The template that fits best: "passive", "star-forming" or
        "emission-line".
    reduced_chi2 : float
        Chi squared of the best fit per degree of freedom.
    ambiguous : bool
        Whether ``delta_chi2`` is below `AMBIGUOUS_BELOW`, or the best
        redshift is at an end of the range.
    reason : str
        Why it is ambiguous; empty if it is not.
    """

    redshift: float
    error: float
    delta_chi2: float
    second_redshift: float
    template: str
    reduced_chi2: float
    ambiguous: bool
    reason: str = ""


def measure_redshift(
    spectrum, *, z_range=(0.0, 1.0), templates=None, min_delta_chi2=AMBIGUOUS_BELOW
):
    """
    Measure a redshift by chi squared against templates.

    A template is a sum of components without negative terms - old stars,
    young stars, gas - and a polynomial of the fourth degree in log
    wavelength, which takes up dust and errors of the flux calibration.

    Parameters
    ----------
    spectrum : `~specutils.Spectrum`
        With uncertainties and vacuum wavelengths.
    z_range : tuple of float, optional
        The least and the largest redshift; templates reach from 1800
        to 9900 AA.
    templates : sequence of str, optional
        Names of `~astrovae.spectra.TEMPLATES`; by default all.
    min_delta_chi2 : float, optional
        The difference of chi squared to the next minimum that makes a
        redshift unambiguous.

    Returns
    -------
    measurement : `RedshiftMeasurement`
        The redshift.

    Raises
    ------
    ValueError
        If the range or a template makes no sense.
    TypeError, `~astropy.units.UnitsError`
        If the spectrum is none, or its units are not those of one.
    `~astrovae.exceptions.SpectrumError`
        If it cannot be measured.
    """
    low, high = (float(z) for z in z_range)
    if not -0.1 < low < high <= 5:
        msg = f"'z_range' must rise between -0.1 and 5, not {z_range}"
        raise ValueError(msg)
    chosen = _templates(templates)
    arrays = spectral_arrays(spectrum)
    grid = LogGrid(arrays, (low, high), _DEGREE)
    curves = {}
    for template in chosen:
        for width in _WIDTHS if template.has_gas else _WIDTHS[:1]:
            components = template.evaluate(grid.rest_wavelength, width)
            curves[template.name, width] = grid.gain(components)
    names = list(curves)
    gains = np.array([curves[name] for name in names])
    best = gains.max(axis=0)
    peak = int(np.argmax(best))
    name, width = names[int(np.argmax(gains[:, peak]))]
    n_free = _DEGREE + 3 + len(TEMPLATES[name].components)
    freedom = max(int(arrays.good.sum()) - n_free, 1)
    reduced = max((grid.null_chi2 - best[peak]) / freedom, 0.0)
    scale = max(reduced, 1.0)
    second = _second_peak(grid.redshifts, best, peak)
    delta = best[peak] - (0.0 if second is None else best[second])
    redshift, error = _refine(
        arrays, TEMPLATES[name], width, grid.redshifts[peak], scale
    )
    reason = ""
    if delta / scale < min_delta_chi2:
        reason = f"chi squared differs by {delta / scale:.1f} only from that of "
        reason += "no line" if second is None else f"z = {grid.redshifts[second]:.4f}"
    elif peak in (0, len(best) - 1):
        reason = "the best redshift is at an end of the range"
    return RedshiftMeasurement(
        redshift=redshift,
        error=error,
        delta_chi2=float(delta / scale),
        second_redshift=np.nan if second is None else float(grid.redshifts[second]),
        template=name,
        reduced_chi2=float(reduced),
        ambiguous=bool(reason),
        reason=reason,
    )


def _templates(names):
    names = list(TEMPLATES) if names is None else list(names)
    unknown = [name for name in names if name not in TEMPLATES]
    if unknown or not names:
        msg = f"no such template: {unknown}; there are {', '.join(TEMPLATES)}"
        raise ValueError(msg)
    return [TEMPLATES[name] for name in names]


def _second_peak(redshifts, gain, peak):
    """
    The highest other peak that is another redshift.
    """
    velocity = np.abs(np.log1p(redshifts) - np.log1p(redshifts[peak]))
    peaks, _ = find_peaks(np.concatenate([[-1.0], gain, [-1.0]]))
    peaks -= 1
    peaks = peaks[velocity[peaks] * SPEED_OF_LIGHT > SAME_VELOCITY]
    peaks = peaks[gain[peaks] > 0]
    return int(peaks[np.argmax(gain[peaks])]) if len(peaks) else None


def _refine(arrays, template, width, redshift, scale):
    """
    The vertex of a parabola through chi squared at exact wavelengths.
    """
    part = arrays.select(arrays.good)
    root = np.sqrt(part.ivar)
    x = np.log(part.wavelength)
    x = 2 * (x - x[0]) / (x[-1] - x[0]) - 1
    basis, _ = np.linalg.qr(
        np.polynomial.legendre.legvander(x, _DEGREE) * root[:, None]
    )
    data = part.flux * root
    data = data - basis @ (basis.T @ data)

    def gain(offset):
        z = (1 + redshift) * np.exp(offset) - 1
        rows = template.evaluate(part.wavelength / (1 + z), width) * root
        rows = rows - (rows @ basis) @ basis.T
        return nonnegative_gain((rows @ rows.T)[..., None], (rows @ data)[:, None])[0]

    step = STEP * np.log(10)
    centre = 0.0
    for _ in range(4):
        offsets = centre + step * np.array([-1.0, 0.0, 1.0])
        left, middle, right = (gain(offset) for offset in offsets)
        curvature = 2 * middle - left - right
        if curvature <= 0:
            break
        move = 0.5 * step * (right - left) / curvature
        centre += np.clip(move, -2 * step, 2 * step)
        # The parabola holds where chi squared rises by about one.
        step = np.clip(np.sqrt(2 * scale / curvature) * step, step / 5, 5 * step)
    z = (1 + redshift) * np.exp(centre) - 1
    if curvature <= 0:
        return float(z), np.nan
    error = np.sqrt(2 * scale / curvature) * abs(offsets[1] - offsets[0])
    return float(z), float(error * (1 + z))
