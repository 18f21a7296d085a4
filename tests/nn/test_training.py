# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The training loop: it learns, repeats itself, and resumes.
"""

import copy

import numpy as np
import pytest
import torch

from astrovae.nn import (
    ImageStore,
    PaperLoss,
    StandardLoss,
    Trainer,
    TrainingSettings,
    build_network,
    choose_device,
    learning_rate_at,
)

N, SIZE = 48, 16
TRAIN, VALIDATION = np.arange(37), np.arange(37, 48)


@pytest.fixture(scope="module")
def store():
    rng = np.random.default_rng(0)
    store = ImageStore(N, (3, SIZE, SIZE))
    brightness = rng.normal(size=(N, 5))
    x = rng.normal(scale=0.1, size=(N, 3, SIZE, SIZE))
    x += brightness[:, :3, None, None]
    valid = rng.random(x.shape) < 0.97
    store.fill(0, x * valid, valid)
    store.set_labels(brightness, np.full((N, 5), 0.1))
    return store


def make_trainer(kind="residual", device="cpu", checkpoint=None, **settings):
    torch.manual_seed(0)
    network = build_network(kind, 3, 8, SIZE)
    loss = StandardLoss(5) if kind == "residual" else PaperLoss(5)
    options = {"max_epochs": 4, "batch_size": 12, "seed": 3, "clip": 5.0}
    if kind == "residual":
        options |= {"augment": True, "schedule": "one-cycle", "weight_decay": 0.01}
        options["band_dropout"] = 0.2
    settings = TrainingSettings(**options | settings)
    return Trainer(
        network, loss, settings, device=device, checkpoint=checkpoint, verbose=False
    )


def train(store, **arguments):
    trainer = make_trainer(**arguments)
    trainer.train(store, TRAIN, VALIDATION)
    return trainer


def same_weights(a, b):
    pairs = zip(
        a.network.state_dict().values(), b.network.state_dict().values(), strict=True
    )
    return all(torch.equal(x, y) for x, y in pairs)


def test_training_lowers_the_loss(store):
    trainer = train(store, max_epochs=15, augment=False, learning_rate=3e-3)
    loss = trainer.history["val_loss"]
    assert min(loss) < loss[0] - 0.3
    assert trainer.history["epoch"] == list(range(15))
    assert {len(values) for values in trainer.history.values()} == {15}


@pytest.mark.parametrize("kind", ["residual", "paper"])
def test_same_seed_same_history(store, kind):
    first, second = train(store, kind=kind), train(store, kind=kind)
    assert first.history == second.history
    assert same_weights(first, second)
    other = train(store, kind=kind, seed=4)
    assert other.history["loss"] != first.history["loss"]


@pytest.mark.parametrize("kind", ["residual", "paper"])
def test_resumed_training_is_the_uninterrupted_one(store, kind, tmp_path):
    whole = train(store, kind=kind)
    path = tmp_path / "checkpoint.safetensors"
    for n_done in (1, 2, 3, 4):
        part = train(store, kind=kind, checkpoint=path, max_seconds=1e-9)
        assert len(part.history["epoch"]) == n_done
    assert part.history == whole.history
    assert part.best_epoch == whole.best_epoch
    assert same_weights(part, whole)
    assert list(tmp_path.iterdir()) == [path]


def test_finished_training_is_not_repeated(store, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    first = train(store, checkpoint=path)
    written = path.read_bytes()
    second = train(store, checkpoint=path)
    assert path.read_bytes() == written
    assert same_weights(first, second)


def test_interruption_leaves_the_last_epoch(store, tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.safetensors"
    trainer = make_trainer(checkpoint=path)
    epoch = trainer._epoch

    def interrupted(*arguments):
        if len(trainer.history["epoch"]) == 2:
            msg = "stopped"
            raise KeyboardInterrupt(msg)
        epoch(*arguments)

    monkeypatch.setattr(trainer, "_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt, match="stopped"):
        trainer.train(store, TRAIN, VALIDATION)
    assert train(store, checkpoint=path).history == train(store).history


def test_foreign_checkpoint(store, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    train(store, checkpoint=path, max_epochs=1)
    with pytest.raises(ValueError, match=r"differs in: learning_rate, max_epochs"):
        train(store, checkpoint=path, learning_rate=0.1)
    with pytest.raises(ValueError, match=r"differs in: data"):
        make_trainer(checkpoint=path, max_epochs=1).train(store, VALIDATION, TRAIN)
    sharper = copy.deepcopy(store)
    sharper.set_conditions(np.ones((len(store), 6)))
    with pytest.raises(ValueError, match=r"differs in: data"):
        make_trainer(checkpoint=path, max_epochs=1).train(sharper, TRAIN, VALIDATION)


def test_constant_schedule_may_go_on_for_longer(store, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    train(store, kind="paper", checkpoint=path, max_epochs=2)
    longer = train(store, kind="paper", checkpoint=path, max_epochs=4)
    assert longer.history == train(store, kind="paper", max_epochs=4).history


def test_best_epoch_is_kept(store):
    # A rate this high makes things worse again.
    trainer = train(store, kind="paper", max_epochs=6, learning_rate=0.05)
    loss = trainer.history["val_loss"]
    assert trainer.best_epoch == int(np.argmin(loss))
    own = trainer._validate(store, VALIDATION)
    assert own["loss"] == pytest.approx(min(loss), rel=1e-6)


def test_patience(store):
    trainer = train(store, kind="paper", max_epochs=50, learning_rate=0.05, patience=2)
    n_done = len(trainer.history["epoch"])
    assert n_done < 50
    assert n_done == trainer.best_epoch + 3


def test_diverging_training(store):
    with pytest.raises(FloatingPointError, match="a lower learning_rate than 1e\\+30"):
        train(store, kind="paper", learning_rate=1e30, clip=None)


def test_validation_loss_that_is_not_finite(store):
    strange = copy.deepcopy(store)
    broken = np.full((1, 3, SIZE, SIZE), np.nan)
    strange.fill(VALIDATION[0], broken, np.isnan(broken))
    trainer = make_trainer(max_epochs=1)
    with pytest.raises(FloatingPointError, match="the validation loss is nan in epoch"):
        trainer.train(strange, TRAIN, VALIDATION)
    assert trainer.history["val_loss"] == []


def test_last_batch_of_one_galaxy(store):
    trainer = make_trainer(batch_size=12, max_epochs=1)
    trainer.train(store, np.arange(37), VALIDATION)
    assert np.isfinite(trainer.history["loss"]).all()


def test_progress_bar_goes_to_stderr(store, capsys):
    trainer = make_trainer(max_epochs=1)
    trainer.verbose = True
    trainer.train(store, TRAIN, VALIDATION)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "val_loss" in captured.err


def test_one_cycle():
    settings = TrainingSettings(learning_rate=2.0, schedule="one-cycle")
    rates = [learning_rate_at(p, settings) for p in np.linspace(0, 1, 101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(2.0)
    assert int(np.argmax(rates)) == 10
    assert rates[-1] == pytest.approx(0.002)
    assert np.all(np.diff(rates[10:]) < 0)


def test_devices():
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(ValueError, match="not 'banana'"):
        choose_device("banana")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda():
    assert choose_device("auto").type == "cpu"
    with pytest.raises(ValueError, match="no CUDA device"):
        choose_device("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", ["residual", "paper"])
def test_cuda_learns_what_the_cpu_learns(store, kind, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    on_gpu = train(store, kind=kind, device="cuda", checkpoint=path)
    resumed = train(store, kind=kind, device="cuda", checkpoint=path)
    assert resumed.history == on_gpu.history
    again = train(store, kind=kind, device="cuda")
    assert again.history == on_gpu.history
    assert same_weights(again, on_gpu)
    on_cpu = train(store, kind=kind)
    assert on_gpu.history["loss"] == pytest.approx(on_cpu.history["loss"], rel=0.02)
