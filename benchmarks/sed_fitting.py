# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The same galaxies fitted by bagpipes and estimated from their images.

    OMP_NUM_THREADS=1 python benchmarks/sed_fitting.py --output fits.ecsv

Simulated galaxies (``decals``, a seed of their own) are fitted by bagpipes
with the nautilus sampler to total fluxes in g, r and z with the errors of a
catalogue, and given to ``PhysicsVAE.predict`` as images. Seconds per galaxy
are of one thread: by the clock, and of the processor, which is the figure to
read on a machine that does other work. Each fit is added to ``--output``; a
second run goes on from there.

The fit is bagpipes' own (400 live points), with two settings changed. R_phot
is 300: at its default of 100, of 60 random models the fluxes in g were wrong
by 1.3 per cent (rms), and by 6.8 at worst; at 300, by 0.3 and 2.0, for a third
more time per model. And max_redshift is 1.3, which shortens the models.

Three fluxes say little of redshift and dust, so their priors decide. Both are
Gaussians here, with the mean and the scatter of 20,000
galaxies of the same selection at the same magnitude in r (a prior as in
Benitez 2000). The other priors are flat; the model's is the population that
it was trained on. Intervals differ for this reason, too.
"""

import argparse
import contextlib
import io
import statistics
import tempfile
import time
from pathlib import Path

import astropy.units as u
import numpy as np
import torch
from accuracy import BANDS, FIGURES, catalogue_photometry, load, show
from astropy.table import QTable, vstack
from threadpoolctl import threadpool_limits

from astrovae import PhysicsVAE
from astrovae.metrics import comparison_table
from astrovae.parameters import PARAMETERS, PHYSICAL
from astrovae.simulation import simulate_catalogue, simulate_galaxies
from astrovae.simulation.library import load_library

SEED = 418
# Galaxies in the set whose time is divided by their number.
N_TIMED = 250
REPEATS = 5
N_DRAWS = 1000
PERCENTILES = (50, 16, 84)
R_PHOT = 300.0
MAX_REDSHIFT = 1.3
MICROJANSKY = 3.631  # per nanomaggy

# Galaxies of the simulation, and how near one must be in r (mag) to count,
# for the priors on redshift and A_V.
N_PRIOR = 20000
NEAR = 0.25
# A pair is the range of a parameter, flat in it, Gaussian or, with log_10,
# flat in its logarithm; a number is fixed.
PRIORS = {
    "redshift": (0.005, 1.2),
    "redshift_prior": "Gaussian",
    "delayed": {
        "age": (0.1, 13.5),  # Gyr; never above the age of the universe
        "tau": (0.1, 10.0),  # Gyr
        "tau_prior": "log_10",
        "massformed": (7.0, 12.5),  # log10 of Msun
        "metallicity": (0.02, 2.5),  # of the Sun's
        "metallicity_prior": "log_10",
    },
    "dust": {"type": "Calzetti", "Av": (0.0, 3.0), "Av_prior": "Gaussian"},
    "nebular": {"logU": -3.0},
}
# Below this sSFR (1 / yr) the simulation has no galaxies.
LOWEST_SSFR = 1e-14


class Clock:
    """Seconds by the clock and of the processor since the start."""

    def __init__(self):
        self.start = np.array([time.perf_counter(), time.process_time()])

    def __call__(self):
        """Return both."""
        return np.array([time.perf_counter(), time.process_time()]) - self.start


def write_filters(folder):
    """Write the curves of the simulation to files, as bagpipes wants them."""
    paths = []
    for band in BANDS:
        path = folder / f"{band}.txt"
        np.savetxt(path, np.column_stack(load_library().filters[band]))
        paths.append(str(path))
    return paths


def priors_at(magnitude, population):
    """The priors of a galaxy of this magnitude in r."""
    near = np.abs(population["mag_r"].value - magnitude) < NEAR
    moments = {}
    for name, column in (("redshift", "redshift"), ("Av", "av")):
        values = np.asarray(population[column][near])
        moments[name] = {
            f"{name}_prior_mu": values.mean(),
            f"{name}_prior_sigma": values.std(),
        }
    dust = PRIORS["dust"] | moments["Av"]
    return PRIORS | moments["redshift"] | {"dust": dust}


def fit(name, flux, error, priors, filters):
    """One row of the table of fits; flux and error in nanomaggies."""
    # Imported on use: its place decides where it writes.
    import bagpipes  # noqa: PLC0415

    bagpipes.config.R_phot = R_PHOT
    bagpipes.config.max_redshift = MAX_REDSHIFT
    measured = MICROJANSKY * np.column_stack([flux, error])
    clock = Clock()
    with contextlib.redirect_stdout(io.StringIO()):
        galaxy = bagpipes.galaxy(
            name, lambda _: measured, spectrum_exists=False, filt_list=filters
        )
        fitted = bagpipes.fit(galaxy, priors, n_posterior=N_DRAWS)
        fitted.fit(sampler="nautilus", use_MPI=False)
    seconds = clock()
    samples = fitted.posterior.samples
    mass = 10 ** samples["stellar_mass"]
    draws = {
        "redshift": samples["redshift"],
        "stellar_mass": mass,
        "sfr": np.maximum(samples["sfr"], LOWEST_SSFR * mass),
    }
    row = {"id": name, "flux": flux * u.nmgy, "flux_err": error * u.nmgy}
    for key, values in draws.items():
        quantity = PARAMETERS[key].quantity(values * PARAMETERS[key].unit)
        estimates = np.percentile(quantity, PERCENTILES)
        columns = (key, f"{key}_lower", f"{key}_upper")
        row |= dict(zip(columns, estimates, strict=True))
    row |= dict(zip(("seconds", "cpu_seconds"), seconds * u.s, strict=True))
    return QTable([row])


def fit_all(ids, photometry, output, folder):
    """Fit what is not yet in the output; return all fits, in order."""
    flux, error = photometry
    done = None
    if output is not None and output.is_file():
        done = QTable.read(output)
    filters = write_filters(folder)
    population = simulate_catalogue(N_PRIOR, random_state=SEED + 1)
    for i, name in enumerate(ids):
        if done is not None and name in done["id"]:
            old = done["flux"][done["id"] == name][0].value
            if not np.allclose(old, flux[i]):
                msg = f"{output} holds fits of other galaxies than today's {name}"
                raise ValueError(msg)
            continue
        priors = priors_at(22.5 - 2.5 * np.log10(flux[i, 1]), population)
        row = fit(name, flux[i], error[i], priors, filters)
        done = row if done is None else vstack([done, row])
        if output is not None:
            unfinished = output.with_name(output.name + ".unfinished")
            done.write(unfinished, format="ascii.ecsv", overwrite=True)
            unfinished.replace(output)
        print(
            f"{name}: {row['seconds'][0]:.1f}, of the processor "
            f"{row['cpu_seconds'][0]:.1f}; z = {row['redshift'][0].value:.3f}",
            flush=True,
        )
    place = {name: i for i, name in enumerate(done["id"])}
    return done[[place[name] for name in ids]]


def timed(function, n):
    """Result, and the median seconds per galaxy, clock and processor."""
    result = function()
    seconds = []
    for _ in range(REPEATS):
        clock = Clock()
        function()
        seconds.append(clock() / n)
    return result, [statistics.median(column) for column in zip(*seconds, strict=True)]


def speed(fits, seconds):
    """Print the times and their ratios."""
    fitted = [np.mean(fits[name].value) for name in ("seconds", "cpu_seconds")]
    title = f"mean of {len(fits)} fits"
    rows = [{"of": f"bagpipes, {title}", "seconds": fitted[0], "cpu": fitted[1]}]
    for name, (clock, processor) in seconds.items():
        rows.append({"of": name, "seconds": clock, "cpu": processor})
    print(f"\nseconds per galaxy ({N_TIMED} in a set, median of {REPEATS} runs)")
    table = QTable(rows=rows)
    for name in ("seconds", "cpu"):
        table[name].info.format = ".3g"
    table.pprint(max_width=-1)
    for name, own in seconds.items():
        ratios = np.divide(fitted, own)
        print(
            f"{name} is faster by a factor of {ratios[0]:.2g} by the clock, "
            f"{ratios[1]:.2g} of the processor"
        )


def agreement(estimates, fits):
    """
    Print how far the two posteriors agree.

    Overlap is the part of the two 68 % intervals' union that both hold;
    pull is the mean of |difference| in units of the combined sigma, the
    half widths of the intervals in quadrature.
    """
    rows = []
    for name in PHYSICAL:
        own, other = (interval(table, name) for table in (estimates, fits))
        good = np.isfinite(own).all(axis=0) & np.isfinite(other).all(axis=0)
        own, other = own[:, good], other[:, good]
        difference = own[0] - other[0]
        both = np.minimum(own[2], other[2]) - np.maximum(own[1], other[1])
        union = np.maximum(own[2], other[2]) - np.minimum(own[1], other[1])
        widths = [half_width(*table[1:]) for table in (own, other)]
        middle = np.median(difference)
        rows.append(
            {
                "parameter": name,
                "n": np.count_nonzero(good),
                "median_difference": middle,
                "scatter": 1.4826 * np.median(np.abs(difference - middle)),
                "overlap": np.mean(np.maximum(both, 0) / union),
                "pull": np.mean(np.abs(difference) / np.hypot(*widths)),
                "sigma_model": np.median(widths[0]),
                "sigma_bagpipes": np.median(widths[1]),
            }
        )
    columns = list(rows[0])
    show("model minus bagpipes (redshift; log10 of the others)", QTable(rows), columns)


def interval(table, name):
    """Median and ends of the 68 % interval on the modelled scale, (3, N)."""
    columns = (name, f"{name}_lower", f"{name}_upper")
    return np.stack([PARAMETERS[name].to_latent(plain(table[c])) for c in columns])


def plain(column):
    """A column with NaN where it is masked."""
    return column.filled(np.nan) if hasattr(column, "unmasked") else column


def half_width(lower, upper):
    """Half the width of intervals."""
    return 0.5 * (upper - lower)


def main():
    """Fit, estimate, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--n", type=int, default=20, help="galaxies to fit")
    parser.add_argument("--model", help="packaged weights or a file")
    parser.add_argument("--output", type=Path, help="ECSV file of the fits")
    arguments = parser.parse_args()
    model = arguments.model
    vae = load(model) if model else PhysicsVAE.from_pretrained()
    output = arguments.output.resolve() if arguments.output else None
    torch.set_num_threads(1)
    # bagpipes writes into the folder in which it is imported.
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        threadpool_limits(1),
    ):
        images, truth = simulate_galaxies(
            max(N_TIMED, arguments.n), random_state=SEED, selection="decals"
        )
        flux, error, *_ = catalogue_photometry(
            images, truth, np.random.default_rng(SEED)
        )
        ids = [str(name) for name in truth["id"][: arguments.n]]
        fits = fit_all(ids, (flux, error), output, Path(folder))
        sets = images[:N_TIMED]
        _, predicting = timed(lambda: vae.predict(sets), len(sets))
        _, sampling = timed(
            lambda: vae.sample_posterior(sets, n=N_DRAWS, random_state=0), len(sets)
        )
    estimates = vae.predict(images[: arguments.n])
    truth = truth[: arguments.n]
    speed(fits, {"predict": predicting, f"sample_posterior({N_DRAWS})": sampling})
    agreement(estimates, fits)
    columns = (*FIGURES[:5], "outlier_fraction", "coverage_68")
    show("model against the truth", comparison_table(estimates, truth), columns)
    show("bagpipes against the truth", comparison_table(fits, truth), columns)


if __name__ == "__main__":
    main()
