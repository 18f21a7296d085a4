# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Reading images that come as one FITS file per band, perhaps with a
plane of weights, as the Dark Energy Survey gives them.
"""

import astropy.units as u
import numpy as np
from astropy.io import registry

from astrovae.exceptions import ImageFormatError
from astrovae.images.assembly import assemble
from astrovae.images.checks import AB_FLUX, check_flux_unit
from astrovae.images.core import GalaxyImageSet
from astrovae.images.fits_files import (
    check_wanted_bands,
    is_fits_name,
    open_fits,
    plane,
    read_headers,
)
from astrovae.images.frames import Frame, celestial_wcs
from astrovae.images.masks import zeros_as_mask
from astrovae.images.naming import file_stem, stem_without_band

__all__ = ["read_perband"]

FORMAT = "fits.perband"

#: Names of extensions that hold inverse variances.
WEIGHT_NAMES = ("WGT", "WHT", "WEIGHT", "IVAR", "INVVAR")

#: Keywords of the magnitude of one unit of flux.
ZERO_POINTS = ("MAGZERO", "MAGZPT", "MAGZP", "ZEROPT", "PHOTZP")


def read_perband(path, *, bands=None, pixel_scale=None, size=None, coords=None):
    """
    Read the files of one galaxy, one band in each.

    The band is named by BAND or is the first word of FILTER. Fluxes are
    in the unit BUNIT where that is one of flux, else MAGZERO gives the
    magnitude of one count: ``10**(-0.4 (MAGZERO - 22.5))`` nanomaggies.
    A plane named WGT, WHT, WEIGHT, IVAR or INVVAR holds the inverse
    variance in the image's unit. Images with other axes than north up
    and east left are reversed or reprojected. Exact zeros, and pixels
    without weight, are masked.

    Parameters
    ----------
    path : path-like, or list of them
        The file or the files.
    bands, pixel_scale, size : optional
        The grid wanted, as in `~astrovae.images.GalaxyImageSet.to_grid`;
        by default that of the first file.
    coords : `~astropy.coordinates.SkyCoord`, optional
        The centre wanted; by default that of the frames.

    Returns
    -------
    images : `~astrovae.images.GalaxyImageSet`
        One galaxy; its id is the file's stem without the band.

    Raises
    ------
    `~astrovae.exceptions.ImageFormatError`
        If a file is damaged, has no zero point or is of another kind,
        a band comes twice, or there is none of the bands wanted.
    """
    paths = list(path) if isinstance(path, (list, tuple)) else [path]
    frames = [frame for one in paths for frame in _frames(one)]
    names = [frame.band for frame in frames]
    if len(set(names)) < len(names):
        msg = f"{', '.join(map(str, paths))}: a band comes twice: {names}"
        raise ImageFormatError(msg)
    check_wanted_bands(names, bands, paths[0])
    name = file_stem(paths[0])
    if len(names) == len(paths):
        name = stem_without_band(paths[0], names[0])
    return assemble(
        frames,
        name,
        bands=bands,
        pixel_scale=pixel_scale,
        size=size,
        coords=coords,
    )


def perband_bands(path):
    """
    Name the bands of a file, from its headers.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    bands : list of str
        One for each image plane with a place on the sky.
    """
    return [_band(h) for h in read_headers(path) if _is_image(h)]


def _frames(path):
    frames = []
    with open_fits(path) as hdus:
        weights = {
            _band(hdu.header): plane(hdu)
            for hdu in hdus
            if hdu.name in WEIGHT_NAMES and hdu.header["NAXIS"] == 2
        }
        for hdu in hdus:
            if not _is_image(hdu.header):
                continue
            data, band = plane(hdu), _band(hdu.header)
            # One unnamed plane of weights belongs to the only image.
            ivar = weights.get(band, weights.get(None))
            if ivar is not None and ivar.shape != data.shape:
                msg = f"{path}: image and weight differ in shape"
                raise ImageFormatError(msg)
            factor = _flux_factor(hdu.header, path)
            if ivar is not None:
                ivar = ivar / np.float32(factor**2)
            frames.append(
                Frame(
                    band,
                    data * np.float32(factor),
                    celestial_wcs(hdu.header),
                    zeros_as_mask(data),
                    ivar,
                )
            )
    if not frames:
        msg = f"{path}: no image with a band and a place on the sky"
        raise ImageFormatError(msg)
    return frames


def _is_image(header):
    return (
        header.get("NAXIS") == 2
        and header.get("EXTNAME", "") not in WEIGHT_NAMES
        and str(header.get("CTYPE1", "")).startswith("RA")
        and _band(header) is not None
    )


def _band(header):
    for key in ("BAND", "BAND0", "FILTER"):
        words = str(header.get(key, "")).split()
        if words:
            return words[0]
    return None


def _flux_factor(header, path):
    # Nanomaggies per unit of the pixels.
    name = str(header.get("BUNIT", "")).strip()
    if name.lower() in ("nanomaggy", "nanomaggies", "nmgy", "nmgys"):
        return 1.0
    try:
        unit = check_flux_unit(u.Unit(name), "BUNIT")
    except (ValueError, TypeError, u.UnitsError):
        unit = None
    if unit is not None:
        return (1 * unit).to_value(u.nmgy, AB_FLUX)
    for key in ZERO_POINTS:
        if key in header:
            return 10 ** (-0.4 * (float(header[key]) - 22.5))
    msg = (
        f"{path}: BUNIT {name!r} is no flux, and none of "
        f"{', '.join(ZERO_POINTS)} gives a zero point"
    )
    raise ImageFormatError(msg)


def _is_perband(origin, path, fileobj, *args, **kwargs):  # noqa: ARG001
    # For the registry: a plane with a band and a place on the sky, which
    # is no part of a survey's coadd brick.
    if origin != "read" or path is None or not is_fits_name(path):
        return False
    headers = read_headers(path)
    if any({"BRICKNAM", "BRICK", "BANDS"} & set(header) for header in headers):
        return False
    return any(_is_image(header) for header in headers)


registry.register_reader(FORMAT, GalaxyImageSet, read_perband)
registry.register_identifier(FORMAT, GalaxyImageSet, _is_perband)
