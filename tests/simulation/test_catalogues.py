# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Colours and redshifts of the simulation against real catalogues.
"""

import numpy as np
import pytest
from astropy.table import Table

pytest.importorskip("bagpipes")
pytest.importorskip("speclite")

from astrovae.simulation.population import draw_population
from astrovae.simulation.spectra import BANDS, population_fluxes


@pytest.fixture(scope="module")
def deep():
    """Galaxies brighter than r = 22.5: redshift, mass and magnitudes."""
    drawn = draw_population(4000, rng=np.random.default_rng(3))
    disc, bulge, log_mass, _ = population_fluxes(drawn)
    magnitudes = 22.5 - 2.5 * np.log10(disc + bulge)
    kept = magnitudes[:, BANDS.index("r")] < 22.5
    bands = {f"mag_{band}": magnitudes[kept, i] for i, band in enumerate(BANDS)}
    return {"z": drawn["redshift"][kept], "m": log_mass[kept], **bands}


@pytest.fixture(scope="module")
def zcosmos(shared_data):
    table = Table.read(shared_data / "catalogs" / "zcosmos.ecsv")
    use = (table["mag_r"] < 22.5) & (table["redshift"] < 1)
    return table[use & (table["log_stellar_mass"] > 7)]


def test_redshifts_are_those_of_zcosmos(deep, zcosmos):
    quartiles = [25, 50, 75]
    simulated = np.percentile(deep["z"], quartiles)
    real = np.percentile(zcosmos["redshift"], quartiles)
    np.testing.assert_allclose(simulated, real, atol=0.06)


@pytest.mark.parametrize(
    ("low", "high", "least", "most"),
    [(0.25, 0.4, 9.5, 10.3), (0.4, 0.55, 9.5, 10.3), (0.4, 0.55, 10.8, 11.5)],
)
def test_colours_at_fixed_redshift_and_mass(deep, zcosmos, low, high, least, most):
    # Subaru's filters are not DECam's, masses come from another fit:
    # 0.15 mag in the median is what agreement means here.
    def colours(redshift, mass, g, r, z):
        use = (redshift > low) & (redshift < high) & (mass > least) & (mass < most)
        assert use.sum() > 30
        return np.median((g - r)[use]), np.median((r - z)[use])

    simulated = colours(*(deep[k] for k in ("z", "m", "mag_g", "mag_r", "mag_z")))
    names = ("redshift", "log_stellar_mass", "mag_g", "mag_r", "mag_z")
    real = colours(*(np.asarray(zcosmos[name]) for name in names))
    np.testing.assert_allclose(simulated, real, atol=0.15)
