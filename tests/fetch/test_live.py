# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the live services: ``pytest --remote-data``.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from astrovae import CutoutFetcher

pytestmark = pytest.mark.remote_data

# The galaxy of the example files: 15.65 mag in g within 10 arcsec.
COORDS = SkyCoord(146.7142, -1.0413, unit="deg")


def magnitude(images, band, radius=10):
    """
    The magnitude within a radius in arcsec.
    """
    n = images.shape[-1]
    y, x = np.mgrid[:n, :n] - (n - 1) / 2
    inside = np.hypot(y, x) * images.pixel_scale.to_value(u.arcsec) < radius
    flux = images.data[0, images.bands.index(band)][inside].sum()
    return 22.5 - 2.5 * np.log10(flux)


@pytest.mark.parametrize("service", ["legacysurvey", "bricks", "hips", "datalab"])
def test_image(service):
    if service == "hips":
        pytest.importorskip("matplotlib")
    images = CutoutFetcher(service, layer="ls-dr9", bands="grz").fetch(COORDS)
    assert images.reasons == {}
    assert magnitude(images, "g") == pytest.approx(15.65, abs=0.1)


@pytest.mark.parametrize("scale", [0.131, 0.524])
def test_flux_at_other_scales(scale):
    images = CutoutFetcher(
        layer="ls-dr9", size=256, pixel_scale=scale * u.arcsec
    ).fetch(COORDS)
    assert magnitude(images, "g") == pytest.approx(15.65, abs=0.1)


@pytest.mark.parametrize("service", ["legacysurvey", "bricks", "datalab"])
def test_planes(service):
    images = CutoutFetcher(
        service, layer="ls-dr9", planes=("invvar", "maskbits", "psf")
    ).fetch(COORDS)
    assert images.reasons == {}
    assert np.median(images.uncertainty.array) > 0
    fwhm = images.psf_fwhm.to_value(u.arcsec)
    assert np.all((fwhm > 0.7) & (fwhm < 2.5))


def test_subimage():
    images = CutoutFetcher(layer="ls-dr9", subimage=True).fetch(COORDS)
    assert images.reasons == {}
    assert magnitude(images, "g") == pytest.approx(15.65, abs=0.1)


def test_faults_of_the_viewer():
    images = CutoutFetcher(layer="ls-dr99", tries=1).fetch(COORDS)
    assert "no such layer" in images.reasons["0"]
    images = CutoutFetcher(bands="grw", tries=1).fetch(COORDS)
    assert "other bands" in images.reasons["0"]
    far = SkyCoord(10, 89, unit="deg")
    assert CutoutFetcher(tries=1).fetch(far).flags[0] > 0
