# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Predicting: one row per galaxy, whatever the image.
"""

import copy
import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.nddata import InverseVariance
from astropy.table import QTable, vstack
from astropy.uncertainty import Distribution
from scipy.stats import norm
from sklearn.metrics import r2_score

from astrovae import GalaxyImageSet, PhysicsVAE
from astrovae.data import load_sample_set
from astrovae.exceptions import AstrovaeWarning
from astrovae.flags import UNUSABLE, GalaxyFlags
from astrovae.nn import LEVELS, QuantileCalibration
from astrovae.parameters import PARAMETERS
from astrovae.vae.posteriors import GaussianPosterior

SCALE = 0.262 * u.arcsec
UNITS = {
    "redshift": cu.redshift,
    "stellar_mass": u.Msun,
    "sfr": u.Msun / u.yr,
    "orientation": u.deg,
}
COLUMNS = ["id", "ra", "dec"]
COLUMNS += [n + end for n in UNITS for end in ("", "_lower", "_upper")]
COLUMNS += ["morphology", "ood_score", "flags"]


def has(flags, name):
    return (np.asarray(flags) & int(getattr(GalaxyFlags, name))) > 0


def image_set(data, **arguments):
    options = {"bands": "grz", "pixel_scale": SCALE, "unit": u.nmgy} | arguments
    return GalaxyImageSet(data, **options)


@pytest.fixture(params=["standard", "paper"])
def vae(request):
    return request.getfixturevalue(request.param)


def test_columns_and_units(vae, unseen):
    images, _ = unseen
    table = vae.predict(images)
    assert isinstance(table, QTable)
    assert table.colnames == COLUMNS
    assert list(table["id"]) == list(images.ids)
    assert u.allclose(table["ra"], images.coords.ra)
    for name, unit in UNITS.items():
        for end in ("", "_lower", "_upper"):
            assert table[name + end].unit == unit
        assert np.all(table[f"{name}_lower"] <= table[name])
        assert np.all(table[name] <= table[f"{name}_upper"])
        assert np.all(table[f"{name}_lower"] < table[f"{name}_upper"])
        if vae.preset_.predicts_sigma:
            assert np.all(table[f"{name}_lower"] < table[name])
            assert np.all(table[name] < table[f"{name}_upper"])
    angle = table["orientation"].to_value(u.deg)
    assert np.all((angle > -90) & (angle <= 90))
    assert table.meta["flags"]["MISSING_BAND"] == int(GalaxyFlags.MISSING_BAND)
    assert np.all(table["flags"] & UNUSABLE == 0)


def test_intervals_hold(standard, unseen):
    images, labels = unseen
    table = standard.predict(images)
    inside = []
    for name in ("stellar_mass", "sfr", "redshift"):
        truth = labels[name].value
        inside.append(
            (table[f"{name}_lower"].value <= truth)
            & (truth <= table[f"{name}_upper"].value)
        )
    # 180 values of 68 %, from 40 calibrating galaxies.
    assert 0.52 < np.mean(inside) < 0.84


def test_order_and_chunks_do_not_matter(vae, unseen):
    images, _ = unseen
    whole = vae.predict(images)
    part = vae.predict(images[[40, 3, 17]])
    for name in COLUMNS[3:-1]:
        expected = np.asarray(whole[name][[40, 3, 17]])
        assert np.asarray(part[name]) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_empty_set(vae, unseen):
    table = vae.predict(unseen[0][:0])
    assert len(table) == 0
    assert table.colnames == COLUMNS
    for name, unit in UNITS.items():
        assert table[f"{name}_upper"].unit == unit
    both = vstack([vae.predict(unseen[0][:2]), table], metadata_conflicts="silent")
    assert len(both) == 2
    assert vae.transform(unseen[0][:0]).shape == (0, vae.preset_.n_latent)
    assert len(vae.reconstruct(unseen[0][:0])) == 0
    assert len(vae.sample_posterior(unseen[0][:0], n=3)) == 0


def test_all_masked_image_keeps_its_row(vae, unseen):
    data = unseen[0].data[:4].copy()
    data[2] = np.nan
    images = image_set(data, reasons={"2": "cut short"})
    table = vae.predict(images)
    assert len(table) == 4
    assert has(table["flags"], "NO_COVERAGE").tolist() == [False, False, True, False]
    for name in COLUMNS[3:-1]:
        assert table[name].mask.tolist() == [False, False, True, False]
    assert not has(table["flags"][2], "OUT_OF_DISTRIBUTION")
    assert not has(table["flags"][2], "OUT_OF_RANGE")
    assert table.meta["reasons"] == {"2": "cut short"}
    assert np.isnan(vae.transform(images)[2]).all()
    assert vae.reconstruct(images).mask[2].all()
    assert np.isnan(vae.sample_posterior(images, n=5)["sfr"].distribution[2]).all()


def test_unreadable_file_keeps_its_row(vae, unseen):
    data = unseen[0].data[:2].copy()
    data[1] = 0
    mask = np.zeros(data.shape, bool)
    mask[1] = True
    flags = [0, int(GalaxyFlags.UNREADABLE)]
    table = vae.predict(image_set(data, mask=mask, flags=flags))
    assert table["redshift"].mask.tolist() == [False, True]
    assert has(table["flags"], "UNREADABLE").tolist() == [False, True]


def test_no_nan_is_left_unmasked(vae, unseen):
    data = unseen[0].data[:6].copy()
    data[0, 0] = np.nan
    data[1, :, 60:68, 60:68] = np.inf
    data[2] = np.nan
    data[3] *= 1e20
    data[4] *= -1e6
    data[5] = 0
    table = vae.predict(image_set(data))
    for name in COLUMNS[3:-1]:
        column = table[name]
        plain = np.asarray(getattr(column, "unmasked", column), dtype=float)
        mask = getattr(column, "mask", np.zeros(6, bool))
        assert np.all(np.isfinite(plain) | mask), name
    unusable = (table["flags"] & UNUSABLE) > 0
    assert unusable.tolist() == [False, False, True, False, False, False]
    assert has(table["flags"], "NONFINITE_PIXELS")[:3].all()


def test_unknown_positions_are_masked(vae, unseen):
    table = vae.predict(image_set(unseen[0].data[:2]))
    assert table["ra"].mask.all()
    assert table["dec"].mask.all()


# --- other grids, bands and units


def test_missing_band(vae, unseen):
    images, _ = unseen
    two = image_set(images.data[:5, 1:], bands="rz")
    table = vae.predict(two)
    assert has(table["flags"], "MISSING_BAND").all()
    assert np.all(np.isfinite(np.asarray(table["redshift"].value)))
    masked = images.data[:5].copy()
    masked[:, 0] = np.nan
    again = vae.predict(image_set(masked))
    assert np.asarray(again["sfr"].value) == pytest.approx(
        np.asarray(table["sfr"].value), rel=1e-5
    )


def test_standard_copes_with_a_missing_band(standard, unseen):
    images, labels = unseen
    table = standard.predict(image_set(images.data[:, 1:], bands="rz"))
    truth = np.log10(labels["stellar_mass"].value)
    residual = np.log10(table["stellar_mass"].value) - truth
    assert np.std(residual) < 0.7 * np.std(truth)


def test_no_band_of_the_model(vae, unseen):
    images = image_set(unseen[0].data[:2, :2], bands="uy")
    with pytest.raises(ValueError, match=r"bands u, y, but the model needs g, r, z"):
        vae.predict(images)


def test_order_of_bands(vae, unseen):
    images, _ = unseen
    other = image_set(images.data[:5, ::-1], bands="zrg")
    a, b = vae.predict(images[:5]), vae.predict(other)
    assert np.array_equal(a["redshift"], b["redshift"])


def test_other_flux_units(vae, unseen):
    images = unseen[0][:5]
    a, b = vae.predict(images), vae.predict(images.to(u.uJy))
    for name in PARAMETERS:
        assert np.asarray(a[name].value) == pytest.approx(
            np.asarray(b[name].value), rel=1e-3
        )


def test_small_frames(standard, unseen):
    images, labels = unseen
    table = standard.predict(images.crop(96))
    assert has(table["flags"], "SMALL_FRAME").all()
    assert has(table["flags"], "PARTIAL_COVERAGE").all()
    truth = np.log10(labels["stellar_mass"].value)
    assert np.std(np.log10(table["stellar_mass"].value) - truth) < 0.6 * np.std(truth)


def test_coarse_pixels(standard, unseen):
    images, labels = unseen
    table = standard.predict(images.resample(0.524 * u.arcsec, size=64))
    assert has(table["flags"], "COARSE_PIXELS").all()
    truth = np.log10(labels["stellar_mass"].value)
    assert np.std(np.log10(table["stellar_mass"].value) - truth) < 0.4 * np.std(truth)


def test_masked_centre(standard, unseen):
    mask = np.zeros(unseen[0].shape, bool)
    mask[1, :, 63:65, 63:65] = True
    table = standard.predict(image_set(unseen[0].data, mask=mask))
    assert np.flatnonzero(has(table["flags"], "CENTRE_MASKED")).tolist() == [1]


# --- strange galaxies


def test_estimates_outside_the_labels_are_flagged(standard, unseen):
    data = unseen[0].data[:10]
    table = standard.predict(image_set(data * 1000))
    assert np.median(table["stellar_mass"].value) > 10**11.5
    assert has(table["flags"], "OUT_OF_RANGE").sum() >= 8


def test_strange_images_are_flagged(standard, unseen):
    images, _ = unseen
    usual = standard.predict(images)
    strange = images.data[:10].copy()
    strange[:, 0] += 0.3
    strange[:, 2] -= 0.3
    table = standard.predict(image_set(strange))
    assert np.min(table["ood_score"]) > np.median(usual["ood_score"])
    assert has(table["flags"], "OUT_OF_DISTRIBUTION").mean() >= 0.8
    assert has(usual["flags"], "OUT_OF_DISTRIBUTION").mean() < 0.2


# --- latents, reconstructions, draws


def test_transform(vae, unseen):
    images, labels = unseen
    latents = vae.transform(images)
    names = list(vae.get_feature_names_out())
    assert latents.shape == (60, len(names))
    column = latents[:, names.index("stellar_mass")]
    truth = np.log10(labels["stellar_mass"].value)
    assert np.corrcoef(column, truth)[0, 1] > 0.8


def test_reconstruct(vae, unseen):
    images, _ = unseen
    own = vae.reconstruct(images)
    assert isinstance(own, GalaxyImageSet)
    assert own.unit == u.nmgy
    assert own.shape[1:] == (3, vae.preset_.output_size, vae.preset_.output_size)
    field = own.pixel_scale * vae.preset_.output_size
    assert field.to_value(u.arcsec) == pytest.approx(128 * 0.262)
    assert list(own.ids) == list(images.ids)
    bright = np.argsort(images.data.sum(axis=(1, 2, 3)))[-20:]
    flux = images.data[bright].sum(axis=(1, 2, 3))
    ratio = own.data[bright].sum(axis=(1, 2, 3)) / flux
    assert 0.3 < np.median(ratio) < 3


def test_reconstruction_error(vae, unseen):
    images = unseen[0][:8]
    error = vae.reconstruction_error(images)
    assert error.shape == (8,)
    # A source at the edge is none of the galaxy: the circle leaves it out.
    data = np.array(images.data)
    data[:, :, 4:10, 4:10] += np.linspace(0.3, 0.6, 6) * data.max()
    other = image_set(data, ids=images.ids)
    assert np.all(vae.reconstruction_error(other) > error)
    inner = vae.reconstruction_error(images, radius=5 * u.arcsec)
    changed = vae.reconstruction_error(other, radius=5 * u.arcsec)
    assert np.median(np.abs(changed - inner)) < 0.2 * np.median(inner)
    assert len(vae.reconstruction_error(images[:0])) == 0
    if vae.preset_.output_size % 2 == 0:
        # No pixel is in the very centre.
        with pytest.raises(ValueError, match="no pixel is within"):
            vae.reconstruction_error(images, radius=0.01 * u.arcsec)
    with pytest.raises(u.UnitsError, match="'radius' must be an angle"):
        vae.reconstruction_error(images, radius=4)


def test_reconstruction_error_discounts_lost_pixels(vae, unseen):
    images = unseen[0][:8]
    data = np.array(images.data)
    where = np.zeros(data.shape, dtype=bool)
    where[:, :, 20:30, 20:30] = True
    data[where] = np.linspace(0.3, 0.6, where.sum()) * data.max()
    # A plateau brighter than all else is a saturated star without a mask.
    plateau = np.where(where, 3 * data.max(), images.data)
    masked = vae.reconstruction_error(image_set(data, mask=where))
    bare = vae.reconstruction_error(image_set(data))
    assert np.all(masked < bare)
    saturated = vae.reconstruction_error(image_set(plateau))
    whole = vae.reconstruction_error(images)
    assert np.median(saturated - whole) < 0.3 * np.median(bare - whole)
    everything = image_set(images.data, mask=np.ones(data.shape, dtype=bool))
    assert np.isnan(vae.reconstruction_error(everything)).all()


def test_sample_posterior(vae, unseen):
    images = unseen[0][:8]
    table = vae.sample_posterior(images, n=4000, random_state=0)
    for name, parameter in PARAMETERS.items():
        assert isinstance(table[name], Distribution)
        assert table[name].distribution.shape == (8, 4000)
        assert table[name].unit == parameter.unit
    again = vae.sample_posterior(images, n=4000, random_state=0)
    assert np.array_equal(again["sfr"].distribution, table["sfr"].distribution)
    other = vae.sample_posterior(images, n=4000, random_state=1)
    assert not np.array_equal(other["sfr"].distribution, table["sfr"].distribution)
    assert "+/-" in str(table[["redshift"]])


def test_draws_agree_with_the_table(standard, unseen):
    images = unseen[0][:8]
    point = standard.predict(images)
    draws = standard.sample_posterior(images, n=20_000, random_state=0)
    for name, parameter in PARAMETERS.items():
        ends = [point[name + end].value for end in ("_lower", "", "_upper")]
        quantiles = np.quantile(draws[name].distribution.value, [0.16, 0.5, 0.84], 1)
        if parameter.scale == "log10":
            ends, quantiles = np.log10(ends), np.log10(quantiles)
        error = np.abs(quantiles - ends) / (ends[2] - ends[0])
        assert np.max(error) < 0.03, name


def test_undetermined_orientations_are_flagged(standard, unseen):
    images, _ = unseen
    table = standard.predict(images)
    assert not has(table["flags"], "ORIENTATION_FAILED").any()
    # Without calibration, and with widths half of which are too large.
    vague = copy.copy(standard)
    vague.calibration_ = {}
    table = vague.predict(images)
    width = (table["orientation_upper"] - table["orientation_lower"]).to_value(u.deg)
    factor = 90 / np.median(width)
    vague.network_ = copy.deepcopy(standard.network_)
    bias = vague.network_.gaussian.bias.data
    n_gaussian = len(bias) // 2
    bias[n_gaussian : n_gaussian + 2] += 2 * np.log(factor)
    failed = has(vague.predict(images)["flags"], "ORIENTATION_FAILED")
    assert np.array_equal(failed, factor * width >= 90)
    assert 25 <= failed.sum() <= 35


def test_orientations_turn_together():
    # The median is beyond 90 deg: estimate, ends and draws turn by 180.
    shifted = QuantileCalibration(norm.ppf(LEVELS) + 2.0)
    mean, sigma = np.radians([80.0, -80.0]), np.radians([10.0, 10.0])
    posterior = GaussianPosterior(
        {"orientation": (mean, sigma)}, {"orientation": shifted}
    )
    levels = (0.5, 0.16, 0.84)
    estimate, lower, upper = posterior.quantiles("orientation", levels).T
    assert np.degrees(estimate) == pytest.approx([-80.0, -60.0])
    assert np.all((lower < estimate) & (estimate < upper))
    half = np.degrees(upper - lower) / 2
    assert half == pytest.approx(10 * norm.ppf(0.84), rel=1e-6)
    draws = posterior.sample(20_000, np.random.RandomState(0))["orientation"]
    assert np.median(draws, axis=1) == pytest.approx(estimate, abs=0.01)


def test_score_ignores_what_has_no_label(standard, unseen):
    images, labels = unseen
    labels = labels.copy()
    expected = standard.score(images[10:], labels)
    labels["redshift"] = np.where(np.arange(60) < 10, np.nan, labels["redshift"])
    assert standard.score(images, labels) == pytest.approx(expected, abs=1e-6)


def test_score_needs_only_redshifts(standard, unseen):
    images, labels = unseen
    expected = standard.score(images, labels)
    redshift = labels["id", "redshift"]
    assert standard.score(images, redshift) == expected
    point = standard.predict(images)["redshift"].value
    assert expected == pytest.approx(r2_score(labels["redshift"], point))
    changed = copy.copy(standard)
    changed.physics = False
    assert changed.score(images, redshift) == expected
    with pytest.raises(ValueError, match="labels are needed: a table with the"):
        changed.score(images)
    with pytest.raises(ValueError, match="no column redshift"):
        standard.score(images, labels["id", "sfr"])


def test_meta_tells_of_the_fitted_model(standard, unseen):
    changed = copy.copy(standard)
    changed.preset = "gagliano2023"
    assert changed.predict(unseen[0][:2]).meta["model"]["preset"] == "standard"
    assert changed.predict(unseen[0][:2]).meta["model"]["weights"] == ""


def test_meta_names_the_weights():
    images = load_sample_set()[0][:2]
    meta = PhysicsVAE.from_pretrained("decals-sim-v2").predict(images).meta
    assert meta["model"]["weights"] == "decals-sim-v2"


def test_unknown_dust_is_warned_of_once(standard, paper, unseen):
    data, ebv = unseen[0].data[:4], [0.1, np.nan, 0.2, np.nan]
    some = image_set(data, ebv=ebv)
    for vae, warned in ((standard, True), (paper, False)):
        other = copy.copy(vae)
        other.preprocessing_ = copy.copy(vae.preprocessing_)
        other.preprocessing_.ebv = None
        other.predict(some)
        other.preprocessing_.ebv = 0.037
        other.predict(image_set(data, ebv=[0.1, 0.1, 0.2, 0.0]))
        if not warned:
            other.predict(some)
            continue
        with pytest.warns(AstrovaeWarning, match="E.B-V. is not known") as caught:
            other.predict(some)
        assert len(caught) == 1
        text = str(caught[0].message)
        assert "2 of 4 galaxies" in text
        assert "0.037" in text
        assert "ebv=" in text


def test_uncertainty_is_not_needed(vae, unseen):
    images = unseen[0][:3]
    ivar = InverseVariance(np.ones(images.shape))
    with_ivar = image_set(images.data, uncertainty=ivar)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = vae.predict(with_ivar)
    assert np.array_equal(table["redshift"], vae.predict(images)["redshift"])


def test_draws_have_the_flags_of_the_estimates():
    images = load_sample_set()[0][:40]
    noise = np.random.default_rng(0).normal(0.0, 5.0, (2, *images.shape[1:]))
    odd = GalaxyImageSet(
        noise * images.unit,
        bands=images.bands,
        pixel_scale=images.pixel_scale,
        ebv=[0.03, 0.03],
    )
    vae = PhysicsVAE.from_pretrained()
    for some in (images, odd):
        flags = vae.predict(some)["flags"]
        np.testing.assert_array_equal(vae.sample_posterior(some, n=5)["flags"], flags)
    assert np.all(flags & int(GalaxyFlags.OUT_OF_DISTRIBUTION))
