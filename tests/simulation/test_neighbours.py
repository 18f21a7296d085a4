# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Counts, colours and places of the other objects of a frame.
"""

import numpy as np
import pytest

pytest.importorskip("galsim")

from astrovae.simulation.neighbours import add_neighbours

BANDS = ("g", "r", "z")


class Recorder:
    """Stands in for a frame, and keeps what is added to it."""

    size, pixel_scale = 128, 0.262

    def __init__(self):
        self.galaxies, self.stars = [], []

    def add_profile(self, table, shape, x, y, fluxes):
        self.galaxies.append((x, y, *shape[:2], *fluxes))

    def add_points(self, x, y, fluxes):
        self.stars.extend(zip(x, y, *np.transpose(fluxes), strict=True))


@pytest.fixture(scope="module")
def recorded():
    """Galaxies and stars of 500 frames around a galaxy of 1 nmgy."""
    rng = np.random.default_rng(2)
    frame = Recorder()
    for _ in range(500):
        add_neighbours(frame, BANDS, 1.0, rng)
    return np.array(frame.galaxies), np.array(frame.stars)


def test_counts_are_those_of_a_high_latitude(recorded):
    galaxies, stars = recorded
    area = 500 * (128 * 0.262 / 60 + 2 * 2.0 / 60) ** 2  # square arcmin
    # Those that are left out at the centre are one per cent.
    assert len(galaxies) / area == pytest.approx(16, rel=0.06)
    assert len(stars) / area == pytest.approx(1.3, rel=0.2)
    # A factor 10**0.34 per magnitude (e.g. Yasuda et al. 2001).
    r = 22.5 - 2.5 * np.log10(galaxies[:, 5])
    assert np.all((r > 17) & (r < 23.5))
    brighter = np.array([(r < limit).sum() for limit in (21.0, 23.0)]) / area
    assert brighter[1] / brighter[0] == pytest.approx(10 ** (0.34 * 2), rel=0.2)


def test_no_object_outshines_the_target_at_its_place(recorded):
    for objects, r in zip(recorded, (5, 3), strict=True):
        close = np.hypot(*objects[:, :2].T) < 4
        assert np.all(objects[close, r] < 0.5)
    galaxies = recorded[0]
    assert np.any(np.hypot(*galaxies[:, :2].T) < 4)


def test_colours_are_those_of_galaxies_and_stars(recorded):
    galaxies, stars = recorded
    for objects in (galaxies[:, 4:], stars[:, 2:]):
        g_r, r_z = -2.5 * np.log10(objects[:, :2] / objects[:, 1:])[:, :2].T
        assert 0.3 < np.median(g_r) < 1.3
        assert 0.2 < np.median(r_z) < 1.2
        assert np.corrcoef(g_r, r_z)[0, 1] > 0.5
    # Two kinds of stars: few lie between turn-off and red dwarfs.
    g_r = -2.5 * np.log10(stars[:, 2] / stars[:, 3])
    assert np.mean(np.abs(g_r - 1.0) < 0.1) < 0.05


def test_fainter_galaxies_are_smaller(recorded):
    major, minor, flux = recorded[0][:, [2, 3, 5]].T
    assert np.all(minor <= major)
    faint = flux < np.median(flux)
    assert np.median(major[faint]) < np.median(major[~faint])
