# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
All that is measured of one spectrum.
"""

from dataclasses import dataclass

import numpy as np
from astropy.table import QTable

from astrovae.spectra.breaks import BreakMeasurement, d4000
from astrovae.spectra.lines import check_redshift, line_measurements
from astrovae.spectra.redshifts import RedshiftMeasurement, measure_redshift

__all__ = ["SpectralMeasurements", "measure_spectrum"]


@dataclass(frozen=True)
class SpectralMeasurements:
    """
    What was measured of a spectrum.

    Parameters
    ----------
    redshift : `RedshiftMeasurement`
        The redshift.
    lines : `~astropy.table.QTable`
        The lines, from `~astrovae.spectra.line_measurements`.
    break_4000 : `BreakMeasurement`
        The narrow 4000 AA break.
    """

    redshift: RedshiftMeasurement
    lines: QTable
    break_4000: BreakMeasurement

    def line(self, name):
        """
        Return the row of a line.

        Parameters
        ----------
        name : str
            The line.

        Returns
        -------
        row : `~astropy.table.Row`
            Its row in `lines`.
        """
        return self.lines[list(self.lines["line"]).index(name)]


def measure_spectrum(spectrum, redshift=None, **kwargs):
    """
    Measure redshift, lines and 4000 AA break.

    Parameters
    ----------
    spectrum : `~specutils.Spectrum`
        With uncertainties and vacuum wavelengths.
    redshift : float, optional
        The redshift if it is known; else it is measured.
    **kwargs : dict
        For `~astrovae.spectra.measure_redshift`.

    Returns
    -------
    measurements : `SpectralMeasurements`
        The measurements.
    """
    if redshift is None:
        found = measure_redshift(spectrum, **kwargs)
    else:
        value = check_redshift(redshift)
        found = RedshiftMeasurement(
            value, 0.0, np.inf, np.nan, "given", np.nan, ambiguous=False
        )
    return SpectralMeasurements(
        found,
        line_measurements(spectrum, found.redshift),
        d4000(spectrum, found.redshift),
    )
