# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of units, logarithms and errors; the numbers are worked by hand.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.utils.masked import Masked
from hypothesis import given
from hypothesis import strategies as st

from astrovae.samples import SampleColumn
from astrovae.samples.columns import plain, read_positions, read_quantity
from astrovae.samples.naming import designation, plain_text, read_ids, unique_ids

MASS = SampleColumn(("Mstar", "logM"), u.Msun, error=("e_M",))
LOG_MASS = SampleColumn(("logM",), u.Msun, log=True, error=("e_M",))
SFR = SampleColumn(("SFR",), u.Msun / u.yr, error=("e_SFR",))
RA, DEC = SampleColumn(("RAJ2000",)), SampleColumn(("DEJ2000",))


def mass_table(values, errors=None, unit=None, error_unit=None, name="logM"):
    table = Table({name: Column(values, unit=unit)})
    if errors is not None:
        table["e_M"] = Column(errors, unit=error_unit)
    return table


def test_log_mass_with_an_error_in_dex():
    # 10^10.5 = 3.1622777e10; ln(10) * 3.1622777e10 * 0.1 = 7.2814e9
    values, errors = read_quantity(mass_table([10.5], [0.1]), "stellar_mass", LOG_MASS)
    assert values == pytest.approx(3.1622777e10)
    assert errors == pytest.approx(7.28141339e9)


@pytest.mark.parametrize("unit", ["[Msun]", "[solMass]", "dex(Msun)"])
def test_stated_logarithm_is_believed(unit):
    # Brackets are not recognised, as in a VOTable of version 1.4.
    unit = u.Unit(unit, parse_strict="silent")
    table = mass_table([10.5], [0.1], unit, unit)
    values, errors = read_quantity(table, "stellar_mass", MASS)
    assert values == pytest.approx(3.1622777e10)
    assert errors == pytest.approx(7.28141339e9)


@pytest.mark.parametrize("error_unit", [None, u.dex, u.Unit("[-]", format="cds")])
def test_error_of_a_logarithm_is_in_dex(error_unit):
    table = mass_table([9.0], [0.2], u.Unit("dex(Msun)"), error_unit)
    _, errors = read_quantity(table, "stellar_mass", MASS)
    # The natural logarithm of 10, times 1e9, times 0.2.
    assert errors == pytest.approx(4.60517e8, rel=1e-6)


def test_linear_error_of_a_logarithm():
    table = mass_table([9.0], [3e8], u.Unit("dex(Msun)"), u.Msun)
    _, errors = read_quantity(table, "stellar_mass", MASS)
    assert errors == pytest.approx(3e8)


def test_linear_mass():
    table = mass_table([2e10, 3e10], [1e9, 2e9], name="Mstar")
    values, errors = read_quantity(table, "stellar_mass", MASS)
    assert values.tolist() == [2e10, 3e10]
    assert errors.tolist() == [1e9, 2e9]


def test_mass_in_another_unit():
    table = mass_table([2.0], [0.1], 1e10 * u.Msun, 1e10 * u.Msun, name="Mstar")
    values, errors = read_quantity(table, "stellar_mass", MASS)
    assert values == pytest.approx(2e10)
    assert errors == pytest.approx(1e9)


def test_sfr_per_gyr_becomes_per_year():
    # The authors' own table mixed these two.
    unit = u.Msun / u.Gyr
    table = Table({"SFR": Column([2e9], unit=unit), "e_SFR": Column([5e8], unit=unit)})
    values, errors = read_quantity(table, "sfr", SFR)
    assert values == pytest.approx(2.0)
    assert errors == pytest.approx(0.5)


def test_log_sfr_per_gyr():
    table = Table({"SFR": Column([9.5], unit=u.Unit("dex(Msun/Gyr)"))})
    values, _ = read_quantity(table, "sfr", SFR)
    assert values == pytest.approx(3.16227766)


def test_percentiles_become_half_their_distance():
    spec = SampleColumn(("m",), u.Msun, interval=(("lo",), ("hi",)))
    table = Table({"m": [1e10], "lo": [0.8e10], "hi": [1.4e10]})
    _, errors = read_quantity(table, "stellar_mass", spec)
    assert errors == pytest.approx(3e9)


def test_percentiles_of_logarithms():
    spec = SampleColumn(("m",), u.Msun, log=True, interval=(("lo",), ("hi",)))
    table = Table({"m": [10.0], "lo": [9.8], "hi": [10.2]})
    _, errors = read_quantity(table, "stellar_mass", spec)
    assert errors == pytest.approx(np.log(10) * 1e10 * 0.2)


def test_error_of_zero_is_none():
    spec = SampleColumn(("z",), interval=(("lo",), ("hi",)))
    table = Table({"z": [0.5, 0.6], "lo": [0.5, 0.5], "hi": [0.5, 0.9]})
    values, errors = read_quantity(table, "redshift", spec)
    assert values.tolist() == [0.5, 0.6]
    assert np.isnan(errors[0])
    assert errors[1] == pytest.approx(0.2)


def test_missing_values():
    column = MaskedColumn([10.0, -99.0, 11.0, np.nan], mask=[0, 0, 1, 0])
    values, errors = read_quantity(Table({"logM": column}), "stellar_mass", LOG_MASS)
    assert values[0] == 1e10
    assert np.all(np.isnan(values[1:]))
    assert np.all(np.isnan(errors))


def test_error_without_a_value_is_none():
    table = mass_table([10.0, np.nan], [0.1, 0.1])
    _, errors = read_quantity(table, "stellar_mass", LOG_MASS)
    assert np.isfinite(errors).tolist() == [True, False]


def test_absent_column():
    values, errors = read_quantity(Table({"a": [1.0, 2.0]}), "sfr", SFR)
    assert np.all(np.isnan(values))
    assert np.all(np.isnan(errors))


def test_zero_sfr_is_a_value():
    values, _ = read_quantity(Table({"SFR": [0.0, 1.0, -2.0]}), "sfr", SFR)
    assert values[:2].tolist() == [0.0, 1.0]
    assert np.isnan(values[2])


def test_quantity_column():
    table = QTable({"Mstar": Masked([1e10, 2e10] * u.Msun, mask=[False, True])})
    values, _ = read_quantity(table, "stellar_mass", MASS)
    assert values[0] == 1e10
    assert np.isnan(values[1])


def test_wrong_unit():
    table = mass_table([10.0], unit=u.mag, name="Mstar")
    with pytest.raises(u.UnitsError, match=r"'Mstar' has the unit mag.*'stellar_mass'"):
        read_quantity(table, "stellar_mass", MASS)


def test_unit_that_is_not_understood():
    table = mass_table([10.0], unit=u.Unit("Msun_h-2", parse_strict="silent"))
    with pytest.raises(u.UnitsError, match="the unit 'Msun_h-2' of the column 'logM'"):
        read_quantity(table, "stellar_mass", LOG_MASS)


def test_dex_as_older_votables_give_it():
    unit = u.UnrecognizedUnit("dex")
    _, errors = read_quantity(
        mass_table([9.0], [0.2], None, unit), "stellar_mass", LOG_MASS
    )
    assert errors == pytest.approx(4.60517e8, rel=1e-6)


def test_velocity_is_no_redshift():
    table = Table({"z": Column([15000.0], unit=u.km / u.s)})
    with pytest.raises(u.UnitsError, match=r"'z' should be a redshift, .* km / s"):
        read_quantity(table, "redshift", SampleColumn(("z",)))


def test_logarithm_taken_for_a_mass():
    table = mass_table([10.1, 10.5, 9.8], name="Mstar")
    with pytest.raises(u.UnitsError, match=r"'Mstar'.* median 'stellar_mass' of 10.1"):
        read_quantity(table, "stellar_mass", MASS)


def test_mass_taken_for_a_logarithm():
    values, _ = read_quantity(mass_table([10.0]), "stellar_mass", LOG_MASS)
    assert values == 1e10
    with pytest.raises(u.UnitsError, match="implausible"):
        read_quantity(mass_table([200.0]), "stellar_mass", LOG_MASS)


def test_words_instead_of_numbers():
    with pytest.raises(TypeError, match="'SFR' should hold numbers"):
        read_quantity(Table({"SFR": ["low", "high"]}), "sfr", SFR)


@given(
    log_mass=st.floats(6.5, 12.5),
    error=st.floats(1e-3, 0.5),
)
def test_latent_scale_gives_the_dex_back(log_mass, error):
    from astrovae.parameters import PARAMETERS

    table = mass_table([log_mass], [error])
    values, errors = read_quantity(table, "stellar_mass", LOG_MASS)
    latent, latent_error = PARAMETERS["stellar_mass"].to_latent(
        values * u.Msun, errors * u.Msun
    )
    assert latent == pytest.approx(log_mass)
    assert latent_error == pytest.approx(error)


def test_positions_in_degrees():
    table = Table({"RAJ2000": [10.5, 370.0, np.nan], "DEJ2000": [-5.0, 95.0, 0.0]})
    ra, dec = read_positions(table, RA, DEC)
    assert (ra[0], dec[0]) == (10.5, -5.0)
    assert np.all(np.isnan(ra[1:]))
    assert np.all(np.isnan(dec[1:]))


def test_positions_in_sexagesimal():
    table = Table({"RAJ2000": ["12 30 00.0", "", "23:59:59"]})
    table["DEJ2000"] = ["-00 30 36", "", "+10:15:00"]
    ra, dec = read_positions(table, RA, DEC)
    assert ra[0] == pytest.approx(187.5)
    assert dec[0] == pytest.approx(-0.51)
    assert np.isnan(ra[1])
    assert ra[2] == pytest.approx(359.9958333)
    assert dec[2] == pytest.approx(10.25)


def test_positions_in_degrees_as_text():
    table = Table({"RAJ2000": ["150.5", " 10.25"], "DEJ2000": ["+2.2", "-45"]})
    ra, dec = read_positions(table, RA, DEC)
    assert ra.tolist() == [150.5, 10.25]
    assert dec.tolist() == [2.2, -45.0]
    # One column of numbers does not make the other's hours of it.
    table["RAJ2000"] = [150.5, 10.25]
    assert read_positions(table, RA, DEC)[0].tolist() == [150.5, 10.25]
    table["RAJ2000"] = ["10:00:00", "10.25"]
    with pytest.raises(ValueError, match="'RAJ2000' mixes numbers"):
        read_positions(table, RA, DEC)


def test_plain_strings():
    column = MaskedColumn(["a", "b"], mask=[True, False])
    assert plain(column).tolist() == ["", "b"]
    assert plain(np.array(["a", None], dtype=object)).tolist() == ["a", ""]


def test_long_identifiers_lose_no_digit():
    column = Column([587731186741346415], dtype=np.int64)
    assert plain_text(column).tolist() == ["587731186741346415"]


def test_ids_from_names_or_positions():
    table = Table({"n": MaskedColumn([7.0, 8.0], mask=[False, True])})
    spec = SampleColumn(("n",))
    ids = read_ids(table, spec, "X ", np.array([15.0, 30.0]), np.array([1.0, -1.0]))
    assert ids.tolist() == ["X 7", "X J020000.00-010000.0"]
    nameless = read_ids(table, None, "X ", np.array([15.0, 0.0]), np.array([1.0, 0.0]))
    assert nameless[0] == "X J010000.00+010000.0"


def test_repeated_ids_are_told_apart():
    ids = np.array(["a", "b", "a", "c", "c"])
    ra = np.array([15.0, 20.0, 30.0, 45.0, 45.0])
    out = unique_ids(ids, ra, np.zeros(5)).tolist()
    assert out[:3] == ["a J010000.00+000000.0", "b", "a J020000.00+000000.0"]
    assert out[3:] == ["c J030000.00+000000.0 #1", "c J030000.00+000000.0 #2"]


def test_designation_of_the_south():
    assert designation(0.0, -0.001) == ["J000000.00-000003.6"]
