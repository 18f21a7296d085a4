# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The published relations against their papers and against ZFOURGE.
"""

import numpy as np
import pytest
from astropy.table import Table

from astrovae.simulation import relations
from astrovae.simulation.spectra import COSMOLOGY


@pytest.fixture(scope="module")
def zfourge(shared_data):
    """Redshift, mass, sSFR, size (kpc) and Sersic index, as arrays."""
    table = Table.read(shared_data / "catalogs" / "zfourge_sizes.ecsv")
    columns = {name: np.asarray(table[name]) for name in table.colnames}
    scale = COSMOLOGY.arcsec_per_kpc_proper(columns["redshift"]).value
    columns["log_radius"] = np.log10(columns["r_e_f160w"] / scale)
    columns["log_ssfr"] = columns["log_sfr_fast"] - columns["log_stellar_mass"]
    return columns


def test_mass_function_of_leja_2020():
    # Leja et al. (2020) at the anchor z = 0.2, evaluated by hand at the
    # knee, where both exponentials are 1/e.
    expected = np.log(10) * (10**-2.44 + 10**-2.89) * np.exp(-1)
    assert relations.mass_function(10.79, 0.2) == pytest.approx(expected, rel=1e-6)


def test_main_sequence_of_popesso_2023():
    # At z = 0 the universe of COSMOLOGY is 13.467 Gyr old.
    age = 13.467
    turnover = 10.85 - 0.0729 * age
    expected = 2.693 - 0.186 * age - np.log10(1 + 10 ** (-0.99 * (10 - turnover)))
    assert relations.main_sequence(10.0, 0.0) == pytest.approx(expected, abs=1e-3)


def test_metallicity_of_gallazzi_2005():
    # Rows of their table 2; beyond its ends it stays what it is there.
    np.testing.assert_allclose(
        relations.metallicity(np.array([7.0, 8.91, 10.31, 11.51, 12.5])),
        [-0.60, -0.60, -0.11, 0.13, 0.13],
    )


def test_quiescent_fraction_grows_with_mass_and_time():
    low, high = relations.quiescent_fraction(np.array([9.0, 11.0]), 0.3)
    assert low < 0.15
    assert high > 0.7
    assert relations.quiescent_fraction(10.3, 0.9) < relations.quiescent_fraction(
        10.3, 0.1
    )
    assert relations.quiescent_fraction(12.2, 0.0) == 0.9


def test_early_types_are_smaller_and_steeper():
    # Van der Wel et al. (2014): log R = 0.42 at 5e10 Msun and z = 0.75,
    # and a relation three times as steep as that of late types.
    assert relations.spheroid_size(np.log10(5e10), 0.75) == pytest.approx(0.42)
    assert relations.disc_size(np.log10(5e10), 0.75) == pytest.approx(0.78)
    small, large = relations.spheroid_size(np.array([10.5, 11.5]), 0.75)
    assert large - small == pytest.approx(0.71)
    # The flattening below 2e10 Msun leaves no step.
    edge = np.log10(2e10)
    low, high = relations.spheroid_size(edge + np.array([-1e-6, 1e-6]), 0.5)
    assert low == pytest.approx(high, abs=1e-5)


@pytest.mark.parametrize(("least", "most"), [(9.0, 9.5), (9.5, 10.0), (10.0, 10.5)])
def test_quiescent_fraction_of_zfourge(zfourge, least, most):
    mass, redshift = zfourge["log_stellar_mass"], zfourge["redshift"]
    use = (mass > least) & (mass < most) & (redshift > 0.2) & (redshift < 1)
    assert use.sum() > 200
    measured = np.mean(zfourge["log_ssfr"][use] < -11)
    relation = relations.quiescent_fraction(mass[use], redshift[use]).mean()
    # Three standard errors of the smallest bin.
    assert relation == pytest.approx(measured, abs=0.09)


def test_main_sequence_of_zfourge(zfourge):
    mass, redshift = zfourge["log_stellar_mass"], zfourge["redshift"]
    total = zfourge["sfr_uvir"]
    use = (mass > 9) & (zfourge["log_ssfr"] > -11) & (total > 0) & (redshift > 0.2)
    offset = np.log10(total[use]) - relations.main_sequence(mass[use], redshift[use])
    assert np.median(offset) == pytest.approx(0, abs=0.15)


@pytest.mark.parametrize("kind", ["disc", "spheroid"])
def test_sizes_of_zfourge(zfourge, kind):
    mass, redshift = zfourge["log_stellar_mass"], zfourge["redshift"]
    if kind == "disc":
        use = (zfourge["sersic_n"] < 2.5) & (mass > 9.2)
    else:
        use = (zfourge["sersic_n"] > 2.5) & (zfourge["log_ssfr"] < -11) & (mass > 10)
    use &= (redshift > 0.3) & (redshift < 1.0)
    assert use.sum() > 80
    size = getattr(relations, f"{kind}_size")
    offset = zfourge["log_radius"][use] - size(mass[use], redshift[use])
    assert np.median(offset) == pytest.approx(0, abs=0.1)
