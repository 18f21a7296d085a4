# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of positions from coordinates and tables.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, QTable, Table

from astrovae.fetch.positions import read_positions

RA, DEC = np.array([150.0, 10.5]), np.array([2.2, -45.25])
UNKNOWN = u.Unit('"d:m:s"', parse_strict="silent")
SEXAGESIMAL = {"ra": ["10:00:00", "0h42m0s"], "dec": ["+02:12:00", "-45d15m00s"]}


@pytest.mark.parametrize(
    "source",
    [
        SkyCoord(RA, DEC, unit="deg"),
        SkyCoord(RA, DEC, unit="deg").galactic,
        SkyCoord(RA, DEC, unit="deg").fk5.reshape(2, 1),
        Table({"ra": RA, "dec": DEC}),
        Table({"RAJ2000": RA, "DEJ2000": DEC}),
        QTable({"RA": RA * u.deg, "Dec": DEC * u.deg}),
        QTable({"ra": (RA * u.deg).to(u.rad), "dec": (DEC * u.deg).to(u.arcmin)}),
        QTable({"ra": (RA / 15) * u.hourangle, "dec": DEC * u.deg}),
        Table(SEXAGESIMAL),
        Table(
            {
                "ra": Column(["150:00:00", "10:30:00"], unit="deg"),
                "dec": Column(["2:12:00", "-45:15:00"], unit=UNKNOWN),
            }
        ),
        Table({"ra": ["150.0", "10.5"], "dec": [" 2.2", "-45.25"]}),
        Table({"ra": RA - 360, "dec": DEC}),
        Table({"ra": np.array(SEXAGESIMAL["ra"], dtype="S"), "dec": DEC}),
        Table({"place": SkyCoord(RA, DEC, unit="deg"), "z": [0.1, 0.2]}),
        np.array(list(zip(RA, DEC, strict=True)), dtype=[("ra", float), ("dec", "f4")]),
        {"ra": RA, "dec": DEC},
    ],
)
def test_sources(source):
    coords, ids = read_positions(source)
    np.testing.assert_allclose(coords.ra.deg, RA, atol=1e-5)
    np.testing.assert_allclose(coords.dec.deg, DEC, atol=1e-5)
    assert coords.frame.name == "icrs"
    assert ids.tolist() == ["0", "1"]


def test_one_position():
    coords, ids = read_positions(SkyCoord(1 * u.deg, 2 * u.deg), ids="NGC 1")
    assert coords.shape == (1,)
    assert ids.tolist() == ["NGC 1"]


def test_ids():
    table = Table({"Name": ["b", "a"], "ra": RA, "dec": DEC})
    assert read_positions(table)[1].tolist() == ["b", "a"]
    assert read_positions(table, [7, 8])[1].tolist() == ["7", "8"]
    with pytest.raises(ValueError, match="unique; repeated: 'x'"):
        read_positions(table, ["x", "x"])
    with pytest.raises(ValueError, match="for 2 galaxies"):
        read_positions(table, ["x"])


@pytest.mark.parametrize(
    "names",
    [
        MaskedColumn(["a", "b"], mask=[False, True]),
        MaskedColumn([7, 8], mask=[False, True]),
        [1.0, np.nan],
        np.array(["a", None], dtype=object),
        np.array(["a", np.nan], dtype=object),
    ],
)
def test_missing_ids(names):
    table = Table({"id": names, "ra": RA, "dec": DEC})
    with pytest.raises(ValueError, match="'id' has no value in row 1; give it one"):
        read_positions(table)
    assert read_positions(table, ["a", "b"])[1].tolist() == ["a", "b"]


def test_a_galaxy_called_none():
    table = Table({"id": np.array(["nan", "None"], dtype=object), "ra": RA, "dec": DEC})
    assert read_positions(table)[1].tolist() == ["nan", "None"]


def test_missing_positions_keep_their_row():
    masked = Table({"ra": MaskedColumn(RA, mask=[False, True]), "dec": DEC})
    text = Table({"ra": ["10:00:00", ""], "dec": ["+02:12:00", ""]})
    nan = Table({"ra": [150.0, np.nan], "dec": DEC})
    for table in (masked, text, nan):
        coords, _ = read_positions(table)
        assert np.isfinite(coords.ra.deg).tolist() == [True, False]
        assert np.isfinite(coords.dec.deg).tolist() == [True, False]


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ([1, 2], TypeError, "not list"),
        (Table({"x": [1.0]}), ValueError, "no columns of positions.*among x"),
        (Table({"ra": [1.0], "dec": [91.0]}), ValueError, "row 0 is no position"),
        (Table({"ra": ["1:2:3", "no"], "dec": [0, 1]}), ValueError, "row 1.*: 'no'$"),
        (
            Table({"ra": ["", "10:00:00", "10.5"], "dec": [0.0, 1.0, 2.0]}),
            ValueError,
            r"'ra' mixes numbers \(row 2: '10.5'\) and other text \(row 1: '10:00:00'",
        ),
        (
            Table({"ra": [10.0, 10.5], "dec": ["-1.5", "-1d30m"]}),
            ValueError,
            "'dec' mixes numbers .*write all in degrees, or all sexagesimal",
        ),
        (QTable({"ra": [1] * u.m, "dec": [1] * u.deg}), u.UnitsError, "unit m"),
        (Table({"ra": [1 + 2j], "dec": [1.0]}), ValueError, "no angles"),
        ({"ra": [1.0, 2.0], "dec": [1.0]}, ValueError, "2 right ascensions for 1"),
    ],
)
def test_errors(source, error, message):
    with pytest.raises(error, match=message):
        read_positions(source)


def test_a_unit_tells_what_mixed_text_is():
    ra = Column(["10.5", "10:30:00"], unit="hourangle")
    coords, _ = read_positions(Table({"ra": ra, "dec": DEC}))
    np.testing.assert_allclose(coords.ra.deg, [157.5, 157.5])


def test_pandas():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"ra": RA, "dec": DEC, "name": ["p", "q"]})
    coords, ids = read_positions(frame)
    np.testing.assert_allclose(coords.dec.deg, DEC)
    assert ids.tolist() == ["p", "q"]
