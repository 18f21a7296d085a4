# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Redshifts, colours and sizes of the simulation against real catalogues.
"""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

pytest.importorskip("bagpipes")
pytest.importorskip("speclite")

from astrovae.simulation.library import BANDS
from astrovae.simulation.population import COMPONENTS, draw_galaxies


def with_photometry(galaxies):
    """Add magnitudes, and the half-light radius of both components."""
    flux = sum(galaxies[name] for name in COMPONENTS)
    for i, band in enumerate(BANDS):
        galaxies[f"mag_{band}"] = 22.5 - 2.5 * np.log10(flux[:, i])
    bulge = (galaxies["bulge_flux"] / flux)[:, BANDS.index("r")]
    galaxies["radius"] = bulge * galaxies["bulge_radius"]
    galaxies["radius"] += (1 - bulge) * galaxies["disc_radius"]
    return galaxies


@pytest.fixture(scope="module")
def deep():
    """Galaxies brighter than r = 22.5."""
    return with_photometry(draw_galaxies(2000, "deep", np.random.default_rng(3)))


@pytest.fixture(scope="module")
def bright():
    """Galaxies brighter than r = 19.8."""
    return with_photometry(draw_galaxies(800, "gama", np.random.default_rng(4)))


@pytest.fixture(scope="module")
def zcosmos(shared_data):
    table = Table.read(shared_data / "catalogs" / "zcosmos.ecsv")
    use = (table["mag_r"] < 22.5) & (table["redshift"] < 1)
    return table[use & (table["log_stellar_mass"] > 7)]


@pytest.fixture(scope="module")
def desi_bright(shared_data):
    """
    Draw r, g - r, r - z and log10 radius of real bright galaxies.

    From the mixtures that desitarget fitted to DR9 by morphological
    type, with the fractions of types at a magnitude.
    """
    folder = shared_data / "catalogs" / "desitarget_dr9"
    types = fits.getdata(folder / "fractype_bgs.fits")

    def draw(faintest, n=4000):
        rng = np.random.default_rng(0)
        row = types[np.argmin(np.abs(types["MAG"] - (faintest - 0.25)))]
        parts = []
        for kind in ("exp", "dev", "ser"):
            with fits.open(folder / f"gmm_bgs_{kind}.fits") as hdus:
                weights, means, covariances = (hdu.data.astype(float) for hdu in hdus)
            number = rng.multinomial(40 * n, weights / weights.sum())
            galaxies = np.concatenate(
                [
                    rng.multivariate_normal(mean[:4], covariance[:4, :4], count)
                    for mean, covariance, count in zip(
                        means, covariances, number, strict=True
                    )
                ]
            )
            r = galaxies[:, 0]
            galaxies = galaxies[(r > faintest - 0.5) & (r < faintest)]
            count = round(n * float(row[kind.upper()]))
            parts.append(rng.choice(galaxies, count))
        return np.concatenate(parts)

    return draw


def test_redshifts_are_those_of_zcosmos(deep, zcosmos):
    quartiles = [25, 50, 75]
    simulated = np.percentile(deep["redshift"], quartiles)
    real = np.percentile(np.asarray(zcosmos["redshift"]), quartiles)
    np.testing.assert_allclose(simulated, real, atol=0.07)


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

    bands = ("mag_g", "mag_r", "mag_z")
    simulated = colours(*(deep[k] for k in ("redshift", "log_mass", *bands)))
    names = ("redshift", "log_stellar_mass", *bands)
    real = colours(*(np.asarray(zcosmos[name]) for name in names))
    np.testing.assert_allclose(simulated, real, atol=0.15)


@pytest.mark.parametrize("faintest", [19.0, 19.5])
def test_colours_and_sizes_of_bright_galaxies_in_dr9(bright, desi_bright, faintest):
    _, g_r, r_z, log_radius = desi_bright(faintest).T
    use = (bright["mag_r"] > faintest - 0.5) & (bright["mag_r"] < faintest)
    assert use.sum() > 100
    mag = {band: bright[f"mag_{band}"][use] for band in BANDS}
    percentiles = [16, 50, 84]
    for simulated, real, tolerance in (
        (mag["g"] - mag["r"], g_r, 0.15),
        # The simulation is redder in r - z, by 0.09 mag in the median.
        (mag["r"] - mag["z"], r_z, 0.15),
        (np.log10(bright["radius"][use]), log_radius, 0.12),
    ):
        np.testing.assert_allclose(
            np.percentile(simulated, percentiles),
            np.percentile(real, percentiles),
            atol=tolerance,
        )


def test_counts_rise_with_magnitude_as_in_the_sky(deep):
    # Galaxy counts in r: a factor 10**0.6 per magnitude for the
    # brightest, 10**0.35 to 10**0.45 around r = 21 (Yasuda et al. 2001).
    brighter = [np.sum(deep["mag_r"] < limit) for limit in (20.5, 21.5, 22.5)]
    slopes = np.diff(np.log10(brighter))
    assert np.all((slopes > 0.28) & (slopes < 0.55))


def test_inclinations_are_those_of_zfourge(deep, shared_data):
    table = Table.read(shared_data / "catalogs" / "zfourge_sizes.ecsv")
    discs = (table["sersic_n"] < 2.5) & (table["log_stellar_mass"] > 9.2)
    discs &= (table["redshift"] < 1) & (table["axis_ratio"] > 0)
    real = np.percentile(np.asarray(table["axis_ratio"])[discs], [16, 50, 84])
    use = ~deep["quiescent"] & (deep["log_mass"] > 9.2)
    simulated = np.percentile(deep["disc_axis_ratio"][use], [16, 50, 84])
    # Real discs are not quite round.
    np.testing.assert_allclose(simulated, real, atol=0.14)
