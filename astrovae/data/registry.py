# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The registry of what comes with the package.

``registry.json`` holds a list of entries with the keys ``kind``
(``"weights"`` or ``"sample"``), ``name``, ``recommended``,
``description`` and ``files``, which maps file names to their SHA-256,
or to null as long as a file was not registered. Neither torch nor h5py
is loaded before a sample or weights are.
"""

import hashlib
import json
from pathlib import Path

from astropy.table import QTable

from astrovae.exceptions import ModelFileError

__all__ = [
    "list_samples",
    "list_weights",
    "load_sample_set",
    "register_file",
    "sample_paths",
    "weights_path",
]

_FOLDER = Path(__file__).parent


def list_weights():
    """
    List the weights that come with the package.

    Returns
    -------
    table : `~astropy.table.QTable`
        The columns name, recommended, files and description.
    """
    return _table("weights")


def list_samples():
    """
    List the samples that come with the package.

    Returns
    -------
    table : `~astropy.table.QTable`
        The columns name, recommended, files and description.
    """
    return _table("sample")


def weights_path(name=None):
    """
    Find a file of weights and check that it is what it was.

    Parameters
    ----------
    name : str, optional
        A name in `list_weights`; `None`: the recommended ones.

    Returns
    -------
    path : `~pathlib.Path`
        The safetensors file.

    Raises
    ------
    ValueError
        If there are none of that name.
    `~astrovae.exceptions.ModelFileError`
        If the file is missing or was altered.
    """
    return _checked_files("weights", name)[0]


def sample_paths(name=None):
    """
    Find the files of a sample and check that they are what they were.

    Parameters
    ----------
    name : str, optional
        A name in `list_samples`; `None`: the recommended one.

    Returns
    -------
    images_path, truth_path : `~pathlib.Path`
        The HDF5 file and the ECSV file.

    Raises
    ------
    ValueError
        If there is none of that name.
    `~astrovae.exceptions.ModelFileError`
        If a file is missing or was altered.
    """
    by_suffix = {p.suffix: p for p in _checked_files("sample", name)}
    return by_suffix[".hdf5"], by_suffix[".ecsv"]


def load_sample_set(name=None):
    """
    Load a sample of galaxies with known parameters.

    Parameters
    ----------
    name : str, optional
        A name in `list_samples`; `None`: the recommended one.

    Returns
    -------
    images : `~astrovae.GalaxyImageSet`
        The images, read lazily.
    truth : `~astropy.table.QTable`
        Their parameters, row by row.

    Raises
    ------
    ValueError
        If there is none of that name.
    `~astrovae.exceptions.ModelFileError`
        If a file is missing or was altered.
    """
    # The parameters make astropy know the unit of redshifts in the file.
    import astrovae.parameters  # noqa: F401
    from astrovae.images import GalaxyImageSet

    images_path, truth_path = sample_paths(name)
    images = GalaxyImageSet.read(images_path)
    return images, QTable.read(truth_path)


def register_file(path):
    """
    Note the hash of a file that was put beside the registry.

    For whoever makes a release, not for users.

    Parameters
    ----------
    path : path-like
        The file, of a name that the registry lists.

    Raises
    ------
    ValueError
        If the registry does not list it.
    """
    path = Path(path)
    entries = _read()
    listed = [entry for entry in entries if path.name in entry["files"]]
    if not listed:
        msg = f"registry.json does not list {path.name!r}"
        raise ValueError(msg)
    listed[0]["files"][path.name] = _sha256(path)
    text = json.dumps(entries, indent=1) + "\n"
    (_FOLDER / "registry.json").write_text(text, encoding="utf-8")


def _read():
    text = (_FOLDER / "registry.json").read_text(encoding="utf-8")
    return json.loads(text)


def _entries(kind):
    return [
        entry
        for entry in _read()
        if entry["kind"] == kind and all(entry["files"].values())
    ]


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _table(kind):
    entries = _entries(kind)
    return QTable(
        {
            "name": [entry["name"] for entry in entries],
            "recommended": [entry["recommended"] for entry in entries],
            "files": [", ".join(entry["files"]) for entry in entries],
            "description": [entry["description"] for entry in entries],
        },
        dtype=[str, bool, str, str],
    )


def _checked_files(kind, name):
    entries = _entries(kind)
    chosen = [
        entry
        for entry in entries
        if entry["name"] == name or (name is None and entry["recommended"])
    ]
    if not chosen:
        names = ", ".join(repr(entry["name"]) for entry in entries) or "none"
        msg = f"there is no packaged {kind} {name!r}; there is: {names}"
        raise ValueError(msg)
    paths = []
    for file, sha256 in chosen[0]["files"].items():
        path = _FOLDER / file
        if not path.is_file():
            msg = f"the packaged file {file} is missing; install again"
            raise ModelFileError(msg)
        if _sha256(path) != sha256:
            msg = f"the packaged file {file} was altered; install again"
            raise ModelFileError(msg)
        paths.append(path)
    return paths
