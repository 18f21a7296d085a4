# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of MASKBITS: which bits mask which band.
"""

import numpy as np
import pytest
from astropy.io import fits

from astrovae import GalaxyImageSet
from astrovae.images.frames import standard_wcs
from astrovae.images.maskbits import MASKBITS, bad_pixels, check_mask_bits


@pytest.mark.parametrize(
    ("bit", "bands"),
    [
        ("SATUR_G", "g"),
        ("SATUR_I", "i"),
        ("ALLMASK_R", "r"),
        ("BRIGHT", "griz"),
        ("GALAXY", ""),
        ("NPRIMARY", ""),
        ("MEDIUM", ""),
        ("BAILOUT", ""),
        ("CLUSTER", ""),
    ],
)
def test_bits_of_a_band(bit, bands):
    bits = np.array([[0, 1 << MASKBITS[bit]]])
    for band in "griz":
        np.testing.assert_array_equal(
            bad_pixels(bits, band), [[False, band in bands]], err_msg=band
        )


def test_chosen_bits():
    bits = np.array([[1 << 11, 1 << 2]])
    assert bad_pixels(bits, "g", ("MEDIUM",)).tolist() == [[True, False]]
    assert check_mask_bits(["medium", "satur"]) == ("MEDIUM", "SATUR")
    with pytest.raises(ValueError, match="GALAXY never masks"):
        check_mask_bits(["GALAXY"])
    with pytest.raises(ValueError, match="HOT"):
        check_mask_bits(["HOT"])


@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_viewer_cutout_with_all_planes(tmp_path, case):
    # As the server writes them today: IMAGETYP in capitals.
    header = standard_wcs((150.0, 2.0), 0.262, (8, 8)).to_header()
    header.update({"BANDS": "gr", "BAND0": "g", "BAND1": "r"})
    bits = np.zeros((8, 8), dtype=np.int16)
    bits[2, 3] = 1 << MASKBITS["SATUR_R"]
    hdus = []
    for kind, data in (
        ("image", np.ones((2, 8, 8), dtype=np.float32)),
        ("invvar", np.full((2, 8, 8), 4, dtype=np.float32)),
        ("maskbits", bits),
    ):
        hdu = fits.ImageHDU(data, header) if hdus else fits.PrimaryHDU(data, header)
        hdu.header["IMAGETYP"] = case(kind)
        hdus.append(hdu)
    path = tmp_path / "cutout.fits"
    fits.HDUList(hdus).writeto(path)
    images = GalaxyImageSet.read(path)
    assert images.bands == ("g", "r")
    assert images.mask.sum() == 1
    assert images.mask[0, 1, 2, 3]
    np.testing.assert_allclose(images.uncertainty.array[0, 0], 4)
    assert GalaxyImageSet.read(path, mask_bits=()).mask is None
