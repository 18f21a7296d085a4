# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The bits of the ``flags`` column, shared by image sets and results.

A galaxy that cannot be used keeps its row; its flags say why.
"""

import numpy as np
from astropy.nddata.bitmask import extend_bit_flag_map

__all__ = ["FLAG_MEANINGS", "UNUSABLE", "GalaxyFlags", "decode_flags"]

FLAG_MEANINGS = {
    "UNREADABLE": "the file could not be read; no image",
    "NO_COVERAGE": "no valid pixel in any band",
    "MISSING_BAND": "a band has no valid pixel",
    "PARTIAL_COVERAGE": "more than 10 % of a band's pixels are masked",
    "CENTRE_MASKED": "a pixel within 1 arcsec of the centre is masked",
    "NONFINITE_PIXELS": "NaN or infinite pixels were masked",
    "COARSE_PIXELS": "the pixels were coarser than the model's",
    "SMALL_FRAME": "the frame was smaller than the model's and was padded",
    "ORIENTATION_FAILED": "the orientation could not be measured",
    "OUT_OF_RANGE": "an estimate lies outside the training labels",
    "OUT_OF_DISTRIBUTION": "unlike the images the model was trained on",
}

#: The bit of each name, e.g. ``GalaxyFlags.MISSING_BAND``.
GalaxyFlags = extend_bit_flag_map(
    "GalaxyFlags", **{name: 1 << i for i, name in enumerate(FLAG_MEANINGS)}
)

#: Bits that make every estimate of a row meaningless: it is masked.
UNUSABLE = int(GalaxyFlags.UNREADABLE) | int(GalaxyFlags.NO_COVERAGE)


def decode_flags(flags):
    """
    Spell out flag values.

    Parameters
    ----------
    flags : int or array_like of int
        One value or an array of values of a ``flags`` column.

    Returns
    -------
    names : list of str, or list of list of str
        The names of the set bits, for each value.

    Examples
    --------
    >>> from astrovae.flags import decode_flags
    >>> decode_flags(6)
    ['NO_COVERAGE', 'MISSING_BAND']
    """
    flags = np.asarray(flags)
    if flags.ndim > 0:
        return [decode_flags(value) for value in flags]
    return [name for i, name in enumerate(FLAG_MEANINGS) if flags >> i & 1]
