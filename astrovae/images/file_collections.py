# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Reading lists and folders of files: one bad file in a thousand neither
stops the others nor is lost.
"""

import os
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.io import registry

from astrovae.exceptions import AstrovaeWarning, ImageFormatError
from astrovae.flags import GalaxyFlags
from astrovae.images import checks
from astrovae.images.core import GalaxyImageSet
from astrovae.images.fits_files import (
    NotAnImageError,
    is_fits_name,
    read_headers,
)
from astrovae.images.fits_perband import FORMAT as PERBAND
from astrovae.images.fits_perband import perband_bands
from astrovae.images.frames import celestial_wcs
from astrovae.images.naming import file_stem, stem_without_band
from astrovae.images.reading import FILES_FORMAT, find_format

__all__ = ["read_files"]


@dataclass
class Entry:
    """
    The file, or the files, of one galaxy.
    """

    name: str
    paths: list
    format: str | None
    bands: tuple = ()
    reason: str | None = None
    is_image: bool = True


def read_files(
    source,
    *,
    bands=None,
    pixel_scale=None,
    size=None,
    on_error="flag",
    progress=False,
):
    """
    Read a list of files, or a folder with all its folders.

    FITS files of one band whose names differ only in the band are
    taken together as one galaxy. The id of a galaxy is the stem of
    its file, or the path where two stems are the same.

    Parameters
    ----------
    source : path-like or list of path-like
        Files and folders.
    bands, pixel_scale, size : optional
        The grid that every file is brought to, as by
        `~astrovae.images.GalaxyImageSet.to_grid`; by default that of
        the files, if all have the same.
    on_error : {"flag", "raise"}, optional
        What to do with a file that cannot be read: make it a masked row
        with the flag ``UNREADABLE`` and a reason, or raise.
    progress : bool, optional
        Whether to show a progress bar on a terminal.

    Returns
    -------
    images : `~astrovae.images.GalaxyImageSet`
        A row per galaxy, sorted by path within a folder.
        ``meta["passed_over"]`` names each file that is no image in
        these bands, and why; for a list a warning says so.

    Raises
    ------
    `~astrovae.exceptions.ImageFormatError`
        If there is no image at all, or with ``on_error="raise"``.
    ValueError
        If the files differ in bands, pixel scale or size and the
        argument that settles it is missing.
    """
    if on_error not in ("flag", "raise"):
        msg = f"'on_error' must be flag or raise, not {on_error!r}"
        raise ValueError(msg)
    grid = _Grid(bands, pixel_scale, size)
    passed_over = {}
    paths, root = _list_files(source, passed_over)
    entries = _group(_classify(paths, root, passed_over), root)
    entries = _drop_single_bands(entries, grid, passed_over, root)
    if not entries:
        raise ImageFormatError(_nothing_found(source, passed_over))
    sets = [_read_entry(entry, grid, on_error) for entry in _bar(entries, progress)]
    for entry in entries:
        if not entry.is_image:
            names = [_relative(path, root) for path in entry.paths]
            passed_over.update(dict.fromkeys(names, entry.reason))
    sets = [s for s, entry in zip(sets, entries, strict=True) if entry.is_image]
    entries = [entry for entry in entries if entry.is_image]
    if not entries:
        raise ImageFormatError(_nothing_found(source, passed_over))
    good = [images for images in sets if images is not None]
    if not good and not grid.is_complete:
        msg = f"no file could be read; the first: {entries[0].reason}"
        raise ImageFormatError(msg)
    sets = [
        grid.blank(entry) if images is None else images
        for entry, images in zip(entries, sets, strict=True)
    ]
    images = GalaxyImageSet.concatenate(sets)
    images.meta["passed_over"] = passed_over
    if passed_over and root is None:
        # Who names a file expects a row for it; who names a folder does not.
        msg = (
            f"{len(passed_over)} of {len(paths)} files are no galaxy images in "
            "these bands and have no row: see meta['passed_over']"
        )
        warnings.warn(msg, AstrovaeWarning, stacklevel=4)
    return images


class _Grid:
    """
    The grid of all rows: as asked for, else that of the first.
    """

    def __init__(self, bands, pixel_scale, size):
        self.bands = None if bands is None else checks.check_bands(bands)
        self.pixel_scale = pixel_scale
        if pixel_scale is not None:
            self.pixel_scale = checks.check_angle(pixel_scale, "pixel_scale")
        self.size = size
        self.wanted = {"bands": bands, "pixel_scale": pixel_scale, "size": size}
        self.first = None

    @property
    def is_complete(self):
        return None not in (self.bands, self.pixel_scale, self.size)

    def check(self, images, entry):
        # The first set gives what was not asked for.
        if self.first is None:
            self.first = entry.name
            self.bands = images.bands
            self.pixel_scale = images.pixel_scale
            self.size = images.shape[-2:]
        differ = {
            "bands": images.bands != self.bands,
            "pixel_scale": not checks.same_scale(images.pixel_scale, self.pixel_scale),
            "size": images.shape[-2:] != self.size,
        }
        names = [name for name, differs in differ.items() if differs]
        if names:
            msg = (
                f"{self.first!r} and {entry.name!r} differ in "
                f"{' and '.join(names)}: {self._say()} and "
                f"{''.join(images.bands)}, {images.pixel_scale:.4g}, "
                f"{images.shape[-2:]} pixels; give {'=, '.join(names)}= to "
                "bring all files to one grid"
            )
            raise ValueError(msg)

    def _say(self):
        return f"{''.join(self.bands)}, {self.pixel_scale:.4g}, {self.size} pixels"

    def blank(self, entry):
        # A row without a measurement, for a file that cannot be read.
        size = self.size if isinstance(self.size, tuple) else (self.size,) * 2
        shape = (1, len(self.bands), *size)
        return GalaxyImageSet(
            np.zeros(shape, dtype=np.float32),
            unit=u.nmgy,
            bands=self.bands,
            pixel_scale=self.pixel_scale,
            coords=_position(entry.paths[0]),
            ids=[entry.name],
            mask=np.ones(shape, dtype=bool),
            flags=int(GalaxyFlags.UNREADABLE),
            reasons={entry.name: entry.reason},
        )


def _list_files(source, passed_over):
    # The files, and the folder that their names are relative to.
    given = source if isinstance(source, (list, tuple)) else [source]
    given = [Path(path).expanduser() for path in given]
    files, denied = [], []
    for path in given:
        # Path.is_dir would raise where a folder may not be entered.
        if os.path.isdir(path):  # noqa: PTH112
            files += sorted(_walk(path, denied))
        else:
            files.append(path)
    single = len(given) == 1 and os.path.isdir(given[0])  # noqa: PTH112
    root = given[0] if single else None
    for error in denied:
        name = _relative(Path(error.filename), root)
        passed_over[name] = f"a folder that cannot be opened ({error.strerror})"
    return list(dict.fromkeys(files)), root


def _walk(folder, denied):
    # What may not be looked at is listed, to be named; no pipes.
    for top, _, names in os.walk(folder, onerror=denied.append):
        for path in (os.path.join(top, name) for name in names):  # noqa: PTH118
            if os.path.isfile(path) or not os.path.exists(path):  # noqa: PTH110, PTH113
                yield Path(path)


def _relative(path, root):
    return str(path if root is None else path.relative_to(root))


def _classify(paths, root, passed_over):
    entries = []
    for path in paths:
        entry = Entry(file_stem(path), [path], None)
        if root is not None and not is_fits_name(path):
            passed_over[_relative(path, root)] = "not a FITS file"
            continue
        try:
            entry.format = find_format(GalaxyImageSet, path)
            if entry.format == PERBAND:
                entry.bands = tuple(perband_bands(path))
        except NotAnImageError as error:
            passed_over[_relative(path, root)] = _reason(error, path)
            continue
        except FileNotFoundError:
            entry.reason = "no such file"
        except OSError as error:
            # Damaged, or not to be opened.
            entry.reason = _reason(error, path)
        entries.append(entry)
    return entries


def _reason(error, path):
    if isinstance(error, PermissionError):
        return f"cannot be opened ({error.strerror})"
    return str(error).removeprefix(f"{path}: ")


def _group(entries, root):
    # Files of one band each, with the same stem but for the band.
    groups = {}
    for entry in entries:
        path = entry.paths[0]
        key = (path, None)
        if len(entry.bands) == 1:
            entry.name = stem_without_band(path, entry.bands[0])
            key = (path.parent, entry.name)
            other = groups.get(key)
            if other is not None and entry.bands[0] not in other.bands:
                other.paths.append(path)
                other.bands += entry.bands
                continue
            if other is not None:
                key = (path, None)
        groups[key] = entry
    entries = list(groups.values())
    counts = Counter(entry.name for entry in entries)
    for entry in entries:
        if counts[entry.name] > 1:
            entry.name = _relative(entry.paths[0], root)
    return entries


def _drop_single_bands(entries, grid, passed_over, root):
    # A file of one band, among images of several, is no image.
    wanted = grid.bands
    several = [entry for entry in entries if len(entry.bands) != 1]
    if wanted is None and several:
        wanted = ()
    kept = []
    for entry in entries:
        alone = len(entry.bands) == 1 and entry.format == PERBAND
        if alone and wanted is not None and set(wanted) != set(entry.bands):
            passed_over[_relative(entry.paths[0], root)] = (
                f"only the band {entry.bands[0]}, and no file beside it with the others"
            )
        else:
            kept.append(entry)
    return kept


def _read_entry(entry, grid, on_error):
    # One galaxy, or None with the reason in the entry.
    if entry.reason is None:
        source = entry.paths if len(entry.paths) > 1 else str(entry.paths[0])
        kwargs = {k: v for k, v in grid.wanted.items() if v is not None}
        try:
            if is_fits_name(entry.paths[0]):
                images = GalaxyImageSet.read(source, format=entry.format, **kwargs)
            else:
                images = GalaxyImageSet.read(source, format=entry.format)
                images = images.to_grid(**kwargs).to(u.nmgy)
        except NotAnImageError as error:
            entry.reason = _reason(error, entry.paths[0])
            entry.is_image = False
            return None
        except OSError as error:
            entry.reason = _reason(error, entry.paths[0])
        else:
            if is_fits_name(entry.paths[0]):
                images._ids = np.array([entry.name])
            grid.check(images, entry)
            return images
    if on_error == "raise":
        msg = f"{entry.paths[0]}: {entry.reason}"
        raise ImageFormatError(msg)
    return None


def _position(path):
    # A file that was cut short may still say where it points.
    try:
        for header in read_headers(path):
            if header.get("NAXIS", 0) >= 2 and "CRVAL1" in header:
                wcs = celestial_wcs(header)
                x, y = (header["NAXIS1"] - 1) / 2, (header["NAXIS2"] - 1) / 2
                ra, dec = wcs.wcs_pix2world(x, y, 0)
                return checks.sky([float(ra)], [float(dec)])
    except OSError:
        return None
    return None


def _nothing_found(source, passed_over):
    if not isinstance(source, (list, tuple)):
        source = [source]
    where = ", ".join(str(path) for path in source[:3])
    fits = {k: v for k, v in passed_over.items() if is_fits_name(k)}
    if not fits:
        return f"{where}: no FITS file there, nor in the folders below"
    name, reason = next(iter(fits.items()))
    return (
        f"{where}: none of {len(fits)} FITS files is a galaxy image; {name}: {reason}"
    )


def _bar(entries, progress):
    if not progress:
        return entries
    from tqdm.auto import tqdm

    return tqdm(entries, desc="reading", unit="galaxy", disable=None)


def _is_collection(origin, path, fileobj, *args, **kwargs):  # noqa: ARG001
    # For the registry: lists and folders.
    source = args[0] if args else path
    if isinstance(source, (list, tuple)):
        return origin == "read"
    return origin == "read" and path is not None and Path(path).is_dir()


registry.register_reader(FILES_FORMAT, GalaxyImageSet, read_files)
registry.register_identifier(FILES_FORMAT, GalaxyImageSet, _is_collection)
