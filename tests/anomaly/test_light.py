# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Magnitudes, colours and sizes of images.
"""

import astropy.units as u
import numpy as np
import pytest

from astrovae import GalaxyImageSet
from astrovae.anomaly import measure_light

SCALE = 0.262


def blobs(sigma, flux=(10.0, 20.0, 40.0), noise=0.0):
    """
    Round Gaussians; sigma in arcsec, fluxes in nanomaggies.
    """
    y, x = (np.mgrid[:128, :128] - 63.5) * SCALE
    shape = np.exp(-0.5 * (x**2 + y**2) / sigma**2)
    data = np.array(flux)[:, None, None] * shape / shape.sum()
    data = data + noise * np.random.default_rng(0).normal(size=data.shape)
    return data[None]


def image_set(data, mask=None, bands="grz", unit=u.nmgy):
    return GalaxyImageSet(
        data, unit=unit, bands=bands, pixel_scale=SCALE * u.arcsec, mask=mask
    )


def test_magnitudes_and_size():
    table = measure_light(image_set(blobs(0.7)))
    assert table["mag_r"].unit == "mag"
    np.testing.assert_allclose(table["mag_g"][0].value, 20.0, atol=0.002)
    colour = (table["mag_g"] - table["mag_z"])[0].value
    np.testing.assert_allclose(colour, 2.5 * np.log10(4.0), atol=1e-6)
    # Half the light of a Gaussian is within 1.1774 sigma.
    np.testing.assert_allclose(
        table["half_light_radius"][0].to_value("arcsec"), 1.1774 * 0.7, rtol=0.1
    )


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_size_in_noise_beside_a_neighbour(sigma):
    data = blobs(sigma, noise=0.02)
    data[..., 20:30, 20:30] += 1.0
    size = measure_light(image_set(data))["half_light_radius"][0]
    np.testing.assert_allclose(size.to_value("arcsec"), 1.1774 * sigma, rtol=0.15)


def test_magnitude_errors_are_the_scatter():
    flux, noise = (0.5, 2.0, 20.0), 0.01
    rng = np.random.default_rng(1)
    data = blobs(0.7, flux) + rng.normal(0.0, noise, (200, 3, 128, 128))
    table = measure_light(image_set(data))
    number = np.pi * (3.0 / SCALE) ** 2
    for band, truth in zip("grz", flux, strict=True):
        error = np.median(table[f"mag_{band}_err"].value)
        scatter = table[f"mag_{band}"].value.std()
        expected = 2.5 / np.log(10.0) * noise * np.sqrt(number) / truth
        if truth > 1.0:
            assert error == pytest.approx(expected, rel=0.1)
        assert scatter == pytest.approx(error, rel=0.2)


def test_light_that_is_not_detected_has_a_magnitude():
    rng = np.random.default_rng(2)
    noise = rng.normal(0.0, 0.01, (300, 3, 128, 128))
    table = measure_light(image_set(noise))
    limit = 22.5 - 2.5 * np.log10(1.042 * 0.01 * np.sqrt(np.pi) * 3.0 / SCALE)
    assert np.isfinite(table["mag_r"]).all()
    assert np.median(table["mag_r"].value) == pytest.approx(limit, abs=0.1)
    assert table["mag_r"].value.std() < 0.7
    # Of detected light it is the magnitude that others give.
    bright = measure_light(image_set(blobs(0.7, (10.0, 10.0, 10.0)) + noise))
    assert np.median(bright["mag_r"].value) == pytest.approx(20.0, abs=0.01)


def test_units_are_respected():
    plain = measure_light(image_set(blobs(0.7)))["mag_r"]
    factor = u.nmgy.to(u.uJy, equivalencies=u.zero_point_flux(1.0 * u.AB))
    micro = image_set(blobs(0.7) * factor, unit=u.uJy)
    np.testing.assert_allclose(
        measure_light(micro)["mag_r"].value, plain.value, rtol=1e-6
    )


def test_missing_bands():
    data = np.repeat(blobs(0.7), 4, axis=0)
    mask = np.zeros(data.shape, dtype=bool)
    mask[1, 0] = True
    data[2, 1] = 0.0
    data[3] = 0.0
    table = measure_light(image_set(data, mask))
    assert list(table["missing_bands"]) == ["", "g", "r", "g r z"]
    assert np.isnan(table["mag_g"][1])
    assert np.isnan(table["mag_r"][2])
    assert np.isnan(table["half_light_radius"]).tolist() == [False, False, False, True]


def test_masked_part_of_the_aperture():
    mask = np.zeros((2, 3, 128, 128), dtype=bool)
    mask[0, :, 60:62, :] = True
    mask[1, 1, 54:74, 60:70] = True
    table = measure_light(image_set(np.repeat(blobs(2.0), 2, axis=0), mask))
    whole = measure_light(image_set(blobs(2.0)))["mag_r"][0].value
    assert abs(table["mag_r"][0].value - whole) < 0.1
    assert np.isnan(table["mag_r"][1])
    assert np.isfinite(table["mag_g"][1])


def test_negative_flux_and_no_galaxies():
    table = measure_light(image_set(-blobs(0.7)))
    assert np.isnan(table["mag_r"][0])
    assert np.isnan(table["half_light_radius"][0])
    assert len(measure_light(image_set(blobs(0.7))[:0])) == 0


@pytest.mark.parametrize("size", [4, 16, 22])
def test_frames_smaller_than_the_aperture(size):
    start = 64 - size // 2
    cut = blobs(0.7, noise=0.01)[..., start : start + size, start : start + size]
    table = measure_light(image_set(cut))
    # The circle has a diameter of 22.9 pixels.
    assert np.isfinite(table["mag_r"][0]) == (size == 22)
    assert table["missing_bands"][0] == ""


def test_no_image_set():
    with pytest.raises(TypeError, match="images must be a GalaxyImageSet, not str"):
        measure_light("set.hdf5")
