# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of ``astrovae fetch``, and of ``astrovae predict`` with a table.
"""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable, Table
from fake_server import FakeServer

from astrovae import GalaxyImageSet, PhysicsVAE
from astrovae.cli import main
from astrovae.cli.fetching import SERVICES
from astrovae.cli.tables import is_table
from astrovae.fetch import conf
from astrovae.fetch.services import SERVICES as KNOWN

NAMES = ["a", "b", "c"]
DEGREES = {"name": NAMES, "ra": [10.0, 10.01, 10.02], "dec": [2.0, 2.0, 2.0]}
HOURS = {
    "ID": NAMES,
    "RA": ["00:40:00", "00:40:02.4", "00h40m04.8s"],
    "DEC": ["+02:00:00", "2d0m0s", "02:00:00"],
}


@pytest.fixture
def server():
    with FakeServer() as server, conf.set_temp("backoff", 0.002):
        yield server


@pytest.mark.parametrize("columns", [DEGREES, HOURS], ids=["degrees", "hours"])
@pytest.mark.parametrize("name", ["t.csv", "t.ecsv", "t.fits", "t.txt", "t.vot"])
def test_any_table(server, tmp_path, capsys, columns, name):
    path, output = tmp_path / name, tmp_path / "set.hdf5"
    formats = {".txt": "ascii", ".vot": "votable"}
    Table(columns).write(path, format=formats.get(path.suffix))
    words = ["fetch", str(path), "-o", str(output), "--server", server.url]
    assert main([*words, "--size", "16"]) == 0
    images = GalaxyImageSet.read(output)
    assert images.ids.tolist() == NAMES
    assert server.counts == {"10.0000000": 1, "10.0100000": 1, "10.0200000": 1}
    out, err = capsys.readouterr()
    assert out == f"3 galaxies, of which 0 without an image: {output}\n"
    assert err == ""


def test_options(server, tmp_path, capsys):
    path, output = tmp_path / "t.csv", tmp_path / "set.hdf5"
    manifest = tmp_path / "m.ecsv"
    Table(DEGREES).write(path)
    server.always["10.0100000"] = "zeros"
    words = ["fetch", str(path), "-o", str(output), "--server", server.url]
    words += ["--size", "16", "--bands", "gr", "--planes", "invvar", "psf"]
    words += ["--layer", "ls-dr9-south", "--manifest", str(manifest)]
    words += ["--cache", str(tmp_path / "cache"), "--quantize-level", "8"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "of which 1 without an image" in out
    assert err == "astrovae: no image of b: not covered: zeros in every band\n"
    images = GalaxyImageSet.read(output)
    assert images.bands == ("g", "r")
    assert np.isfinite(images.psf_fwhm[0]).all()
    assert QTable.read(manifest)["status"].tolist() == ["ok", "empty", "ok"]
    # Once more: nothing is asked for but on demand, the output is replaced.
    server.always.clear()
    n = len(server.log)
    assert main(words) == 0
    assert len(server.log) == n
    assert main([*words, "--retry-empty"]) == 0
    assert len(server.log) == n + 2
    assert not GalaxyImageSet.read(output).flags.any()


def test_nothing_arrives(server, tmp_path, capsys):
    path = tmp_path / "t.csv"
    Table(DEGREES).write(path)
    words = ["fetch", str(path), "-o", str(tmp_path / "set.hdf5"), "--size", "16"]
    assert main([*words, "--server", server.url, "--layer", "ls-dr99"]) == 1
    err = capsys.readouterr().err
    assert "no image of a: the server says 'no such layer'" in err
    assert err.splitlines()[-1].startswith("astrovae: error: none of 3 galaxies")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--service", "hips", "--planes", "invvar"], "no plane invvar"),
        (["--bands", "gg"], "more than once"),
        (["--manifest", "m.txt"], "does not end with .ecsv"),
        (["--connections", "5"], "at most 4 for www.legacysurvey.org"),
        (["--connections", "65", "--server", "http://127.0.0.1:9"], "at most 64"),
        (["-o", "t.csv"], "output and TABLE are the same file: t.csv"),
        (["-o", "../t/t.csv"], "output and TABLE are the same file"),
        (["-o", "link.csv"], "output and TABLE are the same file: link.csv"),
        (["-o", "hard.csv"], "output and TABLE are the same file: hard.csv"),
        (["--manifest", "t.csv"], "manifest and TABLE are the same file"),
        (["-o", "m.ecsv", "--manifest", "m.ecsv"], "manifest and output are the same"),
    ],
)
def test_wrong_arguments(tmp_path, capsys, words, message, monkeypatch):
    folder = tmp_path / "t"
    folder.mkdir()
    monkeypatch.chdir(folder)
    table = Path("t.csv")
    Table(DEGREES).write(table)
    Path("link.csv").symlink_to(table)
    Path("hard.csv").hardlink_to(table)
    before = table.read_bytes()
    assert main(["fetch", "t.csv", "-o", "set.hdf5", *words]) == 2
    assert message in capsys.readouterr().err
    assert table.read_bytes() == before


def test_predict_does_not_write_over_its_table(tmp_path, capsys, model_file):
    path = tmp_path / "t.ecsv"
    Table(DEGREES).write(path)
    words = ["predict", str(path), "-o", str(path), "--model", str(model_file)]
    assert main(words) == 2
    assert "output and PATH are the same file" in capsys.readouterr().err
    assert len(QTable.read(path)) == 3


def test_manifest_with_long_texts(server, tmp_path, monkeypatch):
    monkeypatch.setattr("astrovae.fetch.manifest._WIDEST", 100)
    path, manifest = tmp_path / "t.csv", tmp_path / "m.fits"
    Table(DEGREES).write(path)
    words = ["fetch", str(path), "-o", str(tmp_path / "set.hdf5"), "--size", "8"]
    assert main([*words, "--server", server.url, "--manifest", str(manifest)]) == 0
    assert QTable.read(manifest)["url"][0].startswith(server.url)


@pytest.mark.parametrize("scale", ["0", "-1", "x", "inf"])
def test_wrong_scale(tmp_path, capsys, scale):
    words = ["fetch", "t.csv", "-o", str(tmp_path / "x"), f"--pixel-scale={scale}"]
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert f"{scale} is no number above zero" in capsys.readouterr().err


def test_tables_that_are_none(tmp_path, capsys):
    path = tmp_path / "t.csv"
    Table({"x": [1], "y": [2]}).write(path)
    assert main(["fetch", str(path), "-o", str(tmp_path / "s.hdf5")]) == 1
    assert "no columns of positions" in capsys.readouterr().err
    assert main(["fetch", str(tmp_path / "no.csv"), "-o", str(tmp_path / "s")]) == 1


def test_services_are_those_of_the_package():
    assert tuple(KNOWN) == SERVICES


def test_is_table(tmp_path):
    Table(DEGREES).write(tmp_path / "table.fits")
    fits.PrimaryHDU(np.ones((4, 4))).writeto(tmp_path / "image.fits")
    data = np.ones((8, 8), dtype=np.float32)
    fits.CompImageHDU(data).writeto(tmp_path / "image.fits.fz")
    (tmp_path / "broken.fits").write_bytes(b"SIMPLE")
    assert is_table(tmp_path / "table.fits")
    for name in ("image.fits", "image.fits.fz", "broken.fits", "no.fits", "set.hdf5"):
        assert not is_table(tmp_path / name)


def test_predict_fetches_first(server, tmp_path, capsys, model_file):
    path, output = tmp_path / "t.csv", tmp_path / "results.ecsv"
    Table(DEGREES).write(path)
    server.always["10.0100000"] = "zeros"
    words = ["predict", str(path), "-o", str(output), "--model", str(model_file)]
    words += ["--server", server.url, "--cache", str(tmp_path / "cache")]
    assert main(words) == 0
    results = QTable.read(output)
    assert results["id"].tolist() == NAMES
    assert results["redshift"].mask.tolist() == [False, True, False]
    assert "size=128" in server.log[0]
    n = len(server.log)
    assert main(words) == 0
    assert len(server.log) == n
    assert main([*words, "--retry-empty"]) == 0
    assert len(server.log) == n + 1
    out, err = capsys.readouterr()
    assert "3 galaxies, of which 1 without an estimate" in out
    assert "masked row b: not covered" in err


def test_predict_by_way_of_a_file(server, tmp_path, model_file, monkeypatch):
    monkeypatch.setattr("astrovae.cli.predict._IN_MEMORY", 1)
    path, output = tmp_path / "t.csv", tmp_path / "results.ecsv"
    Table(DEGREES).write(path)
    words = ["predict", str(path), "-o", str(output), "--model", str(model_file)]
    assert main([*words, "--server", server.url]) == 0
    assert len(QTable.read(output)) == 3


def test_predict_takes_a_table_alone(tmp_path, capsys, model_file):
    path = tmp_path / "t.csv"
    Table(DEGREES).write(path)
    words = ["predict", str(path), str(path), "-o", str(tmp_path / "r.ecsv")]
    assert main([*words, "--model", str(model_file)]) == 2
    assert capsys.readouterr().err.startswith("astrovae: error: a table of positions")


def test_reddening_of_the_table(server, tmp_path, model_file, monkeypatch):
    path, output = tmp_path / "t.csv", tmp_path / "set.hdf5"
    Table({**DEGREES, "EBV": [0.01, 0.2, 0.3]}).write(path)
    words = [str(path), "--server", server.url, "--cache", str(tmp_path / "cache")]
    assert main(["fetch", *words, "-o", str(output), "--size", "8"]) == 0
    np.testing.assert_allclose(GalaxyImageSet.read(output).ebv, [0.01, 0.2, 0.3])
    seen = []
    whole = PhysicsVAE.predict

    def predict(self, images):
        seen.append(images.ebv)
        return whole(self, images)

    monkeypatch.setattr(PhysicsVAE, "predict", predict)
    words += ["-o", str(tmp_path / "r.ecsv"), "--model", str(model_file)]
    assert main(["predict", *words]) == 0
    np.testing.assert_allclose(seen[0], [0.01, 0.2, 0.3])
