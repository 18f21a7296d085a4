# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
CPU seconds to find the ten nearest galaxies of 300 examples, by index.

    OMP_NUM_THREADS=1 python benchmarks/similarity_search.py [rows ...]

Exact indexes first; then approximate ones, where they are installed
(pip install hnswlib faiss-cpu), with the fraction of the
true neighbours that they find. The latents are normally distributed
and independent, the worst case for a tree.
"""

import sys
import time

import numpy as np
from sklearn.neighbors import NearestNeighbors

from astrovae.anomaly import SimilaritySearch

N_EXAMPLES = 300
K = 10
LATENTS = (5, 8, 16, 32)
# Building these takes minutes from here on.
SLOW_ROWS = 200_000


def ours(method):
    """Index of this package."""

    def build(points):
        search = SimilaritySearch(K, method=method, scale=False).fit(points)
        return lambda q: search.kneighbors(q, exclude_examples=False)[1]

    return build


def scikit_learn(algorithm):
    """Index of scikit-learn."""

    def build(points):
        search = NearestNeighbors(n_neighbors=K, algorithm=algorithm).fit(points)
        return lambda q: search.kneighbors(q, return_distance=False)

    return build


def faiss_flat(points):
    """Full search of faiss."""
    import faiss  # noqa: PLC0415

    index = faiss.IndexFlatL2(points.shape[1])
    index.add(points.astype(np.float32))
    return lambda q: index.search(q.astype(np.float32), K)[1]


def faiss_ivf(points):
    """Cells of faiss, 1000 of them, of which 16 are searched."""
    import faiss  # noqa: PLC0415

    quantizer = faiss.IndexFlatL2(points.shape[1])
    index = faiss.IndexIVFFlat(quantizer, points.shape[1], 1000)
    index.train(points[:50_000].astype(np.float32))
    index.add(points.astype(np.float32))
    index.nprobe = 16
    return lambda q: index.search(q.astype(np.float32), K)[1]


def hnsw(points):
    """Graph of hnswlib."""
    import hnswlib  # noqa: PLC0415

    index = hnswlib.Index(space="l2", dim=points.shape[1])
    index.init_index(max_elements=len(points), ef_construction=100, M=16)
    index.add_items(points, num_threads=1)
    index.set_ef(100)
    return lambda q: index.knn_query(q, k=K, num_threads=1)[0]


INDEXES = {
    "brute (scikit-learn's)": (ours("brute"), False),
    "tree (scipy's cKDTree)": (ours("tree"), False),
    "scikit-learn kd_tree": (scikit_learn("kd_tree"), False),
    "scikit-learn ball_tree": (scikit_learn("ball_tree"), False),
    "faiss flat": (faiss_flat, False),
    "faiss ivf": (faiss_ivf, False),
    "hnswlib": (hnsw, True),
}


def main():
    """Time every index on sets of several sizes."""
    sizes = [int(float(size)) for size in sys.argv[1:]] or [100_000, 1_000_000]
    print(
        f"{'rows':>9} {'latents':>7} {'build s':>8} {'query s':>8} {'found':>6} index"
    )
    for n in sizes:
        for n_latent in LATENTS:
            points = np.random.default_rng(0).standard_normal((n, n_latent))
            examples = np.random.default_rng(1).standard_normal((N_EXAMPLES, n_latent))
            truth = None
            for name, (build, slow) in INDEXES.items():
                if slow and n > SLOW_ROWS:
                    continue
                start = time.process_time()
                try:
                    search = build(points)
                except ImportError:
                    continue
                built = time.process_time()
                rows = search(examples)
                done = time.process_time()
                truth = rows if truth is None else truth
                found = np.mean(
                    [np.isin(a, b).mean() for a, b in zip(truth, rows, strict=True)]
                )
                print(
                    f"{n:9d} {n_latent:7d} {built - start:8.2f} {done - built:8.2f} "
                    f"{found:6.3f} {name}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
