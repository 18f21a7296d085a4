# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What a galaxy's parameters are: name, unit, scale and plausible range.

The rest of the package reads this table; nothing else decides in
which unit a redshift or a mass is given, or that a mass is modelled
by its logarithm.
"""

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.cosmology import units as cu

__all__ = ["PARAMETERS", "PHYSICAL", "Parameter"]

# astropy writes the unit of a redshift to files but reads it back only
# where it is enabled; tables must survive their own files.
u.add_enabled_units(cu)


@dataclass(frozen=True)
class Parameter:
    """
    One parameter of a galaxy.

    Parameters
    ----------
    name : str
        The column name, e.g. ``"stellar_mass"``.
    unit : `~astropy.units.Unit`
        The unit of the column.
    scale : {"linear", "log10", "periodic"}
        How the parameter is modelled: as it is, by its decimal
        logarithm, or as an angle with a period of 180 degrees.
    bounds : tuple of float
        The plausible range, in ``unit``.
    label : str
        The axis label of the modelled value, in TeX.
    """

    name: str
    unit: u.UnitBase
    scale: str
    bounds: tuple
    label: str

    def quantity(self, values):
        """
        Give values the parameter's unit, or convert them to it.

        Parameters
        ----------
        values : `~astropy.units.Quantity` or array_like
            Values in any equivalent unit. Only the redshift may come
            without a unit, as redshifts do in most catalogues.

        Returns
        -------
        quantity : `~astropy.units.Quantity`
            The values in the parameter's unit.

        Raises
        ------
        `~astropy.units.UnitsError`
            If the unit is missing or not equivalent.
        """
        unit = getattr(values, "unit", None)
        if isinstance(unit, u.UnrecognizedUnit) and str(unit) == str(self.unit):
            # A table read before the unit was enabled has it by name.
            return u.Quantity(values.value, self.unit)
        if unit is None or unit == u.dimensionless_unscaled:
            if self.unit == cu.redshift:
                return u.Quantity(np.asarray(values), cu.redshift)
            msg = f"{self.name!r} needs a unit equivalent to {self.unit}"
            raise u.UnitsError(msg)
        if not unit.is_equivalent(self.unit):
            msg = (
                f"{self.name!r} has the unit {unit}, which cannot be "
                f"converted to {self.unit}"
            )
            raise u.UnitsError(msg)
        return u.Quantity(values).to(self.unit)

    def to_latent(self, values, errors=None):
        """
        Transform values, and errors if given, to the modelled scale.

        Parameters
        ----------
        values : `~astropy.units.Quantity`, shape (N,)
            Values in any equivalent unit.
        errors : `~astropy.units.Quantity`, shape (N,), optional
            1-sigma errors; propagated to first order.

        Returns
        -------
        latent : `~numpy.ndarray`, shape (N,)
            Redshift, log10(mass / Msun), log10(SFR / (Msun / yr)) or
            the angle in radians. Not finite where a logarithm does
            not exist.
        latent_errors : `~numpy.ndarray`, shape (N,)
            Only if ``errors`` are given.
        """
        linear = self.quantity(values).value
        scale_error = 1.0
        latent = linear
        if self.scale == "log10":
            with np.errstate(divide="ignore", invalid="ignore"):
                latent = np.log10(linear)
                scale_error = 1.0 / (np.abs(linear) * np.log(10.0))
        elif self.scale == "periodic":
            scale_error = self.unit.to(u.rad)
            latent = linear * scale_error
        if errors is None:
            return latent
        return latent, self.quantity(errors).value * scale_error

    def from_latent(self, latent):
        """
        Transform modelled values back; inverse of `to_latent`.

        Parameters
        ----------
        latent : array_like, shape (N,)
            Values on the modelled scale.

        Returns
        -------
        values : `~astropy.units.Quantity`, shape (N,)
            The values in the parameter's unit.
        """
        latent = np.asarray(latent)
        if self.scale == "log10":
            return u.Quantity(10.0**latent, self.unit)
        if self.scale == "periodic":
            return u.Quantity(latent, u.rad).to(self.unit)
        return u.Quantity(latent, self.unit)


PARAMETERS = {
    parameter.name: parameter
    for parameter in (
        Parameter("redshift", cu.redshift, "linear", (0.0, 1.5), "$z$"),
        Parameter(
            "stellar_mass",
            u.Msun,
            "log10",
            (1e6, 1e13),
            r"$\log_{10}(M_\star / M_\odot)$",
        ),
        Parameter(
            "sfr",
            u.Msun / u.yr,
            "log10",
            (1e-6, 1e4),
            r"$\log_{10}(\mathrm{SFR} / (M_\odot\,\mathrm{yr}^{-1}))$",
        ),
        Parameter("orientation", u.deg, "periodic", (-90.0, 90.0), r"$\phi$"),
    )
}

#: The parameters of the stellar population, in column order.
PHYSICAL = ("redshift", "stellar_mass", "sfr")
