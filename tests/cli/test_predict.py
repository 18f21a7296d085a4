# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of ``astrovae predict``.
"""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable

from astrovae.cli import main
from astrovae.cli.tables import read_table
from astrovae.flags import GalaxyFlags


def predict(model_file, output, *paths):
    """
    Run the verb.
    """
    words = [*map(str, paths), "--output", str(output), "--model", str(model_file)]
    return main(["predict", *words])


def write_cutout(path, data, scale=0.262):
    """
    Write a file as the viewer of the Legacy Surveys does.
    """
    header = fits.Header()
    header["SURVEY"] = "DECaLS"
    header["BANDS"] = "grz"
    for i, band in enumerate("grz"):
        header[f"BAND{i}"] = band
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = 150.0, 2.0
    header["CRPIX1"] = header["CRPIX2"] = data.shape[-1] / 2 + 0.5
    header["CD1_1"], header["CD2_2"] = -scale / 3600, scale / 3600
    header["CD1_2"] = header["CD2_1"] = 0.0
    fits.writeto(path, data.astype(np.float32), header)


@pytest.mark.parametrize("ending", ["ecsv", "fits"])
def test_hdf5_set(ending, files, model_file, galaxies, tmp_path, capsys):
    output = tmp_path / f"results.{ending}"
    assert predict(model_file, output, files / "set.hdf5") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("44 galaxies, of which 0 without an estimate")
    table = read_table(output)
    assert list(np.asarray(table["id"]).astype(str)) == list(galaxies[0].ids)
    assert table["stellar_mass"].unit == "Msun"


def test_folder_of_cutouts(galaxies, model_file, tmp_path, capsys):
    pixels = galaxies[0].data
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(3):
        write_cutout(folder / f"galaxy{i}.fits", pixels[i])
    whole = (folder / "galaxy2.fits").read_bytes()
    (folder / "galaxy2.fits").write_bytes(whole[: len(whole) // 2])
    without_g = pixels[3].copy()
    without_g[0] = 0.0
    write_cutout(folder / "galaxy3.fits", without_g)
    (folder / "notes.txt").write_text("seen in bad weather")
    output = tmp_path / "results.ecsv"
    assert predict(model_file, output, folder) == 0
    out, err = capsys.readouterr()
    assert "4 galaxies, of which 1 without an estimate" in out
    assert "passed over notes.txt: " in err
    assert "masked row galaxy2: " in err
    table = QTable.read(output)
    assert list(table["id"]) == [f"galaxy{i}" for i in range(4)]
    assert list(table["redshift"].mask) == [False, False, True, False]
    assert table["flags"][2] & int(GalaxyFlags.UNREADABLE)
    assert table["flags"][3] & int(GalaxyFlags.MISSING_BAND)
    assert "galaxy2" in table.meta["reasons"]


def test_files_and_sets_together(galaxies, files, model_file, tmp_path, capsys):
    path = tmp_path / "galaxy.fits"
    write_cutout(path, galaxies[0].data[0])
    output = tmp_path / "results.ecsv"
    assert predict(model_file, output, path, files / "set.hdf5") == 0
    table = QTable.read(output)
    assert len(table) == 45
    assert table["id"][0] == "galaxy"
    np.testing.assert_allclose(
        table["redshift"][0].value, table["redshift"][1].value, rtol=1e-4
    )


def test_nothing_readable(model_file, tmp_path, capsys):
    path = tmp_path / "broken.fits"
    path.write_bytes(b"SIMPLE  =")
    output = tmp_path / "results.ecsv"
    assert predict(model_file, output, path) == 1
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith("astrovae: error: ")
    assert not output.exists()


def test_folder_without_images(model_file, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert predict(model_file, tmp_path / "results.ecsv", tmp_path / "empty") == 1
    assert "empty" in capsys.readouterr().err


def test_altered_model(files, model_file, tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    path.write_bytes(model_file.read_bytes()[:-100])
    assert predict(path, tmp_path / "results.ecsv", files / "set.hdf5") == 1
    err = capsys.readouterr().err
    assert err.startswith("astrovae: error: ")
    assert "model.safetensors" in err
    assert err.count("\n") == 1


def test_unknown_model(files, tmp_path, capsys):
    assert predict("best-v9", tmp_path / "results.ecsv", files / "set.hdf5") == 1
    assert "'best-v9'" in capsys.readouterr().err


def test_real_images(shared_data, model_file, tmp_path, capsys):
    output = tmp_path / "results.ecsv"
    assert predict(model_file, output, shared_data / "images") == 0
    err = capsys.readouterr().err
    table = QTable.read(output)
    rows = {str(name): row for row, name in enumerate(table["id"])}
    assert table["redshift"].mask[rows["truncated"]]
    assert "masked row truncated: " in err
    assert "coaddpsf.fits: " in err
    flags = table["flags"][rows["dr3_ra147.4567_dec1.0926_g_missing"]]
    assert flags & int(GalaxyFlags.PARTIAL_COVERAGE)
    good = rows["dr5_ra0.0044_dec0.5413_162px"]
    assert not table["redshift"].mask[good]
    assert table["ra"][good].to_value("deg") == pytest.approx(0.0044, abs=2e-4)
