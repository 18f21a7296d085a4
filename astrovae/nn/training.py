# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The training loop.

The same seed gives the same history on the same machine, whether or
not the training was interrupted and resumed in between.
"""

import math
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from .augmentation import (
    drop_bands,
    drop_conditions,
    flip_and_rotate,
    hide_edges,
)
from .resume import load_state, save_state, training_identity

__all__ = ["Trainer", "TrainingSettings", "choose_device", "learning_rate_at"]

_TERMS = ("loss", "reconstruction", "kl", "physics")


@dataclass
class TrainingSettings:  # numpydoc ignore=PR02
    """
    How to train.

    Parameters
    ----------
    max_epochs, batch_size : int
        Number of epochs, and of galaxies in a step.
    learning_rate, weight_decay : float
        Of Adam; with a weight decay, of AdamW.
    schedule : {"constant", "one-cycle"}
        Course of the learning rate over the epochs.
    augment : bool
        Whether to turn and flip images, and to hide bands.
    band_dropout : float
        Fraction of the galaxies that lose a band, if augmented.
    edge_dropout : float
        Fraction of the galaxies that lose one side, if augmented.
    clip : float or None
        Largest norm of the gradient.
    patience : int or None
        Stop after so many epochs without a better validation loss.
    max_seconds : float or None
        Stop at the end of the epoch in which this time, counted from
        the start of each run, is over; at least one epoch is done.
    seed : int
        Of the shuffling, the augmentation and the latent noise.
    mixed_precision : bool
        Whether the convolutions of a network that can do so run in
        bfloat16 while it is trained: faster on processors that know
        this type, slower on others.
    """

    max_epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    schedule: str = "constant"
    augment: bool = False
    band_dropout: float = 0.05
    edge_dropout: float = 0.0
    clip: float | None = None
    patience: int | None = None
    max_seconds: float | None = None
    seed: int = 0
    mixed_precision: bool = False


class Trainer:
    """
    Train a network; keep the weights of the best validation epoch.

    Parameters
    ----------
    network : `~torch.nn.Module`
        With ``encode`` and ``decode``; changed in place.
    loss : callable
        ``loss(network, batch, noise)`` gives a dict of terms.
    settings : `TrainingSettings`
        How to train.
    device : str or `~torch.device`, optional
        Where to train.
    checkpoint : path-like, optional
        A file, written after each epoch. If it exists, the training
        goes on from there.
    verbose : bool, optional
        Show a progress bar on stderr; `None`: if that is a terminal.

    Attributes
    ----------
    history : dict of list
        Per epoch: ``epoch``, ``learning_rate``, the terms of the
        training loss and, with the prefix ``val_``, those of the
        validation loss, for which the latent means are decoded.
    best_epoch : int
        The epoch whose weights are kept, counted from 0.
    seconds : float
        Wall time spent, over all interrupted runs.
    """

    def __init__(
        self,
        network,
        loss,
        settings,
        *,
        device="cpu",
        checkpoint=None,
        verbose=None,
    ):
        self.network = network.to(device)
        self.loss = loss
        self.settings = settings
        self.device = torch.device(device)
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        self.verbose = sys.stderr.isatty() if verbose is None else verbose
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.optimiser = _build_optimiser(network, settings)
        names = [*_TERMS, *(f"val_{term}" for term in _TERMS)]
        self.history = {"epoch": [], "learning_rate": []}
        self.history |= {name: [] for name in names}
        self.best_epoch = -1
        self.best_weights = None
        self.seconds = 0.0

    def train(self, store, train_rows, validation_rows):
        """
        Train until the epochs, the patience or the time is over.

        Parameters
        ----------
        store : `~astrovae.nn.ImageStore`
            Images and labels.
        train_rows, validation_rows : array of int
            Rows of the two splits.

        Returns
        -------
        network : `~torch.nn.Module`
            The network, with the best weights, in evaluation mode.

        Raises
        ------
        FloatingPointError
            If the loss of either split stops being finite.
        ValueError
            If the checkpoint belongs to another training.
        """
        identity = training_identity(self, store, train_rows, validation_rows)
        if self.checkpoint is not None and self.checkpoint.exists():
            load_state(self, identity)
        bar = tqdm(
            total=self.settings.max_epochs,
            initial=len(self.history["epoch"]),
            disable=not self.verbose,
            unit="epoch",
            desc="training",
        )
        start = time.monotonic() - self.seconds
        deadline = time.monotonic() + (self.settings.max_seconds or math.inf)
        with bar, _deterministic(self.device):
            while not self._is_over():
                self._epoch(store, train_rows, validation_rows)
                self.seconds = time.monotonic() - start
                if self.checkpoint is not None:
                    save_state(self, identity)
                bar.update()
                bar.set_postfix(val_loss=f"{self.history['val_loss'][-1]:.4g}")
                if time.monotonic() > deadline:
                    break
        if self.best_weights is not None:
            self.network.load_state_dict(self.best_weights)
        return self.network.eval()

    def _is_over(self):
        n_done = len(self.history["epoch"])
        if n_done >= self.settings.max_epochs:
            return True
        patience = self.settings.patience
        waited = n_done - 1 - self.best_epoch
        return patience is not None and waited >= patience

    def _epoch(self, store, train_rows, validation_rows):
        epoch = len(self.history["epoch"])
        self.network.train()
        self.network.mixed_precision = self.settings.mixed_precision
        order = torch.randperm(len(train_rows), generator=self.generator)
        batches = _batches(
            np.asarray(train_rows)[order.numpy()], self.settings.batch_size
        )
        totals = dict.fromkeys(_TERMS, 0.0)
        for i, rows in enumerate(batches):
            progress = (epoch + i / len(batches)) / self.settings.max_epochs
            rate = learning_rate_at(progress, self.settings)
            terms = self._step(store.batch(rows, self.device), rate)
            for term in _TERMS:
                totals[term] += float(terms[term].detach()) * len(rows)
        self._check("loss", totals["loss"], epoch)
        validation = self._validate(store, validation_rows)
        self._check("validation loss", validation["loss"], epoch)
        self.history["epoch"].append(epoch)
        self.history["learning_rate"].append(rate)
        for term in _TERMS:
            self.history[term].append(totals[term] / len(train_rows))
            self.history[f"val_{term}"].append(validation[term])
        if validation["loss"] <= min(self.history["val_loss"]):
            self.best_epoch = epoch
            self.best_weights = {
                name: tensor.detach().clone()
                for name, tensor in self.network.state_dict().items()
            }

    def _check(self, name, value, epoch):
        if not math.isfinite(value):
            msg = (
                f"the {name} is {value} in epoch {epoch}; a lower "
                f"learning_rate than {self.settings.learning_rate} may help"
            )
            raise FloatingPointError(msg)

    def _step(self, batch, rate):
        if self.settings.augment:
            batch = hide_edges(batch, self.generator, self.settings.edge_dropout)
            batch = flip_and_rotate(batch, self.generator)
            batch = drop_bands(batch, self.generator, self.settings.band_dropout)
            batch = drop_conditions(batch, self.generator)
        noise = self._noise(len(batch.x))
        terms = self.loss(self.network, batch, noise)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        terms["loss"].backward()
        if self.settings.clip is not None:
            torch.nn.utils.clip_grad_norm_(
                self.network.parameters(), self.settings.clip
            )
        self.optimiser.step()
        return terms

    def _noise(self, n):
        # Drawn on the CPU, so that one generator's state is all to keep.
        shape = (n, self.network.n_latent)
        return torch.randn(shape, generator=self.generator).to(self.device)

    @torch.inference_mode()
    def _validate(self, store, rows):
        self.network.eval()
        self.network.mixed_precision = False
        totals = dict.fromkeys(_TERMS, 0.0)
        for part in _batches(np.asarray(rows), self.settings.batch_size):
            batch = store.batch(part, self.device)
            noise = batch.x.new_zeros((len(part), self.network.n_latent))
            terms = self.loss(self.network, batch, noise)
            for term in _TERMS:
                totals[term] += float(terms[term]) * len(part)
        return {term: totals[term] / len(rows) for term in _TERMS}


def choose_device(name="auto"):
    """
    Choose where to compute.

    Parameters
    ----------
    name : str, optional
        ``"auto"``: a CUDA device if there is one, else the CPU; or
        any name that torch knows.

    Returns
    -------
    device : `~torch.device`
        The device.

    Raises
    ------
    ValueError
        If CUDA is asked for and not there, or the name is unknown.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        msg = f"device must be 'auto', 'cpu' or 'cuda', not {name!r}"
        raise ValueError(msg) from error
    if device.type == "cuda" and not torch.cuda.is_available():
        msg = f"device={name!r}, but this machine has no CUDA device"
        raise ValueError(msg)
    return device


def learning_rate_at(progress, settings):
    """
    The learning rate at a point of the training.

    One cycle rises linearly from a twentieth over the first tenth,
    then falls as a cosine to a thousandth.

    Parameters
    ----------
    progress : float
        Between 0 and 1.
    settings : `TrainingSettings`
        How to train.

    Returns
    -------
    rate : float
        The learning rate.
    """
    peak = settings.learning_rate
    if settings.schedule == "constant":
        return peak
    if progress < 0.1:
        return peak * (0.05 + 0.95 * progress / 0.1)
    phase = (progress - 0.1) / 0.9
    return peak * (0.001 + 0.999 * 0.5 * (1.0 + math.cos(math.pi * phase)))


@contextmanager
def _deterministic(device):
    if device.type != "cuda":
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            yield
    finally:
        torch.use_deterministic_algorithms(before)


def _build_optimiser(network, settings):
    parameters = list(network.parameters())
    if settings.weight_decay == 0:
        return torch.optim.Adam(parameters, lr=settings.learning_rate, fused=True)
    groups = [
        {"params": [p for p in parameters if p.ndim > 1]},
        # Biases and normalisations are not pulled to zero.
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0},
    ]
    return torch.optim.AdamW(
        groups,
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )


def _batches(rows, size):
    parts = [rows[i : i + size] for i in range(0, len(rows), size)]
    # Batch normalisation cannot learn from a single galaxy.
    if len(parts) > 1 and len(parts[-1]) == 1:
        last = parts.pop()
        parts[-1] = np.concatenate([parts[-1], last])
    return parts
