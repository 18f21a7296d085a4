# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The real VizieR: are the tables and columns what we take them for?
"""

import pytest

from astrovae.samples import get_sample, list_samples, load_sample
from astrovae.samples.vizier import query_tables

pytestmark = pytest.mark.remote_data


@pytest.mark.parametrize("name", list_samples()["name"].tolist())
def test_tables_and_columns_are_there(name):
    sample = get_sample(name)
    values = sample.cut_values({})
    tables = {}
    for catalogue in sample.catalogues:
        tables.update(
            query_tables(catalogue, columns=("**", "_RAJ2000", "_DEJ2000"), row_limit=1)
        )
    assert tables, sample.catalogues
    required = sample.required(values).values()
    fits = [
        all(set(names) & set(table.colnames) for names in required)
        for table in tables.values()
    ]
    assert any(fits), {key: table.colnames for key, table in tables.items()}


@pytest.mark.parametrize("name", ["red-spirals", "green-peas-cardamone"])
def test_small_samples(name):
    labels = load_sample(name)
    assert len(labels) == get_sample(name).n_rows


def test_the_same_peas_come_with_astrovae():
    ours = load_sample("green-peas-cardamone", source="package")
    theirs = load_sample("green-peas-cardamone")
    assert sorted(ours["redshift"]) == pytest.approx(sorted(theirs["redshift"]))
