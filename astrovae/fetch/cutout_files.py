# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What is added to a cutout, or made of several replies, before it is
kept as one FITS file.

Every file in a cache has a layout of the Legacy Surveys' viewer: a cube
(``fits-cutout``) or pieces of bricks (``subimage``). Those are the
layouts that `astrovae.images` reads.
"""

import io

import numpy as np
from astropy.io import fits

__all__ = ["add_psf", "cube_file", "piece_hdu", "pieces_file", "psf_fwhm"]


def piece_hdu(data, wcs, band, kind, brick, corner=(0, 0)):
    """
    Make the HDU of one piece of a brick, or of a native image.

    Parameters
    ----------
    data : `~numpy.ndarray`, shape (y, x)
        The pixels.
    wcs : `~astropy.wcs.WCS`
        Their place on the sky.
    band : str
        The band; for "maskbits", which has none, an empty string.
    kind : {"image", "invvar", "maskbits"}
        What the pixels are.
    brick : str
        The brick's name.
    corner : tuple of int, optional
        The piece's first pixel in the brick, (x, y).

    Returns
    -------
    hdu : `~astropy.io.fits.ImageHDU`
        As the viewer's ``subimage`` has them.
    """
    header = _wcs_header(wcs)
    header["BRICK"] = brick
    header["BRICK_X0"], header["BRICK_Y0"] = map(int, corner)
    header["BAND"] = band
    header["IMAGETYP"] = kind
    return fits.ImageHDU(data, header)


def pieces_file(hdus, layer):
    """
    Make a file of pieces.

    Parameters
    ----------
    hdus : list of `~astropy.io.fits.ImageHDU`
        The pieces.
    layer : str
        The survey's release.

    Returns
    -------
    content : bytes
        The file.
    """
    primary = fits.PrimaryHDU()
    primary.header["VERSION"] = layer
    primary.header["IMAGETYP"] = "image"
    return _content([primary, *hdus])


def cube_file(planes, wcs, layer):
    """
    Make a file like ``fits-cutout``.

    Parameters
    ----------
    planes : dict
        The pixels of each band, on one grid: surface brightness, in
        nanomaggies per 0.262 arcsec pixel whatever the grid.
    wcs : `~astropy.wcs.WCS`
        Their place on the sky.
    layer : str
        The survey's release.

    Returns
    -------
    content : bytes
        The file.
    """
    cube = np.array(list(planes.values()), dtype=">f4")
    primary = fits.PrimaryHDU(cube, _wcs_header(wcs))
    header = primary.header
    header["VERSION"] = layer
    header["IMAGETYP"] = "image"
    header["BANDS"] = "".join(planes)
    for i, band in enumerate(planes):
        header[f"BAND{i}"] = band
    return _content([primary])


def add_psf(content, fwhm):
    """
    Add the width of the PSF to a file.

    Parameters
    ----------
    content : bytes
        The file.
    fwhm : dict
        Arcseconds for each band.

    Returns
    -------
    content : bytes
        The file with one more HDU, which has no pixels.
    """
    hdu = fits.ImageHDU()
    hdu.header["IMAGETYP"] = "psfsize"
    for i, (band, value) in enumerate(fwhm.items()):
        hdu.header[f"BAND{i}"] = band
        hdu.header[f"FWHM{i}"] = (round(float(value), 5), "arcsec")
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(buffer)
    # Only the extension: a FITS file grows at its end.
    return content + buffer.getvalue()[2880:]


def psf_fwhm(hdus, bands):
    """
    Read what `add_psf` wrote.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList`
        The file.
    bands : tuple of str
        The bands wanted.

    Returns
    -------
    fwhm : list of float
        Arcseconds; NaN where it is not known.
    """
    known = {}
    for hdu in hdus:
        if hdu.header.get("IMAGETYP") == "psfsize":
            for i in range(len(bands) + 8):
                if f"BAND{i}" in hdu.header:
                    known[hdu.header[f"BAND{i}"]] = hdu.header[f"FWHM{i}"]
    return [known.get(band, np.nan) for band in bands]


def _wcs_header(wcs):
    # A CD matrix, as the survey's own files have it.
    if list(wcs.wcs.ctype) != ["RA---TAN", "DEC--TAN"] or wcs.sip is not None:
        return wcs.to_header()
    header = fits.Header()
    for i in (0, 1):
        header[f"CTYPE{i + 1}"] = wcs.wcs.ctype[i]
        header[f"CRVAL{i + 1}"] = float(wcs.wcs.crval[i])
        header[f"CRPIX{i + 1}"] = float(wcs.wcs.crpix[i])
        for j in (0, 1):
            header[f"CD{i + 1}_{j + 1}"] = float(wcs.pixel_scale_matrix[i, j])
    return header


def _content(hdus):
    buffer = io.BytesIO()
    fits.HDUList(hdus).writeto(buffer)
    return buffer.getvalue()
