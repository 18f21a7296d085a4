# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the export of redshift posteriors.
"""

import subprocess
import sys

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from numpy.testing import assert_allclose
from scipy.stats import norm

from astrovae.exceptions import AstrovaeWarning
from astrovae.posterior_files import write_qp

GRID = np.linspace(0.0, 1.5, 301)
MIDDLE = np.array([0.2, 0.5, 0.9])
IDS = ["a", "b", "é"]


@pytest.fixture
def qp():
    return pytest.importorskip("qp", reason="needs the extra 'qp'")


@pytest.fixture
def density():
    return norm.pdf(GRID, MIDDLE[:, None], 0.05)


def test_round_trip(qp, density, tmp_path):
    path = tmp_path / "posteriors.hdf5"
    write_qp(path, GRID * cu.redshift, 3.0 * density / cu.redshift, IDS)
    ensemble = qp.read(str(path))
    assert ensemble.npdf == 3
    assert [str(name) for name in ensemble.ancil["id"]] == IDS
    assert_allclose(ensemble.pdf(GRID), density, rtol=1e-3, atol=1e-9)
    assert_allclose(np.ravel(ensemble.cdf(0.5))[1], 0.5, atol=0.01)


def test_unusable_rows_are_left_out_with_a_warning(qp, density, tmp_path):
    density[0, 5] = np.nan
    density[2] = 0.0
    with pytest.warns(AstrovaeWarning, match="2 of 3 galaxies have no usable"):
        write_qp(tmp_path / "z.hdf5", GRID, density, IDS)
    assert list(qp.read(str(tmp_path / "z.hdf5")).ancil["id"]) == ["b"]
    with pytest.raises(ValueError, match="none of 3 galaxies has a usable density"):
        write_qp(tmp_path / "no.hdf5", GRID, np.nan * density, IDS)


def test_overwrite(qp, density, tmp_path):
    path = tmp_path / "z.hdf5"
    write_qp(path, GRID, density, IDS)
    with pytest.raises(OSError, match="overwrite=True replaces it"):
        write_qp(path, GRID, density, IDS)
    write_qp(path, GRID, density[:1], IDS[:1], overwrite=True)
    assert qp.read(str(path)).npdf == 1


@pytest.mark.parametrize(
    ("grid", "values", "ids", "message"),
    [
        (GRID, np.ones((2, 301)), IDS, "does not belong to 3 galaxies"),
        (GRID[::-1], np.ones((3, 301)), IDS, "the grid of redshifts must increase"),
        (GRID, -np.ones((3, 301)), IDS, "a density is negative: -1"),
    ],
)
def test_wrong_values(tmp_path, grid, values, ids, message):
    with pytest.raises(ValueError, match=message):
        write_qp(tmp_path / "z.hdf5", grid, values, ids)


def test_wrong_suffix_and_units(tmp_path, density):
    with pytest.raises(ValueError, match=r"'z.txt' must end in .hdf5"):
        write_qp(tmp_path / "z.txt", GRID, density, IDS)
    with pytest.raises(u.UnitsError, match="'redshift' has the unit Mpc"):
        write_qp(tmp_path / "z.hdf5", GRID * u.Mpc, density, IDS)
    with pytest.raises(u.UnitsError, match="'density' has the unit Mpc"):
        write_qp(tmp_path / "z.hdf5", GRID, density * u.Mpc, IDS)


def test_missing_qp_names_the_extra():
    code = (
        "import sys; sys.modules['qp'] = None\n"
        "from astrovae.posterior_files import write_qp\n"
        "try:\n    write_qp('z.hdf5', [0, 1], [[1, 1]], ['a'])\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "pip install 'astrovae[qp]'" in done.stdout, done.stderr
