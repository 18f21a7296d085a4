# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Fitting: it learns, repeats itself, and says what is wrong with labels.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.table import QTable
from astropy.utils.masked import Masked
from sklearn.exceptions import NotFittedError

from astrovae import GalaxyImageSet, PhysicsVAE
from astrovae.exceptions import AstrovaeWarning
from astrovae.flags import GalaxyFlags
from astrovae.vae.labels import DEFAULT_ERRORS, read_labels

QUICK = {"max_epochs": 1, "batch_size": 16, "random_state": 0, "verbose": False}
FEW = "fewer than 20 validation galaxies"


def quick_fit(images, labels=None, **arguments):
    vae = PhysicsVAE("gagliano2023", **QUICK | {"validation_fraction": 0.4} | arguments)
    return vae.fit(images, labels)


@pytest.mark.parametrize("model", ["standard", "paper"])
def test_it_beats_the_mean(model, unseen, request):
    vae = request.getfixturevalue(model)
    images, labels = unseen
    table = vae.predict(images)
    truth = np.log10(labels["stellar_mass"].value)
    residual = np.log10(table["stellar_mass"].value) - truth
    assert np.std(residual) < 0.5 * np.std(truth)
    assert vae.score(images, labels) > {"standard": 0.5, "paper": 0.2}[model]


def test_orientation_is_learnt_across_the_border(standard, unseen):
    images, labels = unseen
    angle = standard.predict(images)["orientation"]
    difference = (angle - labels["orientation"]).to_value(u.deg)
    difference = (difference + 90) % 180 - 90
    assert np.median(np.abs(difference)) < 8
    steep = np.abs(labels["orientation"].to_value(u.deg)) > 75
    assert steep.sum() >= 5
    assert np.median(np.abs(difference[steep])) < 10


def test_fitted_attributes(standard, toy):
    assert standard.n_train_ == 160
    assert standard.n_validation_ == 40
    assert len(standard.history_["loss"]) == 28
    losses = standard.history_["val_loss"]
    assert standard.best_epoch_ == int(np.argmin(losses))
    assert standard.record_["n_epochs"] == 28
    assert set(standard.calibration_) == {
        "redshift",
        "stellar_mass",
        "sfr",
        "orientation",
    }
    truth = toy[1]["redshift"].value
    assert standard.scaling_.statistics["redshift"]["mean"] == pytest.approx(
        truth.mean(), abs=0.05
    )


def test_same_seed_same_model(toy):
    images, labels = toy[0][:60], toy[1][:60]
    first, second = (quick_fit(images, labels) for _ in range(2))
    assert first.history_ == second.history_
    other = quick_fit(images, labels, random_state=1)
    assert other.history_ != first.history_


def test_statistics_come_from_the_training_split(toy):
    images, labels = toy[0][:60], toy[1][:60]
    vae = quick_fit(images, labels)
    # The same split, seen through the public attributes: the scale of
    # Eq. 1 is that of some 36 images and not that of all 60.
    maxima = images.data.max(axis=(2, 3))
    assert not np.allclose(vae.preprocessing_.scale, maxima.mean(axis=0))
    rng = np.random.RandomState(0)
    seed = int(rng.randint(2**31 - 1))
    order = np.random.default_rng(seed).permutation(60)
    train = order[24:]
    assert vae.preprocessing_.scale == pytest.approx(maxima[train].mean(axis=0))


def test_resume_through_the_estimator(toy, tmp_path):
    images, labels = toy[0][:60], toy[1][:60]
    whole = quick_fit(images, labels, max_epochs=3)
    options = {
        "max_epochs": 3,
        "checkpoint": tmp_path / "c.safetensors",
        "max_seconds": 1e-9,
    }
    for n_done in (1, 2, 3):
        vae = quick_fit(images, labels, **options)
        assert vae.record_["n_epochs"] == n_done
    assert vae.history_ == whole.history_


def test_vanilla(toy, unseen, tmp_path):
    vae = quick_fit(toy[0][:60], physics=False, max_epochs=2)
    table = vae.predict(unseen[0])
    assert table.colnames == ["id", "ra", "dec", "morphology", "ood_score", "flags"]
    assert vae.history_["physics"] == [0, 0]
    assert vae.score(unseen[0]) < 0
    path = tmp_path / "vanilla.safetensors"
    vae.save(path)
    again = PhysicsVAE.load(path).predict(unseen[0])
    assert np.array_equal(table["morphology"], again["morphology"])


def test_vanilla_standard(toy):
    vae = PhysicsVAE(physics=False, n_latent=3, **QUICK).fit(toy[0][:40])
    assert vae.transform(toy[0][:5]).shape == (5, 3)


def test_more_latents(toy):
    vae = quick_fit(toy[0][:60], toy[1][:60], n_latent=7)
    names = list(vae.get_feature_names_out())
    assert names[:4] == ["orientation", "redshift", "stellar_mass", "sfr"]
    assert names[4:] == ["residual0", "residual1", "residual2"]
    table = vae.predict(toy[0][:60])
    assert np.all(np.isfinite(table["morphology"]))


# --- labels


def test_labels_are_matched_by_id(toy):
    images, labels = toy[0][:60], toy[1][:60]
    shuffled = toy[1][np.random.default_rng(0).permutation(len(toy[1]))]
    assert quick_fit(images, shuffled).history_ == quick_fit(images, labels).history_


def test_labels_without_id_are_matched_by_row(toy):
    images, labels = toy[0][:10], toy[1][:10].copy()
    labels.remove_column("id")
    assert read_labels(labels, images).values["redshift"] == pytest.approx(
        labels["redshift"]
    )
    with pytest.raises(ValueError, match="9 rows for 10 images"):
        read_labels(labels[:9], images)


def test_missing_ids(toy):
    with pytest.raises(
        ValueError, match="no row for 2 of 10 images: 'toy1-8', 'toy1-9'"
    ):
        read_labels(toy[1][:8], toy[0][:10])


def test_repeated_ids(toy):
    labels = toy[1][[0, 1, 1, 2]]
    with pytest.raises(ValueError, match="repeated ids: 'toy1-1'"):
        read_labels(labels, toy[0][:3])


def test_missing_column(toy):
    labels = toy[1].copy()
    labels.remove_columns(["sfr", "redshift"])
    with pytest.raises(ValueError, match="no column redshift, sfr"):
        read_labels(labels, toy[0])


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("stellar_mass", u.Msun / u.yr),
        ("stellar_mass_err", u.kpc),
        ("sfr", u.Msun),
        ("orientation", u.nmgy),
        ("redshift", u.km),
    ],
)
def test_wrong_unit(toy, name, unit):
    labels = toy[1].copy()
    labels[name] = np.ones(len(labels)) * unit
    with pytest.raises(u.UnitsError, match=f"'{name}' has the unit"):
        read_labels(labels, toy[0])


def test_mass_without_a_unit(toy):
    labels = toy[1].copy()
    labels["stellar_mass"] = labels["stellar_mass"].value
    with pytest.raises(u.UnitsError, match="'stellar_mass' needs a unit"):
        read_labels(labels, toy[0])


def test_other_units_mean_the_same(toy):
    images, labels = toy[0][:10], toy[1][:10].copy()
    own = read_labels(labels, images)
    labels["stellar_mass"] = labels["stellar_mass"].to(u.kg)
    labels["sfr"] = labels["sfr"].to(u.Msun / u.Gyr)
    labels["redshift"] = labels["redshift"].value * cu.redshift
    labels["orientation"] = labels["orientation"].to(u.rad)
    other = read_labels(labels, images)
    for name, values in own.values.items():
        assert other.values[name] == pytest.approx(values)
        assert other.errors[name] == pytest.approx(own.errors[name])


def test_default_errors(toy):
    labels = toy[1][:4].copy()
    del labels["sfr_err"]
    labels["redshift_err"] = [0.01, np.nan, -1.0, 0.0]
    own = read_labels(labels, toy[0][:4])
    default = DEFAULT_ERRORS["redshift"]
    assert own.errors["redshift"] == pytest.approx([0.01, default, default, 0.0])
    assert own.errors["sfr"] == pytest.approx(DEFAULT_ERRORS["sfr"])
    assert own.errors["stellar_mass"] == pytest.approx(0.01 / np.log(10))


def test_masked_and_impossible_labels_are_missing(toy):
    labels = toy[1][:5].copy()
    mask = [False, True, False, False, False]
    labels["redshift"] = Masked(labels["redshift"] * cu.redshift, mask=mask)
    labels["sfr"] = [1.0, 0.0, -2.0, np.inf, 3.0] * u.Msun / u.yr
    with pytest.warns(AstrovaeWarning, match="2 of 4 values in .* 'sfr'"):
        own = read_labels(labels, toy[0][:5])
    assert np.isnan(own.values["redshift"]).tolist() == mask
    assert np.isnan(own.errors["redshift"]).tolist() == mask
    assert np.isnan(own.values["sfr"]).tolist() == [False, True, True, True, False]


def test_implausible_labels_are_missing(toy):
    labels = toy[1][:6].copy()
    labels["redshift"][1] = -99.0
    with pytest.warns(
        AstrovaeWarning,
        match="1 of 6 values in the label column 'redshift' .* 0 to 1.5 redshift",
    ):
        own = read_labels(labels, toy[0][:6])
    assert np.flatnonzero(np.isnan(own.values["redshift"])).tolist() == [1]
    assert np.flatnonzero(np.isnan(own.errors["redshift"])).tolist() == [1]


def test_logarithms_in_a_linear_column(toy):
    labels = toy[1][:6].copy()
    labels["stellar_mass"] = np.log10(labels["stellar_mass"].value) * u.Msun
    with pytest.raises(
        ValueError,
        match=r"6 of 6 values .*'stellar_mass'.* logarithms\? .*10\*\*values",
    ):
        read_labels(labels, toy[0][:6])
    labels = toy[1][:6].copy()
    labels["redshift"][:4] = -99.0
    with pytest.raises(ValueError, match=r"4 of 6 .*'redshift'.* missing values\?"):
        read_labels(labels, toy[0][:6])


def test_orientations_are_wrapped(toy):
    labels = toy[1][:6].copy()
    labels["orientation"] = [-90.0, 90.0, 91.0, 269.0, -100.0, 30.0] * u.deg
    own = read_labels(labels, toy[0][:6]).values["orientation"]
    assert np.degrees(own) == pytest.approx([90.0, 90.0, -89.0, 89.0, 80.0, 30.0])


def test_masked_columns_of_a_plain_table(toy):
    table = QTable(toy[1][:4], masked=True)
    table["redshift"].mask[2] = True
    own = read_labels(table, toy[0][:4])
    assert np.isnan(own.values["redshift"]).tolist() == [False, False, True, False]


def test_labels_without_any_value(toy):
    labels = toy[1][:4].copy()
    labels["sfr"] = np.full(4, np.nan) * u.Msun / u.yr
    with pytest.raises(ValueError, match="'sfr' has no usable value"):
        read_labels(labels, toy[0][:4])


def test_missing_labels_do_not_hurt(toy):
    labels = toy[1][:60].copy()
    labels["redshift"] = np.where(np.arange(60) % 3, labels["redshift"], np.nan)
    labels["orientation"] = np.full(60, np.nan) * u.deg
    with pytest.warns(AstrovaeWarning, match=f"{FEW} have a label of .*orientation"):
        vae = quick_fit(toy[0][:60], labels)
    assert np.all(np.isfinite(vae.history_["loss"]))
    table = vae.predict(toy[0][:60])
    assert np.all(np.isfinite(table["orientation_upper"].value))


def test_orientation_is_measured_if_absent(toy):
    images, labels = toy[0][:6], toy[1][:6].copy()
    truth = labels["orientation"].to_value(u.rad)
    labels.remove_column("orientation")
    own = read_labels(labels, images, n_jobs=1)
    difference = (own.values["orientation"] - truth + np.pi / 2) % np.pi - np.pi / 2
    assert np.max(np.abs(difference)) < np.radians(3)


def test_rows_of_a_table_are_labels(toy):
    images, labels = toy[0][:5], toy[1][:5]
    own = read_labels(list(labels)[::-1], images)
    expected = read_labels(labels, images)
    for name, values in expected.values.items():
        assert np.array_equal(own.values[name], values)
    with pytest.raises(TypeError, match=r"must be a table .* not list"):
        read_labels([1.0, 2.0], images)


def test_labels_must_be_a_table(toy):
    with pytest.raises(TypeError, match=r"must be a table .* not ndarray"):
        quick_fit(toy[0], np.zeros(len(toy[0])))
    with pytest.raises(ValueError, match="labels are needed"):
        quick_fit(toy[0])


# --- images and arguments


def test_images_must_be_an_image_set(toy):
    with pytest.raises(TypeError, match="must be a GalaxyImageSet, not ndarray"):
        PhysicsVAE().fit(toy[0].data, toy[1])


def test_unusable_images_are_left_out_with_a_warning(toy):
    data = toy[0].data[:60].copy()
    data[7] = np.nan
    images = GalaxyImageSet(
        data,
        bands="grz",
        pixel_scale=0.262 * u.arcsec,
        unit=u.nmgy,
        ids=toy[0].ids[:60],
    )
    assert images.flags[7] & int(GalaxyFlags.NO_COVERAGE)
    with pytest.warns(AstrovaeWarning, match="1 of 60 images are unusable"):
        vae = quick_fit(images, toy[1])
    assert vae.n_train_ + vae.n_validation_ == 59


def test_repeated_images(toy):
    with pytest.raises(ValueError, match="repeated ids: 'toy1-1', 'toy1-4'"):
        quick_fit(toy[0][[0, 1, 2, 1, 4, 4]], toy[1])


def test_numpy_scalars_as_arguments(toy, tmp_path):
    vae = quick_fit(
        toy[0][:60],
        toy[1],
        max_epochs=np.int64(1),
        learning_rate=np.float32(1e-3),
        patience=np.int32(3),
        max_seconds=np.float64(1e3),
        random_state=np.int64(0),
        physics=np.True_,
        checkpoint=tmp_path / "checkpoint",
    )
    vae.save(tmp_path / "model")
    other = PhysicsVAE.load(tmp_path / "model")
    assert other.get_params()["random_state"] == 0
    assert other.record_ == vae.record_


def test_too_few_images(toy):
    with pytest.raises(ValueError, match="2 usable images are too few"):
        quick_fit(toy[0][:2], toy[1][:2])
    with pytest.raises(ValueError, match="0 usable images are too few"):
        quick_fit(toy[0][:0], toy[1][:0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "best"}, "preset must be one of"),
        ({"n_latent": 4}, "n_latent must be at least 5, not 4"),
        ({"batch_size": 1}, "batch_size must be at least 2, not 1"),
        ({"max_epochs": 0}, "max_epochs must be at least 1, not 0"),
        ({"validation_fraction": 1.0}, "between 0 and 1, not 1.0"),
        ({"learning_rate": -1.0}, "learning_rate must not be negative"),
        ({"device": "tpu"}, "device must be 'auto'"),
    ],
)
def test_wrong_arguments(toy, arguments, message):
    vae = PhysicsVAE(**{"preset": "gagliano2023"} | arguments)
    with pytest.raises(ValueError, match=message):
        vae.fit(*toy)


@pytest.mark.parametrize(
    "call",
    [
        lambda vae, images: vae.predict(images),
        lambda vae, images: vae.transform(images),
        lambda vae, images: vae.reconstruct(images),
        lambda vae, images: vae.score(images),
        lambda vae, images: vae.sample_posterior(images),
        lambda vae, _: vae.save("nowhere"),
        lambda vae, _: vae.get_feature_names_out(),
    ],
)
def test_not_fitted(toy, call):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        call(PhysicsVAE(), toy[0][:2])


def test_label_of_which_nothing_is_known_is_missing(toy):
    images, labels = toy[0][:10], toy[1][:10].copy()
    labels["redshift_err"] = np.where(np.arange(10) < 3, 99.0, 1e-3)
    with pytest.warns(AstrovaeWarning, match="3 values in the label column 'redshift'"):
        own = read_labels(labels, images)
    assert np.isnan(own.values["redshift"]).tolist() == [True] * 3 + [False] * 7
    assert np.isnan(own.errors["redshift"]).tolist() == [True] * 3 + [False] * 7


def test_errors_in_dex_are_refused(toy):
    images, labels = toy[0][:10], toy[1][:10].copy()
    labels["stellar_mass_err"] = np.full(10, 0.1) * u.Msun
    with pytest.raises(ValueError, match="are these errors in dex"):
        read_labels(labels, images)
    labels["stellar_mass_err"] = 0.0 * u.Msun
    assert np.all(read_labels(labels, images).errors["stellar_mass"] == 0.0)
