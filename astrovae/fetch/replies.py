# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Checks of a reply before it is kept.

A server that answers errors with HTTP 200 and holes with zeros is not
believed: each function here looks at one thing that may be wrong, and
names it.
"""

import io
import re
import threading
import warnings
from contextlib import contextmanager
from html import unescape

import numpy as np
from astropy.io import fits

from astrovae.exceptions import ImageFormatError
from astrovae.fetch.errors import DAMAGE, ReplyError
from astrovae.fetch.fits_scan import scan_fits
from astrovae.images.frames import celestial_wcs, pixel_size

__all__ = [
    "check_centre",
    "check_coverage",
    "check_frame",
    "check_layer",
    "check_scale",
    "check_size",
    "find_plane",
    "open_reply",
    "without_warnings",
]

_BLOCK = 2880

#: What astropy raises when it opens a file that makes no sense.
_DAMAGE = (*DAMAGE, AttributeError, ZeroDivisionError)

#: Pixels by which the centre may miss the position.
CENTRE_TOLERANCE = 0.6

#: The relative error that a pixel scale may have.
SCALE_TOLERANCE = 1e-3


#: Python's filters of warnings belong to all threads.
_FILTERS = threading.RLock()


@contextmanager
def without_warnings():
    """
    Let nothing warn of a reply: what is wrong with it becomes an error.

    Yields
    ------
    nothing
        One thread at a time.
    """
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def open_reply(body):
    """
    Open a reply that should be FITS.

    Parameters
    ----------
    body : bytes
        The reply.

    Returns
    -------
    hdus : `~astropy.io.fits.HDUList`
        The file, in memory and complete.

    Raises
    ------
    `~astrovae.fetch.errors.ReplyError`
        If it is empty, text, HTML, another format, cut short, or if a
        header announces sizes that cannot be.
    """
    if not body.startswith(b"SIMPLE  ="):
        raise _no_fits(body)
    if len(body) % _BLOCK:
        raise _truncated(body)
    try:
        # Before astropy, which some headers send into an endless loop.
        n = scan_fits(body)
        with without_warnings():
            hdus = fits.open(io.BytesIO(body), memmap=False, lazy_load_hdus=False)
    except EOFError as error:
        raise _truncated(body) from error
    except _DAMAGE as error:
        msg = f"damaged FITS: {error}"
        raise ReplyError(msg, retry=True) from error
    if len(hdus) != n:
        msg = f"damaged FITS: only {len(hdus)} of {n} HDUs can be read"
        raise ReplyError(msg, retry=True)
    return hdus


def _truncated(body):
    msg = f"truncated FITS: {len(body)} bytes are not what its headers announce"
    return ReplyError(msg, retry=True)


def _no_fits(body):
    # A page or a text: the server's way to say what is wrong.
    if not body:
        return ReplyError("the reply is empty", retry=True, general=True)
    start = body[:4096].decode("utf-8", "replace").strip()
    if re.search(r"no such layer", start[:200], re.IGNORECASE):
        return ReplyError(f"the server says {start[:80]!r}", general=True)
    if re.match(r"<(!doctype|html|\?xml|head|body|h1)", start, re.IGNORECASE):
        title = re.search(r"<(title|h1)[^>]*>(.*?)</\1", start, re.I | re.S)
        words = " ".join(unescape(title[2]).split())[:80] if title else "no title"
        msg = f"an HTML page instead of FITS: {words}"
        return ReplyError(msg, retry=True, general=True)
    return ReplyError(f"no FITS file; it begins with {body[:40]!r}", retry=True)


def find_plane(hdus, kind):
    """
    Find the plane of one kind in a cutout.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList`
        The file.
    kind : {"image", "invvar", "maskbits"}
        What IMAGETYP should say, in any case.

    Returns
    -------
    hdu : HDU
        The first such HDU that has pixels.

    Raises
    ------
    `~astrovae.fetch.errors.ReplyError`
        If there is none.
    """
    for hdu in hdus:
        own = str(hdu.header.get("IMAGETYP", "image")).strip().lower()
        if own == kind and hdu.header.get("NAXIS", 0) >= 2:
            return hdu
    msg = f"the reply has no {kind} plane"
    raise ReplyError(msg, general=kind != "image", empty=kind == "image")


def check_layer(header, layer):
    """
    Check that a cutout is of the layer asked for.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        The cutout's header, whose VERSION is like "DR9-south".
    layer : str
        The layer, like "ls-dr9-south".

    Raises
    ------
    `~astrovae.fetch.errors.ReplyError`
        If both name a data release, or a half of the sky, and not the
        same.
    """
    given = f"{header.get('VERSION', '')}".strip().lower()
    releases = [re.search(r"dr(\d+)", text) for text in (layer.lower(), given)]
    halves = [re.search(r"north|south", text) for text in (layer.lower(), given)]
    # The north of DR10 is that of DR9: there was no new one.
    if layer.lower() == "ls-dr10" and given in ("dr9-north", "dr9"):
        return
    for asked, got in (releases, halves):
        if asked and got and asked[0] != got[0]:
            msg = f"another layer: asked for {layer}, got {given}"
            raise ReplyError(msg, general=True)


def check_frame(header, bands, size):
    """
    Check bands and shape of a cutout against those asked for.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        The image's header.
    bands : tuple of str
        The bands asked for.
    size : int
        The side asked for.

    Raises
    ------
    `~astrovae.fetch.errors.ReplyError`
        If the server gave other bands, or another size.
    """
    n = header["NAXIS3"] if header["NAXIS"] > 2 else 1
    given = tuple(str(header.get(f"BAND{i}", "?")).strip() for i in range(n))
    if given != bands:
        msg = f"other bands: asked for {'/'.join(bands)}, got {'/'.join(given)}"
        raise ReplyError(msg, general=True)
    check_size(header, size)


def check_size(header, size):
    """
    Check the shape of an image.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        The image's header.
    size : int
        The side asked for.

    Raises
    ------
    `~astrovae.fetch.errors.ReplyError`
        If it is another.
    """
    shape = header["NAXIS2"], header["NAXIS1"]
    if shape != (size, size):
        kind = "clamped" if max(shape) < size else "another size"
        msg = f"{kind}: asked for {size} pixels, got {shape[0]} x {shape[1]}"
        raise ReplyError(msg, general=True)


def check_scale(header, scale):
    """
    Check the pixel scale of an image.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        The image's header.
    scale : float
        The side of a pixel in arcsec asked for.

    Returns
    -------
    wcs : `~astropy.wcs.WCS`
        The image's place on the sky.

    Raises
    ------
    `~astrovae.fetch.errors.ReplyError`
        If it is another, or not on the sky at all.
    """
    try:
        with without_warnings():
            wcs = celestial_wcs(header)
        given = pixel_size(wcs)
    except (ImageFormatError, ValueError) as error:
        msg = f"no place on the sky: {error}"
        raise ReplyError(msg) from error
    if abs(given / scale - 1) > SCALE_TOLERANCE:
        msg = f"another pixel scale: asked for {scale:g} arcsec, got {given:.4g}"
        raise ReplyError(msg, general=True)
    return wcs


def check_centre(wcs, shape, ra, dec):
    """
    Check that an image has the position at its centre.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        The image's place on the sky.
    shape : tuple of int
        Its shape (y, x).
    ra, dec : float
        The position in degrees.

    Raises
    ------
    `~astrovae.fetch.errors.ReplyError`
        If the centre is more than 0.6 pixels away.
    """
    x, y = wcs.wcs_world2pix(ra, dec, 0)
    offset = np.hypot(x - (shape[1] - 1) / 2, y - (shape[0] - 1) / 2)
    if not offset <= CENTRE_TOLERANCE:
        msg = f"another centre: {offset:.1f} pixels from the position"
        raise ReplyError(msg)


def check_coverage(planes):
    """
    Check that there is a measurement in an image.

    Parameters
    ----------
    planes : dict
        The pixels of each band.

    Returns
    -------
    note : str
        The bands that are not covered, or by less than 90 %.

    Raises
    ------
    `~astrovae.fetch.errors.ReplyError`
        If there is no measurement in any band: only zeros and NaN.
    """
    share = {
        band: np.count_nonzero((data != 0) & np.isfinite(data)) / np.size(data)
        for band, data in planes.items()
    }
    if not any(share.values()):
        msg = "not covered: zeros in every band"
        raise ReplyError(msg, empty=True)
    notes = [f"not covered in {band}" for band in share if share[band] == 0]
    notes += [
        f"{share[band]:.0%} covered in {band}"
        for band in share
        if 0 < share[band] < 0.9
    ]
    return "; ".join(notes)
