# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The redshift of a galaxy from its spectrum.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from astrovae.spectra.arrays import spectral_arrays
from astrovae.spectra.correlation import STEP, LogGrid, nonnegative_gain
from astrovae.spectra.line_list import EMISSION_LINES, SPEED_OF_LIGHT
from astrovae.spectra.templates import TEMPLATES

__all__ = ["AMBIGUOUS_BELOW", "RedshiftMeasurement", "measure_redshift"]

#: A redshift is ambiguous if another one has a chi squared less than this
#: above the best; the limit of DESI's Redrock (``min_deltachi2``).
AMBIGUOUS_BELOW = 9.0

#: Redshifts within this velocity (km / s) are the same; Redrock's, too.
SAME_VELOCITY = 1000.0

#: Redshifts outside of the range asked for are tried from here, below
#: which no galaxy is, on: Redrock's least.
_LEAST_REDSHIFT = -0.005

# Standard deviations of emission lines that are tried, in km / s.
_WIDTHS = (80.0, 150.0, 280.0)

#: Pixels this near to a line (km / s), or within four of its widths, belong
#: to it; [N II] 6583 is 945 km / s from H alpha.
_LINE_REACH = 600.0

# The degree of the polynomial that takes up dust and flux calibration.
_DEGREE = 4


@dataclass(frozen=True)
class RedshiftMeasurement:
    """
    A redshift and how sure it is.

    Parameters
    ----------
    redshift : float
        The redshift of the lowest chi squared in the range.
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
        Whether ``delta_chi2`` is below `AMBIGUOUS_BELOW`, the best
        redshift is at an end of the range, or it is not found again
        without its main emission line.
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
        The least and the largest redshift that the result may have.
        Templates reach from 1800 to 9900 AA.
    templates : sequence of str, optional
        Names of `~astrovae.spectra.TEMPLATES`; by default all.
    min_delta_chi2 : float, optional
        The difference of chi squared to the lowest other minimum from
        which on a redshift is not ambiguous.

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

    Notes
    -----
    The best redshift of a range is no good one if the galaxy lies
    outside. Chi squared is therefore also computed beyond the range,
    from z = -0.005 up to where [O II] 3727 leaves the spectrum (1.46
    for 9200 AA), and a redshift there that fits better, or worse by
    less than ``min_delta_chi2``, makes the result ambiguous.

    A redshift is ambiguous, too, if a single emission line decides it:
    the line that lowers chi squared most is masked, within 600 km/s or
    four line widths, and the best redshift must then be the same. A
    line can be any, among them those that no template has. So three
    emission lines are needed, or fewer and what stars absorb; of a
    green pea these are in SDSS's range up to z = 0.8, and beyond, where
    only [O II] 3727 and one other may be left, a right redshift may be
    called ambiguous.

    The reduced chi squared is no criterion: templates do not match
    strong lines exactly, and the right fit of a bright green pea may
    have one of 500.

    There are no templates of quasars and stars. Their redshifts are not
    right, and need not be called ambiguous.
    """
    low, high = (float(z) for z in z_range)
    if not -0.1 < low < high <= 5:
        msg = f"'z_range' must rise between -0.1 and 5, not {z_range}"
        raise ValueError(msg)
    chosen = _templates(templates)
    arrays = spectral_arrays(spectrum)
    tried = _tried(arrays, low, high)
    grid, fits, gains = _gains(arrays, tried, chosen)
    best = gains.max(axis=0)
    first, last = np.searchsorted(grid.redshifts, (low, high), side="right") - 1
    peak = first + int(np.argmax(best[first : last + 1]))
    template, width = fits[int(np.argmax(gains[:, peak]))]
    n_free = _DEGREE + 3 + len(template.components)
    freedom = max(int(arrays.good.sum()) - n_free, 1)
    reduced = max((grid.null_chi2 - best[peak]) / freedom, 0.0)
    scale = max(reduced, 1.0)
    second = _second_peak(grid.redshifts, best, peak)
    delta = best[peak] - (0.0 if second is None else best[second])
    redshift, error = _refine(arrays, template, width, grid.redshifts[peak], scale)
    reason = ""
    if delta / scale < min_delta_chi2:
        other = np.nan if second is None else grid.redshifts[second]
        reason = _ambiguity(delta / scale, other, (low, high))
    elif peak in (first, last):
        reason = "the best redshift is at an end of the range"
    else:
        reason = _main_line(arrays, tried, chosen, template, width, redshift)
    return RedshiftMeasurement(
        redshift=redshift,
        error=error,
        delta_chi2=float(delta / scale),
        second_redshift=np.nan if second is None else float(grid.redshifts[second]),
        template=template.name,
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


def _tried(arrays, low, high):
    """
    The range asked for, and beyond it what a galaxy may have.
    """
    reddest = arrays.wavelength[arrays.good][-1] / EMISSION_LINES["[O II] 3729"] - 1
    return min(low, _LEAST_REDSHIFT), max(high, reddest)


def _ambiguity(delta, other, z_range):
    if np.isnan(other):
        return f"chi squared differs by {delta:.1f} only from that of no line"
    low, high = z_range
    if low <= other <= high:
        return f"chi squared differs by {delta:.1f} only from that of z = {other:.4f}"
    if delta > 0:
        return (
            f"chi squared differs by {delta:.1f} only from that of z = {other:.4f}, "
            f"outside of the range {low:g} to {high:g}"
        )
    return (
        f"z = {other:.4f}, outside of the range {low:g} to {high:g}, fits better: "
        f"its chi squared is lower by {-delta:.1f}"
    )


def _gains(arrays, z_range, templates):
    """
    The grid, the template and line width of each fit, and its gains.
    """
    grid = LogGrid(arrays, z_range, _DEGREE)
    fits = [
        (template, width)
        for template in templates
        for width in (_WIDTHS if template.has_gas else _WIDTHS[:1])
    ]
    gains = [
        grid.gain(template.evaluate(grid.rest_wavelength, width))
        for template, width in fits
    ]
    return grid, fits, np.array(gains)


def _main_line(arrays, z_range, templates, template, width, redshift):
    """
    Why a redshift is ambiguous that its main line alone decides.

    A line can be any; a template whose other lines lie outside of the
    spectrum can fit it better than the right one.
    """
    if not template.has_gas:
        return ""
    gain = _exact_gain(arrays, template, width)(redshift)
    reach = max(4 * width, _LINE_REACH) / SPEED_OF_LIGHT
    carried, main, rest = 0.0, "", arrays
    for name, wavelength in EMISSION_LINES.items():
        offset = arrays.wavelength / (wavelength * (1 + redshift)) - 1
        left = arrays.without(np.abs(offset) < reach)
        # The polynomial goes through so few pixels whatever the redshift.
        few = left.good.sum() <= _DEGREE + 1
        loss = gain - (0.0 if few else _exact_gain(left, template, width)(redshift))
        if loss > carried:
            carried, main, rest = loss, name, left
    if not main:
        return ""
    if rest.good.sum() > _DEGREE + 1:
        grid, _, gains = _gains(rest, z_range, templates)
        other = grid.redshifts[np.argmax(gains.max(axis=0))]
        if _velocity(other, redshift) < SAME_VELOCITY:
            return ""
    wavelength = EMISSION_LINES[main] * (1 + redshift)
    return (
        f"without the line at {wavelength:.0f} AA, taken for {main}, the redshift is "
        "not found again"
    )


def _velocity(redshift, other):
    return np.abs(np.log1p(redshift) - np.log1p(other)) * SPEED_OF_LIGHT


def _second_peak(redshifts, gain, peak):
    """
    The highest other peak that is another redshift.
    """
    velocity = _velocity(redshifts, redshifts[peak])
    peaks, _ = find_peaks(np.concatenate([[-1.0], gain, [-1.0]]))
    peaks -= 1
    peaks = peaks[velocity[peaks] > SAME_VELOCITY]
    peaks = peaks[gain[peaks] > 0]
    return int(peaks[np.argmax(gain[peaks])]) if len(peaks) else None


def _exact_gain(arrays, template, width):
    """
    The gain as a function of redshift, at exact wavelengths.
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

    def gain(z):
        rows = template.evaluate(part.wavelength / (1 + z), width) * root
        rows = rows - (rows @ basis) @ basis.T
        return nonnegative_gain((rows @ rows.T)[..., None], (rows @ data)[:, None])[0]

    return gain


def _refine(arrays, template, width, redshift, scale):
    """
    The vertex of a parabola through chi squared at exact wavelengths.
    """
    gain = _exact_gain(arrays, template, width)
    step = STEP * np.log(10)
    centre = 0.0
    for _ in range(4):
        offsets = centre + step * np.array([-1.0, 0.0, 1.0])
        left, middle, right = (
            gain((1 + redshift) * np.exp(offset) - 1) for offset in offsets
        )
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
