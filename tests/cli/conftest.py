# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A small set of galaxies, and a model that has seen it for one epoch.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.table import QTable

from astrovae import GalaxyImageSet, PhysicsVAE

N_GALAXIES = 44


@pytest.fixture(scope="session")
def galaxies():
    """
    Images of elliptical blobs and what they would be.
    """
    rng = np.random.default_rng(7)
    y, x = np.mgrid[-64:64, -64:64] + 0.5
    flux = 10 ** rng.uniform(0.0, 2.0, N_GALAXIES)
    sigma = rng.uniform(3.0, 8.0, N_GALAXIES)
    data = rng.normal(0.0, 0.01, (N_GALAXIES, 3, 128, 128))
    for i in range(N_GALAXIES):
        blob = np.exp(-0.5 * (x**2 + 2.0 * y**2) / sigma[i] ** 2)
        data[i] += np.array([0.5, 1.0, 1.5])[:, None, None] * flux[i] * blob / 100.0
    images = GalaxyImageSet(
        data.astype(np.float32) * u.nmgy, bands="grz", pixel_scale=0.262 * u.arcsec
    )
    truth = QTable(
        {
            "id": images.ids,
            "redshift": rng.uniform(0.1, 0.9, N_GALAXIES) * cu.redshift,
            "stellar_mass": flux * 1e9 * u.Msun,
            "sfr": rng.uniform(0.1, 3.0, N_GALAXIES) * u.Msun / u.yr,
            "orientation": rng.uniform(-89.0, 89.0, N_GALAXIES) * u.deg,
        }
    )
    return images, truth


@pytest.fixture(scope="session")
def files(galaxies, tmp_path_factory):
    """
    The same galaxies in a folder: set.hdf5 and truth.ecsv.
    """
    folder = tmp_path_factory.mktemp("galaxies")
    images, truth = galaxies
    images.write(folder / "set.hdf5")
    truth.write(folder / "truth.ecsv")
    return folder


@pytest.fixture(scope="session")
def model_file(galaxies, tmp_path_factory):
    """
    The file of a model.
    """
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    vae = PhysicsVAE(max_epochs=1, validation_fraction=0.5, random_state=0)
    vae.fit(*galaxies).save(path)
    return path
