# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of ``astrovae train``.
"""

import pytest

from astrovae import PhysicsVAE
from astrovae.cli import main


@pytest.fixture
def words(files, tmp_path):
    """
    A training of one epoch.
    """
    output = tmp_path / "model.safetensors"
    return [
        "train",
        str(files / "set.hdf5"),
        str(files / "truth.ecsv"),
        *("--output", str(output)),
        *("--max-epochs", "1"),
        *("--validation-fraction", "0.5"),
        *("--random-state", "0"),
    ], output


def test_train(words, galaxies, capsys):
    words, output = words
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("22 galaxies trained and 22 chose epoch 0 of 1")
    vae = PhysicsVAE.load(output)
    assert vae.preset == "standard"
    assert len(vae.predict(galaxies[0][:2])) == 2


def test_checkpoint_and_resume(words, tmp_path, capsys):
    words, output = words
    checkpoint = tmp_path / "run.checkpoint"
    words += ["--checkpoint", str(checkpoint)]
    assert main([*words, "--resume"]) == 1
    assert "--resume needs --checkpoint" in capsys.readouterr().err
    assert main(words) == 0
    assert checkpoint.exists()
    first = output.read_bytes()
    assert main(words) == 1
    assert "give --resume to go on from it" in capsys.readouterr().err
    output.unlink()
    assert main([*words, "--resume"]) == 0
    assert len(output.read_bytes()) == len(first)


def test_labels_without_a_column(words, files, tmp_path, capsys):
    from astropy.table import QTable

    words, output = words
    table = QTable.read(files / "truth.ecsv")
    table.remove_column("sfr")
    table.write(tmp_path / "labels.ecsv")
    words[2] = str(tmp_path / "labels.ecsv")
    assert main(words) == 1
    assert "labels has no column sfr" in capsys.readouterr().err
    assert not output.exists()


def test_missing_images(words, capsys):
    words, _ = words
    words[1] = "missing.hdf5"
    assert main(words) == 1
    assert capsys.readouterr().err == "astrovae: error: there is no missing.hdf5\n"
