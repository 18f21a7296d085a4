# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Milliseconds per galaxy of ``predict``, from images to table.

    OMP_NUM_THREADS=1 python benchmarks/predict_speed.py
"""

import statistics
import time

import torch

from astrovae import GalaxyImageSet, PhysicsVAE
from astrovae.data import load_sample_set

REPEATS = 5


def main():
    """Time each of the packaged models on the packaged sample."""
    torch.set_num_threads(1)
    lazy, _ = load_sample_set()
    images = GalaxyImageSet.concatenate([lazy])
    for name in PhysicsVAE.list_pretrained()["name"]:
        vae = PhysicsVAE.from_pretrained(str(name))
        vae.predict(images)
        seconds = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            vae.predict(images)
            seconds.append(time.perf_counter() - start)
        each = 1000 * statistics.median(seconds) / len(images)
        print(f"{name}: {each:.2f} ms per galaxy, median of {REPEATS} runs")


if __name__ == "__main__":
    main()
