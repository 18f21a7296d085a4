# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tensors and JSON in one safetensors file, with a hash over both.

Nothing that is read here can run code: no pickle, no `torch.load`.
"""

import hashlib
import json
import os
import struct
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from astrovae.exceptions import ModelFileError

__all__ = ["FORMAT_VERSION", "read_tensors", "write_tensors"]

#: Version of the layout of model files and checkpoints.
FORMAT_VERSION = 1


def write_tensors(path, tensors, metadata):
    """
    Write tensors and metadata; the file appears whole or not at all.

    Parameters
    ----------
    path : path-like
        The file; replaced if it exists.
    tensors : dict of str to `~numpy.ndarray`
        Arrays of numbers.
    metadata : dict
        Anything that JSON knows. Must have the key ``kind``, which
        `read_tensors` asks for.
    """
    path = Path(path)
    tensors = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    content = {
        "format_version": FORMAT_VERSION,
        "metadata": metadata,
        "sha256": _digest(tensors, metadata),
    }
    # One key only: the library writes several in a random order.
    header = {"astrovae": _to_json(content)}
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        save_file(tensors, temporary, metadata=header)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_tensors(path, kind):
    """
    Read what `write_tensors` wrote.

    Parameters
    ----------
    path : path-like
        The file.
    kind : str
        The kind of file that is wanted.

    Returns
    -------
    tensors : dict of str to `~numpy.ndarray`
        The arrays.
    metadata : dict
        The metadata.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    `~astrovae.exceptions.ModelFileError`
        If the file is truncated, altered, of another kind or of a
        version that this release cannot read.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"there is no file {str(path)!r}"
        raise FileNotFoundError(msg)
    _check_length(path)
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            names = list(file.keys())
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, ValueError) as error:
        msg = f"{path.name} is not a readable safetensors file: {error}"
        raise ModelFileError(msg) from error
    return tensors, _check_header(path, header, tensors, kind)


def _check_length(path):
    """
    Tell a truncated file from one that never was a model.
    """
    with path.open("rb") as file:
        start = file.read(9)
    length = path.stat().st_size
    n_header = struct.unpack("<Q", start[:8])[0] if len(start) == 9 else None
    if n_header is None or start[8:] != b"{" or n_header > 100_000_000:
        msg = f"{path.name} ({length} bytes) is not a safetensors file"
        raise ModelFileError(msg)
    if length < 8 + n_header:
        msg = f"{path.name} is truncated: {length} bytes, no whole header"
        raise ModelFileError(msg)


def _check_header(path, header, tensors, kind):
    if "astrovae" not in header:
        msg = f"{path.name} was not written by astrovae"
        raise ModelFileError(msg)
    try:
        content = json.loads(header["astrovae"])
        version = content["format_version"]
        metadata, sha256 = content.get("metadata"), content.get("sha256")
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path.name} was altered: its metadata is not readable"
        raise ModelFileError(msg) from error
    if version != FORMAT_VERSION:
        msg = (
            f"{path.name} has the format version {version}; this release "
            f"reads version {FORMAT_VERSION}"
        )
        raise ModelFileError(msg)
    if sha256 != _digest(tensors, metadata):
        msg = f"{path.name} was altered: its content does not match its hash"
        raise ModelFileError(msg)
    if metadata.get("kind") != kind:
        msg = f"{path.name} is a {metadata.get('kind')!r}, not a {kind!r}"
        raise ModelFileError(msg)
    return metadata


def _to_json(content):
    return json.dumps(content, sort_keys=True, allow_nan=False)


def _digest(tensors, metadata):
    digest = hashlib.sha256(_to_json(metadata).encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
