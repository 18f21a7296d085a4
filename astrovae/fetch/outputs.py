# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Whether a file can be written, before a long fetch and not after it.
"""

import os
from pathlib import Path

__all__ = ["check_output"]


def check_output(output, overwrite, quantize_level):
    """
    Check the file that images are to be written to.

    Parameters
    ----------
    output : path-like
        The file.
    overwrite : bool
        Whether it may be replaced.
    quantize_level : float or None
        As in `~astrovae.images.HDF5Writer`.

    Returns
    -------
    output : `~pathlib.Path`
        The file.

    Raises
    ------
    FileExistsError
        If it exists and may not be replaced.
    FileNotFoundError, IsADirectoryError, PermissionError
        If it cannot be written.
    ValueError
        If ``quantize_level`` makes no sense.
    """
    if quantize_level is not None and not quantize_level > 0:
        msg = f"'quantize_level' must be positive, not {quantize_level}"
        raise ValueError(msg)
    output = Path(output).expanduser()
    if output.is_dir():
        msg = f"the output must be a file, not the folder {output}"
        raise IsADirectoryError(msg)
    if not output.parent.is_dir():
        msg = f"the folder of the output does not exist: {output.parent}"
        raise FileNotFoundError(msg)
    if output.exists() and not overwrite:
        msg = f"{output} exists; overwrite=True replaces it"
        raise FileExistsError(msg)
    if not os.access(output.parent, os.W_OK):
        msg = f"no file may be written in the folder {output.parent}"
        raise PermissionError(msg)
    return output
