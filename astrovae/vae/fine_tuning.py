# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Adapting a fitted model to another sample.
"""

import copy
from dataclasses import replace

from sklearn.utils.validation import check_is_fitted

from . import fitting, preparation
from .frames import check_images
from .model_file import plain

__all__ = ["FineTuningMixin"]


class FineTuningMixin:
    """
    Training that goes on, for `~astrovae.PhysicsVAE`.
    """

    def fine_tune(
        self,
        images,
        labels,
        *,
        max_epochs=20,
        learning_rate=5e-4,
        batch_size=None,
        validation_fraction=0.15,
    ):
        """
        Adapt a fitted model to a labelled sample of one's own.

        The training goes on from the present weights at a low rate;
        what the latents stand for and the preprocessing stay. The
        intervals, ``ood_score`` and ``morphology`` are those of the
        new sample afterwards. A few hundred galaxies are enough to
        learn what a catalogue's masses and rates mean, a few thousand
        to learn another survey's images.

        Parameters
        ----------
        images : `~astrovae.GalaxyImageSet`
            N images.
        labels : `~astropy.table.QTable` or list of its rows
            As for `fit`; the errors must be those of the labels, which
            of a simulation's truth are zero.
        max_epochs : int, optional
            Number of epochs.
        learning_rate : float, optional
            The highest.
        batch_size : int, optional
            Galaxies in a step; `None`: a tenth of the training split,
            but not less than 16 and not more than in the training.
        validation_fraction : float, optional
            As for `fit`, of the new sample.

        Returns
        -------
        self : `PhysicsVAE`
            Changed; load the weights again to have the old model.

        Raises
        ------
        `~sklearn.exceptions.NotFittedError`
            If there is nothing to start from.
        TypeError, ValueError, `~astropy.units.UnitsError`
            As `fit`, and if an argument is out of range.
        """
        check_is_fitted(self, "network_")
        check_images(images, self.preprocessing_.bands)
        if batch_size is None:
            # So that few galaxies make more than a few steps.
            n_train = (1 - validation_fraction) * len(images)
            batch_size = min(max(int(n_train / 10), 16), self.preset_.batch_size)
        preset = fitting.check_preset(
            replace(
                self.preset_,
                max_epochs=plain(max_epochs),
                learning_rate=plain(learning_rate),
                batch_size=plain(batch_size),
                validation_fraction=plain(validation_fraction),
                schedule="one-cycle",
            )
        )
        data = preparation.prepare(self, images, labels, validation_fraction)
        store = preparation.fill(self, images, data, preset)
        self.scaling_ = self.scaling_.widened(data.labels.take(data.train))
        before = self.record_
        # A copy, so that a training that fails leaves the old weights.
        network = copy.deepcopy(self.network_)
        self._train(network, preset, images, data, store)
        self.record_["started_from"] = before
        return self
