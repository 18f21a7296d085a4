# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests against the authors' own tables, where they are at hand.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from fake_vizier import POSITION, Column
from fake_vizier import Table as VizierTable

from astrovae.samples import load_sample


@pytest.fixture
def red_spirals(shared_data):
    lines = (shared_data / "catalogs" / "RedSpiralsA1.txt").read_text().splitlines()
    rows = [line.split() for line in lines]
    return [row for row in rows if len(row) == 11 and row[0].isdigit()]


@pytest.fixture
def green_peas(shared_data):
    lines = (shared_data / "catalogs" / "peas_tbl4.csv").read_text().splitlines()
    names = lines[0].lstrip("# ").split(",")
    cells = [[cell.strip() for cell in line.split(",")] for line in lines[1:]]
    table = Table()
    for name, column in zip(names, zip(*cells, strict=True), strict=True):
        if name == "DR7OBJID":
            table[name] = np.array(column, dtype=np.int64)
        else:
            missing = [cell == "" for cell in column]
            values = [float(cell or "nan") for cell in column]
            table[name] = MaskedColumn(values, mask=missing)
    return table


def test_red_spirals(red_spirals, vizier):
    columns = [Column("SDSS", "long"), *POSITION, Column("z")]
    rows = [(row[0], row[1], row[2], row[3]) for row in red_spirals]
    vizier.tables["J/MNRAS/405/783/tablea1"] = VizierTable(columns, rows)
    labels = load_sample("red-spirals", server=vizier.url)
    assert len(labels) == 294
    assert labels["id"][0] == "SDSS 587731186741346415"
    assert labels["ra"][0] == 1.218164 * u.deg
    # Masters et al. cut at 0.03 < z < 0.085; four digits are given.
    assert labels["redshift"].unmasked.value.min() >= 0.03
    assert labels["redshift"].unmasked.value.max() <= 0.085
    assert np.all(labels["stellar_mass"].mask)


def test_packaged_peas_are_those_of_the_authors(green_peas):
    labels = load_sample("green-peas-cardamone", source="package")
    assert len(green_peas) == 80
    ids = [f"SDSS {number}" for number in green_peas["DR7OBJID"]]
    assert labels["id"].tolist() == ids
    assert np.array_equal(labels["ra"].value, green_peas["RA"])
    assert np.array_equal(labels["dec"].value, green_peas["DEC"])
    assert np.array_equal(labels["redshift"].unmasked.value, green_peas["REDSHIFT"])


def test_authors_table_of_peas(green_peas):
    labels = load_sample("green-peas-cardamone", table=green_peas)
    assert labels["sfr"][0] == 12.45 * u.Msun / u.yr
    assert labels["sfr_err"][0] == 0.52 * u.Msun / u.yr
    assert labels["stellar_mass"][0].unmasked.value == pytest.approx(10**9.76)
    n_masked = np.count_nonzero(labels["stellar_mass"].mask)
    assert n_masked == np.count_nonzero(green_peas["M_STELLAR"].mask)
    # Peas have little mass and form many stars.
    median = np.median(labels["stellar_mass"][~labels["stellar_mass"].mask])
    assert 10**9 < median.unmasked.value < 10**10
