# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Catalogues without images, and images of catalogued galaxies.
"""

import astropy.units as u
import numpy as np
import pytest

pytest.importorskip("bagpipes")
pytest.importorskip("speclite")
pytest.importorskip("galsim")

from astrovae.simulation import (
    catalogue,
    neighbours,
    render_catalogue,
    simulate_catalogue,
)


@pytest.fixture(scope="module", autouse=True)
def few_twins():
    """A small choice of twins, and no other objects in the frames."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "_N_TWINS", 120)
        patch.setattr(neighbours, "_GALAXY_DENSITY", 0.0)
        patch.setattr(neighbours, "_STAR_DENSITY", 0.0)
        yield


@pytest.fixture(scope="module")
def table():
    """12 bright galaxies; the second was not observed in z."""
    drawn = simulate_catalogue(12, random_state=1, selection="gama")
    names = ("id", "redshift", "stellar_mass", "sfr", "mag_g", "mag_r", "mag_z")
    table = drawn[names]
    table["half_light_radius"] = 1.2 * u.arcsec
    table["axis_ratio"] = 0.4
    table["orientation"] = np.linspace(-80, 80, 12) * u.deg
    table["ebv"] = 0.05
    table["mag_z"][1] = np.nan * u.mag
    return table


@pytest.fixture(scope="module")
def rendered(table):
    return render_catalogue(table, random_state=2, size=96)


def test_a_catalogue_has_the_columns_and_the_limit():
    drawn = simulate_catalogue(30, random_state=0, selection="deep", bands="ri")
    assert len(drawn) == 30
    assert np.all(drawn["mag_r"] < 22.5 * u.mag)
    assert "mag_i" in drawn.colnames
    assert "mag_g" not in drawn.colnames
    assert drawn["stellar_mass"].unit == u.Msun
    again = simulate_catalogue(30, random_state=0, selection="deep", bands="ri")
    assert np.all(again["mag_r"] == drawn["mag_r"])
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        simulate_catalogue(0)
    with pytest.raises(ValueError, match="unknown selection 'sdss'"):
        simulate_catalogue(1, selection="sdss")


def test_rendered_fluxes_are_those_of_the_catalogue(table, rendered):
    assert list(rendered.ids) == list(table["id"])
    np.testing.assert_allclose(rendered.ebv, 0.05)
    for i, (band, coefficient) in enumerate((("g", 3.214), ("r", 2.165), ("z", 1.211))):
        magnitude = table[f"mag_{band}"].value + coefficient * 0.05
        measured = rendered.data[:, i].sum(axis=(1, 2))
        ratio = measured / 10 ** (-0.4 * (magnitude - 22.5))
        assert np.nanmedian(ratio) == pytest.approx(1, abs=0.05)


def test_a_band_that_was_not_observed_is_masked(rendered):
    assert np.all(rendered.mask[1, 2])
    assert np.all(rendered.uncertainty.array[1, 2] == 0)
    assert not np.any(rendered.mask[0, 2])


def test_rendered_shapes_are_those_of_the_catalogue(table, rendered):
    y, x = np.indices((96, 96)) - 47.5
    window = np.exp(-(x**2 + y**2) / (2 * 6.0**2))
    differences = []
    for image, angle in zip(rendered.data[:, 1], table["orientation"], strict=True):
        xx, yy, xy = ((window * image * m).sum() for m in (x * x, y * y, x * y))
        measured = np.degrees(0.5 * np.arctan2(2 * xy, xx - yy))
        differences.append((measured - angle.value + 90) % 180 - 90)
    assert np.median(np.abs(differences)) < 6


def test_bad_tables(table):
    with pytest.raises(ValueError, match="the table has no column mag_r"):
        render_catalogue(table["id", "redshift", "mag_g", "mag_z"])
    with pytest.raises(ValueError, match="bands must hold g, r and z"):
        render_catalogue(table, bands="gr")
    wrong = table.copy()
    wrong["mag_r"][3] = np.nan * u.mag
    with pytest.raises(ValueError, match="1 of 12 rows lack a redshift or mag_r"):
        render_catalogue(wrong)
    wrong = table.copy()
    wrong.replace_column("half_light_radius", np.full(12, 1.2) * u.kg)
    with pytest.raises(u.UnitsError, match="'half_light_radius' has the unit kg"):
        render_catalogue(wrong)
