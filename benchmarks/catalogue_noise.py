# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Whether the catalogue of the benchmarks is as noisy as images are.

    python benchmarks/catalogue_noise.py

``accuracy.py``, ``information_limit.py`` and ``sed_fitting.py`` compare models
with what is learnt from a catalogue of the same depth. Here simulated galaxies
are drawn without noise and neighbours; the error of the flux that a filter of
exactly their shape measures is computed with the correlated noise of their
frame, and compared with the formula that the catalogue uses. Photometry that
has to find the shape first does worse. Of bright galaxies the formula's errors
are too small, to the catalogue's advantage.
"""

import argparse
import itertools
from unittest import mock

import numpy as np
from accuracy import BANDS, filter_noise
from astropy.table import QTable

from astrovae.simulation import rendering, simulate_galaxies
from astrovae.simulation.conditions import add_noise, correlate

SEED = 5
EDGES = (0.0, 19.2, 19.8, 21.8, 22.5)


def draw(n):
    """Truth, noiseless images and the conditions of their frames."""
    frames = []

    def keep(images, conditions, rng):
        frames.append((images.copy(), conditions))
        return add_noise(images, conditions, rng)

    with (
        mock.patch.object(rendering, "add_noise", keep),
        mock.patch.object(rendering, "add_neighbours"),
    ):
        _, truth = simulate_galaxies(n, random_state=SEED, selection="decals")
    # Blocks of galaxies are drawn whole; the last may be more than asked for.
    images, conditions = zip(*frames[: len(truth)], strict=True)
    names = ("psf_fwhm", "sky_sigma", "gain", "correlation")
    stacked = {name: np.stack([one[name] for one in conditions]) for name in names}
    return truth, np.stack(images), stacked


def best_errors(images, flux, frame):
    """Errors of the fluxes by filters of the galaxies' shapes."""
    errors = np.empty(flux.shape)
    for i, band in np.ndindex(*flux.shape):
        shape = images[i, band] / flux[i, band]
        sigma = np.sqrt(
            frame["sky_sigma"][i, band] ** 2
            + np.clip(images[i, band], 0, None) / frame["gain"][i, band]
        )
        # The filter's sum over noise is the noise's over its correlation.
        seen = correlate(shape * sigma, frame["correlation"][i, band])
        errors[i, band] = np.sqrt(np.sum(seen**2)) / np.sum(shape**2)
    return errors


def main():
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--n", type=int, default=1000, help="galaxies")
    truth, images, frame = draw(parser.parse_args().n)
    magnitude = np.stack([truth[f"mag_{b}"].value for b in BANDS], axis=1)
    flux = 10 ** (-0.4 * (magnitude - 22.5))
    best = best_errors(images, flux, frame)
    ratio = filter_noise(truth, flux, **frame)[1] / best
    rows = []
    for low, high in itertools.pairwise(EDGES):
        part = (magnitude[:, 1] >= low) & (magnitude[:, 1] < high)
        middle = np.median(ratio[part], axis=0)
        signal = np.median(flux[part, 1] / best[part, 1])
        figures = dict(zip(BANDS, middle, strict=True)) | {"signal_to_noise_r": signal}
        rows.append({"mag_r": f"{low} to {high}", "n": part.sum()} | figures)
    table = QTable(rows=rows)
    for name in table.colnames[2:]:
        table[name].info.format = ".2f"
    print("median error of the formula over that of the best filter")
    table.pprint(max_width=-1)
    print(f"scatter of the ratio: {np.std(np.log(ratio)):.2f}")


if __name__ == "__main__":
    main()
