# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The course of a training.
"""

import numpy as np

from .canvas import BLUE, GREY, ORANGE, new_axes

__all__ = ["plot_history"]


def plot_history(history, *, figure=None):
    """
    Plot the terms of the loss by epoch, a panel per term.

    Parameters
    ----------
    history : dict of sequence
        The record of a training, ``PhysicsVAE.history_``: ``epoch``
        and, for each term of the loss, the mean over the training
        split and, under its name with the prefix ``val_``, over the
        validation split.
    figure : `~matplotlib.figure.Figure`, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        The figure. A vertical line marks the best epoch, with the
        smallest ``val_loss``.

    Raises
    ------
    ValueError
        If the history has no epoch, or no term with a validation.
    """
    terms = [name for name in history if f"val_{name}" in history]
    if not terms or len(history["val_" + terms[0]]) == 0:
        msg = "the history has no epoch, or no term of the loss"
        raise ValueError(msg)
    terms = [term for term in terms if np.any(np.asarray(history[term]) != 0.0)]
    epochs = np.asarray(history.get("epoch", range(len(history[f"val_{terms[0]}"]))))
    figure, axes = new_axes(figure, len(terms), 2, (4.6, 3.2))
    for ax, term in zip(axes, terms, strict=True):
        style = {"marker": "." if len(epochs) < 50 else "", "linewidth": 1.4}
        ax.plot(epochs, history[term], color=BLUE, label="training", **style)
        validation = np.asarray(history[f"val_{term}"])
        ax.plot(epochs, validation, color=ORANGE, label="validation", **style)
        if "val_loss" in history:
            best = epochs[int(np.nanargmin(history["val_loss"]))]
            ax.axvline(best, color=GREY, linestyle=":", label=f"best: epoch {best}")
        if np.all(np.asarray(history[term]) > 0.0) and np.all(validation > 0.0):
            ax.set_yscale("log")
        ax.set(xlabel="epoch", ylabel=term.replace("_", " "))
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0].legend()
    return figure
