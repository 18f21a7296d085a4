# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Reading the ``subimage`` files of the Legacy Surveys' sky viewer:
unresampled pieces of bricks, with their inverse variance.
"""

from astropy.io import registry

from astrovae.exceptions import ImageFormatError
from astrovae.images.assembly import assemble
from astrovae.images.core import GalaxyImageSet
from astrovae.images.fits_files import (
    check_wanted_bands,
    is_fits_name,
    open_fits,
    plane,
    read_headers,
)
from astrovae.images.frames import Frame, celestial_wcs
from astrovae.images.maskbits import MASKING_BITS, bad_pixels
from astrovae.images.masks import zeros_as_mask
from astrovae.images.naming import file_stem

__all__ = ["read_subimage"]

FORMAT = "legacysurvey.subimage"


def read_subimage(
    path,
    *,
    bands=None,
    pixel_scale=None,
    size=None,
    coords=None,
    mask_bits=MASKING_BITS,
):
    """
    Read one ``subimage`` file.

    It holds an image and an inverse variance for every brick and band.
    Where the position lies in several bricks their pieces, which have
    different tangent points, are mosaicked on one grid. Pixels without
    weight, exact zeros, and what MASKBITS pieces say, are masked.

    Parameters
    ----------
    path : path-like
        The file.
    bands, pixel_scale, size : optional
        The grid wanted, as in `~astrovae.images.GalaxyImageSet.to_grid`;
        by default that of the file.
    coords : `~astropy.coordinates.SkyCoord`, optional
        The centre wanted; by default that of all pieces together.
    mask_bits : tuple of str, optional
        The bits of a MASKBITS plane that mask a pixel.

    Returns
    -------
    images : `~astrovae.images.GalaxyImageSet`
        One galaxy; its id is the file's stem.

    Raises
    ------
    `~astrovae.exceptions.ImageFormatError`
        If the file is damaged, of another kind, or has none of the
        bands wanted.
    """
    planes = {"image": {}, "invvar": {}, "maskbits": {}}
    with open_fits(path) as hdus:
        for hdu in hdus:
            kind, key = _role(hdu.header)
            if kind in planes and key is not None:
                planes[kind][key] = (plane(hdu), celestial_wcs(hdu.header))
    frames = []
    for key, (data, wcs) in planes["image"].items():
        ivar, _ = planes["invvar"].get(key, (None, None))
        if ivar is not None and ivar.shape != data.shape:
            msg = f"{path}: image and invvar of {key} differ in shape"
            raise ImageFormatError(msg)
        # Bits are of all bands, so that their key has none.
        bits, _ = planes["maskbits"].get(("", *key[1:]), (None, None))
        mask = zeros_as_mask(data)
        if bits is not None:
            if bits.shape != data.shape:
                msg = f"{path}: image and maskbits of {key} differ in shape"
                raise ImageFormatError(msg)
            mask |= bad_pixels(bits, key[0], mask_bits)
        frames.append(Frame(key[0], data, wcs, mask, ivar))
    if not frames:
        msg = f"{path}: no image plane"
        raise ImageFormatError(msg)
    check_wanted_bands([frame.band for frame in frames], bands, path)
    return assemble(
        frames,
        file_stem(path),
        bands=bands,
        pixel_scale=pixel_scale,
        size=size,
        coords=coords,
    )


def _role(header):
    # What an HDU is, and of which band and piece.
    if not {"BAND", "BRICK"} <= set(header) or header["NAXIS"] != 2:
        return None, None
    names = ("BAND", "BRICK", "BRICK_X0", "BRICK_Y0")
    kind = str(header.get("IMAGETYP", "")).strip().lower()
    return kind, tuple(header.get(name) for name in names)


def _is_subimage(origin, path, fileobj, *args, **kwargs):  # noqa: ARG001
    # For the registry: an HDU per brick, band and kind.
    if origin != "read" or path is None or not is_fits_name(path):
        return False
    return any(_role(header)[0] == "image" for header in read_headers(path)[1:])


registry.register_reader(FORMAT, GalaxyImageSet, read_subimage)
registry.register_identifier(FORMAT, GalaxyImageSet, _is_subimage)
