# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The files of one spectrum that SDSS publishes: ``spec-*.fits``.

The layout is described at
https://data.sdss.org/datamodel/files/BOSS_SPECTRO_REDUX/RUN2D/spectra/PLATE4/spec.html.
specutils reads them, too, but knows the files of one pipeline version only,
and masks every pixel with any bit set: many bits only tell that
something was interpolated or rejected in one exposure, and some are set
for all pixels of a good spectrum.
"""

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.nddata import InverseVariance

from astrovae.exceptions import SpectrumError
from astrovae.spectra.arrays import FLUX_UNIT, spectrum_class

__all__ = ["BAD_PIXELS", "is_sdss", "read_sdss"]

_COLUMNS = {"loglam", "flux", "ivar"}

#: Bits of SDSS's SPPIXMASK in ``and_mask`` (set in every exposure) that
#: make a pixel unusable: FULLREJECT, BRIGHTSKY (the sky is brighter than
#: the object), NODATA, BADSKYCHI and REDMONSTER (the sky was not removed).
BAD_PIXELS = sum(1 << bit for bit in (18, 23, 24, 27, 28))

# Names in ``meta``, and in the second table of the file.
_SURVEY = {
    "plate": "PLATE",
    "mjd": "MJD",
    "fiber": "FIBERID",
    "ra": "PLUG_RA",
    "dec": "PLUG_DEC",
    "redshift": "Z",
    "redshift_err": "Z_ERR",
    "redshift_warning": "ZWARNING",
    "class": "CLASS",
    "run2d": "RUN2D",
}


def is_sdss(hdus):
    """
    Say whether a file has the layout of SDSS.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList`
        The file.

    Returns
    -------
    known : bool
        Whether there is a table with ``loglam``, ``flux`` and ``ivar``.
    """
    return _find_coadd(hdus) is not None


def read_sdss(hdus):
    """
    Read a spectrum.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList`
        The file.

    Returns
    -------
    spectrum : `~specutils.Spectrum`
        The spectrum; SDSS's wavelengths are of vacuum, heliocentric.
    """
    hdu = _find_coadd(hdus)
    if hdu is None:
        msg = "there is no table with the columns loglam, flux and ivar"
        raise SpectrumError(msg)
    table = hdu.data
    columns = {name.lower(): name for name in table.names}
    mask = np.zeros(len(table), dtype=bool)
    if "and_mask" in columns:
        mask = (np.asarray(table[columns["and_mask"]]) & BAD_PIXELS) != 0
    ivar = np.asarray(table[columns["ivar"]], dtype=float)
    mask |= ~(ivar > 0)
    loglam = np.asarray(table[columns["loglam"]], dtype=float)
    return spectrum_class()(
        flux=np.asarray(table[columns["flux"]], dtype=float) * FLUX_UNIT,
        spectral_axis=10**loglam * u.AA,
        uncertainty=InverseVariance(ivar, unit=FLUX_UNIT**-2),
        mask=mask,
        meta=_survey(hdus),
    )


def _find_coadd(hdus):
    for hdu in hdus:
        if isinstance(hdu, fits.BinTableHDU):
            names = {name.lower() for name in hdu.columns.names}
            if names >= _COLUMNS:
                return hdu
    return None


def _survey(hdus):
    """
    What the survey says of the object: the table SPECOBJ, or the header.
    """
    meta = {}
    row = None
    for hdu in hdus[2:]:
        if isinstance(hdu, fits.BinTableHDU) and len(hdu.data) == 1:
            row = hdu.data[0]
            names = {name.upper(): name for name in hdu.columns.names}
            break
    header = hdus[0].header
    for key, column in _SURVEY.items():
        if row is not None and column in names:
            value = row[names[column]]
            meta[key] = value.strip() if isinstance(value, str) else value.item()
        elif column in header or f"{column}ID" in header:
            meta[key] = header.get(column, header.get(f"{column}ID"))
    return meta
