# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
How accurate an estimate from a catalogue can be, in this simulation.

    OMP_NUM_THREADS=1 python benchmarks/information_limit.py
    ... information_limit.py --folder work --models decals-sim-v3

The posterior of a galaxy, given its total fluxes in g, r and z, its size and
their errors, is that of a large simulated table, each row weighted by the
likelihood of the measurements: no estimate from these numbers has a smaller
expected error than the posterior's median. Images hold more than these
numbers do (profiles, clumps, colour gradients), so a model may do better. With
``--folder`` the galaxies are those of ``benchmarks/accuracy.py``, and the
models' figures are printed beside the limit.

Rows are few where errors are small. Two things make up for it, both small
beside the scatter of the galaxies themselves, and both making the limit a
little worse than it is. A row may be somewhat brighter or fainter than it is
(0.1 dex, 1 sigma), with its mass and SFR; and sizes are compared no more
exactly than to 10 per cent. How many rows a posterior rests on is its
effective sample size, (sum w)^2 / sum w^2. The figures of parts of the table
show how far they would still fall with a larger one.
"""

import argparse
from pathlib import Path
from types import SimpleNamespace

import astropy.units as u
import numpy as np
from accuracy import (
    BANDS,
    FIGURES,
    as_table,
    catalogue_photometry,
    compare,
    labels_of,
    load,
    read,
)

from astrovae.parameters import PARAMETERS, PHYSICAL
from astrovae.simulation import simulate_catalogue
from astrovae.simulation.conditions import NATIVE_PIXEL, draw_conditions

TABLE_SEED, TEST_SEED = 71, 72
BLOCK = 20_000
PARTS = (0.25, 0.5, 1.0)
BRIGHTNESS_SIGMA = 0.1  # dex
LEAST_SIZE_ERROR = 0.1  # of the natural logarithm
# Rows so many sigma fainter or brighter, and weights so much smaller than
# the largest, are left out.
REACH = 3.5
LEAST_WEIGHT = 1e-4
# Posteriors of fewer rows are also left out of a second set of figures.
ENOUGH = 10
COLUMNS = (*FIGURES, "coverage_68")


def simulate_table(n):
    """Noiseless fluxes (n, bands), log sizes (n,) and labels (n, 3)."""
    rng = np.random.default_rng(TABLE_SEED)
    blocks = []
    for start in range(0, n, BLOCK):
        truth = simulate_catalogue(
            min(BLOCK, n - start), random_state=rng, selection="decals", bands=BANDS
        )
        blocks.append((fluxes_of(truth), sizes_of(truth), labels_of(truth)))
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def fluxes_of(truth):
    """Total fluxes in nanomaggies."""
    magnitude = np.stack([truth[f"mag_{b}"].value for b in BANDS], axis=1)
    return 10 ** (-0.4 * (magnitude - 22.5))


def sizes_of(truth):
    """Logarithm of the size that `catalogue_photometry` measures."""
    spheroid = truth["bulge_fraction"] > 0.5
    radius = np.where(spheroid, truth["bulge_radius"], truth["disc_radius"])
    return np.log(radius.value)


def simulate_test(n):
    """Galaxies without images: what is known of their frames, and truth."""
    rng = np.random.default_rng(TEST_SEED)
    truth = simulate_catalogue(n, random_state=rng, selection="decals", bands=BANDS)
    frames = [draw_conditions(BANDS, NATIVE_PIXEL, rng) for _ in range(n)]
    seeing = np.stack([frame["psf_fwhm"] for frame in frames])
    return SimpleNamespace(psf_fwhm=seeing * u.arcsec, ebv=np.zeros(n)), truth


class Table:
    """The rows, in order of their brightness in r."""

    def __init__(self, fluxes, sizes, labels):
        order = np.argsort(fluxes[:, 1])
        self.fluxes, self.sizes, self.labels = (
            values[order] for values in (fluxes, sizes, labels)
        )
        self.log_r = np.log10(self.fluxes[:, 1])

    def posterior(self, flux, error, size, size_error):
        """Weights and labels of the rows that count for one galaxy."""
        r = max(flux[1], error[1])
        reach = REACH * np.hypot(BRIGHTNESS_SIGMA, error[1] / r / np.log(10))
        ends = np.log10(r) + np.array([-reach, reach])
        first, last = np.searchsorted(self.log_r, ends)
        # Each row at its most likely brightness.
        model = self.fluxes[first:last] / error
        measured = flux / error
        amplitude = (model @ measured) / np.einsum("nb,nb->n", model, model)
        amplitude = np.maximum(amplitude, 1e-3)
        shift = np.log10(amplitude)
        residual = measured - amplitude[:, None] * model
        chi2 = np.einsum("nb,nb->n", residual, residual)
        chi2 += (shift / BRIGHTNESS_SIGMA) ** 2
        width = np.hypot(size_error, LEAST_SIZE_ERROR)
        chi2 += ((self.sizes[first:last] - size) / width) ** 2
        weight = np.exp(-0.5 * (chi2 - chi2.min(initial=np.inf)))
        rows = np.flatnonzero(weight > LEAST_WEIGHT)
        labels = self.labels[first + rows].copy()
        labels[:, 1:] += shift[rows, None]
        return weight[rows], labels


def quantiles(values, weight, levels):
    """Quantiles of weighted values."""
    order = np.argsort(values)
    cumulative = np.cumsum(weight[order])
    place = (cumulative - 0.5 * weight[order]) / cumulative[-1]
    return np.interp(levels, place, values[order])


def estimate(table, photometry):
    """Result table of the posteriors, and their effective sample sizes."""
    levels = (0.5, 0.16, 0.84)
    n = len(photometry[0])
    found = np.full((n, len(PHYSICAL), len(levels)), np.nan)
    size = np.zeros(n)
    for i, galaxy in enumerate(zip(*photometry, strict=True)):
        weight, labels = table.posterior(*galaxy)
        if len(weight):
            size[i] = weight.sum() ** 2 / (weight**2).sum()
            found[i] = [quantiles(column, weight, levels) for column in labels.T]
    result = as_table(found[..., 0])
    for name, ends in zip(PHYSICAL, np.moveaxis(found, 1, 0), strict=True):
        result[f"{name}_lower"] = PARAMETERS[name].from_latent(ends[:, 1])
        result[f"{name}_upper"] = PARAMETERS[name].from_latent(ends[:, 2])
    return result, size


def main():
    """Print the limit, and the models' figures beside it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rows", type=int, default=300_000, help="of the table")
    parser.add_argument("--n", type=int, default=5000, help="galaxies to estimate")
    parser.add_argument("--folder", type=Path, help="with test.hdf5 and its truth")
    parser.add_argument("--models", nargs="+", default=[], help="names or files")
    arguments = parser.parse_args()
    if arguments.models and arguments.folder is None:
        parser.error("models need the images of a folder")
    if arguments.folder is None:
        images, truth = simulate_test(arguments.n)
    else:
        images, truth = read(arguments.folder, "test")
        images, truth = images[: arguments.n], truth[: arguments.n]
    photometry = catalogue_photometry(images, truth, np.random.default_rng(TEST_SEED))
    columns = simulate_table(arguments.rows)
    for part in PARTS:
        rows = int(part * arguments.rows)
        estimates, size = estimate(Table(*(c[:rows] for c in columns)), photometry)
        title = f"exact posteriors from {rows} rows"
        best = compare(title, estimates, truth, COLUMNS)
        low, middle, high = np.percentile(size, [16, 50, 84])
        print(
            f"effective sample size {middle:.0f} ({low:.0f} to {high:.0f}); below "
            f"{ENOUGH} for {np.mean(size < ENOUGH):.1%}"
        )
    enough = size >= ENOUGH
    title = f"the same where that is {ENOUGH} at least"
    compare(title, estimates[enough], truth[enough], COLUMNS)
    for name in arguments.models:
        own = compare(name, load(name).predict(images), truth, COLUMNS)
        ratios = [own[key][0] / best[key][0] for key in PHYSICAL]
        listed = ", ".join(
            f"{key} {ratio:.2f}" for key, ratio in zip(PHYSICAL, ratios, strict=True)
        )
        print(f"NMAD of {name} over the limit: {listed}")


if __name__ == "__main__":
    main()
