# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
From a seed to a set of images with known answers.
"""

import astropy.units as u
import numpy as np
from astropy.cosmology import units as cu
from astropy.table import QTable, vstack
from joblib import Parallel, delayed

from astrovae.images import GalaxyImageSet
from astrovae.images.normalization import EXTINCTION

from .artefacts import inject_artefacts
from .conditions import NATIVE_PIXEL
from .drawing import assemble, check_frame, render_galaxies
from .library import BANDS
from .population import COMPONENTS, SELECTIONS, draw_galaxies
from .special import KINDS

__all__ = ["iter_simulation", "simulate_catalogue", "simulate_galaxies"]

# Galaxies are made in blocks of this many, each from a seed of its
# own, so that the result depends neither on n nor on the processes.
_BLOCK = 200

# 1-sigma errors that a catalogue would quote: redshift from a
# spectrum, mass and SFR (dex) from SED fits, angle (the paper's).
_REDSHIFT_ERR = 1.5e-4
_ORIENTATION_ERR = 0.1 * u.rad
_LOG_MASS_ERR = 0.10
_LOG_SFR_ERR = 0.25

# Drawn parameters that are handed on in the truth table.
_TRUTH_UNITS = {
    "bulge_fraction": u.dimensionless_unscaled,
    "bulge_radius": u.arcsec,
    "bulge_sersic": u.dimensionless_unscaled,
    "disc_radius": u.arcsec,
    "disc_axis_ratio": u.dimensionless_unscaled,
    "av": u.mag,
    "log_metallicity": u.dimensionless_unscaled,
}


def _simulate_block(seed, n, bands, size, pixel_scale, selection):
    """
    Make one block of galaxies; returns arrays only, to travel between
    processes.
    """
    rng = np.random.default_rng(seed)
    galaxies = _draw(n, selection, bands, rng)
    data, ivar, observed = render_galaxies(galaxies, bands, size, pixel_scale, rng)
    return data, ivar, galaxies | observed


def _draw(n, selection, bands, rng):
    """
    Galaxies with the fluxes of some bands, and places on the sky.
    """
    if selection in KINDS:
        galaxies = KINDS[selection](n, rng)
    else:
        galaxies = draw_galaxies(n, selection, rng)
    imaged = [BANDS.index(band) for band in bands]
    for name in COMPONENTS:
        galaxies[name] = galaxies[name][:, imaged]
    # A position is an identity here, not an observation.
    galaxies["ra"] = rng.uniform(0, 360, n)
    galaxies["dec"] = np.degrees(np.arcsin(rng.uniform(-0.3, 0.5, n)))
    return galaxies


def _check_selection(selection):
    known = (*SELECTIONS, *KINDS)
    if selection not in known:
        msg = f"unknown selection {selection!r}; known are {', '.join(known)}"
        raise ValueError(msg)


def _truth_table(galaxies, ids, bands):
    """
    The answers of one block, with units.
    """
    truth = QTable()
    truth["id"] = ids
    truth["ra"] = galaxies["ra"] * u.deg
    truth["dec"] = galaxies["dec"] * u.deg
    redshift = galaxies["redshift"]
    truth["redshift"] = redshift * cu.redshift
    truth["redshift_err"] = _REDSHIFT_ERR * (1 + redshift) * cu.redshift
    for name, log_err, unit in (
        ("mass", _LOG_MASS_ERR, u.Msun),
        ("sfr", _LOG_SFR_ERR, u.Msun / u.yr),
    ):
        column = "stellar_mass" if name == "mass" else name
        value = 10 ** galaxies[f"log_{name}"] * unit
        truth[column] = value
        truth[f"{column}_err"] = value * log_err * np.log(10)
    truth["orientation"] = np.degrees(galaxies["orientation"]) * u.deg
    truth["orientation_err"] = (
        np.full(len(ids), _ORIENTATION_ERR.to_value(u.deg)) * u.deg
    )
    flux = sum(galaxies[name] for name in COMPONENTS)
    for i, band in enumerate(bands):
        reddened = flux[:, i] * 10 ** (-0.4 * galaxies["ebv"] * EXTINCTION[band])
        truth[f"mag_{band}"] = (22.5 - 2.5 * np.log10(reddened)) * u.mag
    for name, unit in _TRUTH_UNITS.items():
        truth[name] = galaxies[name] * unit
    truth["quiescent"] = galaxies["quiescent"]
    return truth


def iter_simulation(
    n,
    *,
    random_state=None,
    selection="decals",
    bands="grz",
    size=128,
    pixel_scale=NATIVE_PIXEL * u.arcsec,
    n_jobs=1,
    artefacts=0.0,
):
    """
    Simulate galaxies block by block, for sets that outgrow memory.

    Parameters
    ----------
    n, random_state, selection, bands, size, pixel_scale, n_jobs, artefacts
        As in `simulate_galaxies`.

    Yields
    ------
    images : `~astrovae.GalaxyImageSet`
        At most 200 galaxies.
    truth : `~astropy.table.QTable`
        One row per galaxy.

    Raises
    ------
    ValueError
        As `simulate_galaxies`.
    """
    if n < 0:
        msg = f"n must not be negative, got {n}"
        raise ValueError(msg)
    _check_selection(selection)
    bands, scale = check_frame(bands, size, pixel_scale)
    root = np.random.default_rng(random_state).integers(2**63)
    seeds = np.random.SeedSequence(root).spawn(-(-n // _BLOCK))
    work = (
        delayed(_simulate_block)(seed, _BLOCK, bands, size, scale, selection)
        for seed in seeds
    )
    blocks = Parallel(n_jobs=n_jobs, return_as="generator")(work)
    # The seed is part of the name, lest images of one simulation be
    # matched with the truth of another.
    name = f"sim{root % 16**6:06x}"
    for start, (data, ivar, galaxies) in zip(range(0, n, _BLOCK), blocks, strict=True):
        stop = min(start + _BLOCK, n)
        count = stop - start
        ids = np.array([f"{name}-{i:07d}" for i in range(start, stop)])
        columns = {name: values[:count] for name, values in galaxies.items()}
        truth = _truth_table(columns, ids, bands)
        pixels = data[:count], ivar[:count]
        images = assemble(truth, pixels, columns, bands, scale)
        if artefacts:
            # A stream of its own: the galaxies stay the same.
            rng = np.random.default_rng([root, start])
            images, truth["artefact"] = inject_artefacts(
                images, artefacts, random_state=rng
            )
        yield images, truth


def simulate_catalogue(n, *, random_state=None, selection="decals", bands="grz"):
    """
    Simulate galaxies without images: thousands per second.

    Parameters
    ----------
    n : int
        Number of galaxies, at least 1.
    random_state : int or `~numpy.random.Generator`, optional
        Seed. Not the galaxies that `simulate_galaxies` draws with it.
    selection, bands
        As for `simulate_galaxies`.

    Returns
    -------
    truth : `~astropy.table.QTable`
        As from `simulate_galaxies`; the magnitudes are not reddened.

    Raises
    ------
    ImportError
        Without the ``simulate`` extra.
    ValueError
        If ``n`` is less than 1, or a band or the selection unknown.
    """
    if n < 1:
        msg = f"n must be at least 1, got {n}"
        raise ValueError(msg)
    _check_selection(selection)
    bands, _ = check_frame(bands, 1, NATIVE_PIXEL * u.arcsec)
    rng = np.random.default_rng(random_state)
    galaxies = _draw(n, selection, bands, rng) | {"ebv": np.zeros(n)}
    return _truth_table(galaxies, np.array([str(i) for i in range(n)]), bands)


def simulate_galaxies(
    n,
    *,
    random_state=None,
    selection="decals",
    bands="grz",
    size=128,
    pixel_scale=NATIVE_PIXEL * u.arcsec,
    n_jobs=1,
    artefacts=0.0,
):
    """
    Simulate images of galaxies at z < 1 with DECaLS depth and seeing.

    Redshift and mass follow the stellar mass function of Leja et al.
    (2020), SFR the main sequence of Popesso et al. (2023) and a
    quiescent population, sizes van der Wel et al. (2014); spectra are
    bagpipes', images galsim's. See ``docs/simulation.rst`` for every
    relation and its source.

    Parameters
    ----------
    n : int
        Number of galaxies.
    random_state : int or `~numpy.random.Generator`, optional
        Seed. The same seed gives the same galaxies, for any
        ``n_jobs``; a larger ``n`` only adds to them.
    selection : {"decals", "gama", "deep", "red-spirals", "green-peas"}
        Brighter than r = 19.8 (``gama``), 22.5 (``deep``), or half of
        each (``decals``, the mixture of the paper). Or one of the
        paper's two rare kinds alone, with the masses, redshifts and
        colours of Masters et al. (2010) and of Cardamone et al.
        (2009).
    bands : str or sequence of str
        DECam bands among g, r, i, z.
    size : int
        Pixels on a side.
    pixel_scale : `~astropy.units.Quantity`
        Angle per pixel.
    n_jobs : int
        Number of processes; -1 for all cores.
    artefacts : float
        Fraction of the galaxies whose frame has a chip gap, a further
        saturated star, a satellite trail or no data in one band.

    Returns
    -------
    images : `~astrovae.GalaxyImageSet`, length n
        Shape (n, bands, size, size), in nanomaggies per pixel, with
        inverse variance, PSF widths and E(B-V).
    truth : `~astropy.table.QTable`
        The exact ``redshift``, ``stellar_mass`` (surviving stars),
        ``sfr`` (mean of the last 100 Myr) and ``orientation`` (of the
        major axis, from +x counter-clockwise); ``_err`` columns with
        the error a catalogue would quote (see
        `~astrovae.simulation.catalogue_labels`); total magnitudes
        ``mag_g``, ... as seen through the Milky Way; the shapes; and,
        with ``artefacts``, ``artefact``: which, or an empty string.
        Ids differ between seeds.

    Raises
    ------
    ImportError
        Without the ``simulate`` extra.
    ValueError
        If ``n`` is negative, a band or the selection unknown, or
        ``artefacts`` not between 0 and 1.
    `~astropy.units.UnitsError`
        If ``pixel_scale`` is not an angle.
    """
    # One block at least, so that an empty set has its columns.
    blocks = iter_simulation(
        n or 1,
        random_state=random_state,
        selection=selection,
        bands=bands,
        size=size,
        pixel_scale=pixel_scale,
        n_jobs=n_jobs,
        artefacts=artefacts,
    )
    images, truth = zip(*blocks, strict=True)
    images = GalaxyImageSet.concatenate(list(images))
    truth = vstack(list(truth), metadata_conflicts="silent")
    return images[:n], truth[:n]
