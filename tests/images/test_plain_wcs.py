# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the short way to a WCS, which most cutouts take.
"""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_area

from astrovae.images.frames import _plain_wcs, celestial_wcs, pixel_size


def header(**changes):
    cards = {
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": 359.9999,
        "CRVAL2": -71.3,
        "CRPIX1": 64.5,
        "CRPIX2": 33.0,
        "CD1_1": -7.3e-5,
        "CD1_2": 1e-6,
        "CD2_1": 2e-6,
        "CD2_2": 7.2e-5,
    }
    return fits.Header(cards | changes)


@pytest.mark.parametrize("changes", [{}, {"CUNIT1": "deg"}, {"CRVAL2": 89.99}])
def test_same_as_the_long_way(changes):
    short, long = _plain_wcs(header(**changes)), WCS(header(**changes))
    pixels = np.random.default_rng(0).uniform(-100, 300, (2, 50))
    np.testing.assert_array_equal(
        short.wcs_pix2world(*pixels, 0), long.wcs_pix2world(*pixels, 0)
    )
    expected = np.sqrt(proj_plane_pixel_area(long)) * 3600
    assert pixel_size(short) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "changes",
    [
        {"CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN"},
        {"LONPOLE": 90.0},
        {"CUNIT1": "arcsec", "CUNIT2": "arcsec"},
        {"CD1_1": "x"},
    ],
)
def test_other_headers_go_the_long_way(changes):
    assert _plain_wcs(header(**changes)) is None
    if "CD1_1" not in changes:
        celestial_wcs(header(**changes))


def test_pixels_from_cdelt():
    cards = header(CDELT1=-7.3e-5, CDELT2=7.3e-5)
    for name in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        del cards[name]
    assert _plain_wcs(cards) is None
    assert pixel_size(celestial_wcs(cards)) == pytest.approx(0.2628)
