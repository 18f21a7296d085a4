# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Artefacts, put into clean images and found again.
"""

import astropy.units as u
import numpy as np
import pytest

from astrovae import GalaxyImageSet
from astrovae.anomaly import ARTEFACT_THRESHOLDS, find_artefacts
from astrovae.data import load_sample_set
from astrovae.simulation import ARTEFACT_INJECTORS, inject_satellite_trail

KINDS = list(ARTEFACT_THRESHOLDS)


@pytest.fixture(scope="module")
def sample():
    images, _ = load_sample_set()
    return GalaxyImageSet.concatenate([images])


@pytest.fixture(scope="module")
def clean(sample):
    """The galaxies whose frames hold no saturated star."""
    return sample[~sample.mask.any(axis=(1, 2, 3))]


@pytest.fixture(scope="module")
def found(clean):
    return find_artefacts(clean)


def test_simulated_saturated_stars_are_found(sample):
    saturated = sample[sample.mask.any(axis=(1, 2, 3))]
    assert len(saturated) > 5
    assert find_artefacts(saturated)["saturated_star"].mean() > 0.6


def test_clean_galaxies_are_not_flagged(found):
    assert len(found) > 200
    assert np.mean(found["artefact"]) <= 0.01
    assert found.meta["thresholds"] == ARTEFACT_THRESHOLDS


@pytest.mark.parametrize("kind", KINDS)
def test_injected_artefacts_are_found(clean, kind):
    broken = ARTEFACT_INJECTORS[kind](clean[:40], random_state=5)
    table = find_artefacts(broken)
    assert np.mean(table[kind]) >= (0.9 if kind == "satellite_trail" else 0.97)
    np.testing.assert_array_equal(
        table["artefact"], np.any([table[k] for k in KINDS], axis=0)
    )
    # And are not taken for another kind.
    for other in set(KINDS) - {kind, "satellite_trail"}:
        assert np.mean(table[other]) <= 0.03


@pytest.mark.parametrize("kind", KINDS)
def test_injection_is_seeded_and_leaves_the_original(clean, kind):
    images = clean[:4]
    before = images.data.copy()
    first = ARTEFACT_INJECTORS[kind](images, random_state=1)
    second = ARTEFACT_INJECTORS[kind](images, random_state=1)
    other = ARTEFACT_INJECTORS[kind](images, random_state=2)
    np.testing.assert_array_equal(images.data, before)
    assert not images.mask.any()
    np.testing.assert_array_equal(first.data, second.data)
    assert np.any(first.data != other.data)
    changed = (first.data != before).any(axis=(1, 2, 3))
    assert changed.all()
    assert first.ids.tolist() == images.ids.tolist()
    assert first.unit == images.unit


@pytest.mark.parametrize("kind", ["chip_gap", "saturated_star", "missing_band"])
def test_injection_masks_what_it_is_told(clean, kind):
    inject = ARTEFACT_INJECTORS[kind]
    plain = inject(clean[:4], random_state=1, masked=False)
    masked = inject(clean[:4], random_state=1, masked=True)
    assert plain.mask is None
    assert masked.mask.any(axis=(1, 2, 3)).all()
    assert (masked.uncertainty.array[masked.mask] == 0).all()
    for images in (plain, masked):
        assert find_artefacts(images)[kind].all()


@pytest.mark.parametrize("colours", [(1.0, 1.0, 1.0), (0.15, 0.6, 1.5)])
def test_trail_in_all_bands_is_no_satellite(clean, colours):
    # As bright as a trail, but part of the sky.
    images = clean[:60]
    trail = inject_satellite_trail(images, random_state=3, signal_to_noise=(4.0, 8.0))
    added = (trail.data - images.data).sum(axis=1, keepdims=True)
    data = images.data + added * np.reshape(colours, (3, 1, 1))
    galaxy = GalaxyImageSet(
        data * images.unit, bands=images.bands, pixel_scale=images.pixel_scale
    )
    of_trail, of_galaxy = (
        find_artefacts(which)["satellite_trail"].mean() for which in (trail, galaxy)
    )
    assert of_trail > 0.95
    # Where noise hides it in all bands but one, it passes for a trail.
    assert of_galaxy < 0.2


def test_edge_on_galaxy_is_no_trail():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:128, :128] - 63.5
    data = rng.normal(0, 1, (1, 1, 128, 128))
    data += 300 * np.exp(-np.abs(x + 0.5 * y) / 8 - np.abs(y - 0.5 * x) / 2.5)
    images = GalaxyImageSet(data * u.nmgy, bands="r", pixel_scale=0.262 * u.arcsec)
    assert not find_artefacts(images)["artefact"][0]


def test_faintest_trails_that_are_found(clean):
    faint = inject_satellite_trail(
        clean[:40], random_state=4, signal_to_noise=(1.4, 1.5)
    )
    # Some are lost in the correlated noise of coadds.
    assert find_artefacts(faint)["satellite_trail"].mean() > 0.6
    none = inject_satellite_trail(
        clean[:40], random_state=4, signal_to_noise=(0.01, 0.02)
    )
    assert find_artefacts(none)["satellite_trail"].mean() < 0.03


def test_other_pixels_and_frames(clean):
    images = clean[:10].resample(0.4 * u.arcsec, size=75)
    assert not find_artefacts(images)["artefact"].any()
    for kind in ("chip_gap", "satellite_trail", "missing_band"):
        broken = ARTEFACT_INJECTORS[kind](images, random_state=0)
        assert find_artefacts(broken)[kind].mean() >= 0.7


@pytest.mark.parametrize("others", [0, 1])
def test_distance_of_the_star(others):
    data = np.random.default_rng(0).normal(0.0, 0.01, (1, 1, 128, 128))
    data[..., 20:26, 62:68] = 14.0
    data[..., 104 : 104 + 4 * others, 104:108] = 14.0
    images = GalaxyImageSet(data * u.nmgy, bands="r", pixel_scale=0.262 * u.arcsec)
    table = find_artefacts(images)
    assert table["saturated_star"][0]
    # The larger one, of which the middle is at (22.5, 64.5).
    distance = table["saturated_star_distance"][0].to_value("arcsec")
    assert distance == pytest.approx(0.262 * np.hypot(41.0, 1.0))
    clean = find_artefacts(
        GalaxyImageSet(
            data[..., 30:90, :60] * u.nmgy, bands="r", pixel_scale=0.262 * u.arcsec
        )
    )
    assert np.isnan(clean["saturated_star_distance"][0])


@pytest.mark.parametrize("size", [126, 100])
def test_padding_of_small_frames_is_no_gap(clean, size):
    start = (128 - size) // 2
    cut = np.s_[..., start : start + size, start : start + size]
    images = clean[:20]
    small = GalaxyImageSet(
        images.data[cut] * images.unit,
        bands=images.bands,
        pixel_scale=images.pixel_scale,
    )
    padded = small.to_grid(bands=images.bands, pixel_scale=images.pixel_scale, size=128)
    assert padded.mask[:, :, 0].all()
    assert not find_artefacts(padded)["artefact"].any()
    broken = ARTEFACT_INJECTORS["chip_gap"](small, random_state=1, masked=True)
    padded = broken.to_grid(
        bands=images.bands, pixel_scale=images.pixel_scale, size=128
    )
    assert find_artefacts(padded)["chip_gap"].all()


@pytest.mark.parametrize("size", [2, 5, 7])
def test_tiny_frames(size):
    data = np.random.default_rng(0).normal(0.0, 0.01, (2, 1, size, size))
    images = GalaxyImageSet(data * u.nmgy, bands="r", pixel_scale=1 * u.arcsec)
    assert not find_artefacts(images)["satellite_trail"].any()


def test_lazy_sets_and_thresholds(found):
    lazy, _ = load_sample_set()
    table = find_artefacts(lazy[:3], thresholds={"satellite_trail": 0.0})
    assert table["satellite_trail"].all()
    assert table["satellite_trail_score"].tolist() == pytest.approx(
        found["satellite_trail_score"][:3].tolist(), rel=1e-4
    )
    with pytest.raises(ValueError, match="unknown artefacts \\['ghost'\\]"):
        find_artefacts(lazy[:1], thresholds={"ghost": 1.0})


def test_image_without_pixels():
    data = np.full((2, 3, 32, 32), np.nan)
    data[1] = np.random.default_rng(0).normal(size=(3, 32, 32))
    images = GalaxyImageSet(data * u.nmgy, bands="grz", pixel_scale=0.262 * u.arcsec)
    table = find_artefacts(images)
    assert table["missing_band"].tolist() == [True, False]
    assert table["chip_gap_score"].tolist() == [0.0, 0.0]
    assert len(find_artefacts(images[:0])) == 0


def test_real_images(shared_data):
    folder = shared_data / "images"
    clean = GalaxyImageSet.read(folder / "dr5_ra147.4567_dec1.0926.fits")
    broken = GalaxyImageSet.read(folder / "dr3_ra147.4567_dec1.0926_g_missing.fits")
    assert not find_artefacts(clean)["artefact"][0]
    # Three quarters of g are not covered, half of the frame in r.
    table = find_artefacts(broken)
    assert table["chip_gap"][0]
    assert not table["saturated_star"][0]
