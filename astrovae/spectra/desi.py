# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The files of DESI, with many targets and three arms each.
"""

import astropy.units as u
import numpy as np
from astropy.nddata import InverseVariance

from astrovae.exceptions import SpectrumError
from astrovae.spectra.arrays import FLUX_UNIT, spectrum_class

__all__ = ["is_desi", "read_desi"]


def is_desi(hdus):
    """
    Say whether a file has the layout of DESI.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList`
        The file.

    Returns
    -------
    known : bool
        Whether there are a FIBERMAP and fluxes of an arm.
    """
    names = {hdu.name for hdu in hdus}
    return "FIBERMAP" in names and any(f"{arm}_FLUX" in names for arm in "BRZ")


def read_desi(path, target=None):
    """
    Read the spectrum of one target and join its arms.

    Parameters
    ----------
    path : path-like
        The file.
    target : int, optional
        Its TARGETID. Not needed if there is one only.

    Returns
    -------
    spectrum : `~specutils.Spectrum`
        The spectrum. DESI's arms share a grid of wavelengths, so that
        pixels seen by two are averaged by their inverse variances.
    """
    from specutils import SpectrumList

    arms = SpectrumList.read(str(path), format="DESI coadd")
    fibermap = arms[0].meta["fibermap"]
    row = _row(fibermap, target)
    wavelength, flux, ivar = [], [], []
    for arm in arms:
        values = np.atleast_2d(arm.uncertainty.array)[row]
        mask = arm.mask
        bad = np.zeros(values.shape, bool) if mask is None else np.atleast_2d(mask)[row]
        unit = arm.flux.unit
        wavelength.append(arm.spectral_axis.to_value(u.AA))
        flux.append(np.atleast_2d(arm.flux.value)[row] * unit.to(FLUX_UNIT))
        ivar.append(np.where(bad, 0.0, values) * unit.to(FLUX_UNIT) ** -2.0)
    wavelength, flux, ivar = map(np.concatenate, (wavelength, flux, ivar))
    # Wavelengths that are the same are the same to a hundredth of a pixel.
    grid, index = np.unique(np.round(wavelength, 2), return_inverse=True)
    weight = np.bincount(index, ivar)
    total = np.bincount(index, np.where(ivar > 0, ivar * flux, 0.0))
    mean = np.divide(total, weight, out=np.zeros(len(grid)), where=weight > 0)
    entry = fibermap[row]
    meta = {"targetid": int(entry["TARGETID"])}
    for key, column in (("ra", "TARGET_RA"), ("dec", "TARGET_DEC")):
        if column in fibermap.colnames:
            meta[key] = float(entry[column])
    return spectrum_class()(
        flux=mean * FLUX_UNIT,
        spectral_axis=grid * u.AA,
        uncertainty=InverseVariance(weight, unit=FLUX_UNIT**-2),
        mask=weight == 0,
        meta=meta,
    )


def _row(fibermap, target):
    ids = np.asarray(fibermap["TARGETID"])
    if target is None:
        if len(ids) > 1:
            msg = (
                f"the file holds {len(ids)} spectra; name one by 'target', a "
                f"TARGETID such as {ids[0]}"
            )
            raise SpectrumError(msg)
        return 0
    rows = np.flatnonzero(ids == target)
    if len(rows) == 0:
        msg = f"the file holds no spectrum of the TARGETID {target}"
        raise SpectrumError(msg)
    if len(rows) > 1:
        msg = (
            f"the file holds {len(rows)} exposures of the TARGETID {target}; use the "
            "coadd file"
        )
        raise SpectrumError(msg)
    return int(rows[0])
