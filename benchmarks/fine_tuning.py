# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Adapting a model to 1,500 galaxies of one's own, against starting anew.

    python benchmarks/fine_tuning.py ../shared/data/catalogs [MODEL]

Supernova hosts of DES with r < 23 and z < 1 are drawn with their real
redshifts and grz fluxes (`astrovae.simulation.render_catalogue`). 1,500 of
them, with the catalogue's masses and SFRs, train a new model and adapt a
packaged one; the others judge both, and the packaged model as it is. A
thousand galaxies give an NMAD to some five per cent, so the figures are means
of several splits. What 1,500 labels can give is shown by boosted trees that
learn from magnitudes of the same galaxies: those of the catalogue, and with
the noise that the best photometry of images has (`catalogue_noise.py`).
"""

import argparse
from pathlib import Path

import astropy.units as u
import numpy as np
from accuracy import BANDS, catalogue_photometry, load
from astropy.cosmology import units as cu
from astropy.table import QTable, Table
from scipy.ndimage import median_filter
from sklearn.ensemble import HistGradientBoostingRegressor

from astrovae import PhysicsVAE
from astrovae.images.normalization import EXTINCTION
from astrovae.metrics import comparison_table, redshift_metrics
from astrovae.simulation import render_catalogue, simulate_galaxies

N_OWN = 1500
FAINTEST = 23.0
# A new model gets as many epochs as it can use; patience ends it.
FROM_SCRATCH = {"max_epochs": 60, "learning_rate": 2e-3, "batch_size": 64}


def read_hosts(folder):
    """The hosts as `render_catalogue` takes them."""
    table = Table.read(folder / "des_sn_hosts.ecsv")
    good = (table["redshift"] > 0.01) & (table["redshift"] < 1)
    good &= (table["log_stellar_mass"] > 7) & (table["log_stellar_mass"] < 12.5)
    good &= np.abs(table["log_sfr"]) < 4
    for band in "grz":
        good &= (table[f"mag_{band}"] > 10) & (table[f"mag_{band}"] < 30)
    good &= table["mag_r"] < FAINTEST
    table = table[good]
    hosts = QTable()
    hosts["id"] = [str(name) for name in table["id"]]
    hosts["redshift"] = np.array(table["redshift"]) * cu.redshift
    hosts["redshift_err"] = np.full(len(table), 5e-4) * cu.redshift
    for name, column, unit in (
        ("stellar_mass", "log_stellar_mass", u.Msun),
        ("sfr", "log_sfr", u.Msun / u.yr),
    ):
        value = 10 ** np.array(table[column]) * unit
        hosts[name] = value
        dex = np.clip(table[f"{column}_err"], 0.05, 2.0)
        hosts[f"{name}_err"] = value * np.array(dex) * np.log(10)
    hosts["ebv"] = np.array(table["mw_ebv"]) * u.mag
    for band in "grz":
        seen = np.array(table[f"mag_{band}"])
        hosts[f"mag_{band}"] = (seen - EXTINCTION[band] * hosts["ebv"].value) * u.mag
    return hosts


def show(title, vae, images, truth):
    """Print the figures of one model; return its NMAD of redshift."""
    table = comparison_table(vae.predict(images), truth)
    names = ["parameter", "n", "bias", "NMAD", "outlier_fraction", "coverage_68"]
    table = table[names]
    for name in names[2:]:
        table[name].info.format = ".4f"
    print(f"\n{title}", flush=True)
    table.pprint(max_width=-1)
    return table["NMAD"][0]


def compare(images, hosts, photometry, seed, model):
    """NMADs of one split: packaged, fine-tuned, from scratch, both trees."""
    order = np.random.default_rng(seed).permutation(len(hosts))
    own, others = order[:N_OWN], order[N_OWN:]
    truth = hosts[others]
    tuned = load(model).fine_tune(images[own], hosts[own])
    new = PhysicsVAE(random_state=seed, patience=15, **FROM_SCRATCH)
    new.fit(images[own], hosts[own])
    models = {"packaged": load(model), "fine-tuned": tuned, "from scratch": new}
    found = [
        show(f"split {seed}, {name}", vae, images[others], truth)
        for name, vae in models.items()
    ]
    for magnitudes in photometry:
        redshift = trees(magnitudes[own], hosts["redshift"][own], magnitudes[others])
        found.append(redshift_metrics(redshift, truth["redshift"])["NMAD"])
    return found


def trees(magnitudes, redshift, others):
    """Redshifts of the others, by trees that learn from magnitudes."""
    known, new = (
        np.column_stack([part, -np.diff(part, axis=1)]) for part in (magnitudes, others)
    )
    model = HistGradientBoostingRegressor(
        loss="absolute_error", learning_rate=0.05, max_iter=150, random_state=0
    )
    return model.fit(known, redshift.value).predict(new) * cu.redshift


def with_noise(magnitudes):
    """Magnitudes with the noise of simulated galaxies as bright as these."""
    images, truth = simulate_galaxies(1500, random_state=1, selection="decals")
    rng = np.random.default_rng(0)
    flux, error, *_ = catalogue_photometry(images, truth, rng)
    noisy = np.empty_like(magnitudes)
    for i, band in enumerate(BANDS):
        seen = truth[f"mag_{band}"].value
        order = np.argsort(seen)
        seen, usual = seen[order], median_filter((error / flux)[order, i], 61)
        # Beyond the faintest, the error grows as the flux falls.
        excess = np.maximum(magnitudes[:, i] - seen[-1], 0.0)
        sigma = np.interp(magnitudes[:, i], seen, usual) * 10 ** (0.4 * excess)
        factor = 1.0 + sigma * rng.standard_normal(len(magnitudes))
        # Of what is not detected, five magnitudes fainter than it is.
        noisy[:, i] = magnitudes[:, i] - 2.5 * np.log10(np.maximum(factor, 0.01))
    return noisy


def main():
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("catalogues", type=Path)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--splits", type=int, default=3, help="how many to average")
    arguments = parser.parse_args()
    hosts = read_hosts(arguments.catalogues)
    images = render_catalogue(hosts, random_state=0)

    plain = np.stack([hosts[f"mag_{band}"].value for band in BANDS], axis=1)
    photometry = plain, with_noise(plain)
    found = [
        compare(images, hosts, photometry, seed, arguments.model)
        for seed in range(arguments.splits)
    ]
    packaged, tuned, anew, ideal, noisy = np.mean(found, axis=0)
    print(
        f"\nNMAD of redshift, mean of {len(found)} splits: packaged {packaged:.4f}, "
        f"fine-tuned {tuned:.4f}, from scratch {anew:.4f}; fine-tuned over from "
        f"scratch {tuned / anew:.2f}; trees on the catalogue's magnitudes "
        f"{ideal:.4f}, with noise {noisy:.4f}"
    )


if __name__ == "__main__":
    main()
