# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of which of several entries of one galaxy is kept.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from astrovae.samples import find_duplicates


def sky(arcsec, dec=0.0):
    return SkyCoord(150 + np.asarray(arcsec, float) / 3600, dec, unit=u.deg)


def test_first_is_kept():
    coords = sky([0, 5, 0.4, 5.9, 20])
    assert find_duplicates(coords, 1 * u.arcsec).tolist() == [-1, -1, 0, 1, -1]


def test_chain_keeps_what_is_far_from_the_kept():
    # The third is near the second, which goes, and far from the first.
    coords = sky([0, 0.8, 1.6])
    assert find_duplicates(coords, 1 * u.arcsec).tolist() == [-1, 0, -1]


def test_order_decides():
    coords = sky([0.8, 0, 1.6])
    assert find_duplicates(coords, 1 * u.arcsec).tolist() == [-1, 0, 0]


def test_across_zero_hours_and_at_high_declination():
    ra = np.array([359.9999, 0.0001]) * u.deg
    coords = SkyCoord(ra, [89.9, 89.9] * u.deg)
    assert find_duplicates(coords, 1 * u.arcsec).tolist() == [-1, 0]


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_to_compare(n):
    coords = SkyCoord(np.zeros(n) * u.deg, np.zeros(n) * u.deg)
    assert find_duplicates(coords).tolist() == [-1] * n


def test_radius_of_zero():
    assert find_duplicates(sky([0, 0]), 0 * u.arcsec).tolist() == [-1, -1]


def test_radius_without_unit():
    with pytest.raises(u.UnitsError, match="'radius' must be an angle"):
        find_duplicates(sky([0, 1]), 1.0)


def test_negative_radius():
    with pytest.raises(ValueError, match=r"'radius' must not be negative, not -1.0"):
        find_duplicates(sky([0, 1]), -1 * u.arcsec)


@settings(max_examples=40)
@given(places=st.lists(st.floats(0, 10), min_size=2, max_size=25))
def test_kept_are_apart_and_dropped_are_near_a_kept_one(places):
    coords = sky(places)
    repeats = find_duplicates(coords, 1 * u.arcsec)
    separation = coords[:, None].separation(coords[None, :]).arcsec
    kept = np.flatnonzero(repeats < 0)
    apart = separation[np.ix_(kept, kept)] + 10 * np.eye(len(kept))
    assert np.all(apart > 1 - 1e-6)
    for row in np.flatnonzero(repeats >= 0):
        keeper = repeats[row]
        assert keeper < row
        assert keeper in kept
        assert separation[row, keeper] < 1 + 1e-6
