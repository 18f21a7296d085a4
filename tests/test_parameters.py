# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Units, scales and errors of the parameters.
"""

import subprocess
import sys

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.table import QTable
from hypothesis import given
from hypothesis import strategies as st

from astrovae.flags import FLAG_MEANINGS, UNUSABLE, GalaxyFlags, decode_flags
from astrovae.parameters import PARAMETERS


@given(st.floats(-4, 13))
def test_from_latent_undoes_to_latent(value):
    for parameter in PARAMETERS.values():
        there = parameter.from_latent(np.array([value]))
        assert parameter.to_latent(there)[0] == pytest.approx(value, abs=1e-9)


def test_errors_to_first_order_by_hand():
    mass = PARAMETERS["stellar_mass"]
    latent, error = mass.to_latent([1e10] * u.Msun, [1e9] * u.Msun)
    assert latent[0] == pytest.approx(10)
    assert error[0] == pytest.approx(0.1 / np.log(10))
    angle, error = PARAMETERS["orientation"].to_latent([90] * u.deg, [9] * u.deg)
    assert angle[0] == pytest.approx(np.pi / 2)
    assert error[0] == pytest.approx(np.pi / 20)


def test_units_are_converted():
    sfr = PARAMETERS["sfr"].quantity([1e9] * u.Msun / u.Gyr)
    assert sfr.unit == u.Msun / u.yr
    assert sfr[0].value == pytest.approx(1.0)


def test_a_redshift_may_come_without_unit():
    redshift = PARAMETERS["redshift"]
    for values in ([0.1], [0.1] * u.dimensionless_unscaled, [0.1] * cu.redshift):
        assert redshift.quantity(values).unit == cu.redshift


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("stellar_mass", [1e10], "'stellar_mass' needs a unit equivalent to solMass"),
        ("sfr", [1] * u.Msun, "'sfr' has the unit solMass, which cannot"),
        ("redshift", [1] * u.km, "'redshift' has the unit km, which cannot"),
    ],
)
def test_wrong_units_name_the_parameter(name, values, message):
    with pytest.raises(u.UnitsError, match=message):
        PARAMETERS[name].quantity(values)


def test_logarithm_of_nothing_is_not_finite():
    assert not np.isfinite(
        PARAMETERS["sfr"].to_latent([0.0, -1.0] * u.Msun / u.yr)
    ).any()


def test_a_redshift_survives_its_file(tmp_path):
    path = tmp_path / "table.ecsv"
    QTable({"redshift": [0.1, 0.2] * cu.redshift}).write(path)
    assert QTable.read(path)["redshift"].unit == cu.redshift
    # Read by a session that did not know the unit, it is still a redshift.
    code = (
        "import sys, warnings; warnings.simplefilter('ignore');"
        "from astropy.table import QTable;"
        "column = QTable.read(sys.argv[1])['redshift'];"
        "from astrovae.parameters import PARAMETERS;"
        "print(PARAMETERS['redshift'].quantity(column).to_value('redshift').sum())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) == pytest.approx(0.3)


def test_flags_have_distinct_bits_and_names():
    values = [int(getattr(GalaxyFlags, name)) for name in FLAG_MEANINGS]
    assert values == [1 << i for i in range(len(values))]
    assert decode_flags(UNUSABLE) == ["UNREADABLE", "NO_COVERAGE"]
    assert decode_flags(np.array([0, 4])) == [[], ["MISSING_BAND"]]
