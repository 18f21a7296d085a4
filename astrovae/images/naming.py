# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Names of galaxies from names of files.
"""

import re
from pathlib import Path

from astrovae.images.fits_files import FITS_ENDINGS

__all__ = ["file_stem", "stem_without_band"]


def file_stem(path):
    """
    Return a file's name without its FITS ending.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    stem : str
        E.g. "ngc628" of "images/ngc628.fits.gz".
    """
    name = Path(path).name
    for ending in sorted(FITS_ENDINGS, key=len, reverse=True):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return Path(path).stem


def stem_without_band(path, band):
    """
    Return a file's stem without the name of its band.

    Parameters
    ----------
    path : path-like
        The file.
    band : str
        The band that the file holds.

    Returns
    -------
    stem : str
        E.g. "sn2006bh_des" of "sn2006bh_des_g.fits"; the stem itself
        where the band is no word of it.
    """
    stem = file_stem(path)
    words = re.split(r"([_.\-])", stem)
    # The last such word: "g_band_r" is of band r.
    for i in range(len(words) - 1, -1, -1):
        if words[i] == band:
            left = words[: max(i - 1, 0)]
            right = words[i + 1 :] if i else words[i + 2 :]
            return "".join(left + right) or stem
    return stem
