# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Spectra from files: SDSS, DESI, and what specutils reads.

Every spectrum comes out alike: in vacuum wavelengths, with a flux density
per wavelength, inverse variances and a mask.
"""

import warnings
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.io.registry import IORegistryError
from astropy.nddata import InverseVariance
from astropy.table import Table
from astropy.utils.exceptions import AstropyUserWarning

from astrovae.exceptions import SpectrumError
from astrovae.spectra.arrays import FLUX_UNIT, spectral_arrays, spectrum_class
from astrovae.spectra.desi import is_desi, read_desi
from astrovae.spectra.sdss import is_sdss, read_sdss

__all__ = ["read_spectrum"]


def read_spectrum(path, *, format=None, target=None, medium="vacuum"):  # noqa: A002
    """
    Read one spectrum.

    Parameters
    ----------
    path : path-like
        The file: ``spec-PLATE-MJD-FIBER.fits`` of SDSS, ``coadd-`` or
        ``spectra-...fits`` of DESI, a table with units (ECSV or FITS)
        with columns of wavelength, flux and its error or ``ivar`` and,
        if there is one, ``mask``; or any other that specutils reads.
    format : str, optional
        "sdss", "desi", or a name of specutils' formats; found out if it
        is not given.
    target : int, optional
        The TARGETID, of a DESI file with several spectra.
    medium : {"vacuum", "air"}, optional
        Where the wavelengths of a table are those of. SDSS and DESI
        give vacuum wavelengths.

    Returns
    -------
    spectrum : `~specutils.Spectrum`
        Vacuum wavelengths in AA, flux in 1e-17 erg / (s cm2 AA), inverse
        variance (without uncertainty if the file has none), mask, and in
        ``meta`` what the file tells: for SDSS ``plate``, ``mjd``,
        ``fiber``, ``ra``, ``dec``, ``redshift``, ``redshift_err``,
        ``redshift_warning`` and ``class`` of the survey.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If an argument makes no sense.
    `~astropy.units.UnitsError`
        If a table's units are not those of a spectrum.
    `~astrovae.exceptions.SpectrumError`
        If the file is broken, holds no spectrum, or no good pixel.
    """
    path = Path(path).expanduser()
    if medium not in ("vacuum", "air"):
        msg = f"'medium' must be 'vacuum' or 'air', not {medium!r}"
        raise ValueError(msg)
    if not path.is_file():
        msg = f"there is no file {path}"
        raise FileNotFoundError(msg)
    with warnings.catch_warnings():
        # astropy reads what there is of a file that was cut short.
        warnings.filterwarnings("error", ".*truncated.*", AstropyUserWarning)
        warnings.simplefilter("ignore", fits.verify.VerifyWarning)
        warnings.simplefilter("ignore", u.UnitsWarning)
        try:
            spectrum = _read(path, format, target)
        except u.UnitsError:
            raise
        except SpectrumError as error:
            msg = f"{path.name} cannot be read as a spectrum: {error}"
            raise SpectrumError(msg) from error
        except AstropyUserWarning as error:
            msg = f"{path.name} was cut short: {error}"
            raise SpectrumError(msg) from error
        except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
            msg = f"{path.name} cannot be read as a spectrum: {error}"
            raise SpectrumError(msg) from error
    spectrum.meta["file"] = str(path)
    return _uniform(spectrum, medium)


def _read(path, name, target):
    if name is None and _is_fits(path):
        with fits.open(path, memmap=False) as hdus:
            for hdu in hdus:
                # Reading each part finds out whether it is there.
                _ = hdu.data
            if is_sdss(hdus):
                return read_sdss(hdus)
            name = "desi" if is_desi(hdus) else None
            if name is None and any(isinstance(h, fits.BinTableHDU) for h in hdus[1:2]):
                name = "tabular-fits"
    if name == "sdss":
        with fits.open(path, memmap=False) as hdus:
            return read_sdss(hdus)
    if name == "desi":
        return read_desi(path, target)
    if name is None and path.suffix.lower() == ".ecsv":
        name = "ECSV"
    cls = spectrum_class()
    try:
        spectrum = cls.read(str(path), format=name) if name else cls.read(str(path))
    except IORegistryError as error:
        # specutils lists all that it reads, over many lines.
        msg = "its format is not known"
        raise SpectrumError(msg) from error
    if name in ("tabular-fits", "ECSV"):
        spectrum = _with_columns(spectrum, path)
    return spectrum


def _is_fits(path):
    with path.open("rb") as file:
        start = file.read(6)
    return start in (b"SIMPLE", b"\x1f\x8b\x08") or path.name.endswith((".fits.gz",))


def _with_columns(spectrum, path):
    """
    Add the columns that specutils' readers of tables leave out.
    """
    table = Table.read(path, **({} if _is_fits(path) else {"format": "ascii.ecsv"}))
    columns = {name.lower(): table[name] for name in table.colnames}
    uncertainty, mask = spectrum.uncertainty, spectrum.mask
    if "ivar" in columns:
        values = np.ma.filled(np.ma.asarray(columns["ivar"], dtype=float), 0.0)
        unit = columns["ivar"].unit or spectrum.flux.unit**-2
        uncertainty = InverseVariance(np.asarray(values), unit=unit)
    if "mask" in columns:
        mask = np.asarray(columns["mask"]).astype(bool)
    return spectrum_class()(
        flux=spectrum.flux,
        spectral_axis=spectrum.spectral_axis,
        uncertainty=uncertainty,
        mask=mask,
        meta=dict(spectrum.meta),
    )


def _uniform(spectrum, medium):
    arrays = spectral_arrays(spectrum, need_uncertainty=False)
    wavelength = arrays.wavelength * u.AA
    if medium == "air":
        from specutils.utils.wcs_utils import air_to_vac

        wavelength = air_to_vac(wavelength)
    uncertainty = None
    if arrays.ivar is not None:
        uncertainty = InverseVariance(arrays.ivar, unit=FLUX_UNIT**-2)
    return spectrum_class()(
        flux=arrays.flux * FLUX_UNIT,
        spectral_axis=wavelength,
        uncertainty=uncertainty,
        mask=~arrays.good,
        meta=dict(spectrum.meta) | {"medium": "vacuum"},
    )
