# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of readers, on files of the published layouts, good and bad.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from spectrum_helpers import LOGLAM, UNIT, pea_flux, spectrum, write_spec_lite

from astrovae.exceptions import SpectrumError
from astrovae.spectra import (
    d4000,
    line_measurements,
    measure_redshift,
    read_spectrum,
)

WAVELENGTH = 10**LOGLAM
FLUX = pea_flux(0.25)


def table(**columns):
    return QTable({"wavelength": WAVELENGTH * u.AA, "flux": FLUX * UNIT, **columns})


def test_spec_lite(tmp_path):
    path = write_spec_lite(tmp_path / "spec-1234-52345-0056.fits", FLUX, 0.5)
    found = read_spectrum(path)
    np.testing.assert_allclose(found.flux.to_value(UNIT), FLUX, rtol=1e-6)
    np.testing.assert_allclose(found.spectral_axis.to_value(u.AA), WAVELENGTH, 1e-6)
    np.testing.assert_allclose(found.uncertainty.array, 4.0, rtol=1e-6)
    assert not found.mask.any()
    expected = {"plate": 1234, "mjd": 52345, "fiber": 56, "class": "GALAXY"}
    assert expected.items() <= found.meta.items()
    assert found.meta["redshift"] == pytest.approx(0.25)
    assert measure_redshift(found).redshift == pytest.approx(0.25, abs=1e-5)


def test_header_serves_where_there_is_no_specobj(tmp_path):
    path = write_spec_lite(tmp_path / "a.fits", FLUX, 0.5, with_specobj=False)
    meta = read_spectrum(path).meta
    assert (meta["plate"], meta["mjd"], meta["fiber"]) == (1234, 52345, 56)
    assert meta["ra"] == 150.0
    assert "redshift" not in meta


def test_masks_of_sdss(tmp_path):
    bits = np.zeros(LOGLAM.size, dtype=np.int32)
    bits[:] = 1 << 17  # LOWFLAT: set for all pixels of many good spectra
    bits[100] |= 1 << 23  # BRIGHTSKY
    bits[200] |= 1 << 24  # NODATA
    noise = np.full(LOGLAM.size, 0.5)
    noise[300] = 0  # written as an inverse variance of zero
    path = write_spec_lite(tmp_path / "a.fits", FLUX, noise, and_mask=bits)
    assert np.flatnonzero(read_spectrum(path).mask).tolist() == [100, 200, 300]


@pytest.mark.parametrize("suffix", ["ecsv", "fits"])
@pytest.mark.parametrize("kind", ["ivar", "error"])
def test_plain_tables(tmp_path, suffix, kind):
    mask = np.zeros(LOGLAM.size, bool)
    mask[50] = True
    if kind == "ivar":
        columns = {"ivar": np.full(LOGLAM.size, 4.0) / UNIT**2, "mask": mask}
    else:
        columns = {"uncertainty": np.full(LOGLAM.size, 0.5) * UNIT, "mask": mask}
    path = tmp_path / f"table.{suffix}"
    table(**columns).write(path)
    found = read_spectrum(path)
    np.testing.assert_allclose(found.flux.to_value(UNIT)[60:], FLUX[60:], rtol=1e-10)
    np.testing.assert_allclose(found.uncertainty.array[60:], 4.0)
    assert np.flatnonzero(found.mask).tolist() == [50]


def test_what_specutils_writes(tmp_path):
    spectrum(FLUX, 0.5).write(str(tmp_path / "a.fits"), format="tabular-fits")
    found = read_spectrum(tmp_path / "a.fits")
    np.testing.assert_allclose(found.uncertainty.array, 4.0)


def test_frequencies_and_janskys(tmp_path):
    axis = (WAVELENGTH * u.AA).to(u.THz, equivalencies=u.spectral())
    density = u.spectral_density(WAVELENGTH * u.AA)
    flux = (FLUX * UNIT).to(u.mJy, equivalencies=density)
    error = (0.5 * np.ones(FLUX.size) * UNIT).to(u.mJy, equivalencies=density)
    QTable({"frequency": axis, "flux": flux, "uncertainty": error}).write(
        tmp_path / "a.ecsv"
    )
    found = read_spectrum(tmp_path / "a.ecsv")
    np.testing.assert_allclose(found.flux.to_value(UNIT), FLUX)
    np.testing.assert_allclose(found.uncertainty.array, 4.0)


def test_air_wavelengths(tmp_path):
    error = {"uncertainty": np.full(LOGLAM.size, 0.5) * UNIT}
    table(**error).write(tmp_path / "a.ecsv")
    vacuum = read_spectrum(tmp_path / "a.ecsv")
    air = read_spectrum(tmp_path / "a.ecsv", medium="air")
    ratio = air.spectral_axis.value / vacuum.spectral_axis.value
    np.testing.assert_allclose(ratio, 1.000277, atol=1e-5)
    assert air.meta["medium"] == "vacuum"


def desi_file(path, targets=(39627, 39628)):
    """
    A coadd of DESI: three arms, which overlap, on one grid of 0.8 AA.
    """
    grid = np.round(np.arange(3600.0, 9824.1, 0.8), 1)
    flux = np.interp(grid, WAVELENGTH, FLUX)
    hdus = [fits.PrimaryHDU()]
    hdus[0].header["INFIL000"] = "spectra.fits"
    columns = [
        fits.Column("TARGETID", "K", array=list(targets)),
        fits.Column("TARGET_RA", "D", array=[150.0] * len(targets)),
        fits.Column("TARGET_DEC", "D", array=[2.0] * len(targets)),
    ]
    hdus.append(fits.BinTableHDU.from_columns(columns, name="FIBERMAP"))
    for arm, low, high in (("B", 3600, 5800), ("R", 5760, 7620), ("Z", 7520, 9824)):
        inside = (grid >= low) & (grid <= high)
        wave = fits.ImageHDU(grid[inside], name=f"{arm}_WAVELENGTH")
        wave.header["BUNIT"] = "Angstrom"
        rows = np.array([flux[inside] * (i + 1) for i in range(len(targets))], "f4")
        data = fits.ImageHDU(rows, name=f"{arm}_FLUX")
        data.header["BUNIT"] = "10**-17 erg/(s cm2 Angstrom)"
        ivar = fits.ImageHDU(np.full(rows.shape, 4, "f4"), name=f"{arm}_IVAR")
        ivar.header["BUNIT"] = "10**+34 (s2 cm4 Angstrom2) / erg2"
        mask = fits.ImageHDU(np.zeros(rows.shape, "i4"), name=f"{arm}_MASK")
        mask.data[:, 5] = 1
        hdus += [wave, data, ivar, mask]
    scores = [fits.Column("TARGETID", "K", array=list(targets))]
    hdus.append(fits.BinTableHDU.from_columns(scores, name="SCORES"))
    fits.HDUList(hdus).writeto(path)
    return path


def test_desi(tmp_path):
    path = desi_file(tmp_path / "coadd-main-dark-1234.fits")
    found = read_spectrum(path, target=39627)
    axis = found.spectral_axis.to_value(u.AA)
    assert np.all(np.diff(axis) > 0)
    assert (axis[0], axis[-1]) == pytest.approx((3600, 9824), abs=0.5)
    # Where two arms overlap there is twice the information.
    overlap = (axis > 5770) & (axis < 5795)
    np.testing.assert_allclose(found.uncertainty.array[overlap], 8.0, rtol=1e-5)
    assert found.mask.sum() == 1
    assert found.meta["targetid"] == 39627
    assert measure_redshift(found).redshift == pytest.approx(0.25, abs=2e-5)
    other = read_spectrum(path, target=39628)
    assert other.flux[4000] == 2 * found.flux[4000]
    with pytest.raises(SpectrumError, match="holds 2 spectra; name one by 'target'"):
        read_spectrum(path)
    with pytest.raises(SpectrumError, match="no spectrum of the TARGETID 7"):
        read_spectrum(path, target=7)


@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.95])
def test_truncated(tmp_path, part):
    content = write_spec_lite(tmp_path / "whole.fits", FLUX, 0.5).read_bytes()
    path = tmp_path / "spec-1234-52345-0056.fits"
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(SpectrumError, match=r"spec-1234-52345-0056.fits (was|cannot)"):
        read_spectrum(path)


def test_not_a_spectrum(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_spectrum(tmp_path / "absent.fits")
    fits.PrimaryHDU(np.zeros((4, 4))).writeto(tmp_path / "image.fits")
    (tmp_path / "text.fits").write_text("<html>not found</html>")
    for name in ("image.fits", "text.fits"):
        with pytest.raises(SpectrumError, match=f"{name} cannot be read"):
            read_spectrum(tmp_path / name)
    with pytest.raises(ValueError, match="'medium' must be"):
        read_spectrum(tmp_path / "image.fits", medium="water")
    write_spec_lite(tmp_path / "a.fits", FLUX, 0.5)
    with pytest.raises(SpectrumError, match="cannot be read"):
        read_spectrum(tmp_path / "image.fits", format="sdss")


def test_wrong_units(tmp_path):
    bad = QTable({"wavelength": WAVELENGTH * u.AA, "flux": FLUX * u.K})
    bad.write(tmp_path / "a.ecsv")
    with pytest.raises((SpectrumError, u.UnitsError), match=r"flux|cannot be read"):
        read_spectrum(tmp_path / "a.ecsv")
    galaxy = spectrum(FLUX, 0.5)
    counts = type(galaxy)(flux=FLUX * u.adu, spectral_axis=WAVELENGTH * u.AA)
    with pytest.raises(u.UnitsError, match="the flux has the unit 'adu'"):
        measure_redshift(counts)
    pixels = type(galaxy)(flux=FLUX * UNIT, spectral_axis=np.arange(FLUX.size) * u.pix)
    with pytest.raises(u.UnitsError, match="the spectral axis has the unit 'pix'"):
        measure_redshift(pixels)


def test_no_uncertainty(tmp_path):
    table().write(tmp_path / "a.ecsv")
    found = read_spectrum(tmp_path / "a.ecsv")
    assert found.uncertainty is None
    for measure in (measure_redshift, lambda s: d4000(s, 0.2)):
        with pytest.raises(SpectrumError, match="has no uncertainty"):
            measure(found)


def test_all_masked(tmp_path):
    path = write_spec_lite(tmp_path / "a.fits", FLUX, np.zeros(LOGLAM.size))
    with pytest.raises(SpectrumError, match=f"all {LOGLAM.size} pixels"):
        read_spectrum(path)


def test_negative_flux_is_no_error(tmp_path):
    flux = np.random.default_rng(1).normal(-3, 1, LOGLAM.size)
    found = read_spectrum(write_spec_lite(tmp_path / "a.fits", flux, 1.0))
    assert not found.mask.any()
    lines = line_measurements(found, 0.2)
    assert lines["ew"].mask.all()
    assert not lines["flux"].mask.any()
    assert measure_redshift(found).ambiguous


def test_not_one_spectrum():
    with pytest.raises(TypeError, match="must be a specutils Spectrum, not ndarray"):
        measure_redshift(np.ones(10))
    galaxy = spectrum(FLUX, 0.5)
    two = type(galaxy)(
        flux=np.array([FLUX, FLUX]) * UNIT, spectral_axis=WAVELENGTH * u.AA
    )
    with pytest.raises(SpectrumError, match="give one at a time"):
        measure_redshift(two)
