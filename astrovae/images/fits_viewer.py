# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Reading the ``fits-cutout`` files of the Legacy Surveys' sky viewer.
"""

import re

import numpy as np
from astropy.io import registry

from astrovae.exceptions import ImageFormatError
from astrovae.images.assembly import assemble
from astrovae.images.core import GalaxyImageSet
from astrovae.images.fits_files import (
    NotAnImageError,
    check_wanted_bands,
    is_fits_name,
    open_fits,
    plane,
    read_headers,
)
from astrovae.images.frames import Frame, celestial_wcs, pixel_size
from astrovae.images.maskbits import MASKING_BITS, bad_pixels
from astrovae.images.masks import zeros_as_mask
from astrovae.images.naming import file_stem

__all__ = ["read_viewer"]

FORMAT = "legacysurvey.viewer"

#: The pixels, in arcsec, whose flux the values of the Legacy Surveys'
#: layers are. Each other layer has its own: SDSS has 0.396.
NATIVE_PIXEL = 0.262

#: The words of SURVEY in those layers. A file that names no survey is
#: taken for one of them.
LEGACY_SURVEYS = re.compile(
    r"legacy|surveys?|legacysurveys?|decals|decam|des|bass|mzls|dr\d+"
)


def read_viewer(
    path,
    *,
    bands=None,
    pixel_scale=None,
    size=None,
    coords=None,
    mask_bits=MASKING_BITS,
):
    """
    Read one ``fits-cutout`` file.

    At any pixel scale p the server gives surface brightness as flux per
    0.262 arcsec pixel; it is multiplied by ``(p / 0.262)**2`` to
    become flux per pixel. That is so in the layers of the Legacy
    Surveys, and a file whose SURVEY is another is refused. Exact zeros
    are uncovered and are masked. Planes of inverse variance and
    MASKBITS are used where the file has them.

    Parameters
    ----------
    path : path-like
        The file.
    bands, pixel_scale, size : optional
        The grid wanted, as in `~astrovae.images.GalaxyImageSet.to_grid`;
        by default that of the file.
    coords : `~astropy.coordinates.SkyCoord`, optional
        The centre wanted; by default that of the frame.
    mask_bits : tuple of str, optional
        The bits of a MASKBITS plane that mask a pixel.

    Returns
    -------
    images : `~astrovae.images.GalaxyImageSet`
        One galaxy; its id is the file's stem.

    Raises
    ------
    `~astrovae.exceptions.ImageFormatError`
        If the file is damaged, of another kind or survey, or has none
        of the bands wanted.
    """
    with open_fits(path) as hdus:
        cube, header = _cube(hdus, "image")
        _check_survey(header, path)
        names = _band_names(header, len(cube))
        check_wanted_bands(names, bands, path)
        weights, _ = _cube(hdus, "invvar")
        if weights is not None and weights.shape != cube.shape:
            msg = f"invvar {weights.shape} does not fit image {cube.shape}"
            raise ImageFormatError(msg)
        bits, _ = _cube(hdus, "maskbits")
        if bits is not None and bits.shape[1:] != cube.shape[1:]:
            msg = f"maskbits {bits.shape} does not fit image {cube.shape}"
            raise ImageFormatError(msg)
        wcs = celestial_wcs(header)
    factor = np.float32((pixel_size(wcs) / NATIVE_PIXEL) ** 2)
    frames = [
        Frame(
            name,
            data * factor,
            wcs,
            _mask(data, bits, name, mask_bits),
            None if weights is None else weights[i] / factor**2,
        )
        for i, (name, data) in enumerate(zip(names, cube, strict=True))
    ]
    return assemble(
        frames,
        file_stem(path),
        bands=bands,
        pixel_scale=pixel_scale,
        size=size,
        coords=coords,
    )


def _mask(data, bits, band, names):
    mask = zeros_as_mask(data)
    return mask if bits is None else mask | bad_pixels(bits[0], band, names)


def _cube(hdus, kind):
    for hdu in hdus:
        if _kind(hdu.header) == kind and hdu.header["NAXIS"]:
            data = plane(hdu)
            return data.reshape(-1, *data.shape[-2:]), hdu.header
    return None, None


def _kind(header):
    # Older servers write "image", newer ones "IMAGE".
    return str(header.get("IMAGETYP", "image")).strip().lower()


def _band_names(header, n):
    names = [str(header[f"BAND{i}"]).strip() for i in range(n) if f"BAND{i}" in header]
    if len(names) != n:
        msg = f"{n} planes, but the header names the bands {names}"
        raise ImageFormatError(msg)
    if len(set(names)) < n:
        msg = f"the header names a band twice: {names}"
        raise ImageFormatError(msg)
    return names


def _check_survey(header, path):
    survey = str(header.get("SURVEY", "")).strip()
    words = re.findall(r"[a-z0-9]+", survey.lower())
    if not all(LEGACY_SURVEYS.fullmatch(word) for word in words):
        msg = (
            f"{path}: an image of the survey {survey!r}, whose pixels' flux is "
            "not known; only those of the Legacy Surveys are"
        )
        raise NotAnImageError(msg)


def _is_viewer(origin, path, fileobj, *args, **kwargs):  # noqa: ARG001
    # For the registry: planes named by BANDS and BAND0.
    if origin != "read" or path is None or not is_fits_name(path):
        return False
    header = read_headers(path)[0]
    return (
        header["NAXIS"] in (2, 3)
        and {"BANDS", "BAND0", "CRVAL1"} <= set(header)
        and _kind(header) == "image"
    )


registry.register_reader(FORMAT, GalaxyImageSet, read_viewer)
registry.register_identifier(FORMAT, GalaxyImageSet, _is_viewer)
