# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Odd galaxies among artefacts: which list puts which of them first.

    python scripts/train_pretrained.py simulate --folder work
    python benchmarks/anomalies.py work [MODEL]

Of 10,000 galaxies of ``work/test.hdf5``, 200 get an artefact (chip gap,
saturated star, satellite trail, missing band; half of them masked), and 20 are
replaced by odd ones: green peas, passive red spirals, and red galaxies with a
blue ring. Six scores are compared, the sixth that of `astrovae anomalies`. For
each: the area under the ROC curve of odd galaxies against usual ones, and
against artefacts (0.5: cannot tell them apart, 1: every odd galaxy is before
every artefact), and what is in the top 100, of which at most 20 are odd. At
the end its first hundred are labelled, as a person would, and it ranks anew.
"""

import argparse
from pathlib import Path

import astropy.units as u
import numpy as np
from accuracy import load, read, show
from astropy.table import QTable, vstack
from sklearn.metrics import roc_auc_score

from astrovae.anomaly import (
    AnomalyScore,
    find_artefacts,
    measure_light,
    rank_candidates,
)
from astrovae.nn import decode_arrays
from astrovae.simulation import simulate_galaxies
from astrovae.simulation.artefacts import inject_artefacts
from astrovae.vae.frames import encode_images

N = 10_000
N_ARTEFACTS = 200
N_PEAS, N_SPIRALS, N_RINGS = 7, 7, 6
ODD = ("green pea", "red spiral", "ring")
# The circle in which a reconstruction is judged.
RADIUS = 4 * u.arcsec
TOP = 100
SEED = 91


def with_rings(images, rng):
    """Add a blue ring, of the galaxy's own flux in g, to each image."""
    scale = images.pixel_scale.to_value("arcsec")
    y, x = (np.mgrid[: images.shape[-2], : images.shape[-1]] - 63.5) * scale
    data = np.array(images.data)
    for i in range(len(data)):
        ratio, radius = rng.uniform(0.7, 1.0), rng.uniform(2.5, 4.0)
        ring = np.exp(-0.5 * ((np.hypot(x, y / ratio) - radius) / 0.6) ** 2)
        flux = max(data[i, 0, 59:69, 59:69].sum(), 1.0)
        # Of a young population: 0.2 mag in g - r, 0.1 in r - z.
        colours = 10 ** (0.4 * np.array([0.0, 0.2, 0.3]))
        data[i] += flux * colours[:, None, None] * ring / ring.sum()
    return images._with_pixels(data, images.mask, images._ivar)


def assemble(folder):
    """Images in parts, and what each is: usual, odd or the artefact."""
    rng = np.random.default_rng(SEED)
    images, truth = read(folder, "test")
    n_odd = N_PEAS + N_SPIRALS + N_RINGS
    n_usual = N - n_odd
    broken, kinds = inject_artefacts(
        images[n_usual - N_ARTEFACTS : n_usual], 1.0, random_state=rng
    )
    peas, _ = simulate_galaxies(N_PEAS, selection="green-peas", random_state=SEED)
    spirals, _ = simulate_galaxies(
        N_SPIRALS, selection="red-spirals", random_state=SEED + 1
    )
    red = np.flatnonzero(truth["quiescent"] & (truth["mag_r"].value < 20))
    red = red[red >= n_usual][:N_RINGS]
    if len(red) < N_RINGS:
        msg = f"{folder / 'test.hdf5'} has too few galaxies: {N} are needed, and more"
        raise ValueError(msg)
    rings = with_rings(images[red], rng)
    parts = [images[: n_usual - N_ARTEFACTS], broken, peas, spirals, rings]
    names = ["usual"] * (n_usual - N_ARTEFACTS) + list(kinds)
    names += ["green pea"] * N_PEAS + ["red spiral"] * N_SPIRALS + ["ring"] * N_RINGS
    return parts, np.array(names)


def measure(vae, parts):
    """Everything that the scores are made of, of all parts."""
    tables = {"table": [], "light": [], "artefacts": []}
    latents, error, whole = [], [], []
    for images in parts:
        tables["table"].append(vae.predict(images))
        tables["light"].append(measure_light(images))
        tables["artefacts"].append(find_artefacts(images))
        latents.append(vae.transform(images))
        error.append(vae.reconstruction_error(images, radius=RADIUS))
        whole.append(naive_error(vae, images))
    joined = {name: vstack(own) for name, own in tables.items()}
    joined |= {"latents": np.concatenate(latents), "error": np.concatenate(error)}
    return joined | {"naive": np.concatenate(whole)}


def naive_error(vae, images):
    """The paper's: all pixels count, masked ones with what the file has."""
    blind = []
    for chunk in images.iter_chunks(256):
        bare = chunk._with_pixels(np.array(chunk.data), None, None)
        x, _ = vae.preprocessing_.transform(bare)
        z = encode_images(vae, bare)[0].mean
        error = decode_arrays(vae.network_, z) - x
        blind.append(np.square(error).mean(axis=(1, 2, 3)))
    return np.concatenate(blind)


def scores_of(measured, odd):
    """Each score by name; higher is odder."""
    latents, found = measured["latents"], measured["artefacts"]
    good = np.isfinite(latents).all(axis=1)
    scores = {"squared error, all pixels": measured["naive"]}
    scores["reconstruction_error"] = measured["error"]
    for method in ("isolation_forest", "local_outlier_factor", "density"):
        score = AnomalyScore(method, random_state=0).fit(latents[good])
        scores[method] = score.score(latents)

    def places(labels=None):
        ranked = rank_candidates(
            measured["table"],
            artefacts=found,
            light=measured["light"],
            latents=latents,
            labels=labels,
        )
        place = {name: i for i, name in enumerate(ranked["id"])}
        ids = measured["table"]["id"]
        return np.array([place[name] for name in ids], dtype=float)

    first = places()
    scores["rank_candidates"] = -first
    # What a person makes of the first hundred.
    seen = np.flatnonzero(first < TOP)
    labels = QTable({"id": measured["table"]["id"][seen]})
    labels["label"] = np.where(odd[seen], "interesting", "known")
    scores["the same, these labelled"] = -places(labels)
    return scores


def figures_of(score, names):
    """One row: what a score tells apart, and what it puts first."""
    score = np.nan_to_num(score, nan=np.nanmin(score))
    odd = np.isin(names, ODD)
    usual = names == "usual"
    artefact = ~odd & ~usual
    first = np.argsort(-score, kind="stable")[:TOP]

    def auc(one, other):
        both = one | other
        return roc_auc_score(one[both], score[both])

    row = {"AUC odd/usual": auc(odd, usual), "AUC odd/artefact": auc(odd, artefact)}
    row["odd in top"] = int(odd[first].sum())
    row["artefacts in top"] = int(artefact[first].sum())
    for kind in ODD:
        row[kind] = f"{np.sum(names[first] == kind)} of {np.sum(names == kind)}"
    return row


def main():
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("folder", type=Path)
    parser.add_argument("model", nargs="?")
    arguments = parser.parse_args()
    parts, names = assemble(arguments.folder)
    measured = measure(load(arguments.model), parts)
    odd = np.isin(names, ODD)
    scores = scores_of(measured, odd)
    rows = [
        {"score": name} | figures_of(score, names) for name, score in scores.items()
    ]
    show(f"{N} galaxies, the top {TOP} of each score", QTable(rows), rows[0])
    rows = []
    found = measured["artefacts"]["artefact"]
    strength = np.max(
        [
            measured["artefacts"][f"{kind}_score"] / limit
            for kind, limit in measured["artefacts"].meta["thresholds"].items()
        ],
        axis=0,
    )
    for kind in (*np.unique(names[~odd & (names != "usual")]), "usual", "odd"):
        own = odd if kind == "odd" else names == kind
        row = {"kind": kind, "n": own.sum(), "flagged": np.mean(found[own])}
        row["AUC over odd"] = np.nan
        if kind not in {"usual", "odd"}:
            both = own | odd
            row["AUC over odd"] = roc_auc_score(own[both], strength[both])
        rows.append(row)
    show("find_artefacts", QTable(rows), rows[0])


if __name__ == "__main__":
    main()
