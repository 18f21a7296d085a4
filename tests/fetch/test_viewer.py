# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the viewer: requests, planes, flux, and real files.
"""

import io
import re

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from fake_server import cutout

from astrovae import CutoutFetcher
from astrovae.fetch.brick_grid import brick_at
from astrovae.fetch.psf import measure_fwhm
from astrovae.flags import decode_flags
from astrovae.images.frames import standard_wcs


def test_payload(server, coords):
    fetcher = CutoutFetcher(server=server.url + "/", bands="gr", size=32)
    (request, *_) = fetcher.fetch(
        coords, ids=list("abcdefghij"), get_query_payload=True
    )
    assert request == {
        "id": "a",
        "url": server.url + "/fits-cutout",
        "params": {
            "ra": "10.0000000",
            "dec": "2.0000000",
            "layer": "ls-dr10",
            "pixscale": "0.262",
            "size": 32,
            "bands": "gr",
        },
    }
    assert server.log == []


def test_payload_of_planes(coords):
    fetcher = CutoutFetcher(
        planes=("invvar", "maskbits", "psf"), pixel_scale=0.524 * u.arcsec, size=32
    )
    image, psf = fetcher.fetch(coords[:1], get_query_payload=True)
    assert image["params"]["invvar"] == image["params"]["maskbits"] == ""
    # Planes are right at the native scale only.
    assert image["params"]["pixscale"] == "0.262"
    assert image["params"]["size"] >= 64
    assert psf["url"] == "https://www.legacysurvey.org/viewer/coadd-psf/"
    assert psf["params"] == {
        "ra": "10.0000000",
        "dec": "2.0000000",
        "layer": "ls-dr10",
        "bands": "grz",
    }


def test_what_is_sent(server, coords):
    CutoutFetcher(server=server.url, size=16, planes="invvar").fetch(coords[:1])
    (path,) = server.log
    assert path == (
        "/fits-cutout?ra=10.0000000&dec=2.0000000&layer=ls-dr10&pixscale=0.262"
        "&size=16&bands=grz&invvar="
    )
    (agent,) = server.agents
    assert agent.startswith("astrovae/")
    assert "astroquery/" in agent


@pytest.mark.parametrize("scale", [0.131, 0.262, 0.524])
def test_flux_factor_is_applied_once(server, coords, scale):
    # The server gives flux per native pixel at any scale.
    images = CutoutFetcher(
        server=server.url, size=32, pixel_scale=scale * u.arcsec
    ).fetch(coords[:1])
    sent = fits.getdata(io.BytesIO(cutout(10.0, 2.0, size=32)))
    np.testing.assert_allclose(images.data[0], sent * (scale / 0.262) ** 2, rtol=1e-5)
    assert images.unit == u.nmgy
    assert images.pixel_scale == scale * u.arcsec


def test_planes(server, coords):
    images = CutoutFetcher(
        server=server.url, size=32, planes=("invvar", "maskbits", "psf")
    ).fetch(coords[:2])
    np.testing.assert_allclose(images.uncertainty.array, 1e4)
    # The server sets SATUR_R in one pixel: it masks r, and nothing else.
    assert images.mask.sum() == 2
    assert images.mask[:, 1, 8, 8].all()
    np.testing.assert_allclose(
        images.psf_fwhm.to_value(u.arcsec), [[1.3, 1.2, 1.1]] * 2, rtol=0.01
    )
    assert not images.flags.any()


def test_mask_bits_can_be_chosen(server, coords):
    fetcher = CutoutFetcher(
        server=server.url, size=32, planes="maskbits", mask_bits=("BRIGHT",)
    )
    assert fetcher.fetch(coords[:1]).mask is None


def test_planes_at_another_scale(server, coords):
    images = CutoutFetcher(
        server=server.url, size=16, planes="invvar", pixel_scale=0.524 * u.arcsec
    ).fetch(coords[:1])
    assert images.shape == (1, 3, 16, 16)
    # Four independent pixels in one: a quarter of the inverse variance.
    np.testing.assert_allclose(images.uncertainty.array, 2500, rtol=1e-3)
    assert not images.flags.any()


def test_psf_that_fails(server, coords):
    server.always["psf 10.0000000"] = "500"
    images = CutoutFetcher(server=server.url, size=16, planes="psf", tries=1).fetch(
        coords[:2]
    )
    assert images.reasons == {"0": "PSF: HTTP 500 Internal Server Error"}


def test_image_without_psf_is_no_empty_sky(server, coords):
    buffer = io.BytesIO()
    fits.PrimaryHDU(np.ones((5, 5))).writeto(buffer)
    server.psf = buffer.getvalue()
    fetcher = CutoutFetcher(server=server.url, size=16, planes="psf", tries=1)
    images = fetcher.fetch(coords[:1])
    assert images.reasons == {"0": "PSF: the reply has no PSF of g/r/z"}
    assert decode_flags(images.flags) == [["UNREADABLE"]]
    assert fetcher.manifest["status"].tolist() == ["failed"]


@pytest.mark.parametrize("fwhm", [0.8, 1.1, 1.7])
@pytest.mark.parametrize("ratio", [1.0, 0.8])
def test_measured_fwhm(fwhm, ratio):
    y, x = np.mgrid[:63, :63] - 31.2
    sigma = fwhm / 0.262 / 2.35482
    image = np.exp(-((x / ratio) ** 2 + y**2) / 2 / sigma**2)
    expected = fwhm * np.sqrt(ratio)
    assert measure_fwhm(image, 0.262) == pytest.approx(expected, rel=0.02)


def test_no_psf():
    assert np.isnan(measure_fwhm(np.zeros((5, 5)), 0.262))
    assert np.isnan(measure_fwhm(np.full((5, 5), np.nan), 0.262))


def subimage(ra, dec, size, bands="gr", bricks=("a", "b")):
    """
    What ``subimage`` answers where two bricks meet: each has one half.
    """
    hdus = [fits.PrimaryHDU()]
    hdus[0].header["VERSION"] = "DR10"
    brick = brick_at(ra, dec)
    x, y = (int(np.rint(v)) for v in brick.wcs.wcs_world2pix(ra, dec, 0))
    rng = np.random.default_rng(1)
    whole = rng.normal(1, 0.1, (size, size)).astype(np.float32)
    for i, name in enumerate(bricks):
        half = np.s_[:, : size // 2] if i == 0 else np.s_[:, size // 2 :]
        corner = (x - size // 2 + i * (size // 2), y - size // 2)
        n = size // 2
        place = brick.wcs[corner[1] : corner[1] + size, corner[0] : corner[0] + n]
        for band in bands:
            for kind in ("image", "invvar"):
                data = whole[half] if kind == "image" else np.full((size, n), 4.0)
                header = place.to_header()
                header.update({"BRICK": name, "BAND": band, "IMAGETYP": kind})
                header["BRICK_X0"], header["BRICK_Y0"] = corner
                hdus.append(fits.ImageHDU(data.astype(np.float32), header))
    buffer = io.BytesIO()
    fits.HDUList(hdus).writeto(buffer)
    return buffer.getvalue()


def test_subimage(server):
    ra, dec = 10.05, 2.03
    server.replies[f"{ra:.7f}"] = subimage(ra, dec, 40)
    fetcher = CutoutFetcher(server=server.url, bands="gr", size=24, subimage=True)
    images = fetcher.fetch(SkyCoord(ra, dec, unit="deg"))
    assert images.shape == (1, 2, 24, 24)
    assert not images.flags.any()
    assert images.mask is None
    np.testing.assert_array_equal(images.uncertainty.array, 4)
    # Unresampled: the noise of the pixels is what it was.
    assert images.data.std() == pytest.approx(0.1, rel=0.1)
    assert "subimage=" in server.log[0]


def test_subimage_lacks_a_band(server):
    ra, dec = 10.05, 2.03
    server.replies[f"{ra:.7f}"] = subimage(ra, dec, 40, bands="g")
    fetcher = CutoutFetcher(server=server.url, bands="gr", size=24, subimage=True)
    images = fetcher.fetch(SkyCoord(ra, dec, unit="deg"))
    assert decode_flags(images.flags) == [["MISSING_BAND"]]
    assert fetcher.manifest["reason"][0] == "not covered in r"


@pytest.mark.parametrize(
    ("kwargs", "place", "reason"),
    [
        ({"bands": "gz"}, (10.05, 2.03), "other bands: asked for g/r, got z"),
        ({"bricks": ()}, (10.05, 2.03), "not covered: no piece of a brick"),
        ({}, (10.08, 2.03), "another centre: no piece has the position"),
    ],
)
def test_faults_of_subimage(server, kwargs, place, reason):
    server.replies["10.0500000"] = subimage(*place, 40, **kwargs)
    fetcher = CutoutFetcher(server=server.url, bands="gr", size=24, subimage=True)
    images = fetcher.fetch(SkyCoord(10.05, 2.03, unit="deg"))
    assert images.reasons == {"0": reason}


def change_hdus(content, change):
    """
    A file after ``change`` was called with its HDUs.
    """
    buffer = io.BytesIO()
    with fits.open(io.BytesIO(content)) as hdus:
        change(hdus)
        hdus.writeto(buffer)
    return buffer.getvalue()


def drop_ivars(hdus, bands="gr", bricks="ab"):
    for hdu in list(hdus[1:]):
        kind, band, brick = (hdu.header[k] for k in ("IMAGETYP", "BAND", "BRICK"))
        if kind == "invvar" and band in bands and brick in bricks:
            hdus.remove(hdu)


def shrink_one(hdus):
    hdus[-1].data = hdus[-1].data[:-1]


def another_brick(hdus):
    hdus[-1].header["BRICK"] = "c"


def another_corner(hdus):
    hdus[-1].header["BRICK_X0"] += 1


def drop_one_image(hdus):
    del hdus[1]


def twice(hdus):
    hdus.append(hdus[1].copy())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (drop_ivars, "the reply has no invvar plane in g of brick a"),
        (lambda h: drop_ivars(h, "r"), "no invvar plane in r of brick a"),
        (lambda h: drop_ivars(h, "g", "b"), "no invvar plane in g of brick b"),
        (shrink_one, r"the invvar plane in r of brick b is \(39, 20\), the image"),
        (another_brick, "no invvar plane in r of brick b"),
        (another_corner, "no (invvar|image) plane in r of brick b"),
        (drop_one_image, "the reply has no image plane in g of brick a"),
        (twice, "two pieces of image in g of brick a"),
    ],
)
def test_each_piece_of_subimage_has_its_weights(server, change, reason):
    content = subimage(10.05, 2.03, 40)
    server.replies["10.0500000"] = change_hdus(content, change)
    fetcher = CutoutFetcher(server=server.url, bands="gr", size=24, subimage=True)
    images = fetcher.fetch(SkyCoord(10.05, 2.03, unit="deg"))
    assert decode_flags(images.flags) == [["UNREADABLE"]]
    assert re.search(reason, images.reasons["0"]), images.reasons


def test_real_cutout(server, shared_data):
    path = shared_data / "images" / "dr5_ra0.0044_dec0.5413_162px.fits"
    header = fits.getheader(path)
    coords = SkyCoord(header["CRVAL1"], header["CRVAL2"], unit="deg")
    server.replies[f"{coords.ra.deg:.7f}"] = path.read_bytes()
    fetcher = CutoutFetcher(server=server.url, layer="decals-dr5", size=162)
    images = fetcher.fetch(coords)
    assert not images.reasons
    np.testing.assert_array_equal(images.data[0], fits.getdata(path))
    assert fetcher.manifest["bytes"][0] == path.stat().st_size


def test_real_cutout_that_was_cut_short(server, shared_data):
    content = (shared_data / "images" / "truncated.fits").read_bytes()
    server.replies["10.0000000"] = content
    images = CutoutFetcher(server=server.url, size=424, tries=1).fetch(
        SkyCoord(10, 2, unit="deg")
    )
    assert "truncated FITS" in images.reasons["0"]


def test_real_cutout_with_holes(server, shared_data):
    path = shared_data / "images" / "dr3_ra147.4567_dec1.0926_g_missing.fits"
    header = fits.getheader(path)
    scale = header["CD2_2"] * 3600 * u.arcsec
    coords = SkyCoord(header["CRVAL1"], header["CRVAL2"], unit="deg")
    server.replies[f"{coords.ra.deg:.7f}"] = path.read_bytes()
    fetcher = CutoutFetcher(
        server=server.url, layer="decals-dr3", size=424, pixel_scale=scale
    )
    images = fetcher.fetch(coords)
    assert decode_flags(images.flags) == [["PARTIAL_COVERAGE", "CENTRE_MASKED"]]
    np.testing.assert_array_equal(images.mask[0], fits.getdata(path) == 0)
    assert fetcher.manifest["reason"][0] == "24% covered in g; 27% covered in r"


def test_real_subimage_and_psf(server, shared_data):
    folder = shared_data / "images"
    stem = "dr9south_ra59.1067_dec-30.4848"
    content = (folder / f"{stem}_subimage_invvar.fits").read_bytes()
    psf = (folder / f"{stem}_coaddpsf.fits").read_bytes()
    coords = SkyCoord(59.1067, -30.4848, unit="deg")
    server.replies["59.1067000"] = content
    server.psf = psf
    fetcher = CutoutFetcher(
        server=server.url,
        layer="ls-dr9-south",
        size=128,
        subimage=True,
        planes="psf",
    )
    images = fetcher.fetch(coords)
    assert not images.reasons
    assert images.shape == (1, 3, 128, 128)
    assert (images.uncertainty.array > 0).mean() > 0.99
    fwhm = images.psf_fwhm.to_value(u.arcsec)
    assert np.all((fwhm > 0.8) & (fwhm < 1.8))
    # Pixels are those of the brick, not a mean of neighbours.
    with fits.open(io.BytesIO(content)) as hdus:
        known = np.unique(hdus[1].data)
    assert np.isin(images.data[0, 0], known).all()


def test_centre_of_odd_and_even_frames():
    # What the server does: the centre of the frame is the position.
    for size in (16, 17):
        header = fits.getheader(io.BytesIO(cutout(10.0, 2.0, size=size)))
        wcs = standard_wcs((10.0, 2.0), 0.262, (size, size))
        assert header["CRPIX1"] == wcs.wcs.crpix[0]
