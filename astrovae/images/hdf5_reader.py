# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Reading HDF5 image sets, pixels only when they are asked for.
"""

import json
from contextlib import contextmanager
from pathlib import Path

import astropy.units as u
import h5py
import numpy as np
from astropy.io import registry

from astrovae.exceptions import ImageFormatError
from astrovae.images import checks
from astrovae.images.core import GalaxyImageSet
from astrovae.images.hdf5_layout import (
    COLUMNS,
    FORMAT,
    FORMAT_VERSION,
    SIGNATURE,
    mask_bytes,
)
from astrovae.images.quantization import unpack

__all__ = ["read_hdf5"]


@contextmanager
def open_set(path):
    """
    Open an HDF5 image set; errors of HDF5 become `ImageFormatError`.

    Parameters
    ----------
    path : path-like
        The file.

    Yields
    ------
    file : `h5py.File`
        The open file, of a version that this release can read.
    """
    if not Path(path).exists():
        msg = f"{path}: no such file"
        raise FileNotFoundError(msg)
    try:
        with h5py.File(path, "r") as file:
            _check_version(file, path)
            yield file
    except ImageFormatError:
        raise
    except (OSError, KeyError, RuntimeError) as error:
        # h5py tells by these three that the bytes make no sense.
        msg = f"{path}: truncated, altered or no HDF5 image set ({error})"
        raise ImageFormatError(msg) from error


def _check_version(file, path):
    if file.attrs.get("format") != FORMAT:
        msg = f"{path}: an HDF5 file, but no image set of astrovae"
        raise ImageFormatError(msg)
    version = int(file.attrs["format_version"])
    if version != FORMAT_VERSION:
        msg = (
            f"{path}: an image set of format version {version}; this "
            f"release reads version {FORMAT_VERSION}"
        )
        raise ImageFormatError(msg)


class LazyPixels:
    """
    The pixels of some rows of an HDF5 file.

    The file is opened for each reading only, so that a set can be sent
    to other processes and the file be moved or extended meanwhile.

    Parameters
    ----------
    path : path-like
        The file.
    uuid : str
        The set that it must hold.
    rows : `~numpy.ndarray` of int
        The rows in the order wanted.
    """

    def __init__(self, path, uuid, rows):
        self.path = path
        self.uuid = uuid
        self.rows = rows

    def take(self, rows):
        """
        Select among the rows; nothing is read.

        Parameters
        ----------
        rows : slice or array of int
            Indices into the present rows.

        Returns
        -------
        pixels : `LazyPixels`
            The selection.
        """
        return type(self)(self.path, self.uuid, self.rows[rows])

    def read(self):
        """
        Read the rows.

        Returns
        -------
        data : `~numpy.ndarray`, shape (N, bands, y, x)
            The pixels.
        mask : `~numpy.ndarray` of bool or None
            True where there is no measurement.
        ivar : `~numpy.ndarray` or None
            Inverse variances.
        """
        with open_set(self.path) as file:
            if file.attrs["uuid"] != self.uuid:
                msg = f"{self.path}: replaced since it was opened; read it again"
                raise ImageFormatError(msg)
            shape = file["data"].shape[1:]
            data = read_rows(file["data"], self.rows)
            if "step" in file:
                data = unpack(data, read_rows(file["step"], self.rows))
            mask = ivar = None
            if "mask" in file:
                mask = _unpack_mask(read_rows(file["mask"], self.rows), shape)
            if "ivar" in file:
                ivar = read_rows(file["ivar"], self.rows)
        return data, mask, ivar


def read_rows(dataset, rows):
    """
    Read rows of a dataset in any order, run by run.

    Parameters
    ----------
    dataset : `h5py.Dataset`
        A dataset with a row per galaxy.
    rows : `~numpy.ndarray` of int
        Row numbers; repeated ones are allowed.

    Returns
    -------
    values : `~numpy.ndarray`
        The rows, in the order of ``rows``.
    """
    dtype = dataset.dtype.newbyteorder("=")
    out = np.empty((rows.size, *dataset.shape[1:]), dtype=dtype)
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    for run in np.split(np.arange(rows.size), breaks):
        if run.size:
            source = np.s_[rows[run[0]] : rows[run[-1]] + 1]
            dataset.read_direct(out, source, np.s_[run[0] : run[-1] + 1])
    return out


def _unpack_mask(packed, shape):
    if not packed.any():
        return None
    n = int(np.prod(shape))
    bits = np.unpackbits(packed, axis=1, count=n)
    return bits.view(bool).reshape(-1, *shape)


def read_hdf5(path):
    """
    Read an HDF5 image set; the pixels stay in the file until asked for.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    images : `~astrovae.images.GalaxyImageSet`
        A lazy set. Its ``data``, ``mask`` and ``uncertainty`` read all
        of its pixels; a slice or a chunk reads its own only.

    Raises
    ------
    `~astrovae.exceptions.ImageFormatError`
        If the file is truncated, altered, foreign, or of another
        version.
    """
    path = Path(path).absolute()
    with open_set(path) as file:
        n = int(file.attrs["n"])
        shape = file["data"].shape
        _check_shapes(file, n, shape, path)
        columns = {
            name: file[name].asstr()[:n]
            if dtype == COLUMNS["id"][0]
            else file[name][:n]
            for name, (dtype, _, _) in COLUMNS.items()
        }
        attributes = dict(file.attrs)
        pixels = LazyPixels(path, attributes["uuid"], np.arange(n))
    images = _empty_set(attributes, columns, path)
    images._shape = (n, *shape[1:])
    images._data = images._mask = images._uncertainty = None
    images._source = pixels
    return images


def _check_shapes(file, n, shape, path):
    # An interrupted append leaves rows beyond n, which do not count;
    # fewer than n mean that something was cut off.
    names = [*COLUMNS, "data", *({"mask", "ivar", "step"} & set(file))]
    for name in names:
        if file[name].shape[:1] < (n,):
            msg = f"{path}: {name!r} has {file[name].shape[0]} rows of {n}"
            raise ImageFormatError(msg)
    wanted = {
        "mask": (mask_bytes(shape[1:]),),
        "ivar": shape[1:],
        "step": shape[1:2],
        "psf_fwhm": shape[1:2],
    }
    for name, rest in wanted.items():
        if name in names and file[name].shape[1:] != rest:
            msg = f"{path}: {name!r} has the shape {file[name].shape}"
            raise ImageFormatError(msg)


def _empty_set(attributes, columns, path):
    # Through the constructor, which checks what the file claims.
    ra, dec = columns["ra"], columns["dec"]
    known = np.isfinite(ra).any()
    ids = columns["id"]
    reason = columns["reason"]
    try:
        bands = tuple(json.loads(attributes["bands"]))
        images = GalaxyImageSet(
            np.zeros((len(ids), len(bands), 1, 1), dtype=np.float32),
            unit=u.Unit(attributes["unit"]),
            bands=bands,
            pixel_scale=float(attributes["pixel_scale"]) * u.arcsec,
            coords=checks.sky(ra, dec) if known else None,
            ids=ids.astype(str),
            psf_fwhm=columns["psf_fwhm"] * u.arcsec,
            ebv=columns["ebv"],
            reasons={i: r for i, r in zip(ids, reason, strict=True) if r},
            meta=json.loads(attributes["meta"]),
        )
    except (ValueError, TypeError, u.UnitsError) as error:
        msg = f"{path}: an image set that contradicts itself ({error})"
        raise ImageFormatError(msg) from error
    images._flags = columns["flags"]
    return images


def _is_hdf5(origin, path, fileobj, *args, **kwargs):  # noqa: ARG001
    # For the registry: HDF5 by its first bytes, or by the file's name.
    if path is None:
        return False
    if str(path).lower().endswith((".hdf5", ".h5")):
        return True
    if origin == "write" or not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        return file.read(len(SIGNATURE)) == SIGNATURE


registry.register_reader(FORMAT, GalaxyImageSet, read_hdf5)
registry.register_identifier(FORMAT, GalaxyImageSet, _is_hdf5)
