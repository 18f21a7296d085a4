# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The Legacy Surveys' MASKBITS: which pixels are no measurement.
"""

import numpy as np

__all__ = ["MASKBITS", "MASKING_BITS", "bad_pixels", "check_mask_bits"]

#: The number of each bit (https://www.legacysurvey.org/dr10/bitmasks).
MASKBITS = {
    "NPRIMARY": 0,
    "BRIGHT": 1,
    "SATUR_G": 2,
    "SATUR_R": 3,
    "SATUR_Z": 4,
    "ALLMASK_G": 5,
    "ALLMASK_R": 6,
    "ALLMASK_Z": 7,
    "WISEM1": 8,
    "WISEM2": 9,
    "BAILOUT": 10,
    "MEDIUM": 11,
    "GALAXY": 12,
    "CLUSTER": 13,
    "SATUR_I": 14,
    "ALLMASK_I": 15,
    "SUB_BLOB": 16,
}

#: What masks a pixel by default. SATUR and ALLMASK stand for the bit of
#: the band at hand. The others tell of the neighbourhood, of the
#: catalogue, or of infrared images, not of the pixel's measurement.
MASKING_BITS = ("SATUR", "ALLMASK", "BRIGHT")


def check_mask_bits(names):
    """
    Check names of bits.

    Parameters
    ----------
    names : sequence of str
        Keys of `MASKBITS`; "SATUR" and "ALLMASK" without a band mean
        the bit of each band.

    Returns
    -------
    names : tuple of str
        The names in capitals.

    Raises
    ------
    ValueError
        If a bit is unknown, or GALAXY: a large galaxy is no reason to
        mask its own pixels.
    """
    names = tuple(str(name).upper() for name in names)
    known = {*MASKBITS, "SATUR", "ALLMASK"} - {"GALAXY"}
    strange = [name for name in names if name not in known]
    if strange:
        msg = (
            f"'mask_bits' has {', '.join(strange)}; it may have "
            f"{', '.join(sorted(known))} (GALAXY never masks)"
        )
        raise ValueError(msg)
    return names


def bad_pixels(maskbits, band, names=MASKING_BITS):
    """
    Find the pixels that are no measurement in a band.

    Parameters
    ----------
    maskbits : `~numpy.ndarray`, shape (y, x)
        The bits of each pixel.
    band : str
        The band.
    names : tuple of str, optional
        The bits that mask.

    Returns
    -------
    bad : `~numpy.ndarray` of bool, shape (y, x)
        True where one of the bits is set.
    """
    value = 0
    for name in names:
        for bit in (name, f"{name}_{band.upper()}"):
            if bit in MASKBITS:
                value |= 1 << MASKBITS[bit]
    return np.rint(maskbits).astype(np.int64) & value != 0
