# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Images of the galaxies of a catalogue.
"""

import astropy.units as u
import numpy as np
from astropy.table import QTable
from joblib import Parallel, delayed
from scipy.spatial import KDTree

from .conditions import NATIVE_PIXEL
from .drawing import assemble, check_frame, render_galaxies
from .library import BANDS
from .population import COMPONENTS, draw_galaxies

__all__ = ["render_catalogue"]

# Galaxies to choose the twins from, and per process at a time.
_N_TWINS = 30_000
_BLOCK = 200

# What counts as a small difference from a twin: redshift, magnitude in
# r, the two colours, log10 of mass and of SFR.
_SCALES = {
    "redshift": 0.03,
    "r": 0.5,
    "g-r": 0.1,
    "r-z": 0.1,
    "stellar_mass": 0.2,
    "sfr": 0.4,
}


def render_catalogue(
    table,
    *,
    random_state=None,
    bands="grz",
    size=128,
    pixel_scale=NATIVE_PIXEL * u.arcsec,
    n_jobs=1,
):
    """
    Draw what a DECam coadd shows of catalogued galaxies.

    Fluxes are those of the catalogue. What it does not know, how a
    galaxy's light is divided between bulge, disc and clumps, and
    their shapes, is that of a simulated twin: the galaxy of
    `simulate_galaxies` nearest in redshift, r, colours and, where the
    catalogue has them, mass and SFR.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The columns ``redshift`` and ``mag_g``, ``mag_r``, ... for
        each of the bands: total AB magnitudes, corrected for the
        Milky Way. A magnitude that is masked or not finite is a band
        that was not observed. Further columns that are used if there:
        ``id``, ``ra``, ``dec``, ``stellar_mass``, ``sfr``, ``ebv``
        (E(B-V), by which the images are reddened; drawn otherwise),
        ``half_light_radius`` (of the major axis), ``axis_ratio`` and
        ``orientation`` (from +x counter-clockwise).
    random_state : int or `~numpy.random.Generator`, optional
        Seed of twins, conditions and noise.
    bands, size, pixel_scale, n_jobs
        As for `simulate_galaxies`. The bands g, r and z are needed
        to find the twins.

    Returns
    -------
    images : `~astrovae.GalaxyImageSet`
        One image per row, in order; a band that was not observed is
        masked.

    Raises
    ------
    ImportError
        Without the ``simulate`` extra.
    ValueError
        If a column is missing, or has no value where one is needed.
    `~astropy.units.UnitsError`
        If a column has a wrong unit.
    """
    bands, scale = check_frame(bands, size, pixel_scale)
    catalogue = _read(table, bands)
    rng = np.random.default_rng(random_state)
    galaxies = _twins(catalogue, bands, rng)
    n = len(table)
    blocks = [slice(i, min(i + _BLOCK, n)) for i in range(0, n, _BLOCK)]
    drawn = Parallel(n_jobs=n_jobs)(
        delayed(render_galaxies)(
            {name: values[rows] for name, values in galaxies.items()},
            bands,
            size,
            scale,
            np.random.default_rng(seed),
            catalogue["ebv"][rows],
        )
        for rows, seed in zip(blocks, rng.spawn(len(blocks)), strict=True)
    )
    data, ivar, observed = zip(*drawn, strict=True)
    data, ivar = np.concatenate(data), np.concatenate(ivar)
    unseen = np.stack([~np.isfinite(catalogue[f"mag_{b}"]) for b in bands], axis=1)
    data[unseen], ivar[unseen] = 0, 0
    observed = {
        name: np.concatenate([part[name] for part in observed]) for name in observed[0]
    }
    own = QTable({name: catalogue[name] for name in ("id", "ra", "dec")})
    return assemble(own, (data, ivar), observed, bands, scale)


def _read(table, bands):
    """
    The columns as plain arrays; NaN where there is none.
    """
    missing = [
        name
        for name in ("redshift", *(f"mag_{band}" for band in bands))
        if name not in table.colnames
    ]
    if missing:
        msg = f"the table has no column {', '.join(missing)}"
        raise ValueError(msg)
    if not {"g", "r", "z"} <= set(bands):
        msg = f"bands must hold g, r and z, got {bands}"
        raise ValueError(msg)
    units = {f"mag_{band}": u.mag for band in bands}
    units |= {"redshift": u.dimensionless_unscaled, "ebv": u.mag}
    units |= {"stellar_mass": u.Msun, "sfr": u.Msun / u.yr}
    units |= {"half_light_radius": u.arcsec, "orientation": u.deg}
    units |= {"axis_ratio": u.dimensionless_unscaled, "ra": u.deg, "dec": u.deg}
    columns = {name: _column(table, name, unit) for name, unit in units.items()}
    n = len(table)
    columns["id"] = np.array([str(i) for i in range(n)])
    if "id" in table.colnames:
        columns["id"] = np.asarray(table["id"], dtype=str)
    for name in ("ra", "dec"):
        columns[name] = columns[name] << u.deg
    usable = np.isfinite(columns["redshift"]) & np.isfinite(columns["mag_r"])
    if not usable.all():
        first = columns["id"][np.flatnonzero(~usable)[0]]
        msg = (
            f"{np.count_nonzero(~usable)} of {n} rows lack a redshift or mag_r, "
            f"the first of them {first!r}"
        )
        raise ValueError(msg)
    return columns


def _column(table, name, unit):
    if name not in table.colnames:
        return np.full(len(table), np.nan)
    column = table[name]
    own = getattr(column, "unit", None)
    mask = np.broadcast_to(getattr(column, "mask", False), len(table))
    values = np.array(getattr(column, "unmasked", column), dtype=float)
    # Redshifts, ratios and magnitudes often come without a unit.
    bare = (None, u.dimensionless_unscaled)
    if own not in bare and name != "redshift":
        if not own.is_equivalent(unit):
            msg = f"the column {name!r} has the unit {own}, not one like {unit}"
            raise u.UnitsError(msg)
        values = (values * own).to_value(unit)
    elif own in bare and unit not in (u.mag, u.dimensionless_unscaled):
        msg = f"the column {name!r} needs a unit like {unit}"
        raise u.UnitsError(msg)
    return np.where(mask, np.nan, values)


def _twins(catalogue, bands, rng):
    """
    Simulated galaxies with the fluxes of the catalogued ones.
    """
    half = _N_TWINS // 2
    parts = [draw_galaxies(half, name, rng) for name in ("gama", "deep")]
    pool = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    total = sum(pool[name] for name in COMPONENTS)
    magnitude = dict(zip(BANDS, 22.5 - 2.5 * np.log10(total.T), strict=True))
    pool_facts = _facts(pool["redshift"], magnitude)
    pool_facts |= {"stellar_mass": pool["log_mass"], "sfr": pool["log_sfr"]}
    own = {band: catalogue[f"mag_{band}"] for band in "grz"}
    facts = _facts(catalogue["redshift"], own)
    with np.errstate(divide="ignore", invalid="ignore"):
        facts |= {name: np.log10(catalogue[name]) for name in ("stellar_mass", "sfr")}
    known = np.stack([np.isfinite(facts[name]) for name in _SCALES], axis=1)
    values = np.stack([facts[name] / _SCALES[name] for name in _SCALES], axis=1)
    others = np.stack([pool_facts[name] / _SCALES[name] for name in _SCALES], axis=1)
    nearest = np.empty(len(values), dtype=int)
    for pattern in np.unique(known, axis=0):
        rows = np.flatnonzero((known == pattern).all(axis=1))
        tree = KDTree(others[:, pattern])
        nearest[rows] = tree.query(values[rows][:, pattern])[1]
    galaxies = {name: column[nearest] for name, column in pool.items()}
    imaged = [BANDS.index(band) for band in bands]
    scale = np.stack(
        [
            10 ** (-0.4 * (catalogue[f"mag_{b}"] - 22.5))
            / total[nearest, BANDS.index(b)]
            for b in bands
        ],
        axis=1,
    )
    for name in COMPONENTS:
        galaxies[name] = galaxies[name][:, imaged] * np.nan_to_num(scale)
    _take_shapes(galaxies, catalogue)
    return galaxies


def _facts(redshift, magnitude):
    return {
        "redshift": redshift,
        "r": magnitude["r"],
        "g-r": magnitude["g"] - magnitude["r"],
        "r-z": magnitude["r"] - magnitude["z"],
    }


def _take_shapes(galaxies, catalogue):
    """
    Put the catalogue's own shapes where it has them.
    """
    radius = catalogue["half_light_radius"]
    flux = {name: galaxies[name].sum(axis=1) for name in COMPONENTS}
    bulge = flux["bulge_flux"] / np.maximum(sum(flux.values()), 1e-30)
    own = bulge * galaxies["bulge_radius"] + (1 - bulge) * galaxies["disc_radius"]
    stretch = np.where(np.isfinite(radius), radius / own, 1.0)
    for part in ("bulge", "disc"):
        galaxies[f"{part}_radius"] = galaxies[f"{part}_radius"] * stretch
        ratio = np.clip(catalogue["axis_ratio"], 0.05, 1.0)
        drawn = galaxies[f"{part}_axis_ratio"]
        galaxies[f"{part}_axis_ratio"] = np.where(np.isfinite(ratio), ratio, drawn)
    angle = np.radians(catalogue["orientation"])
    drawn = galaxies["orientation"]
    galaxies["orientation"] = np.where(np.isfinite(angle), angle, drawn)
