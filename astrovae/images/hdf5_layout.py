# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The layout of an HDF5 image set: what `hdf5_reader` and `hdf5_writer`
must agree on.

Attributes of the file: ``format``, ``format_version``, ``bands``,
``unit``, ``pixel_scale`` (arcsec), ``n`` (complete rows), ``uuid`` (of
this very set), ``meta`` (JSON).

Datasets, one row per galaxy: ``id``, ``ra``, ``dec`` (degrees),
``psf_fwhm`` (arcsec), ``ebv``, ``flags``, ``reason``; ``data``, a chunk
per galaxy, either in floating point or as codes with a ``step`` each
(see `quantization`); ``mask``, a bit per pixel; ``ivar``. ``mask`` and
``ivar`` are absent where no galaxy has one; rows that were never
written there cost nothing.
"""

import h5py
import numpy as np

__all__ = [
    "COLUMNS",
    "FORMAT",
    "FORMAT_VERSION",
    "SIGNATURE",
    "mask_bytes",
]

FORMAT = "astrovae.hdf5"
FORMAT_VERSION = 1

#: The first eight bytes of every HDF5 file.
SIGNATURE = b"\x89HDF\r\n\x1a\n"

#: Name: (dtype, whether there is a value per band, value if unknown).
COLUMNS = {
    "id": (h5py.string_dtype(), False, ""),
    "ra": (np.float64, False, np.nan),
    "dec": (np.float64, False, np.nan),
    "psf_fwhm": (np.float32, True, np.nan),
    "ebv": (np.float32, False, np.nan),
    "flags": (np.int64, False, 0),
    "reason": (h5py.string_dtype(), False, ""),
}


def mask_bytes(shape):
    """
    Count the bytes of a packed mask.

    Parameters
    ----------
    shape : tuple of int
        The shape of one galaxy's pixels.

    Returns
    -------
    n : int
        An eighth of the number of pixels, rounded up.
    """
    return (int(np.prod(shape)) + 7) // 8
