# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Writing HDF5 image sets, whole or galaxy by galaxy.
"""

import json
import os
import uuid
import warnings
import zlib
from pathlib import Path

import astropy.units as u
import h5py
import numpy as np
from astropy.io import registry

from astrovae.exceptions import AstrovaeWarning
from astrovae.images import checks
from astrovae.images.core import GalaxyImageSet
from astrovae.images.hdf5_layout import (
    COLUMNS,
    FORMAT,
    FORMAT_VERSION,
    mask_bytes,
)
from astrovae.images.hdf5_reader import open_set, read_hdf5
from astrovae.images.quantization import pack

__all__ = ["HDF5Writer", "write_hdf5"]

#: Rows per chunk of the small columns.
COLUMN_CHUNK = 1024


class HDF5Writer:
    """
    Write a set that never is in memory whole.

    A file that is interrupted keeps the galaxies that were appended
    before and can be continued.

    Parameters
    ----------
    path : path-like
        The file.
    mode : {"x", "w", "a"}, optional
        "x": the file must not exist; "w": it is replaced; "a": it is
        continued if it exists, with its own quantization.
    quantize_level : float, optional
        Round pixels to their noise divided by this level, and inverse
        variances to one percent, so that they pack well: at level 4 a
        galaxy of 3 x 128 x 128 pixels takes about 27 kB. None: exact.
    compression : int, optional
        The level of gzip, 0 to 9.

    Raises
    ------
    FileExistsError
        If the file exists in mode "x".
    `~astrovae.exceptions.ImageFormatError`
        If a file to continue is no image set.
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> import astropy.units as u
    >>> import numpy as np
    >>> from astrovae import GalaxyImageSet
    >>> from astrovae.images import HDF5Writer
    >>> path = getfixture("tmp_path") / "set.hdf5"
    >>> with HDF5Writer(path) as writer:
    ...     for i in range(3):
    ...         writer.append(GalaxyImageSet(
    ...             np.ones((1, 1, 8, 8)) * u.nmgy, bands="r", ids=[i],
    ...             pixel_scale=0.262 * u.arcsec))
    >>> GalaxyImageSet.read(path)
    <GalaxyImageSet: 3 galaxies, bands r, 8 x 8 pixels of 0.262 arcsec,
    nmgy, on disk>
    """

    def __init__(self, path, *, mode="x", quantize_level=None, compression=4):
        if mode not in ("x", "w", "a"):
            msg = f"'mode' must be x, w or a, not {mode!r}"
            raise ValueError(msg)
        if quantize_level is not None and not quantize_level > 0:
            msg = f"'quantize_level' must be positive, not {quantize_level}"
            raise ValueError(msg)
        self.path = Path(path)
        self.quantize_level = quantize_level
        self._filter = {"compression": "gzip", "compression_opts": compression}
        self._filter["shuffle"] = True
        self._template = None
        self._ids = set()
        if mode == "a" and self.path.exists():
            self._continue()
        else:
            if mode == "x" and self.path.exists():
                msg = f"{self.path} exists; mode 'w' replaces it, 'a' continues"
                raise FileExistsError(msg)
            self._file = h5py.File(self.path, "w")

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def __len__(self):
        return len(self._ids)

    def close(self):
        """
        Close the file.
        """
        self._file.close()

    def append(self, images):
        """
        Append galaxies.

        Parameters
        ----------
        images : `~astrovae.images.GalaxyImageSet`
            Galaxies of the same bands and grid as those before; lazy
            sets are read in chunks.

        Raises
        ------
        ValueError
            If the bands, the grid or the unit differ, or an id is
            repeated or was written before.
        """
        # Repeated rows of a set; nothing may be written before this.
        checks.check_ids(images.ids, len(images))
        if self._template is None:
            self._create(images)
        self._check(images)
        for chunk in images.iter_chunks():
            self._append_chunk(chunk)

    def _continue(self):
        self._template = read_hdf5(self.path)[:0]
        with open_set(self.path) as file:
            if self.quantize_level is None and "step" in file:
                self.quantize_level = float(file["step"].attrs["level"])
            elif self.quantize_level is not None and "step" not in file:
                msg = f"{self.path} holds exact pixels; quantize_level must be None"
                raise ValueError(msg)
            n = int(file.attrs["n"])
            self._ids = set(file["id"].asstr()[:n].tolist())
        self._file = h5py.File(self.path, "r+")

    def _create(self, images):
        file = self._file
        shape = images.shape[1:]
        file.attrs.update(
            {
                "format": FORMAT,
                "format_version": FORMAT_VERSION,
                "bands": json.dumps(images.bands),
                "unit": images.unit.to_string(),
                "pixel_scale": images.pixel_scale.to_value(u.arcsec),
                "uuid": str(uuid.uuid4()),
                "meta": json.dumps(_plain_meta(images.meta)),
                "n": 0,
            }
        )
        for name, (dtype, per_band, unknown) in COLUMNS.items():
            rest = (len(images.bands),) if per_band else ()
            self._add(name, rest, dtype, COLUMN_CHUNK, unknown)
        if self.quantize_level is None:
            self._add("data", shape, images[:1].data.dtype)
        else:
            self._add("data", shape, "<u4")
            self._add("step", shape[:1], np.float32, COLUMN_CHUNK)
            file["step"].attrs["level"] = self.quantize_level
        self._template = images[:0]

    def _add(self, name, rest, dtype, rows=1, fill=None):
        self._file.create_dataset(
            name,
            (self._file.attrs["n"], *rest),
            dtype,
            maxshape=(None, *rest),
            chunks=(rows, *rest),
            fillvalue=fill if fill != "" else None,
            **self._filter,
        )

    def _check(self, images):
        own = self._template
        if (
            own.bands != images.bands
            or own.shape[1:] != images.shape[1:]
            or own.unit != images.unit
            or not checks.same_scale(own.pixel_scale, images.pixel_scale)
        ):
            msg = (
                f"{images!r} does not continue a file of {own!r}: bands, "
                "frame, pixel scale and unit must be the same"
            )
            raise ValueError(msg)
        repeated = sorted(self._ids.intersection(images.ids.tolist()))
        if repeated:
            msg = f"'ids' are in {self.path} already: {', '.join(repeated[:5])}"
            raise ValueError(msg)

    def _append_chunk(self, images):
        start = int(self._file.attrs["n"])
        rows = np.s_[start : start + len(images)]
        if self.quantize_level is None:
            self._write("data", rows, images.data)
        else:
            self._write_codes(images, rows)
        if images.mask is not None and images.mask.any():
            if "mask" not in self._file:
                self._add("mask", (mask_bytes(images.shape[1:]),), np.uint8)
            self._write_some("mask", rows, _pack_mask(images.mask))
        if images._ivar is not None:
            if "ivar" not in self._file:
                self._add("ivar", images.shape[1:], np.float32)
            ivar = images._ivar.astype(np.float32, copy=False)
            if self.quantize_level is not None:
                ivar = _round_mantissa(ivar)
            self._write_some("ivar", rows, ivar)
        for name, values in _columns(images).items():
            self._write(name, rows, values)
        for name in ("mask", "ivar"):
            if name in self._file:
                self._file[name].resize(rows.stop, axis=0)
        # Last, so that rows count only when they are complete.
        self._file.flush()
        self._file.attrs["n"] = rows.stop
        self._file.flush()
        self._ids.update(images.ids.tolist())

    def _write_codes(self, images, rows):
        codes, step = pack(images.data, self.quantize_level)
        self._write("step", rows, step)
        dataset = self._file["data"]
        dataset.resize(rows.stop, axis=0)
        for row, code in zip(range(rows.start, rows.stop), codes, strict=True):
            dataset.id.write_direct_chunk((row, 0, 0, 0), _deflate(code))

    def _write(self, name, rows, values):
        dataset = self._file[name]
        dataset.resize(rows.stop, axis=0)
        if rows.stop > rows.start:
            dataset[rows] = values

    def _write_some(self, name, rows, values):
        # Rows of zeros are what an unwritten chunk reads as.
        dataset = self._file[name]
        dataset.resize(rows.stop, axis=0)
        for row, value in zip(range(rows.start, rows.stop), values, strict=True):
            if value.any():
                dataset[row] = value


def _columns(images):
    missing = np.full(len(images), np.nan)
    coords = images.coords
    return {
        "id": images.ids.astype(object),
        "ra": missing if coords is None else coords.ra.deg,
        "dec": missing if coords is None else coords.dec.deg,
        "psf_fwhm": images.psf_fwhm.to_value(u.arcsec),
        "ebv": images.ebv,
        "flags": images.flags,
        "reason": np.array(
            [images.reasons.get(i, "") for i in images.ids.tolist()],
            dtype=object,
        ),
    }


def _deflate(codes):
    # What HDF5's shuffle and gzip filters make of a chunk, but looking
    # for runs only: noise has no repetitions, and the search for them
    # makes the result 13 % larger. Any reader of gzip reads it.
    shuffled = codes.astype("<u4").view(np.uint8).reshape(-1, 4).T.tobytes()
    deflate = zlib.compressobj(6, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    return deflate.compress(shuffled) + deflate.flush()


def _pack_mask(mask):
    return np.packbits(mask.reshape(mask.shape[0], -1), axis=1)


def _round_mantissa(values, bits=6):
    # Zeros in the lower bits of the mantissa pack away: within 0.8 %.
    drop = np.uint32(23 - bits)
    codes = values.astype(np.float32).view(np.uint32)
    half = np.uint32(1) << (drop - np.uint32(1))
    return (((codes + half) >> drop) << drop).view(np.float32)


def _plain_meta(meta):
    plain, lost = {}, []
    for key, value in meta.items():
        try:
            json.dumps({key: value})
        except (TypeError, ValueError):
            lost.append(str(key))
        else:
            plain[key] = value
    if lost:
        msg = f"meta entries that JSON does not know are not written: {lost}"
        warnings.warn(msg, AstrovaeWarning, stacklevel=4)
    return plain


def write_hdf5(images, path, *, overwrite=False, quantize_level=None, compression=4):
    """
    Write a set to one HDF5 file, whole or not at all.

    The file gets its name only when it is complete.

    Parameters
    ----------
    images : `~astrovae.images.GalaxyImageSet`
        The set; a lazy one is copied in chunks.
    path : path-like
        The file.
    overwrite : bool, optional
        Whether an existing file may be replaced.
    quantize_level : float, optional
        As in `HDF5Writer`.
    compression : int, optional
        As in `HDF5Writer`.

    Raises
    ------
    OSError
        If the file exists and may not be replaced.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        msg = f"{path} exists; overwrite=True replaces it"
        raise FileExistsError(msg)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with HDF5Writer(
            partial,
            mode="w",
            quantize_level=quantize_level,
            compression=compression,
        ) as writer:
            writer.append(images)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


registry.register_writer(FORMAT, GalaxyImageSet, write_hdf5)
