# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
How accurate and how honest a model is, on galaxies that it never saw.

    python scripts/train_pretrained.py simulate --folder work
    python benchmarks/accuracy.py work decals-sim-v3 gagliano2023-sim-v2

Test galaxies are those of ``work/test.hdf5`` (seed of their own). Beside the
models stand gradient-boosted trees that learnt from the training galaxies'
catalogue: grz fluxes and half-light radii with the noise that a catalogue of
the same depth has. Models are names of packaged weights or files.
"""

import argparse
from pathlib import Path

import numpy as np
from astropy.table import QTable
from sklearn.ensemble import HistGradientBoostingRegressor

from astrovae import GalaxyImageSet, PhysicsVAE
from astrovae.images.normalization import EXTINCTION
from astrovae.metrics import (
    calibration,
    comparison_table,
    conditional_coverage,
    ks_distance,
    tarp,
)
from astrovae.parameters import PARAMETERS, PHYSICAL
from astrovae.simulation.conditions import (
    NATIVE_PIXEL,
    draw_conditions,
    smoothing_weight,
)
from astrovae.vae.frames import encode_images
from astrovae.vae.posteriors import build_posterior

BANDS = "grz"
N_DRAWS = 400
LEVELS = (0.68, 0.95)
# Of the Gaussian with the effective area of a galaxy seen through the PSF,
# which has wings: chosen for errors that are right within 4 per cent where
# they count, at r > 19.8 (`catalogue_noise.py`).
PSF_STRETCH = 1.4
RADIUS_PER_SIGMA = 1.0
SPHEROID_AXIS_RATIO = 0.8


def read(folder, part):
    """Images (lazy) and truth of one part."""
    images = GalaxyImageSet.read(folder / f"{part}.hdf5")
    return images, QTable.read(folder / f"{part}-truth.ecsv")


def load(name):
    """A packaged model (`None`: the recommended one), or one from a file."""
    if name is not None and Path(name).is_file():
        return PhysicsVAE.load(name)
    return PhysicsVAE.from_pretrained(name)


def labels_of(truth):
    """Redshift, log mass and log SFR, (N, 3)."""
    return np.stack([PARAMETERS[n].to_latent(truth[n]) for n in PHYSICAL], axis=1)


def noise_excess(correlation, variance):
    """
    How much the noise of a flux exceeds that of independent pixels.

    The variance of a sum with Gaussian weights, of this variance in
    pixels, over noise whose adjacent pixels have this correlation, along
    one axis. The noise is that of `astrovae.simulation.conditions`:
    white, smoothed with (a, 1, a).
    """
    a = smoothing_weight(correlation)
    second = a**2 / (1 + 2 * a**2)
    return (
        1
        + 2 * correlation * np.exp(-1 / (4 * variance))
        + 2 * second * np.exp(-1 / variance)
    )


def filter_noise(truth, flux, psf_fwhm, sky_sigma, gain, correlation):
    """
    Half-light radii (arcsec), and errors of fluxes by a matched filter.

    Galaxies seen through the PSF are taken for Gaussians.
    """
    spheroid = truth["bulge_fraction"] > 0.5
    radius = np.where(spheroid, truth["bulge_radius"], truth["disc_radius"]).value
    disc_axis_ratio = np.asarray(truth["disc_axis_ratio"])
    axis_ratio = np.where(spheroid, SPHEROID_AXIS_RATIO, disc_axis_ratio)
    own = axis_ratio * (radius / RADIUS_PER_SIGMA) ** 2
    variance = (PSF_STRETCH * psf_fwhm / 2.355) ** 2 + own[:, None]
    variance /= NATIVE_PIXEL**2
    area = 4 * np.pi * variance * noise_excess(correlation, variance) ** 2
    # The photons of a Gaussian source add 4/3 of their number.
    return radius, np.sqrt(sky_sigma**2 * area + 4 / 3 * flux / gain)


def catalogue_photometry(images, truth, rng):
    """
    What a catalogue would have measured, with its errors.

    The error of a flux is that of a filter with the shape of the galaxy
    in the noise of sky and source, with one per cent of the flux;
    `catalogue_noise.py` compares it with images. Returns fluxes (nmgy,
    corrected for the Milky Way) and their errors, (N, bands), and the log
    of the half-light radius (arcsec) and its, (N,).
    """
    n = len(truth)
    magnitude = np.stack([truth[f"mag_{b}"].value for b in BANDS], axis=1)
    flux = 10 ** (-0.4 * (magnitude - 22.5))
    frames = [draw_conditions(BANDS, NATIVE_PIXEL, rng) for _ in range(n)]
    names = ("sky_sigma", "gain", "correlation")
    sky, gain, correlation = (np.stack([f[name] for f in frames]) for name in names)
    psf = images.psf_fwhm.to_value("arcsec")
    radius, noise = filter_noise(truth, flux, psf, sky, gain, correlation)
    error = np.hypot(noise, 0.01 * flux)
    measured = flux + error * rng.standard_normal(flux.shape)
    coefficients = np.array([EXTINCTION[band] for band in BANDS])
    correction = 10 ** (0.4 * images.ebv[:, None] * coefficients)
    size_error = np.clip(1.5 * error[:, 1] / flux[:, 1], 0.03, 1.0)
    size = np.log(radius) + size_error * rng.standard_normal(n)
    return measured * correction, error * correction, size, size_error


def catalogue_features(images, truth, rng):
    """Those measurements as features: asinh fluxes, colours, size."""
    flux, _, size, _ = catalogue_photometry(images, truth, rng)
    signal = np.arcsinh(flux / 0.2)
    return np.column_stack([signal, -np.diff(signal, axis=1), size])


def true_profiles(truth):
    """Profiles as the simulation knows them, which no catalogue does."""
    names = ("bulge_fraction", "bulge_sersic", "disc_axis_ratio")
    radii = [np.log(truth[name].value) for name in ("bulge_radius", "disc_radius")]
    return np.column_stack([*radii, *(np.asarray(truth[name]) for name in names)])


def boosted_trees(folder, images, truth):
    """
    Estimates, (N, 3), of trees that learnt from the training part.

    By name: those of scikit-learn's default, the squared error, which
    have the least scatter; those of the absolute error, medians, which
    have the smaller NMAD; and these again with the true profiles, what
    perfect images would add.
    """
    rng = np.random.default_rng(0)
    own_images, own_truth = read(folder, "train")
    x, y = catalogue_features(own_images, own_truth, rng), labels_of(own_truth)
    test = catalogue_features(images, truth, rng)
    full_x = np.column_stack([x, true_profiles(own_truth)])
    full_test = np.column_stack([test, true_profiles(truth)])
    return {
        "boosted trees, squared error": _grow(x, y, test, "squared_error"),
        "boosted trees, absolute error": _grow(x, y, test, "absolute_error"),
        "the same, with true profiles": _grow(full_x, y, full_test, "absolute_error"),
    }


def _grow(x, y, test, loss):
    columns = []
    for column in y.T:
        model = HistGradientBoostingRegressor(
            loss=loss,
            max_iter=600,
            learning_rate=0.06,
            early_stopping=True,
            random_state=0,
        )
        columns.append(model.fit(x, column).predict(test))
    return np.stack(columns, axis=1)


def as_table(estimates):
    """Estimates on the modelled scale as a result table."""
    return QTable(
        {
            name: PARAMETERS[name].from_latent(column)
            for name, column in zip(PHYSICAL, estimates.T, strict=True)
        }
    )


def show(title, table, columns):
    """Print some columns of a table."""
    print(f"\n{title}")
    table = table[[name for name in columns if name in table.colnames]]
    for name in table.colnames:
        if table[name].dtype.kind == "f":
            table[name].info.format = ".4f"
    table.pprint(max_width=-1, max_lines=-1)


FIGURES = (
    "parameter",
    "n",
    "n_excluded",
    "bias",
    "NMAD",
    "scatter",
    "outlier_fraction",
    "R2",
)


def compare(title, predicted, truth, columns=FIGURES):
    """Print the figures of one set of estimates; return its NMADs."""
    table = comparison_table(predicted, truth)
    scatter = [
        np.std(
            PARAMETERS[name].to_latent(predicted[name])
            - PARAMETERS[name].to_latent(truth[name])
        )
        if name in PHYSICAL
        else np.nan
        for name in table["parameter"]
    ]
    table["scatter"] = scatter
    show(title, table, columns)
    return {row["parameter"]: (row["NMAD"], row["scatter"]) for row in table}


def honesty(vae, images, truth):
    """Coverage over all and by quartile of r, PIT, CRPS and TARP."""
    draws = vae.sample_posterior(images, n=N_DRAWS, random_state=0)
    show(
        "calibration, from draws of the posterior",
        calibration(draws, truth, levels=LEVELS),
        ("parameter", "n", "coverage_68", "coverage_95", "pit_ks", "crps"),
    )
    r = truth["mag_r"].value
    posterior = posterior_of(vae, images)
    rows = []
    for name in posterior.names:
        value = PARAMETERS[name].to_latent(truth[name])
        pit = posterior.cdf(name, value[:, None])[:, 0]
        row = {"parameter": name, "pit_ks": ks_distance(pit)["distance"]}
        quartiles = conditional_coverage(pit, r, bins=4, levels=LEVELS)
        for level in ("68", "95"):
            row[f"all_{level}"] = np.mean(
                np.abs(pit - 0.5) < {"68": 0.34, "95": 0.475}[level]
            )
            for i, quartile in enumerate(quartiles, start=1):
                row[f"q{i}_{level}"] = quartile[f"coverage_{level}"]
        rows.append(row)
    show("the same, from the cdf at the truth, by quartile of r", QTable(rows), rows[0])
    some = tarp(draws[:4000], truth[:4000], random_state=0)
    deviation, expected = (
        some.meta[key] for key in ("max_deviation", "max_deviation_expected")
    )
    print(f"TARP: largest deviation {deviation:.3f}, {expected:.3f} expected")


def posterior_of(vae, images):
    """The posterior that predict and sample_posterior read."""
    return build_posterior(vae, encode_images(vae, images)[0])


def remove_bands(vae, images, truth):
    """The same galaxies whole and with a random band masked."""
    rng = np.random.default_rng(0)
    whole = GalaxyImageSet.concatenate([images[:6000]])
    lost = rng.integers(0, len(BANDS), len(whole))
    mask = np.zeros(whole.shape, dtype=bool)
    mask[np.arange(len(whole)), lost] = True
    if whole.mask is not None:
        mask |= whole.mask
    poorer = GalaxyImageSet(
        np.where(mask, 0, whole.data) * whole.unit,
        bands=whole.bands,
        pixel_scale=whole.pixel_scale,
        ids=whole.ids,
        mask=mask,
        psf_fwhm=whole.psf_fwhm,
        ebv=whole.ebv,
    )
    truth = truth[: len(whole)]
    full = compare("whole", vae.predict(whole), truth)["redshift"][0]
    less = compare("one band removed", vae.predict(poorer), truth)["redshift"][0]
    print(f"NMAD of redshift, one band removed over whole: {less / full:.2f}")


def main():
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    images, truth = read(arguments.folder, "test")
    best = {}
    for name in arguments.models:
        vae = load(name)
        best[name] = compare(name, vae.predict(images), truth)
        if vae.preset_.loss == "mixture":
            honesty(vae, images, truth)
            remove_bands(vae, images, truth)
    for name, estimates in boosted_trees(arguments.folder, images, truth).items():
        best[name] = compare(name, as_table(estimates), truth)
    first, *others = best
    for other in others:
        z = best[first]["redshift"][0] / best[other]["redshift"][0]
        sfr, spread = np.divide(best[first]["sfr"], best[other]["sfr"])
        print(
            f"{first} over {other}: NMAD of redshift {z:.2f}, "
            f"log SFR: NMAD {sfr:.2f}, standard deviation {spread:.2f}"
        )


if __name__ == "__main__":
    main()
