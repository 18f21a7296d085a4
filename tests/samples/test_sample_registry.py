# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the registry of samples and of the parts of a definition.
"""

from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest

from astrovae.exceptions import CatalogueError
from astrovae.samples import (
    Cut,
    Sample,
    SampleColumn,
    at_least,
    get_sample,
    is_spectroscopic,
    is_zero,
    list_samples,
    load_sample,
    not_zero,
    register_sample,
    registry,
)

NAMES = [
    "gama-dr4",
    "zou2022",
    "red-spirals",
    "green-peas-kiss",
    "green-peas-cardamone",
]


@pytest.fixture
def own_registry(monkeypatch):
    monkeypatch.setattr(registry, "_SAMPLES", dict(registry._SAMPLES))


def test_samples_of_the_paper():
    table = list_samples()
    assert table["name"].tolist()[: len(NAMES)] == NAMES
    row = table[0]
    assert row["catalogue"] == "J/MNRAS/513/439/gamadr4"
    assert row["cuts"].startswith("min_quality=3, best_only=True, z_min=0.002, z_max=1")
    assert table["quantities"].tolist()[2] == "redshift"


@pytest.mark.parametrize("name", NAMES)
def test_definition_is_complete(name):
    sample = get_sample(name)
    assert sample.name == name
    assert len(sample.bibcode) == 19
    assert sample.bibcode[:4] in sample.reference
    for key in ("id", "ra", "dec", "redshift"):
        assert sample.columns[key].names
    for cut in sample.cuts:
        assert bool(cut.quantity) != bool(cut.names)


def test_own_sample(own_registry, vizier):
    from fake_vizier import Column, Table

    sample = Sample(
        name="mine",
        catalogues=("J/A+A/1/1/table1",),
        version="1",
        reference="Someone 2020",
        bibcode="2020A&A...001....1S",
        description="an example",
        columns={
            "ra": SampleColumn(("RA",)),
            "dec": SampleColumn(("DE",)),
            "redshift": SampleColumn(("zsp",)),
        },
        cuts=(Cut("quality", 2, "quality of at least", at_least, names=("q",)),),
    )
    register_sample(sample)
    vizier.tables["J/A+A/1/1/table1"] = Table(
        [Column("RA"), Column("DE"), Column("zsp"), Column("q", "int")],
        [(15.0, 1.0, 0.1, 3), (30.0, 2.0, 0.2, 1), (45.0, 3.0, 0.3, None)],
    )
    labels = load_sample("mine", server=vizier.url)
    assert labels["id"].tolist() == ["J010000.00+010000.0"]
    assert len(load_sample("mine", server=vizier.url, quality=1)) == 2
    with pytest.raises(ValueError, match="there is a sample 'mine' already"):
        register_sample(sample)
    register_sample(replace(sample, version="2"), force=True)
    assert get_sample("mine").version == "2"


def test_register_something_else(own_registry):
    with pytest.raises(TypeError, match="must be a Sample, not str"):
        register_sample("gama")


def test_register_without_redshift(own_registry):
    sample = replace(get_sample("zou2022"), name="a", columns={})
    with pytest.raises(ValueError, match="'a' says nothing of ra, dec, redshift"):
        register_sample(sample)


def test_flags_as_numbers_letters_and_words():
    assert is_zero(np.array([0.0, 1.0, np.nan]), True).tolist() == [True, False, False]
    assert not_zero(np.array([0.0, 1.0, np.nan]), True).tolist() == [False, True, False]
    words = np.array(["T", "false", "1", "0", ""])
    assert not_zero(words, True).tolist() == [True, False, True, False, False]
    assert is_zero(words, True).tolist() == [False, True, False, True, False]
    with pytest.raises(CatalogueError, match=r"a flag should be 0 or 1, .* 'maybe'"):
        not_zero(np.array(["maybe"]), True)


def test_types_of_redshift():
    values = np.array(["zspec", "zphot ", "", "SPEC", "phot"])
    assert is_spectroscopic(values, True).tolist() == [True, False, False, True, False]


def test_cut_in_another_unit():
    sample = get_sample("zou2022")
    values = sample.cut_values({"min_mass": 1e39 * u.kg, "max_mass": None})
    assert values["min_mass"] == pytest.approx(5.0288e8, rel=1e-3)
    assert values["max_mass"] is None
