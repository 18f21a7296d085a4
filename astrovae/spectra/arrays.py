# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A spectrum as plain arrays, checked once, for all that is measured.
"""

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.nddata import InverseVariance, StdDevUncertainty

from astrovae.exceptions import SpectrumError

__all__ = ["FLUX_UNIT", "SpectralArrays", "spectral_arrays", "spectrum_class"]

#: The unit of fluxes, that of SDSS.
FLUX_UNIT = u.Unit("1e-17 erg / (s cm2 AA)")


def spectrum_class():
    """
    Return specutils' class of spectra.

    Returns
    -------
    cls : type
        ``specutils.Spectrum``; it was called ``Spectrum1D`` before
        specutils 2.
    """
    import specutils

    try:
        return specutils.Spectrum
    except AttributeError:
        return specutils.Spectrum1D


@dataclass(frozen=True)
class SpectralArrays:
    """
    A spectrum, sorted by wavelength.

    Parameters
    ----------
    wavelength : `~numpy.ndarray`, shape (N,)
        In AA, increasing; of vacuum if the spectrum's are.
    flux : `~numpy.ndarray`, shape (N,)
        In `FLUX_UNIT`; 0 where it is not good.
    ivar : `~numpy.ndarray` or None, shape (N,)
        Inverse variance; 0 where the pixel is not good.
    good : `~numpy.ndarray` of bool, shape (N,)
        Pixels that are finite, not masked, and have an uncertainty.
    """

    wavelength: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray
    good: np.ndarray

    @property
    def edges(self):
        """
        The edges of the pixels in AA, shape (N + 1,).
        """
        middle = 0.5 * (self.wavelength[1:] + self.wavelength[:-1])
        first = 2 * self.wavelength[0] - middle[0]
        last = 2 * self.wavelength[-1] - middle[-1]
        return np.concatenate([[first], middle, [last]])

    def select(self, chosen):
        """
        Return a part of the spectrum.

        Parameters
        ----------
        chosen : `~numpy.ndarray` of bool, shape (N,)
            The pixels.

        Returns
        -------
        part : `SpectralArrays`
            These pixels.
        """
        return SpectralArrays(
            self.wavelength[chosen],
            self.flux[chosen],
            self.ivar[chosen],
            self.good[chosen],
        )

    def without(self, masked):
        """
        Return the spectrum with more pixels masked.

        Parameters
        ----------
        masked : `~numpy.ndarray` of bool, shape (N,)
            Pixels that are not to be used.

        Returns
        -------
        rest : `SpectralArrays`
            The same pixels, of which these are not good.
        """
        good = self.good & ~masked
        ivar = None if self.ivar is None else np.where(good, self.ivar, 0.0)
        return SpectralArrays(
            self.wavelength, np.where(good, self.flux, 0.0), ivar, good
        )


def spectral_arrays(spectrum, *, need_uncertainty=True):
    """
    Check a spectrum and convert it.

    Parameters
    ----------
    spectrum : `~specutils.Spectrum`
        One spectrum, with a flux density per wavelength or frequency.
    need_uncertainty : bool, optional
        Whether a spectrum without uncertainties is an error.

    Returns
    -------
    arrays : `SpectralArrays`
        The spectrum. Its ``ivar`` is None if there is no uncertainty.

    Raises
    ------
    TypeError
        If it is no spectrum.
    `~astropy.units.UnitsError`
        If the units of flux or spectral axis are not what they must be.
    `~astrovae.exceptions.SpectrumError`
        If there is no good pixel, no uncertainty, or no order in the
        wavelengths.
    """
    if not hasattr(spectrum, "spectral_axis") or not hasattr(spectrum, "flux"):
        msg = f"'spectrum' must be a specutils Spectrum, not {type(spectrum).__name__}"
        raise TypeError(msg)
    if spectrum.flux.ndim != 1:
        msg = (
            f"'spectrum' holds spectra of the shape {spectrum.flux.shape}; "
            "give one at a time"
        )
        raise SpectrumError(msg)
    wavelength = _wavelengths(spectrum)
    flux, factor = _fluxes(spectrum, wavelength)
    ivar = _inverse_variance(spectrum, factor)
    if ivar is None and need_uncertainty:
        msg = (
            "the spectrum has no uncertainty; without one no error can be given: "
            "set spectrum.uncertainty"
        )
        raise SpectrumError(msg)
    good = np.isfinite(flux)
    if spectrum.mask is not None:
        good &= ~np.asarray(spectrum.mask).astype(bool)
    if ivar is not None:
        good &= np.isfinite(ivar) & (ivar > 0)
        ivar = np.where(good, ivar, 0.0)
    if not good.any():
        msg = f"all {good.size} pixels of the spectrum are masked"
        raise SpectrumError(msg)
    order = slice(None, None, -1 if wavelength[0] > wavelength[-1] else 1)
    flux = np.where(good, flux, 0.0)
    return SpectralArrays(
        wavelength[order],
        flux[order],
        None if ivar is None else ivar[order],
        good[order],
    )


def _wavelengths(spectrum):
    axis = u.Quantity(spectrum.spectral_axis)
    if not axis.unit.is_equivalent(u.AA, equivalencies=u.spectral()):
        msg = (
            f"the spectral axis has the unit '{axis.unit}', which cannot be "
            "converted to a wavelength"
        )
        raise u.UnitsError(msg)
    wavelength = axis.to_value(u.AA, equivalencies=u.spectral()).astype(float)
    if wavelength.size < 3:
        msg = f"a spectrum of {wavelength.size} pixels cannot be measured"
        raise SpectrumError(msg)
    steps = np.diff(wavelength)
    if not (np.all(steps > 0) or np.all(steps < 0)) or not np.all(wavelength > 0):
        msg = "the wavelengths are not positive, finite and in order"
        raise SpectrumError(msg)
    return wavelength


def _fluxes(spectrum, wavelength):
    flux = u.Quantity(spectrum.flux)
    density = u.spectral_density(wavelength * u.AA)
    if not flux.unit.is_equivalent(FLUX_UNIT, equivalencies=density):
        msg = (
            f"the flux has the unit '{flux.unit}', which is no flux density such "
            f"as '{FLUX_UNIT}'"
        )
        raise u.UnitsError(msg)
    # The conversion is a factor for each pixel, for flux and error alike.
    ones = np.ones(flux.shape) * flux.unit
    factor = ones.to_value(FLUX_UNIT, equivalencies=density)
    return flux.value.astype(float) * factor, factor


def _inverse_variance(spectrum, factor):
    uncertainty = spectrum.uncertainty
    if uncertainty is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        if isinstance(uncertainty, StdDevUncertainty):
            # A standard deviation of 0 stands for no measurement.
            ivar = np.asarray(uncertainty.array, dtype=float) ** -2.0
            unit = None if uncertainty.unit is None else uncertainty.unit**-2
        else:
            uncertainty = uncertainty.represent_as(InverseVariance)
            ivar, unit = uncertainty.array.astype(float), uncertainty.unit
        ivar = ivar / factor**2
    if unit is not None:
        ivar = ivar * _unit_ratio(unit, spectrum.flux.unit**-2)
    return np.where(np.isfinite(ivar), ivar, 0.0)


def _unit_ratio(unit, expected):
    if not unit.is_equivalent(expected):
        msg = (
            f"the inverse variance has the unit '{unit}', which does not fit the "
            f"flux: '{expected}' is expected"
        )
        raise u.UnitsError(msg)
    return unit.to(expected)
