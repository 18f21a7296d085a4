# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of ``astrovae demo``.
"""

import sys

import numpy as np
import pytest
from astropy.table import QTable

from astrovae.cli import main
from astrovae.cli.demo import strangest
from astrovae.flags import GalaxyFlags


@pytest.fixture
def small_sample(galaxies, monkeypatch):
    """
    Put a small sample in the place of the packaged one.
    """
    import astrovae.data

    monkeypatch.setattr(astrovae.data, "load_sample_set", lambda: galaxies)


def test_demo(small_sample, model_file, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="needs the extra 'plot'")
    folder = tmp_path / "new"
    status = main(["demo", "--output", str(folder), "--model", str(model_file)])
    out, err = capsys.readouterr()
    assert status == 0, err
    assert err == ""
    assert "44 simulated galaxies" in out
    assert "NMAD" in out
    assert out.count("ood_score ") >= 3
    table = QTable.read(folder / "results.ecsv")
    assert len(table) == 44
    assert (folder / "results.png").stat().st_size > 10_000


def test_demo_without_matplotlib(
    small_sample, model_file, tmp_path, capsys, monkeypatch
):
    for name in list(sys.modules):
        if name.startswith(("astrovae.plotting", "matplotlib")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    status = main(["demo", "-o", str(tmp_path), "--model", str(model_file)])
    assert status == 0
    assert "results.png is not written: figures need" in capsys.readouterr().err
    assert (tmp_path / "results.ecsv").exists()
    assert not (tmp_path / "results.png").exists()


def test_strangest():
    n = 100
    flags = np.zeros(n, int)
    flags[40] = int(GalaxyFlags.MISSING_BAND)
    score = np.ma.array(np.linspace(0.0, 1.0, n), mask=np.arange(n) == 99)
    score[40] = 2.0
    table = QTable(
        {
            "id": [f"g{i}" for i in range(n)],
            "redshift": np.linspace(0.1, 0.9, n),
            "sfr": np.linspace(9.0, 1.0, n),
            "ood_score": score,
            "flags": flags,
        }
    )
    first, second, third = strangest(table)
    assert first.startswith("g40: ood_score 2.00, as unusual as one in 1e+02")
    assert first.endswith("; a band has no valid pixel")
    assert second.startswith("g98: ")  # the score of g99 is masked
    assert "among the lowest of this sample in sfr" in second
    assert "among the highest of this sample in redshift" in third
    assert len(strangest(table[:2])) == 2
