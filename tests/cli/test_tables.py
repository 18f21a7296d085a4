# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of tables as files and as text.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.table import QTable
from astropy.utils.masked import Masked

from astrovae.cli import tables


@pytest.fixture
def result():
    mask = [False, True]
    return QTable(
        {
            "id": ["a", "b"],
            "redshift": Masked([0.12345, 0.5], mask=mask) * cu.redshift,
            "stellar_mass": Masked([1.234e10, 1e9], mask=mask) * u.Msun,
            "ood_score": np.ma.array([0.5, 1.0], mask=mask),
            "flags": [0, 1],
        },
        meta={"flags": {"UNREADABLE": 1}, "reasons": {"b": "cut short"}},
    )


def test_ecsv_keeps_everything(result, tmp_path):
    path = tmp_path / "results.ecsv"
    tables.write_table(result, path)
    back = tables.read_table(path)
    assert back.meta == result.meta
    assert back["redshift"].unit == cu.redshift
    assert back["stellar_mass"].unit == u.Msun
    assert list(back["stellar_mass"].mask) == [False, True]


def test_fits_keeps_values_masks_and_reasons(result, tmp_path):
    path = tmp_path / "results.fits"
    tables.write_table(result, path)
    back = tables.read_table(path)
    assert back["stellar_mass"].unit == u.Msun
    assert list(back["stellar_mass"].mask) == [False, True]
    assert back["redshift"][0] == 0.12345
    assert "reasons: b = cut short" in back.meta["comments"]
    assert result["redshift"].unit == cu.redshift


@pytest.mark.skipif(find_spec("pyarrow") is None, reason="needs pyarrow")
def test_parquet(result, tmp_path):
    path = tmp_path / "results.parquet"
    tables.write_table(result, path)
    back = tables.read_table(path)
    assert back["stellar_mass"].unit == u.Msun
    assert list(back["stellar_mass"].mask) == [False, True]
    assert back.meta["reasons"] == {"b": "cut short"}


def test_parquet_without_pyarrow_names_the_extra(monkeypatch):
    monkeypatch.setattr(tables, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'astrovae\[survey\]'"):
        tables.check_format(Path("results.parquet"))


def test_format_by_name_goes_first():
    assert tables.check_format(Path("results.txt"), "fits") == "fits"
    assert tables.check_format(Path("results.FITS")) == "fits"
    with pytest.raises(argparse.ArgumentTypeError, match=r"end with \.ecsv"):
        tables.check_format(Path("results"))


def test_an_existing_file_is_replaced(result, tmp_path):
    path = tmp_path / "results.ecsv"
    tables.write_table(result, path)
    tables.write_table(result[:1], path)
    assert len(tables.read_table(path)) == 1


def test_no_table(tmp_path):
    path = tmp_path / "table.unknown"
    path.write_text("nothing")
    with pytest.raises(ValueError, match="no table of a known format"):
        tables.read_table(path)


def test_head(result):
    lines = tables.format_head(result).splitlines()
    assert lines[0].split() == ["id", "redshift", "stellar_mass", "ood_score", "flags"]
    assert "0.123" in lines[3]
    assert "1.23e+10" in lines[3]
    assert "0.500" not in lines[4]  # masked
    assert result["redshift"].info.format is None


def test_figures():
    table = QTable({"parameter": ["redshift"], "n": [3], "bias": [0.12345]})
    assert "0.123" in tables.format_figures(table)
