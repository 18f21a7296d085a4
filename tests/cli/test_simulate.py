# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of ``astrovae simulate``.
"""

import pytest

from astrovae import GalaxyImageSet
from astrovae.cli import main
from astrovae.cli.tables import read_table

pytest.importorskip("galsim", reason="needs the extra 'simulate'")
pytest.importorskip("bagpipes", reason="needs the extra 'simulate'")


def test_simulate(tmp_path, capsys):
    images, truth = tmp_path / "set.hdf5", tmp_path / "truth.ecsv"
    words = ["simulate", "2", "-o", str(images), "--truth", str(truth)]
    words += ["--random-state", "3", "--size", "32", "--bands", "gr"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert out.startswith("2 galaxies: ")
    assert err == ""
    images, truth = GalaxyImageSet.read(images), read_table(truth)
    assert images.shape == (2, 2, 32, 32)
    assert list(truth["id"]) == list(images.ids)
    assert truth["stellar_mass"].unit == "Msun"


def test_unknown_band(tmp_path, capsys):
    words = ["-o", str(tmp_path / "a.hdf5"), "--truth", str(tmp_path / "a.ecsv")]
    assert main(["simulate", "2", *words, "--bands", "gQ"]) == 1
    assert "bands must be different ones among" in capsys.readouterr().err
    assert not (tmp_path / "a.ecsv").exists()
