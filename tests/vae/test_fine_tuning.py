# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Fine-tuning: a fitted model learns what a user's labels mean.
"""

import copy

import astropy.units as u
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from astrovae import PhysicsVAE
from astrovae.data import load_sample_set

FACTOR = 2.0  # 0.3 dex


@pytest.fixture(scope="module")
def sample():
    """
    The packaged sample, by a catalogue whose masses are twice as large.
    """
    images, truth = load_sample_set()
    truth = truth.copy()
    truth["stellar_mass"] *= FACTOR
    return images, truth


@pytest.fixture(scope="module")
def before():
    return PhysicsVAE.from_pretrained()


@pytest.fixture(scope="module")
def tuned(sample):
    images, truth = sample
    vae = PhysicsVAE.from_pretrained().set_params(random_state=0, verbose=False)
    assert vae.fine_tune(images[:150], truth, max_epochs=5) is vae
    return vae


def residual(vae, sample, name="stellar_mass"):
    images, truth = sample
    found = vae.predict(images[150:])[name].value
    expected = truth[name][150:].value
    if name == "redshift":
        return (found - expected) / (1 + expected)
    return np.log10(found / expected)


def test_it_learns_another_convention(tuned, before, sample):
    assert np.median(residual(before, sample)) < -0.2
    assert abs(np.median(residual(tuned, sample))) < 0.1
    scatter = [np.std(residual(vae, sample)) for vae in (tuned, before)]
    assert scatter[0] < 1.15 * scatter[1]
    # The network learnt it, not the calibration of the intervals alone.
    column = list(tuned.get_feature_names_out()).index("stellar_mass")
    latents = [vae.transform(sample[0][150:])[:, column] for vae in (tuned, before)]
    std = before.scaling_.statistics["stellar_mass"]["std"]
    assert np.median(latents[0] - latents[1]) * std > 0.1


def test_it_forgets_nothing_else(tuned, before, sample):
    after, first = (residual(vae, sample, "redshift") for vae in (tuned, before))
    # Of 100 galaxies, by a model that saw 150: within what chance does.
    assert np.median(np.abs(after)) < 1.5 * np.median(np.abs(first)) + 0.002


def test_what_stays_and_what_is_new(tuned, before):
    assert tuned.preprocessing_.to_dict() == before.preprocessing_.to_dict()
    own, old = tuned.scaling_.statistics, before.scaling_.statistics
    for name in old:
        assert own[name]["mean"] == old[name]["mean"]
        assert own[name]["std"] == old[name]["std"]
        assert own[name]["min"] <= old[name]["min"]
        assert own[name]["max"] >= old[name]["max"]
    assert tuned.n_train_ + tuned.n_validation_ == 150
    assert len(tuned.history_["loss"]) == 5
    assert tuned.record_["started_from"] == before.record_
    # A tenth of 127, but not less than 16.
    assert tuned.record_["settings"]["batch_size"] == 16
    assert tuned.calibration_["sfr"].n <= tuned.n_validation_ < 150


def test_it_can_be_saved(tuned, sample, tmp_path):
    tuned.save(tmp_path / "own.safetensors")
    again = PhysicsVAE.load(tmp_path / "own.safetensors")
    images = sample[0][:5]
    first, second = tuned.predict(images), again.predict(images)
    assert np.array_equal(first["stellar_mass_upper"], second["stellar_mass_upper"])
    assert again.record_ == tuned.record_


def test_range_is_widened(standard, toy, unseen):
    vae = copy.copy(standard)
    labels = toy[1][:60].copy()
    labels["stellar_mass"][3] = 10**12.5 * u.Msun
    with pytest.warns(match="fewer than 20 validation galaxies"):
        vae.fine_tune(toy[0][:60], labels, max_epochs=1, validation_fraction=0.1)
    own = vae.scaling_.statistics["stellar_mass"]
    old = standard.scaling_.statistics["stellar_mass"]
    assert own["max"] == pytest.approx(12.5)
    assert own["min"] == old["min"]
    # The model that it started from, here in another name, is untouched.
    assert old["max"] < 11.6
    assert vae.network_ is not standard.network_
    weights = standard.network_.state_dict()
    assert any(
        not np.array_equal(new.numpy(), weights[name].numpy())
        for name, new in vae.network_.state_dict().items()
    )


def test_a_training_that_fails_leaves_the_old_weights(standard, toy):
    vae = copy.copy(standard)
    expected = standard.predict(toy[0][:3])
    with pytest.raises(FloatingPointError, match="a lower learning_rate than 1e"):
        vae.fine_tune(toy[0][:60], toy[1], max_epochs=3, learning_rate=1e30)
    assert np.array_equal(vae.predict(toy[0][:3])["sfr"], expected["sfr"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_epochs": 0}, "max_epochs must be at least 1, not 0"),
        ({"batch_size": 1}, "batch_size must be at least 2, not 1"),
        ({"learning_rate": -1.0}, "learning_rate must not be negative"),
        ({"validation_fraction": 0.0}, "between 0 and 1, not 0.0"),
    ],
)
def test_wrong_arguments(standard, toy, arguments, message):
    with pytest.raises(ValueError, match=message):
        copy.copy(standard).fine_tune(*toy, **arguments)


def test_unknown_arguments(standard, toy):
    with pytest.raises(TypeError, match="unexpected keyword argument 'epochs'"):
        standard.fine_tune(*toy, epochs=3)


def test_wrong_samples(standard, toy):
    with pytest.raises(TypeError, match="must be a GalaxyImageSet, not list"):
        standard.fine_tune([1, 2], toy[1])
    with pytest.raises(ValueError, match="labels are needed"):
        standard.fine_tune(toy[0], None)
    with pytest.raises(ValueError, match="repeated ids"):
        standard.fine_tune(toy[0][[0, 1, 1]], toy[1])
    with pytest.raises(NotFittedError, match="not fitted yet"):
        PhysicsVAE().fine_tune(*toy)
