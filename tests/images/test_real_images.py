# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests on files of the Legacy Surveys and the Dark Energy Survey.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

from astrovae import GalaxyImageSet
from astrovae.exceptions import ImageFormatError
from astrovae.flags import decode_flags

SUBIMAGE = "dr9south_ra59.1067_dec-30.4848_subimage_invvar.fits"


@pytest.fixture(scope="module")
def folder(shared_data):
    return shared_data / "images"


@pytest.fixture(scope="module")
def everything(folder):
    return GalaxyImageSet.read(
        folder, bands="grz", pixel_scale=0.262 * u.arcsec, size=128
    )


def aperture_magnitude(image, pixel, radius):
    n = len(image)
    y, x = np.mgrid[:n, :n] - (n - 1) / 2
    return 22.5 - 2.5 * np.log10(image[np.hypot(x, y) * pixel < radius].sum())


def test_flux_is_the_same_at_any_pixel_scale(folder):
    magnitudes = []
    for name in ("dr3_ra146.7142_dec-1.0413_0.100", "dr5_ra146.7142_dec-1.0413_0.262"):
        images = GalaxyImageSet.read(folder / f"{name}arcsec.fits")
        pixel = images.pixel_scale.to_value(u.arcsec)
        magnitudes.append(aperture_magnitude(images.data[0, 0], pixel, 10))
        images = images.resample(0.4 * u.arcsec)
        magnitudes.append(aperture_magnitude(images.data[0, 0], 0.4, 10))
    np.testing.assert_allclose(magnitudes, 15.65, atol=0.005)
    assert np.ptp(magnitudes[::2]) < 0.003


def test_every_file_is_a_row_or_named(folder, everything):
    assert len(everything) == 12
    assert everything.shape == (12, 3, 128, 128)
    flags = dict(zip(everything.ids, decode_flags(everything.flags), strict=True))
    special = {
        "dr3_ra147.4567_dec1.0926_g_missing": ["PARTIAL_COVERAGE", "CENTRE_MASKED"],
        "dr5_ra216.0314_dec34.8592_1.0arcsec": ["COARSE_PIXELS"],
        "truncated": ["UNREADABLE"],
    }
    for name, found in flags.items():
        assert found == special.get(name, []), name
    assert list(everything.reasons) == ["truncated"]
    assert "actual file length (1389044)" in everything.reasons["truncated"]
    reasons = everything.meta["passed_over"]
    assert len(reasons) == 5
    assert "PSF" in reasons["dr9south_ra59.1067_dec-30.4848_coaddpsf.fits"]
    for kind in ("depth", "image", "invvar", "nexp"):
        name = f"brick_1238p245_dr5/legacysurvey-1238p245-{kind}-z.fits.fz"
        assert "of the whole coadd brick 1238p245" in reasons[name]


def test_coordinates(everything):
    names = [i for i in everything.ids if "_ra" in i]
    for name in names:
        ra, dec = (
            float(part)
            for part in name.split("_ra")[1].replace("_dec", " ").split("_")[0].split()
        )
        row = everything[everything.ids == name]
        separation = row.coords[0].separation(SkyCoord(ra, dec, unit="deg"))
        assert separation < 0.5 * u.arcsec, name


def test_galaxies_are_at_the_centre(everything):
    usable = everything[everything.flags == 0]
    y, x = np.mgrid[:128, :128] - 63.5
    core = np.hypot(x, y) < 8
    for name, image in zip(usable.ids, usable.data.sum(axis=1), strict=True):
        if name == "sn2006bh_des":
            continue  # centred on the supernova
        weight = np.where(core, np.clip(image, 0, None), 0)
        offset = np.hypot((weight * x).sum(), (weight * y).sum()) / weight.sum()
        assert offset < 2.0, name


def test_missing_band(everything):
    row = everything[everything.ids == "dr3_ra147.4567_dec1.0926_g_missing"]
    assert row.mask[0, 0].mean() > 0.6
    assert not row.mask[0, 2].any()
    again = everything[everything.ids == "dr5_ra147.4567_dec1.0926"]
    # The two releases agree in z.
    np.testing.assert_allclose(row.data[0, 2].sum(), again.data[0, 2].sum(), rtol=0.02)


def test_subimage(folder):
    images = GalaxyImageSet.read(folder / SUBIMAGE)
    assert images.shape == (1, 3, 256, 256)
    with fits.open(folder / SUBIMAGE) as hdus:
        np.testing.assert_array_equal(images.data[0, 2], hdus[5].data)
        np.testing.assert_array_equal(images.uncertainty.array[0, 2], hdus[6].data)
    # The pixels' scatter in the sky agrees with the weights, within
    # the correlation that the survey's own resampling brought.
    images = images.crop(250)
    for data, ivar in zip(images.data[0], images.uncertainty.array[0], strict=True):
        pull = (data * np.sqrt(ivar)).ravel()
        scatter = 1.4826 * np.median(np.abs(pull - np.median(pull)))
        assert 0.6 < scatter < 1.3


def test_one_file_per_band(folder):
    paths = [folder / f"sn2006bh_des_{band}.fits" for band in "grz"]
    images = GalaxyImageSet.read(paths)
    assert images.ids.tolist() == ["sn2006bh_des"]
    assert images.bands == ("g", "r", "z")
    assert abs(images.pixel_scale - 0.263 * u.arcsec) < 1e-6 * u.arcsec
    with fits.open(paths[0]) as hdus:
        header, data, weight = hdus[0].header, hdus[0].data, hdus[1].data
    assert header["CD1_1"] > 0  # east is right in the file
    np.testing.assert_allclose(images.data[0, 0], data[:, ::-1] * 1e-3, rtol=1e-5)
    np.testing.assert_allclose(
        images.uncertainty.array[0, 0], weight[:, ::-1] * 1e6, rtol=1e-5
    )
    # Sky scatter as the Dark Energy Survey's depth makes it.
    sky = images.data[0, 0][:40]
    scatter = 1.4826 * np.median(np.abs(sky - np.median(sky)))
    expected = np.median(images.uncertainty.array[0, 0]) ** -0.5
    assert 0.5 < scatter / expected < 2


def test_files_that_are_no_cutouts(folder):
    for name, match in [
        ("truncated.fits", r"1389044\) is smaller than the expected size"),
        ("dr9south_ra59.1067_dec-30.4848_coaddpsf.fits", "such as a PSF"),
        (
            "brick_1238p245_dr5/legacysurvey-1238p245-image-z.fits.fz",
            "a plane .image. of the whole coadd brick",
        ),
    ]:
        with pytest.raises(ImageFormatError, match=match):
            GalaxyImageSet.read(folder / name)


def test_orientations_of_two_releases_agree(everything):
    angle, error, failed = everything.orientation()
    named = dict(
        zip(everything.ids, zip(angle, error, failed, strict=True), strict=True)
    )
    for a, b in [
        ("dr3_ra147.4567_dec1.0926_g_missing", "dr5_ra147.4567_dec1.0926"),
        (
            "dr3_ra146.7142_dec-1.0413_0.100arcsec",
            "dr5_ra146.7142_dec-1.0413_0.262arcsec",
        ),
    ]:
        assert abs(named[a][0] - named[b][0]) < 2 * u.deg
    assert named["truncated"][2]
    assert np.isnan(named["truncated"][0])
    # The inclined spiral points up and to the right, at 33 degrees.
    assert abs(named["dr5_ra147.4567_dec1.0926"][0] - 33.5 * u.deg) < 3 * u.deg


def test_real_images_go_through_hdf5(everything, tmp_path):
    path = tmp_path / "real.hdf5"
    everything.write(path, quantize_level=16)
    back = GalaxyImageSet.read(path)
    assert back.reasons == everything.reasons
    assert back.meta == everything.meta
    np.testing.assert_array_equal(back.flags, everything.flags)
    np.testing.assert_array_equal(back.mask, everything.mask)
    np.testing.assert_allclose(back.data, everything.data, atol=0.01)
