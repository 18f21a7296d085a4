# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What the header of a coadd says that it is, against what was asked for.

The survey's pipeline writes into every coadd its data release
(DRVERSIO, such as 9010), band (FILTERX), brick (BRICKNAM) and kind
(IMTYPE). What a header does not say cannot be checked.
"""

import re

from astrovae.fetch.errors import ReplyError

__all__ = ["check_coadd", "coadd_brick"]

#: Release and half of the sky by DRVERSIO, where it is not just 1000 times
#: the release (https://www.legacysurvey.org/release).
_RELEASES = {
    8000: (8, "south"),
    8001: (8, "north"),
    9010: (9, "south"),
    9011: (9, "north"),
    9012: (9, "south"),
    9999: (10, "south"),
}

#: The release whose north is that of later ones, too.
_LAST_NORTH = 9


def check_coadd(header, layer, kind, band, brick=None):
    """
    Check that a coadd is the one asked for.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        Its header.
    layer : str
        The layer asked for, like "ls-dr10" or "ls-dr9-north".
    kind : str
        E.g. "image", "invvar", "maskbits", "psfsize".
    band : str
        The band; empty if there is none.
    brick : str, optional
        The brick's name.

    Raises
    ------
    `~astrovae.fetch.errors.ReplyError`
        If the header names another release, or half of the sky, or
        another band, brick or kind.
    """
    _check_release(header, layer)
    given = str(header.get("IMTYPE", "")).strip().lower()
    if given and given != kind:
        msg = f"another kind of image: asked for {kind}, got {given}"
        raise ReplyError(msg, general=True)
    given = _band(header)
    if band and given and given != band:
        msg = f"another band: asked for {band}, got {given}"
        raise ReplyError(msg, general=True)
    given = str(header.get("BRICKNAM", "")).strip()
    if brick is not None and given and given != brick:
        msg = f"another brick: asked for {brick}, got {given}"
        raise ReplyError(msg, general=True)


def coadd_brick(header):
    """
    Tell the bricks of coadds apart.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        The header of a coadd, or a piece of one.

    Returns
    -------
    brick : str
        The brick's name; or its centre, as all pieces of it have it.
    """
    for key in ("BRICKNAM", "BRICK"):
        if str(header.get(key, "")).strip():
            return str(header[key]).strip()
    return f"{header.get('CRVAL1', '?')} {header.get('CRVAL2', '?')}"


def _check_release(header, layer):
    match = re.search(r"dr(\d+)(?:-(north|south))?", layer.lower())
    release, half = _release(header)
    if match is None or release is None:
        return
    given = f"dr{release}" + (f"-{half}" if half else "")
    wanted, wanted_half = int(match[1]), match[2]
    # There was no new north after DR9.
    old_north = half != "south" and release == min(wanted, _LAST_NORTH)
    same = release == wanted or (old_north and wanted_half != "south")
    if not same or (half and wanted_half and half != wanted_half):
        msg = f"another layer: asked for {layer}, got {given}"
        raise ReplyError(msg, general=True)


def _release(header):
    # The number of the data release, and the half of the sky if it has two.
    text = str(header.get("DRVERSIO", "")).strip()
    if re.fullmatch(r"\d{4,5}", text):
        number = int(text)
        return _RELEASES.get(number, (number // 1000, None))
    for key in ("DRVERSIO", "LEGPIPEV"):
        match = re.match(r"DR(\d+)", str(header.get(key, "")).strip(), re.IGNORECASE)
        if match:
            return int(match[1]), None
    return None, None


def _band(header):
    # FILTER is the camera's name, like "z DECam SDSS c0004 9260.0 1520.0".
    for key in ("FILTERX", "BAND", "FILTER"):
        words = str(header.get(key, "")).split()
        if words and re.fullmatch(r"[ugrizyY]", words[0]):
            return words[0]
    return ""
