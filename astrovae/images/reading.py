# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
``GalaxyImageSet.read``: which reader a file, a list or a folder gets.
"""

from pathlib import Path

from astropy.io.registry import identify_format
from astropy.nddata.mixins.ndio import NDDataRead

from astrovae.exceptions import ImageFormatError
from astrovae.images.fits_files import (
    NotAnImageError,
    is_fits_name,
    read_headers,
)

__all__ = ["FILES_FORMAT", "GalaxyImageSetRead", "find_format"]

#: The format of lists and folders of files.
FILES_FORMAT = "astrovae.files"


class GalaxyImageSetRead(NDDataRead):
    """
    Read galaxy images from a file, a list of files or a folder.

    The readers are those registered with `astropy.io.registry` for
    `~astrovae.images.GalaxyImageSet`; a new one registers itself.
    ``GalaxyImageSet.read.list_formats()`` lists them and
    ``GalaxyImageSet.read.help(format)`` shows what each takes. A reader
    of FITS files takes ``bands``, ``pixel_scale`` and ``size``, the grid
    wanted, and ``coords``, the centre wanted.
    """

    def __call__(self, source, *args, format=None, **kwargs):  # noqa: A002
        """
        Read galaxy images.

        Parameters
        ----------
        source : path-like or list of path-like
            A file, several files, or a folder (read with all its folders).
        *args, **kwargs
            For the reader; FITS readers take ``bands``, ``pixel_scale`` and
            ``size``, the grid wanted. A list or a folder also takes
            ``on_error``, "flag" or "raise"; given for a single FITS file it
            makes that a list of one.
        format : str, optional
            The reader; by default found from the file.

        Returns
        -------
        images : `~astrovae.images.GalaxyImageSet`
            The images; of a folder with ``meta["passed_over"]``, a dict of
            the files that are no images and why.

        Raises
        ------
        `~astrovae.exceptions.ImageFormatError`
            If the file is damaged, or no reader knows it.
        FileNotFoundError
            If it does not exist.
        """
        if format is None:
            format = find_format(self._cls, source, kwargs)  # noqa: A001
        return self.registry.read(self._cls, source, *args, format=format, **kwargs)


def find_format(cls, source, kwargs=None):
    """
    Find the reader of a source.

    Parameters
    ----------
    cls : type
        The class to read.
    source : path-like or list of path-like
        A file, several, or a folder.
    kwargs : dict, optional
        The reader's arguments.

    Returns
    -------
    format : str
        The name of the format.

    Raises
    ------
    `~astrovae.exceptions.ImageFormatError`
        If no reader knows the file, or it is damaged.
    FileNotFoundError
        If it does not exist.
    """
    kwargs = kwargs or {}
    if isinstance(source, (list, tuple)):
        return FILES_FORMAT
    path = Path(source).expanduser()
    if path.is_dir() or (is_fits_name(path) and "on_error" in kwargs):
        return FILES_FORMAT
    if not path.exists():
        msg = f"{path}: no such file"
        raise FileNotFoundError(msg)
    formats = identify_format("read", cls, str(path), None, (str(path),), kwargs)
    if len(formats) == 1:
        return formats[0]
    if formats:
        msg = f"{path}: may be of the formats {formats}; say format="
        raise ImageFormatError(msg)
    msg = f"{path}: {_what_else(path)}"
    raise NotAnImageError(msg)


def _what_else(path):
    # Say what a file is that nobody reads.
    if not is_fits_name(path):
        return "neither a FITS file nor an HDF5 image set"
    headers = read_headers(path)
    for header in headers:
        if "BRICKNAM" in header:
            kind = header.get("PRODTYPE", header.get("IMTYPE", "unknown"))
            return (
                f"a plane ({kind}) of the whole coadd brick "
                f"{header['BRICKNAM']}, no cutout"
            )
    images = [h for h in headers if h.get("NAXIS", 0) >= 2 and "TFIELDS" not in h]
    if not images:
        return "a FITS file without an image"
    if not any(str(h.get("CTYPE1", "")).startswith("RA") for h in images):
        return "an image without a place on the sky, such as a PSF"
    return "an image whose header names no band (BAND0, BAND or FILTER)"
