# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests that render the course of a training.
"""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs the extra 'plot'")

from astrovae.plotting import plot_history


@pytest.fixture
def history():
    epochs = np.arange(5)
    return {
        "epoch": list(epochs),
        "learning_rate": [1e-3] * 5,
        "loss": list(5.0 - epochs),
        "val_loss": [5.0, 4.0, 3.0, 3.5, 4.0],
        "physics": [1.0, 0.5, -0.5, -1.0, -1.5],
        "val_physics": [1.0, 0.5, -0.4, -0.8, -1.0],
        "kl": [0.0] * 5,
        "val_kl": [0.0] * 5,
    }


def test_terms_of_the_loss(history, tmp_path):
    figure = plot_history(history)
    figure.savefig(tmp_path / "history.png")
    loss, physics = figure.axes  # kl is zero throughout: not shown
    assert loss.get_ylabel() == "loss"
    assert loss.get_yscale() == "log"
    assert physics.get_yscale() == "linear"
    labels = loss.get_legend_handles_labels()[1]
    assert labels == ["training", "validation", "best: epoch 2"]


def test_one_epoch(history, tmp_path):
    figure = plot_history({name: values[:1] for name, values in history.items()})
    figure.savefig(tmp_path / "history.png")
    assert len(figure.axes) == 2


def test_empty_history():
    with pytest.raises(ValueError, match="the history has no epoch"):
        plot_history({"epoch": [], "loss": [], "val_loss": []})
