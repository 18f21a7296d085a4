# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
`PhysicsVAE`, the estimator.
"""

import astropy.units as u
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from astrovae.flags import UNUSABLE
from astrovae.images import Preprocessing
from astrovae.nn import Trainer, choose_device

from . import fitting, preparation
from .calibrating import calibrate
from .fine_tuning import FineTuningMixin
from .frames import encode_images, warn_of_unknown_dust
from .generation import GenerationMixin
from .labels import read_labels
from .persistence import PersistenceMixin
from .posteriors import build_posterior
from .results import result_table
from .scaling import LatentScaling

__all__ = ["PhysicsVAE"]


class PhysicsVAE(
    PersistenceMixin,
    FineTuningMixin,
    GenerationMixin,
    TransformerMixin,
    BaseEstimator,
):
    """
    Redshift, stellar mass and star-formation rate from images.

    A variational autoencoder whose first latents are the galaxy's
    physical parameters (Gagliano & Villar 2023, arXiv:2312.16687).

    Parameters
    ----------
    preset : {"standard", "gagliano2023"}, optional
        Where all choices come from that are not made below; see
        `astrovae.nn.PRESETS`. ``"gagliano2023"`` is faithful to the
        paper, so that figures can be compared with it.
    n_latent : int, optional
        Number of latents: the physical ones, then those for the rest.
    reconstruction_weight, physics_weight : float, optional
        Weights of the loss's terms.
    learning_rate : float, optional
        Of Adam.
    batch_size, max_epochs : int, optional
        Of the training.
    validation_fraction : float, optional
        The part of the galaxies that chooses the best epoch and
        calibrates the intervals.
    physics : bool, optional
        False: the vanilla baseline, without labels; its tables have
        no physical parameters.
    patience : int, optional
        Stop after so many epochs without a better validation loss.
    max_seconds : float, optional
        Stop the training at the end of the epoch in which this time
        is over.
    mixed_precision : bool, optional
        Train the convolutions of the preset ``standard`` in bfloat16:
        faster where the processor knows this type.
    device : str, optional
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    random_state : int, `~numpy.random.RandomState` or None, optional
        Seed of the split, the weights and the training.
    checkpoint : path-like, optional
        A file, written after each epoch; an interrupted fit with the
        same arguments and data goes on from there.
    verbose : bool, optional
        Progress bars on stderr; `None`: if that is a terminal.

    Attributes
    ----------
    preset_ : `~astrovae.nn.Preset`
        The preset, with the arguments above put in.
    network_ : `~torch.nn.Module`
        The network, with the weights of the best validation epoch.
    preprocessing_ : `~astrovae.images.Preprocessing`
        Fitted to the training split.
    scaling_ : `~astrovae.vae.scaling.LatentScaling`
        Statistics of the training labels.
    calibration_ : dict of str to `~astrovae.nn.PITCalibration`
        Per parameter, what makes the intervals; of a model without a
        joint posterior, `~astrovae.nn.QuantileCalibration`.
    outlier_score_ : `~astrovae.nn.OutlierScore`
        What makes ``ood_score``.
    morphology_ : `~astrovae.vae.morphology.MorphologyAxis`
        What makes ``morphology``.
    history_ : dict of list
        The terms of the loss, per epoch; ``val_`` for validation.
    best_epoch_ : int
        The epoch whose weights are kept.
    n_train_, n_validation_ : int
        Number of galaxies in the two splits.
    record_ : dict
        What the training was: sample, numbers, time, settings; after
        `fine_tune`, ``started_from`` has the record of the model before.
    weights_ : str
        The name of packaged weights, as long as they are these; or "".

    Examples
    --------
    >>> from astrovae import PhysicsVAE
    >>> PhysicsVAE(preset="gagliano2023", max_epochs=10)
    PhysicsVAE(max_epochs=10, preset='gagliano2023')
    """

    def __init__(
        self,
        preset="standard",
        *,
        n_latent=None,
        reconstruction_weight=None,
        physics_weight=None,
        learning_rate=None,
        batch_size=None,
        max_epochs=None,
        validation_fraction=None,
        physics=True,
        patience=None,
        max_seconds=None,
        mixed_precision=False,
        device="auto",
        random_state=None,
        checkpoint=None,
        verbose=None,
    ):
        self.preset = preset
        self.n_latent = n_latent
        self.reconstruction_weight = reconstruction_weight
        self.physics_weight = physics_weight
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.physics = physics
        self.patience = patience
        self.max_seconds = max_seconds
        self.mixed_precision = mixed_precision
        self.device = device
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.verbose = verbose

    def fit(self, images, labels=None):
        """
        Train.

        Galaxies without a usable image are left out, with a warning.

        Parameters
        ----------
        images : `~astrovae.GalaxyImageSet`
            N images; may be lazy and larger than the memory.
        labels : `~astropy.table.QTable` or list of its rows
            The columns ``redshift``, ``stellar_mass``, ``sfr``, with
            1-sigma errors ``redshift_err`` and so on if there are,
            and optionally ``orientation``, which is measured on the
            images otherwise: from +x, the axis toward decreasing
            right ascension, counter-clockwise, and NOT from north
            through east. Matched by ``id`` if there is such a
            column. Masked or NaN entries have no weight, nor have
            values outside of the plausible range, of which a warning
            tells. An error
            that is missing is taken as 0.001 in redshift, 0.1 dex in
            mass, 0.2 dex in SFR and 0.1 rad in orientation. Not
            needed with ``physics=False``.

        Returns
        -------
        self : `PhysicsVAE`
            Fitted.

        Raises
        ------
        TypeError, ValueError, `~astropy.units.UnitsError`
            If the arguments, images or labels cannot be used, or a
            galaxy is there twice.
        """
        preset = fitting.resolve_preset(self)
        data = preparation.prepare(self, images, labels, preset.validation_fraction)
        self.preprocessing_ = Preprocessing(
            images.bands,
            preset.pixel_scale * u.arcsec,
            preset.size,
            preset.output_size,
            stretch=preset.stretch,
            resize=preset.resize,
        ).fit(images[preparation.thin_out(data.train)])
        store = preparation.fill(self, images, data, preset)
        self.scaling_ = LatentScaling.fit(
            preset.latents, data.labels.take(data.train), preset.loss != "paper"
        )
        network = fitting.seeded_network(preset, len(images.bands), data.seed)
        self._train(network, preset, images, data, store)
        return self

    def _train(self, network, preset, images, data, store):
        """
        Train a network, and fit what turns its latents into results.
        """
        if preset.latents:
            store.set_labels(*self.scaling_.to_latents(data.labels))
        device = choose_device(self.device)
        trainer = Trainer(
            network,
            fitting.build_loss(preset),
            fitting.training_settings(self, preset, data.seed),
            device=device,
            checkpoint=self.checkpoint,
            verbose=self.verbose,
        )
        self.network_ = trainer.train(store, data.train, data.validation)
        self.preset_ = preset
        self.history_ = trainer.history
        self.best_epoch_ = trainer.best_epoch
        self.n_train_, self.n_validation_ = len(data.train), len(data.validation)
        calibrate(self, store, data, device)
        self.record_ = fitting.training_record(self, images, trainer)
        self.weights_ = ""

    def predict(self, images):
        """
        Estimate the parameters of galaxies.

        Parameters
        ----------
        images : `~astrovae.GalaxyImageSet`
            N images, of any pixel scale and size; bands that the
            model knows and the images lack are taken as masked.

        Returns
        -------
        table : `~astropy.table.QTable`
            One row per galaxy, in order: ``id``, ``ra``, ``dec``; for
            each of ``redshift``, ``stellar_mass``, ``sfr`` and
            ``orientation`` the estimate, ``_lower`` and ``_upper``
            (50th, 16th and 84th percentiles, so calibrated on the
            validation split; with the preset ``gagliano2023`` the
            estimate is the latent's mean and not the median);
            ``morphology``; ``ood_score``
            (minus log10 of the fraction of training-like images that
            are less usual); and ``flags``. Estimates of unusable rows
            are masked, and ``meta["reasons"]`` tells why. The
            orientation is in (-90, 90] deg from +x, the axis toward
            decreasing right ascension, counter-clockwise, and NOT
            from north through east; its interval may reach beyond.
            Where half the interval is 45 deg or more the flag
            ORIENTATION_FAILED is set. A model with ``physics=False``
            gives no physical columns.

        Raises
        ------
        TypeError, ValueError
            If these are no images in the model's bands.

        Warns
        -----
        `~astrovae.exceptions.AstrovaeWarning`
            If the model corrects fluxes for the Milky Way's dust and
            E(B-V) is not known for some images: the median of the
            training galaxies is then assumed.
        """
        code, flags = encode_images(self, images)
        warn_of_unknown_dust(self.preprocessing_, images)
        extras = {
            "morphology": self.morphology_(code.mean),
            "ood_score": self.outlier_score_(code.features),
        }
        posterior = build_posterior(self, code)
        statistics = self.scaling_.statistics
        table = result_table(images, posterior, statistics, extras, flags)
        table.meta["model"] = {
            "preset": self.record_["preset"],
            "sample": self.record_["sample"],
            # A name in list_pretrained, if these are they.
            "weights": getattr(self, "weights_", ""),
        }
        return table

    def transform(self, images):
        """
        Encode galaxies.

        Parameters
        ----------
        images : `~astrovae.GalaxyImageSet`
            N images.

        Returns
        -------
        latents : `~numpy.ndarray`, shape (N, n_latent)
            Means of the latents as the network has them, in the order
            of `get_feature_names_out`; NaN for unusable images.
        """
        code, flags = encode_images(self, images)
        mean = code.mean
        mean[(flags & UNUSABLE) > 0] = np.nan
        return mean

    def get_feature_names_out(self, input_features=None):  # noqa: ARG002
        """
        Name the latents.

        Parameters
        ----------
        input_features : object, optional
            Not used; scikit-learn's convention.

        Returns
        -------
        names : `~numpy.ndarray` of str, shape (n_latent,)
            Physical parameters, then ``residual0`` and so on.
        """
        check_is_fitted(self, "network_")
        names = list(self.scaling_.latents)
        n_residual = self.preset_.n_latent - len(names)
        names += [f"residual{i}" for i in range(n_residual)]
        return np.array(names, dtype=object)

    def score(self, images, labels=None):
        """
        Score the estimates; higher is better.

        Parameters
        ----------
        images : `~astrovae.GalaxyImageSet`
            N images.
        labels : `~astropy.table.QTable` or list of its rows
            As for `fit`; only the redshift is read. Not needed by a
            model without physical parameters.

        Returns
        -------
        score : float
            R2 = 1 - SSE / SST of the redshift, over galaxies with a
            usable image and a label. Of a model without physical
            parameters: minus the root mean square of
            `reconstruction_error`.
        """
        check_is_fitted(self, "network_")
        if not self.scaling_.latents:
            error = self.reconstruction_error(images)
            error = error[np.isfinite(error)]
            return -float(np.sqrt(np.mean(error**2))) if len(error) else np.nan
        if labels is None:
            msg = "labels are needed: a table with the column redshift"
            raise ValueError(msg)
        truth = read_labels(labels, images, names=("redshift",)).values["redshift"]
        code, flags = encode_images(self, images)
        estimate = build_posterior(self, code).quantiles("redshift", (0.5,))[:, 0]
        good = np.isfinite(truth) & ((flags & UNUSABLE) == 0)
        return float(r2_score(truth[good], estimate[good]))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.target_tags.required = False
        tags.non_deterministic = False
        return tags
