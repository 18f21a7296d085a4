# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Image sets and FITS files as the tests need them.
"""

import sys
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import InverseVariance

from astrovae import GalaxyImageSet

# pytest's importlib mode does not make helpers beside the tests importable.
sys.path.insert(0, str(Path(__file__).parent))

PIXEL = 0.262


@pytest.fixture
def make_set():
    """
    Make a set of noise, with anything replaced by keyword.
    """

    def make(n=4, bands="grz", size=16, seed=0, **kwargs):
        rng = np.random.default_rng(seed)
        shape = (n, len(bands), size, size)
        arguments = {
            "data": rng.normal(size=shape).astype(np.float32),
            "unit": u.nmgy,
            "bands": bands,
            "pixel_scale": PIXEL * u.arcsec,
            "coords": SkyCoord(np.arange(n) * u.deg, np.full(n, 2.0) * u.deg),
            "ids": [f"galaxy-{i}" for i in range(n)],
            "uncertainty": InverseVariance(np.full(shape, 4.0)),
            "mask": None,
            "psf_fwhm": np.linspace(1.3, 1.1, len(bands)) * u.arcsec,
            "ebv": np.linspace(0.01, 0.04, n),
        }
        arguments.update(kwargs)
        return GalaxyImageSet(arguments.pop("data"), **arguments)

    return make


@pytest.fixture
def write_viewer(tmp_path):
    """
    Write a file as the viewer's ``fits-cutout`` does.
    """

    from image_helpers import tan_wcs

    def write(name="galaxy.fits", cube=None, pixel=PIXEL, bands="grz", **cards):
        if cube is None:
            rng = np.random.default_rng(1)
            cube = rng.normal(size=(len(bands), 32, 32))
        header = tan_wcs((150.0, 2.0), cube.shape[-2:], pixel).to_header()
        header["SURVEY"] = "LegacySurvey"
        header["IMAGETYP"] = "image"
        header["BANDS"] = bands
        header.update({f"BAND{i}": band for i, band in enumerate(bands)})
        header.update(cards)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fits.writeto(path, np.asarray(cube, dtype=np.float32), header)
        return path

    return write
