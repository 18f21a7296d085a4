# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
`simulate_galaxies` from the outside: truth, images and their noise.
"""

import astropy.units as u
import joblib
import numpy as np
import pytest

pytest.importorskip("bagpipes")
pytest.importorskip("speclite")
pytest.importorskip("galsim")

from astrovae import GalaxyImageSet
from astrovae.parameters import PARAMETERS, PHYSICAL
from astrovae.simulation import (
    catalogue_labels,
    core,
    iter_simulation,
    simulate_galaxies,
    simulate_to_file,
    storage,
)

N, BLOCK = 60, 24


@pytest.fixture(scope="module", autouse=True)
def small_blocks():
    """Blocks of 24 galaxies: what is tested holds for any size."""
    patch = pytest.MonkeyPatch()
    patch.setattr(core, "_BLOCK", BLOCK)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def simulated():
    return simulate_galaxies(N, random_state=7)


def test_columns_and_units(simulated):
    images, truth = simulated
    assert len(images) == len(truth) == N
    assert images.shape == (N, 3, 128, 128)
    assert images.unit == u.nmgy
    assert images.pixel_scale == 0.262 * u.arcsec
    assert list(truth["id"]) == list(images.ids)
    for name in PHYSICAL:
        assert truth[name].unit == PARAMETERS[name].unit
        assert np.all(truth[f"{name}_err"] > 0)
        assert np.all(np.isfinite(truth[name]))
    units = {"orientation": u.deg, "av": u.mag, "mag_g": u.mag}
    units |= {"disc_radius": u.arcsec, "bulge_radius": u.arcsec}
    units |= dict.fromkeys(
        ("bulge_fraction", "bulge_sersic", "disc_axis_ratio", "log_metallicity"),
        u.dimensionless_unscaled,
    )
    for name, unit in units.items():
        assert truth[name].unit == unit, name
        assert np.all(np.isfinite(truth[name])), name
    assert truth["quiescent"].dtype == bool
    np.testing.assert_allclose(images.coords.ra, truth["ra"])
    assert images.psf_fwhm.unit == u.arcsec


def test_selection_in_r(simulated):
    truth = simulated[1]
    dereddened = truth["mag_r"].value - 2.165 * simulated[0].ebv
    assert np.all(dereddened < 22.5)
    assert 0.35 < np.mean(dereddened < 19.8) < 0.8
    assert np.all(truth["redshift"] < 1.0 + 1e-9)


def test_the_flux_in_the_frame_is_the_catalogue_flux(simulated):
    # Weighted by the true shape nothing would be tested: sum pixels in
    # an aperture of 5 arcsec around compact, bright galaxies, where
    # neighbours add little, and compare the median.
    images, truth = simulated
    y, x = np.indices((128, 128)) - 63.5
    aperture = np.hypot(x, y) * 0.262 < 5
    ratios = []
    for i, band in enumerate("grz"):
        flux = 10 ** (-0.4 * (truth[f"mag_{band}"].value - 22.5))
        measured = images.data[:, i, aperture].sum(axis=1)
        compact = (truth["disc_radius"] < 1.6 * u.arcsec) & (flux > 3)
        compact &= truth["bulge_radius"] < 1.6 * u.arcsec
        assert compact.sum() > 8
        ratios.append(np.median(measured[compact] / flux[compact]))
    np.testing.assert_allclose(ratios, 1, atol=0.06)
    # The colours agree better than the fluxes.
    np.testing.assert_allclose(np.array(ratios) / ratios[1], 1, atol=0.03)


def test_orientation_is_that_of_the_image(simulated):
    # Second moments of inclined, bright discs, in a window in which
    # few neighbours lie: most angles come back within 15 degrees.
    images, truth = simulated
    y, x = np.indices((128, 128)) - 63.5
    inclined = (truth["disc_axis_ratio"] < 0.6) & (truth["bulge_fraction"] < 0.6)
    inclined &= (truth["mag_r"] < 20 * u.mag) & (truth["disc_radius"] > 0.8 * u.arcsec)
    assert inclined.sum() >= 5
    differences = []
    for row in np.flatnonzero(inclined):
        weight = np.exp(-(x**2 + y**2) / (2 * 6.0**2)) * images.data[row, 1]
        xx, yy, xy = ((weight * m).sum() for m in (x * x, y * y, x * y))
        measured = np.degrees(0.5 * np.arctan2(2 * xy, xx - yy))
        differences.append(measured - truth["orientation"][row].to_value(u.deg))
    differences = (np.array(differences) + 90) % 180 - 90
    assert np.median(np.abs(differences)) < 8
    assert np.mean(np.abs(differences) < 15) > 0.7


def test_sky_noise_is_that_of_the_inverse_variance(simulated):
    images = simulated[0]
    scaled = images.data * np.sqrt(images.uncertainty.array)
    # The frame's faint half is sky: its lower side is that of a normal
    # distribution around zero.
    lower = scaled[scaled < 0]
    assert np.sqrt(np.mean(lower**2)) == pytest.approx(1, abs=0.02)
    assert np.median(scaled) == pytest.approx(0.1, abs=0.1)


def test_saturated_pixels_are_masked(simulated):
    # Among 60 frames some hold a star brighter than r = 16.
    images = simulated[0]
    unweighted = images.uncertainty.array == 0
    assert 0 < unweighted.mean() < 0.01
    assert images.mask is not None
    assert np.all(images.mask[unweighted])


def test_same_seed_same_galaxies_whatever_the_processes(simulated):
    # Threads, since processes would load the library again.
    images, truth = simulated
    n = BLOCK + 6
    with joblib.parallel_config(backend="threading"):
        again, truth_again = simulate_galaxies(n, random_state=7, n_jobs=2)
    np.testing.assert_array_equal(again.data, images.data[:n])
    for name in truth.colnames:
        assert np.all(truth_again[name] == truth[name][:n]), name
    other, _ = simulate_galaxies(2, random_state=8)
    assert not np.array_equal(other.data, images.data[:2])
    assert not set(other.ids) & set(images.ids)


def test_blocks_join_to_the_whole(simulated):
    lengths, ids = [], []
    for images, truth in iter_simulation(N, random_state=7, size=8):
        lengths.append(len(images))
        ids.extend(truth["id"])
    assert lengths == [BLOCK, BLOCK, N - 2 * BLOCK]
    assert ids == list(simulated[1]["id"])


def test_to_file_is_the_same_and_appears_whole(simulated, tmp_path, monkeypatch):
    path = tmp_path / "set.hdf5"
    n = BLOCK + 1
    truth = simulate_to_file(path, n, random_state=7)
    stored = GalaxyImageSet.read(path)
    np.testing.assert_array_equal(stored.data, simulated[0].data[:n])
    assert list(truth["id"]) == list(stored.ids)
    assert truth.meta == {"random_state": 7}
    before = path.read_bytes()

    def broken(*args, **kwargs):
        yield simulated[0][:2], simulated[1][:2]
        msg = "the disk is full"
        raise OSError(msg)

    monkeypatch.setattr(storage, "iter_simulation", broken)
    with pytest.raises(OSError, match="the disk is full"):
        simulate_to_file(path, n, random_state=8)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["set.hdf5"]


def test_bands_size_and_scale_are_free():
    images, truth = simulate_galaxies(
        2, random_state=0, bands="iz", size=40, pixel_scale=0.4 * u.arcsec
    )
    assert images.bands == ("i", "z")
    assert images.shape == (2, 2, 40, 40)
    assert "mag_i" in truth.colnames
    assert "mag_g" not in truth.colnames


def test_gama_is_bright():
    images, truth = simulate_galaxies(20, random_state=0, selection="gama", size=8)
    assert np.all(truth["mag_r"].value - 2.165 * images.ebv < 19.8)


def test_an_empty_set_has_its_columns(simulated):
    images, truth = simulate_galaxies(0, random_state=0, size=8)
    assert len(images) == len(truth) == 0
    assert truth.colnames == simulated[1].colnames


def test_labels_scatter_by_their_errors(simulated):
    truth = simulated[1]
    labels = catalogue_labels(truth, random_state=1)
    for name, parameter in PARAMETERS.items():
        exact, error = parameter.to_latent(truth[name], truth[f"{name}_err"])
        noisy, noisy_error = parameter.to_latent(labels[name], labels[f"{name}_err"])
        np.testing.assert_allclose(noisy_error, error)
        pull = (noisy - exact) / error
        assert pull.std() == pytest.approx(1, abs=0.3)
        assert pull.mean() == pytest.approx(0, abs=0.45)
    again = catalogue_labels(truth, random_state=1)
    assert np.all(again["sfr"] == labels["sfr"])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": -1}, ValueError, "n must not be negative, got -1"),
        ({"n": 1, "selection": "sdss"}, ValueError, "unknown selection 'sdss'"),
        ({"n": 1, "bands": "gu"}, ValueError, "bands must be different ones"),
        ({"n": 1, "bands": "gg"}, ValueError, "bands must be different ones"),
        ({"n": 1, "bands": ""}, ValueError, "bands must be different ones"),
        ({"n": 1, "size": 0}, ValueError, "size must be at least 1 pixel, got 0"),
        ({"n": 1, "pixel_scale": 2 * u.s}, u.UnitsError, "'pixel_scale' must be"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        simulate_galaxies(**arguments)
