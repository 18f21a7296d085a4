# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of fetching from an SDSS on loopback, over real HTTP.
"""

import threading

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from spectrum_helpers import pea_flux, write_spec_lite

from astrovae.exceptions import SpectrumError
from astrovae.spectra import conf, fetch_sdss_spectrum, find_sdss_spectra

HERE = SkyCoord(150.0, 2.0, unit="deg")


@pytest.fixture
def content(tmp_path):
    path = write_spec_lite(tmp_path / "source.fits", pea_flux(0.25), 0.5)
    return path.read_bytes()


@pytest.fixture
def one(sdss, content):
    sdss.add(content, ra=150.0, dec=2.0001, plate=1234, mjd=52345, fiber=56)
    return sdss


def test_spectrum(one):
    spectrum = fetch_sdss_spectrum(HERE)
    assert spectrum.meta["plate"] == 1234
    assert spectrum.meta["redshift"] == pytest.approx(0.25)
    assert spectrum.flux.unit.is_equivalent(u.Unit("erg / (s cm2 AA)"))
    assert len(one.downloads) == 1
    assert one.downloads[0] == (
        "/sas/dr17/sdss/spectro/redux/26/spectra/1234/spec-1234-52345-0056.fits"
    )


def test_cache(one, content, tmp_path):
    folder = tmp_path / "spectra"
    first = fetch_sdss_spectrum(HERE, cache=folder)
    assert (folder / "spec-1234-52345-0056.fits").read_bytes() == content
    n = len(one.requests)
    second = fetch_sdss_spectrum(HERE, cache=folder)
    assert len(one.requests) == n
    np.testing.assert_array_equal(first.flux, second.flux)
    # Nothing else lies about.
    assert sorted(path.suffix for path in folder.iterdir()) == [".ecsv", ".fits"]


def test_altered_file_is_fetched_again(one, tmp_path):
    fetch_sdss_spectrum(HERE, cache=tmp_path / "c")
    (tmp_path / "c" / "spec-1234-52345-0056.fits").write_bytes(b"SIMPLE, but no FITS")
    fetch_sdss_spectrum(HERE, cache=tmp_path / "c")
    assert len(one.downloads) == 2


def test_primary_and_nearest_come_first(sdss, content):
    common = {"ra": 150.0, "mjd": 52345, "plate": 1000}
    sdss.add(content, dec=2.0001, fiber=1, primary=0, **common)
    sdss.add(content, dec=2.0004, fiber=2, primary=1, **common)
    sdss.add(content, dec=2.0003, fiber=3, primary=1, **common)
    sdss.add(content, dec=2.1, fiber=4, primary=1, **common)
    matches = find_sdss_spectra(HERE)
    assert matches["fiber"].tolist() == [3, 2, 1]
    assert matches["separation"][0].to_value(u.arcsec) == pytest.approx(1.08, abs=0.01)
    # The redshift, not the magnitude in z.
    assert "s.z," in sdss.last_form
    assert "p.z" not in sdss.last_form


def test_nothing_there(one, tmp_path):
    with pytest.raises(LookupError, match=r"no spectrum within 2.0 arcsec of 150.0"):
        fetch_sdss_spectrum(SkyCoord(150.0, 3.0, unit="deg"), cache=tmp_path / "c")
    # It may have one tomorrow.
    assert not (tmp_path / "c").exists()


def test_catalogue_is_down(one):
    one.catalogue_fault = lambda handler: handler.reply(b"busy", 503)
    with pytest.raises(SpectrumError, match=r"catalogue at http.* answered 503"):
        fetch_sdss_spectrum(HERE)


def test_catalogue_sends_html(one):
    one.catalogue_fault = lambda handler: handler.reply(b"<html>Maintenance</html>")
    with pytest.raises(SpectrumError, match="sent no table, but: <html>Maintenance"):
        fetch_sdss_spectrum(HERE)


def test_catalogue_reports_an_error(one):
    reply = b'"error_message": "SQL query contains an error"\n'
    one.catalogue_fault = lambda handler: handler.reply(reply)
    with pytest.raises(SpectrumError, match=r"reports an error: .*SQL query"):
        fetch_sdss_spectrum(HERE)


def test_catalogue_sends_other_columns(one):
    one.catalogue_fault = lambda handler: handler.reply(b"#Table1\nra,dec\n1,2\n")
    with pytest.raises(SpectrumError, match="sent no column plate, but: ra, dec"):
        fetch_sdss_spectrum(HERE)


def test_nobody_listens(sdss):
    with (
        conf.set_temp("skyserver", "http://127.0.0.1:9"),
        pytest.raises(SpectrumError, match=r"127.0.0.1:9: the server cannot be rea"),
    ):
        find_sdss_spectra(HERE)


def test_archive_does_not_listen(one):
    with (
        conf.set_temp("archive", "http://127.0.0.1:9"),
        pytest.raises(SpectrumError, match=r"127.0.0.1:9: the server cannot be rea"),
    ):
        fetch_sdss_spectrum(HERE)


def test_catalogue_takes_too_long(one):
    asked = threading.Event()
    one.catalogue_fault = lambda handler: asked.wait(10)
    with (
        conf.set_temp("timeout", 0.2),
        pytest.raises(SpectrumError, match=r"no answer from .*: it took too long"),
    ):
        find_sdss_spectra(HERE)
    asked.set()


def test_archive_lacks_the_file(one, tmp_path):
    one.files.clear()
    with pytest.raises(
        SpectrumError, match=r"spec-1234-52345-0056.fits could not be downloaded"
    ):
        fetch_sdss_spectrum(HERE, cache=tmp_path / "c")
    assert not list((tmp_path / "c").glob("*.fits"))


def test_archive_cuts_the_file_short(one, content, tmp_path):
    # The length that was announced is right, the file is not.
    one.archive_fault = lambda handler: handler.reply(content[: len(content) // 2])
    with pytest.raises(SpectrumError, match=r"was cut short|cannot be read"):
        fetch_sdss_spectrum(HERE, cache=tmp_path / "c")
    assert not list((tmp_path / "c").glob("*.fits"))
    one.archive_fault = None
    assert fetch_sdss_spectrum(HERE, cache=tmp_path / "c").meta["fiber"] == 56


def test_archive_sends_html(one):
    one.archive_fault = lambda handler: handler.reply(b"<html>Sorry</html>")
    with pytest.raises(SpectrumError, match="cannot be read as a spectrum"):
        fetch_sdss_spectrum(HERE)


@pytest.mark.parametrize(
    ("position", "radius", "error", "message"),
    [
        ((150, 2), 2 * u.arcsec, TypeError, "must be a SkyCoord, not tuple"),
        (SkyCoord([1, 2], [1, 2], unit="deg"), 2 * u.arcsec, ValueError, "not 2"),
        (HERE, 2.0, u.UnitsError, "'radius' must be an angle"),
        (HERE, 5 * u.arcmin, ValueError, "at most 3 arcmin"),
        (SkyCoord(np.nan, 2, unit="deg"), 2 * u.arcsec, ValueError, "not known"),
    ],
)
def test_bad_arguments(position, radius, error, message):
    with pytest.raises(error, match=message):
        find_sdss_spectra(position, radius=radius)


@pytest.mark.remote_data
def test_the_real_sdss(tmp_path):
    # The first green pea of table 4 of Cardamone et al. (2009).
    pea = SkyCoord(146.242618, -0.762639, unit="deg")
    spectrum = fetch_sdss_spectrum(pea, cache=tmp_path)
    assert spectrum.meta["redshift"] == pytest.approx(0.3002, abs=2e-3)
    assert list(tmp_path.glob("spec-*.fits"))


def test_files_of_the_helper_are_of_the_published_layout(content, tmp_path):
    (tmp_path / "spec.fits").write_bytes(content)
    with fits.open(tmp_path / "spec.fits") as hdus:
        assert [hdu.name for hdu in hdus[1:]] == ["COADD", "SPECOBJ", "SPZLINE"]
        assert hdus[1].columns.names[:4] == ["flux", "loglam", "ivar", "and_mask"]
