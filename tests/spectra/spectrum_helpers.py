# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Synthetic spectra with known answers, and files in the layout of SDSS.
"""

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.nddata import InverseVariance
from scipy.special import expit
from specutils import Spectrum

UNIT = u.Unit("1e-17 erg / (s cm2 AA)")

#: The pixels of SDSS: 1e-4 in log10 of the wavelength.
LOGLAM = np.arange(np.log10(3800.0), np.log10(9200.0), 1e-4)

C = 299792.458


def gaussian(wavelength, centre, flux, width=120.0):
    """
    A line of a flux, ``width`` km / s wide.
    """
    sigma = centre * width / C
    offset = (wavelength - centre) / sigma
    return flux * np.exp(-0.5 * offset**2) / (sigma * np.sqrt(2 * np.pi))


def spectrum(flux, noise, seed=None, wavelength=None, **kwargs):
    """
    A spectrum with noise (drawn if there is a seed) and its ivar.
    """
    wavelength = 10**LOGLAM if wavelength is None else wavelength
    noise = np.broadcast_to(noise, wavelength.shape)
    flux = np.array(flux, dtype=float)
    if seed is not None:
        flux = flux + np.random.default_rng(seed).normal(size=flux.shape) * noise
    return Spectrum(
        flux=flux * UNIT,
        spectral_axis=wavelength * u.AA,
        uncertainty=InverseVariance(noise**-2.0, unit=UNIT**-2),
        **kwargs,
    )


#: Lines of a metal-poor starburst, flux relative to H beta; written here
#: anew, and not those of the templates.
PEA_LINES = {
    3727.09: 0.9,
    3729.88: 1.15,
    3869.86: 0.5,
    4102.89: 0.26,
    4341.68: 0.47,
    4862.68: 1.0,
    4960.30: 2.0,
    5008.24: 6.0,
    6549.86: 0.05,
    6564.61: 2.9,
    6585.27: 0.15,
    6718.29: 0.15,
    6732.67: 0.1,
}


def pea_flux(z, ew_oiii=400.0, continuum=4.0, width=110.0):
    """
    A green pea: flat continuum, and lines of a given width of [O III].
    """
    wavelength = 10**LOGLAM
    flux = np.full(wavelength.shape, float(continuum))
    for line, ratio in PEA_LINES.items():
        strength = ew_oiii * (1 + z) * continuum * ratio / 6.0
        flux += gaussian(wavelength, line * (1 + z), strength, width)
    return flux


def old_flux(z, level=10.0):
    """
    Old stars, drawn by hand: a step at 4000 AA and absorption features.
    """
    rest = 10**LOGLAM / (1 + z)
    flux = np.interp(rest, [3000, 3700, 4600, 6000, 9000], [0.35, 0.5, 0.9, 1.0, 0.85])
    flux *= 1 - 0.32 * expit((3985.0 - rest) / 6.0)
    for centre, depth, sigma in (
        (3934.8, 0.5, 7.0),
        (3969.6, 0.45, 7.0),
        (4305.0, 0.22, 11.0),
        (4862.7, 0.1, 6.0),
        (5176.0, 0.2, 11.0),
        (5270.0, 0.1, 8.0),
        (5894.6, 0.18, 6.0),
    ):
        flux *= 1 - depth * np.exp(-0.5 * ((rest - centre) / sigma) ** 2)
    return level * flux


def write_spec_lite(
    path,
    flux,
    noise,
    *,
    z=0.25,
    plate=1234,
    mjd=52345,
    fiber=56,
    ra=150.0,
    dec=2.0,
    and_mask=None,
    with_specobj=True,
):
    """
    A file as SDSS publishes it (spec-lite): COADD, SPECOBJ, SPZLINE.

    The layout is that of the data model: names, types and order of the
    columns; the columns of SPECOBJ are some of its many.
    """
    n = len(LOGLAM)
    noise = np.broadcast_to(noise, n)
    ivar = np.divide(1.0, noise**2, out=np.zeros(n), where=noise > 0)
    zeros = np.zeros(n)
    and_mask = np.zeros(n, dtype=np.int32) if and_mask is None else and_mask
    primary = fits.PrimaryHDU()
    primary.header["TELESCOP"] = "SDSS 2.5-M"
    primary.header["PLATEID"] = plate
    primary.header["MJD"] = mjd
    primary.header["FIBERID"] = fiber
    primary.header["PLUG_RA"] = ra
    primary.header["PLUG_DEC"] = dec
    primary.header["VERS2D"] = "v5_13_0"
    primary.header["BUNIT"] = "1E-17 erg/cm^2/s/Ang"
    column = fits.Column
    coadd = fits.BinTableHDU.from_columns(
        [
            column("flux", "E", array=flux),
            column("loglam", "E", array=LOGLAM),
            column("ivar", "E", array=ivar),
            column("and_mask", "J", array=and_mask),
            column("or_mask", "J", array=and_mask),
            column("wdisp", "E", array=zeros + 1),
            column("sky", "E", array=zeros),
            column("model", "E", array=flux),
        ],
        name="COADD",
    )
    specobj = fits.BinTableHDU.from_columns(
        [
            column("SURVEY", "6A", array=["sdss"]),
            column("PLATE", "J", array=[plate]),
            column("MJD", "J", array=[mjd]),
            column("FIBERID", "J", array=[fiber]),
            column("PLUG_RA", "D", array=[ra]),
            column("PLUG_DEC", "D", array=[dec]),
            column("RUN2D", "7A", array=["26"]),
            column("CLASS", "6A", array=["GALAXY"]),
            column("Z", "E", array=[z]),
            column("Z_ERR", "E", array=[1e-5]),
            column("ZWARNING", "J", array=[0]),
        ],
        name="SPECOBJ",
    )
    spzline = fits.BinTableHDU.from_columns(
        [
            column("PLATE", "J", array=[plate] * 2),
            column("LINENAME", "13A", array=["[O_III] 5007", "H_alpha"]),
            column("LINEWAVE", "D", array=[5008.24, 6564.61]),
            column("LINEEW", "E", array=[400.0, 300.0]),
        ],
        name="SPZLINE",
    )
    hdus = [primary, coadd, specobj, spzline] if with_specobj else [primary, coadd]
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path
