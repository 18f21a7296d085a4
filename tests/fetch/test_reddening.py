# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of E(B-V) on its way from a table to an image set.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table

from astrovae import CutoutFetcher, GalaxyImageSet
from astrovae.fetch.reddening import read_ebv

PLACES = {"ra": [10.0, 10.01, 10.02], "dec": [2.0, 2.0, 2.0]}
EBV = [0.01, np.nan, 0.3]


@pytest.mark.parametrize("name", ["ebv", "EBV", "Ebv"])
@pytest.mark.parametrize(
    "column",
    [
        np.array(EBV),
        EBV * u.mag,
        MaskedColumn([0.01, -99, 0.3], mask=[False, True, False]),
        MaskedColumn([0.01, -99, 0.3], mask=[False, True, False], unit="mag"),
    ],
)
def test_column_reaches_the_set(server, tmp_path, monkeypatch, name, column):
    monkeypatch.setattr("astrovae.fetch.core._CHUNK", 2)
    table = QTable({**PLACES, name: column})
    server.always["10.0000000"] = "zeros"
    fetcher = CutoutFetcher(server=server.url, size=8, tries=1)
    images = fetcher.fetch(table, cache=tmp_path / "cache")
    np.testing.assert_allclose(images.ebv, EBV)
    output = tmp_path / "set.hdf5"
    fetcher.fetch(table, cache=tmp_path / "cache", output=output)
    np.testing.assert_allclose(GalaxyImageSet.read(output).ebv, EBV)


def test_argument(server):
    coords = SkyCoord(PLACES["ra"], PLACES["dec"], unit="deg")
    fetcher = CutoutFetcher(server=server.url, size=8)
    np.testing.assert_array_equal(fetcher.fetch(coords, ebv=EBV).ebv, EBV)
    assert np.isnan(fetcher.fetch(coords).ebv).all()
    # It goes before the column.
    table = Table({**PLACES, "ebv": EBV})
    assert fetcher.fetch(table, ebv=0.5).ebv.tolist() == [0.5] * 3


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        ([0.1, 0.2, 10.5], ValueError, "from 0 to 10 .*not 10.5 as in row 2"),
        ([0.1, -99.0, 0.1], ValueError, "not negative, or NaN, not -99"),
        ([0.1, np.inf, 0.1], ValueError, "must be finite"),
        (["a", "b", "c"], ValueError, "must hold numbers"),
        ([1, 2, 3] * u.nmgy, u.UnitsError, "'ebv' must be in magnitudes"),
    ],
)
def test_what_is_no_reddening(server, column, error, message):
    fetcher = CutoutFetcher(server=server.url, size=8)
    with pytest.raises(error, match=message):
        fetcher.fetch(QTable({**PLACES, "ebv": column}))
    assert server.log == []


def test_other_tables():
    assert read_ebv(None, {"ra": [1.0], "EBV": [0.1]}, 1).tolist() == [0.1]
    assert read_ebv(None, {"ra": [1.0]}, 1) is None
