# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
How real the simulated population is, judged by real catalogues.

    python benchmarks/realism.py ../shared/data/catalogs

(a) A random forest learns redshift, mass and SFR from the grz magnitudes of
simulated galaxies and is tried on real ones: supernova hosts of DES
(r < 22) and zCOSMOS (r < 22.5). Beside it, one that learnt from real rows.
The constants of the simulation were searched for on one half of each table,
the last three of them chosen with all rows in view; all figures are of the
other half, which is thus not wholly unseen. The offset between a catalogue's
masses and SFRs and the simulation's, a matter of definition, is the median
difference on the first half; figures are given with and without it.

(b) Quantiles of colours and half-light radii of the brightest galaxies, at
fixed magnitude, beside desitarget's mixtures of DR9 (the BGS class).
"""

import argparse
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import QTable, Table
from sklearn.ensemble import RandomForestRegressor

from astrovae.images.normalization import EXTINCTION
from astrovae.metrics import redshift_metrics
from astrovae.parameters import PARAMETERS, PHYSICAL
from astrovae.simulation import simulate_catalogue

N_SIMULATED = 60_000
# Scatter added to simulated magnitudes, about the errors of the catalogues.
MAG_SCATTER = 0.02
BANDS = "grz"


def features(magnitudes):
    """The r magnitude and two colours, (N, 3)."""
    g, r, z = magnitudes.T
    return np.stack([r, g - r, r - z], axis=1)


def forest(magnitudes, labels):
    """Train the regressor."""
    model = RandomForestRegressor(200, min_samples_leaf=5, random_state=0, n_jobs=-1)
    return model.fit(features(magnitudes), labels)


def read_des(folder):
    """DES supernova hosts, r < 22: magnitudes (N, 3) and labels (N, 3)."""
    table = Table.read(folder / "des_sn_hosts.ecsv")
    magnitudes = np.stack(
        [table[f"mag_{b}"] - EXTINCTION[b] * table["mw_ebv"] for b in BANDS], axis=1
    )
    names = ("redshift", "log_stellar_mass", "log_sfr")
    labels = np.stack([table[name] for name in names], axis=1)
    return select(magnitudes, labels, 22.0, 0.01, 12.5)


def read_zcosmos(folder):
    """zCOSMOS-bright, r < 22.5; labels without an SFR, (N, 2)."""
    table = Table.read(folder / "zcosmos.ecsv")
    magnitudes = np.stack([table[f"mag_{b}"] for b in BANDS], axis=1)
    labels = np.stack([table[n] for n in ("redshift", "log_stellar_mass")], axis=1)
    return select(magnitudes, labels, 22.5, 0.02, 14.0)


def select(magnitudes, labels, faintest, nearest, heaviest):
    """Keep galaxies with plausible entries, brighter than a limit."""
    good = ((magnitudes > 10) & (magnitudes < 30)).all(axis=1)
    good &= magnitudes[:, 1] < faintest
    good &= (labels[:, 0] > nearest) & (labels[:, 0] < 1)
    good &= (labels[:, 1] > 7) & (labels[:, 1] < heaviest)
    return np.asarray(magnitudes[good]), np.asarray(labels[good], dtype=float)


def simulate(selection, rng):
    """Magnitudes and labels of simulated galaxies."""
    truth = simulate_catalogue(
        N_SIMULATED, random_state=rng, selection=selection, bands=BANDS
    )
    magnitudes = np.stack([truth[f"mag_{b}"].value for b in BANDS], axis=1)
    magnitudes += rng.normal(0, MAG_SCATTER, magnitudes.shape)
    labels = [PARAMETERS[name].to_latent(truth[name]) for name in PHYSICAL]
    return truth, magnitudes, np.stack(labels, axis=1)


def report(title, estimates, labels, offset=0.0):
    """One row of the table."""
    estimates = estimates[:, : labels.shape[1]] - offset
    metrics = redshift_metrics(estimates[:, 0], labels[:, 0])
    row = {
        "trained on": title,
        "n": len(labels),
        "NMAD": metrics["NMAD"],
        "bias": metrics["bias"],
        "outliers": metrics["outlier_fraction"],
    }
    for i, name in ((1, "log_mass"), (2, "log_sfr")):
        given = i < labels.shape[1]
        residual = estimates[:, i] - labels[:, i] if given else np.array([np.nan])
        row[f"{name}_bias"] = np.median(residual)
        row[f"{name}_MAD"] = np.median(np.abs(residual))
    return row


def compare_with_catalogues(folder):
    """Part (a)."""
    rng = np.random.default_rng(5)
    tables = {
        "DES hosts, r < 22": (read_des(folder), 22.0),
        "zCOSMOS, r < 22.5": (read_zcosmos(folder), 22.5),
    }
    # The halves that the constants were searched for on, and the others.
    halves = {name: rng.random(len(t[0][0])) < 0.5 for name, t in tables.items()}
    _, magnitudes, truth = simulate("decals", rng)
    for name, ((real, labels), faintest) in tables.items():
        first = halves[name]
        bright = magnitudes[:, 1] < faintest
        model = forest(magnitudes[bright], truth[bright])
        estimates = model.predict(features(real))[:, : labels.shape[1]]
        offset = np.median((estimates - labels)[first], axis=0)
        offset[0] = 0.0
        own = forest(real[first], labels[first]).predict(features(real[~first]))
        rows = [
            report("simulation", estimates[~first], labels[~first]),
            report("simulation, offset", estimates[~first], labels[~first], offset),
            report("real rows", own, labels[~first]),
        ]
        print(f"\n{name} (the half that the search did not see)")
        show(rows)
        print("offset of the labels, dex:", offset[1:].round(2))


def compare_with_mixtures(folder):
    """Part (b)."""
    rng = np.random.default_rng(6)
    real = draw_mixtures(folder / "desitarget_dr9", 40_000, rng)
    truth, magnitudes, _ = simulate("gama", rng)
    spheroid = truth["bulge_fraction"].value > 0.5
    radius = np.where(spheroid, truth["bulge_radius"], truth["disc_radius"])
    simulated = {
        "r": magnitudes[:, 1],
        "g-r": magnitudes[:, 0] - magnitudes[:, 1],
        "r-z": magnitudes[:, 1] - magnitudes[:, 2],
        "radius": radius.value,
    }
    rows = []
    for bright, faint in ((17.0, 18.5), (18.5, 19.5)):
        for name in ("g-r", "r-z", "radius"):
            for title, table in (("DR9 mixtures", real), ("simulation", simulated)):
                inside = (table["r"] > bright) & (table["r"] < faint)
                values = table[name][inside]
                values = values[np.isfinite(values)]
                quantiles = np.percentile(values, [5, 25, 50, 75, 95])
                row = {"r": f"{bright}-{faint}", "quantity": name, "of": title}
                row |= dict(zip(("5", "25", "50", "75", "95"), quantiles, strict=True))
                rows.append(row)
    print("\nBright galaxies: percentiles of colours and half-light radii (arcsec)")
    show(rows)


def draw_mixtures(folder, n, rng):
    """Draw from desitarget's mixtures of the BGS class."""
    fractions = fits.getdata(folder / "fractype_bgs.fits")
    parts = []
    for kind in ("exp", "dev", "ser"):
        with fits.open(folder / f"gmm_bgs_{kind}.fits") as file:
            weight = file[0].data / file[0].data.sum()
            chosen = rng.choice(len(weight), n, p=weight.astype(float))
            means, covariances = file[1].data, file[2].data
            drawn = np.array(
                [rng.multivariate_normal(means[k], covariances[k]) for k in chosen]
            )
        share = np.interp(drawn[:, 0], fractions["MAG"], fractions[kind.upper()])
        parts.append(drawn[rng.random(n) < share])
    r, g_r, r_z, log_radius = np.concatenate(parts)[:, :4].T
    return {"r": r, "g-r": g_r, "r-z": r_z, "radius": 10**log_radius}


def show(rows):
    """Print a table."""
    table = QTable(rows=rows)
    for name in table.colnames:
        if table[name].dtype.kind == "f":
            table[name].info.format = ".3f"
    table.pprint(max_width=-1, max_lines=-1)


def main():
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("catalogues", type=Path)
    folder = parser.parse_args().catalogues
    compare_with_catalogues(folder)
    compare_with_mixtures(folder)


if __name__ == "__main__":
    main()
