# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Toy galaxies whose flux, colour, size and angle tell their labels.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from astrovae import GalaxyImageSet, PhysicsVAE

SKY = np.array([0.004, 0.006, 0.015])
SCALE = 0.262 * u.arcsec


def make_galaxies(n, seed, size=128):
    """
    Draw elliptical Gaussians: images and labels of n galaxies.
    """
    rng = np.random.default_rng(seed)
    redshift = rng.uniform(0.05, 1, n)
    mass = rng.uniform(9, 11.5, n)
    sfr = rng.uniform(-1, 1.5, n)
    angle = rng.uniform(-np.pi / 2, np.pi / 2, n)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    data = rng.normal(size=(n, 3, size, size)) * SKY[:, None, None]
    for i in range(n):
        along = x * np.cos(angle[i]) + y * np.sin(angle[i])
        across = y * np.cos(angle[i]) - x * np.sin(angle[i])
        width = 2.5 + 3 * (1 - redshift[i])
        shape = np.exp(-0.5 * ((along / width) ** 2 + (2 * across / width) ** 2))
        colour = np.array([1 - 0.7 * redshift[i], 1, 1 + redshift[i]])
        colour[0] *= 10 ** (0.2 * sfr[i])
        flux = 20 * 10 ** (mass[i] - 10) * colour
        data[i] += flux[:, None, None] * shape / shape.sum()
    ids = np.array([f"toy{seed}-{i}" for i in range(n)])
    labels = QTable(
        {
            "id": ids,
            "redshift": redshift,
            "stellar_mass": 10**mass * u.Msun,
            # The labels are exact: larger errors would be taken out of widths.
            "stellar_mass_err": 10**mass * 0.01 * u.Msun,
            "sfr": 10**sfr * u.Msun / u.yr,
            "sfr_err": 10**sfr * 0.01 * u.Msun / u.yr,
            "orientation": np.degrees(angle) * u.deg,
        }
    )
    images = GalaxyImageSet(
        data.astype(np.float32),
        bands="grz",
        pixel_scale=SCALE,
        unit=u.nmgy,
        ids=ids,
        coords=SkyCoord(np.linspace(10, 20, n), np.full(n, -5.0), unit="deg"),
    )
    return images, labels


@pytest.fixture(scope="session")
def toy():
    """
    200 galaxies to train with.
    """
    return make_galaxies(200, seed=1)


@pytest.fixture(scope="session")
def unseen():
    """
    60 galaxies that no model was trained with.
    """
    return make_galaxies(60, seed=2)


@pytest.fixture(scope="session")
def standard(toy):
    """
    The preset "standard", fitted to the toy galaxies.
    """
    vae = PhysicsVAE(
        max_epochs=28,
        batch_size=20,
        validation_fraction=0.2,
        random_state=0,
        verbose=False,
    )
    return vae.fit(*toy)


@pytest.fixture(scope="session")
def paper(toy):
    """
    The preset "gagliano2023", fitted to the toy galaxies.
    """
    vae = PhysicsVAE(
        "gagliano2023",
        max_epochs=15,
        batch_size=20,
        learning_rate=1e-3,
        random_state=0,
        verbose=False,
    )
    return vae.fit(*toy)
