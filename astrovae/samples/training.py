# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
From samples to images with labels, ready to train on.
"""

import warnings

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.cosmology import units as cu
from astropy.table import QTable, Table, vstack
from astropy.utils.masked import Masked

from astrovae.exceptions import AstrovaeWarning
from astrovae.flags import GalaxyFlags
from astrovae.parameters import PARAMETERS, PHYSICAL
from astrovae.samples.duplicates import find_duplicates
from astrovae.samples.loading import load_sample
from astrovae.samples.naming import unique_ids
from astrovae.samples.registry import get_sample

__all__ = ["build_training_set"]

#: What a sample's columns are measured in.
_UNITS = {"ra": u.deg, "dec": u.deg}
for _name in PHYSICAL:
    _UNITS |= dict.fromkeys((_name, f"{_name}_err"), PARAMETERS[_name].unit)

# What an image must not be flagged with, at each of the last steps.
_IMAGE_STEPS = (
    ("fetched", GalaxyFlags.UNREADABLE, "no image"),
    ("covered", GalaxyFlags.NO_COVERAGE, "the survey has no image"),
    ("all bands", GalaxyFlags.MISSING_BAND, "a band is missing"),
)


def build_training_set(
    samples=("gama-dr4", "zou2022"),
    *,
    fetcher=None,
    z_max=1.0,
    match_radius=1.0 * u.arcsec,
    require=PHYSICAL,
    load_options=None,
    fetch_options=None,
):
    """
    Join samples, fetch their images and keep what can be trained on.

    Parameters
    ----------
    samples : sequence of str or `~astropy.table.QTable`, optional
        Names for `load_sample`, or tables with its columns and units,
        and perhaps ``ebv``, E(B-V) in magnitudes, which the images
        take over. The order matters: of a galaxy in several samples,
        the first is kept.
    fetcher : object, optional
        What fetches the images: ``fetcher.fetch(coords, ids=ids)``
        returns a `~astrovae.GalaxyImageSet` in the order asked; by
        default a ``CutoutFetcher()`` of `astrovae.fetch`.
    z_max : float, optional
        Redshifts must be positive and smaller than this.
    match_radius : `~astropy.units.Quantity`, optional
        Positions closer than this are one galaxy, see
        `find_duplicates`.
    require : sequence of str, optional
        The quantities that a galaxy must have.
    load_options : dict of str to dict, optional
        More arguments of `load_sample`, by the sample's name.
    fetch_options : dict, optional
        More arguments of ``fetcher.fetch``.

    Returns
    -------
    images : `~astrovae.GalaxyImageSet`
        The galaxies with an image in every band.
    labels : `~astropy.table.QTable`
        Their labels, row by row. ``meta["steps"]`` lists how many
        galaxies, in all and of each sample, were left after each step
        and how many it dropped (``QTable(rows=labels.meta["steps"])``
        makes a table of it); ``meta["dropped"]`` tells of each galaxy
        that was dropped why; ``meta["samples"]`` has the samples' own
        meta, with their cuts.

    Raises
    ------
    ValueError
        If a table lacks a column, two samples have the same name, or
        nothing is left.
    TypeError
        If an argument has the wrong type.
    `~astropy.units.UnitsError`
        If a table's column has no unit, or one of the wrong kind; a
        redshift needs none.

    Warns
    -----
    `~astrovae.exceptions.AstrovaeWarning`
        If images could not be fetched that a second run may have; a
        galaxy outside the survey is no reason to warn.
    """
    labels = _join(samples, z_max, load_options or {})
    log = _Log(labels)
    log.step("joined", np.zeros(len(labels), bool), "")
    lost = ~(np.isfinite(labels["ra"]) & np.isfinite(labels["dec"]))
    if np.any(lost):  # of tables that were given: load_sample counts its own
        labels = log.step("position", lost, "no position")
    z = _plain(labels, "redshift")
    with np.errstate(invalid="ignore"):
        far = ~((z > 0) & (z < z_max))
    labels = log.step("redshift", far, f"redshift not in 0 < z < {z_max:g}")
    for name in require:
        if name != "redshift":
            missing = np.isnan(_plain(labels, name))
            labels = log.step(f"has {name}", missing, f"no {name}")
    coords = SkyCoord(labels["ra"], labels["dec"])
    repeats = find_duplicates(coords, match_radius)
    ids = labels["id"]
    reasons = [f"repeats {ids[row]}" if row >= 0 else "" for row in repeats]
    labels = log.step("duplicates", repeats >= 0, reasons)
    if len(labels) == 0:
        msg = f"no galaxy is left to fetch: {log.text()}"
        raise ValueError(msg)
    images = _fetch(fetcher, labels, fetch_options or {})
    for name, flag, why in _IMAGE_STEPS:
        bad = images.flags & int(flag) > 0
        known = images.reasons
        reasons = [
            f"{why}: {known[str(i)]}" if str(i) in known else why for i in images.ids
        ]
        labels = log.step(name, bad, reasons)
        images = images[np.flatnonzero(~bad)]
    if len(labels) == 0:
        msg = f"no galaxy is left: {log.text()}"
        raise ValueError(msg)
    n_failed = log.dropped_at("fetched")
    if n_failed:
        msg = (
            f"{n_failed} galaxies were left out because their images could not be "
            "fetched; a second run with the same cache tries them again"
        )
        warnings.warn(msg, AstrovaeWarning, stacklevel=2)
    labels.meta = {**log.meta(), **labels.meta}
    return images, labels


class _Log:
    """
    What went at each step, and why.
    """

    def __init__(self, labels):
        self.labels = labels
        self.names = list(dict.fromkeys(labels["sample"].tolist()))
        self.steps = []
        self.dropped = []

    def step(self, name, bad, reasons):
        """
        Drop rows and write down how many, of which sample and why.
        """
        labels = self.labels
        if isinstance(reasons, str):
            reasons = [reasons] * len(labels)
        for row in np.flatnonzero(bad):
            one = {"id": str(labels["id"][row]), "sample": str(labels["sample"][row])}
            self.dropped.append({**one, "step": name, "reason": reasons[row]})
        self.labels = labels = labels[~bad]
        counts = {s: int(np.count_nonzero(labels["sample"] == s)) for s in self.names}
        dropped = int(np.count_nonzero(bad))
        self.steps.append(
            {"step": name, "left": len(labels), "dropped": dropped, **counts}
        )
        return labels

    def dropped_at(self, name):
        """
        How many rows a step dropped.
        """
        return sum(one["dropped"] for one in self.steps if one["step"] == name)

    def text(self):
        """
        The steps in one line.
        """
        return ", ".join(f"{one['left']} after {one['step']!r}" for one in self.steps)

    def meta(self):
        """
        The steps and the dropped rows.
        """
        return {"steps": self.steps, "dropped": self.dropped}


def _join(samples, z_max, load_options):
    if isinstance(samples, (str, Table)):
        samples = [samples]
    named = [one for one in samples if isinstance(one, str)]
    unknown = [name for name in load_options if name not in named]
    if unknown:
        msg = f"'load_options' has {', '.join(unknown)}, which is no sample to load"
        raise ValueError(msg)
    tables, metas, seen = [], {}, set()
    for i, one in enumerate(samples):
        if isinstance(one, str):
            options = dict(load_options.get(one, {}))
            if any(cut.name == "z_max" for cut in get_sample(one).cuts):
                options.setdefault("z_max", z_max)
            table = load_sample(one, **options)
        else:
            table = _check_table(one, i)
        name = str(table["sample"][0]) if len(table) else table.meta.get("sample", "")
        seen |= _new_names(table, name, seen)
        metas[str(name)] = dict(table.meta)
        tables.append(table)
    if not tables:
        msg = "'samples' names no sample"
        raise ValueError(msg)
    _complete_ebv(tables)
    labels = vstack(tables, metadata_conflicts="silent", join_type="exact")
    labels.meta = {"samples": metas}
    labels["id"] = unique_ids(
        np.asarray(labels["id"]).astype(str),
        labels["ra"].to_value(u.deg),
        labels["dec"].to_value(u.deg),
    )
    return labels


def _new_names(table, name, seen):
    names = {str(name), *map(str, np.unique(table["sample"]))}
    for other in sorted(names & seen):
        msg = (
            f"two samples have the name {other!r}; give one of them another name "
            "in its column sample"
        )
        raise ValueError(msg)
    return names


def _complete_ebv(tables):
    # Where one table has it, the others have a column of NaN.
    if any("ebv" in table.colnames for table in tables):
        for table in tables:
            if "ebv" not in table.colnames:
                table["ebv"] = np.full(len(table), np.nan) * u.mag


def _check_table(table, i):
    if not isinstance(table, Table):
        msg = f"a sample must be a name or a table, not {type(table).__name__}"
        raise TypeError(msg)
    errors = [f"{name}_err" for name in PHYSICAL]
    names = ["id", "ra", "dec", *PHYSICAL, *errors, "sample", "reference"]
    missing = [name for name in names if name not in table.colnames]
    if missing:
        msg = f"sample {i + 1} has no column {', '.join(missing)}"
        raise ValueError(msg)
    own = QTable(table[names], copy=True)
    for name, unit in _UNITS.items():
        own[name] = _with_unit(own[name], name, unit, i)
    for name in ("ra", "dec"):
        own[name] = _plain(own, name) * u.deg
    ebv = next((c for c in table.colnames if c.lower() == "ebv"), None)
    if ebv is not None:
        from astrovae.fetch.reddening import read_ebv  # loads much

        own["ebv"] = read_ebv(table[ebv], table, len(table)) * u.mag
    return own


def _with_unit(column, name, unit, i):
    # A redshift is a number, whether it says so or not; all else has a unit.
    stated = getattr(column, "unit", None)
    plain = stated is None or stated == u.dimensionless_unscaled
    if unit == cu.redshift and (plain or str(stated) == "redshift"):
        mask = np.broadcast_to(getattr(column, "mask", False), len(column))
        values = np.ma.getdata(getattr(column, "unmasked", column))
        values = np.asarray(getattr(values, "value", values), dtype=float)
        return Masked(values * cu.redshift, mask=mask)
    if stated is None or not stated.is_equivalent(unit):
        which = "no unit" if stated is None else f"the unit {stated}"
        msg = (
            f"the column {name!r} of sample {i + 1} has {which}; it needs one like "
            f"{unit}"
        )
        raise u.UnitsError(msg)
    return column.to(unit)


def _plain(labels, name):
    if name not in labels.colnames:
        msg = f"'require' names {name!r}, but there is no such column"
        raise ValueError(msg)
    column = labels[name]
    mask = np.broadcast_to(getattr(column, "mask", False), len(column))
    values = np.array(getattr(column, "unmasked", column).value, dtype=float)
    return np.where(mask, np.nan, values)


def _fetch(fetcher, labels, options):
    from astrovae.fetch import CutoutFetcher

    if fetcher is None:
        fetcher = CutoutFetcher()
    coords = SkyCoord(labels["ra"], labels["dec"])
    ebv = labels["ebv"] if "ebv" in labels.colnames else None
    if ebv is not None and isinstance(fetcher, CutoutFetcher):
        options = {"ebv": ebv, **options}  # into its output, too
    images = fetcher.fetch(coords, ids=labels["id"], **options)
    if [str(i) for i in images.ids] != [str(i) for i in labels["id"]]:
        msg = "the fetcher returned other galaxies than it was asked for"
        raise ValueError(msg)
    if ebv is not None:
        known = images.ebv
        images.ebv = np.where(np.isfinite(known), known, ebv.to_value(u.mag))
    return images
