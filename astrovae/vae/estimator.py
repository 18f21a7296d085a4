# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
`PhysicsVAE`, the estimator.
"""

import warnings
from dataclasses import asdict, replace

import astropy.units as u
import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.metrics import r2_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from astrovae.exceptions import AstrovaeWarning
from astrovae.flags import UNUSABLE
from astrovae.images import GalaxyImageSet, Preprocessing
from astrovae.nn import (
    OutlierScore,
    PaperLoss,
    QuantileCalibration,
    StandardLoss,
    Trainer,
    TrainingSettings,
    VanillaLoss,
    build_network,
    choose_device,
    decode_arrays,
    encode_arrays,
    get_preset,
)
from astrovae.parameters import PARAMETERS

from .frames import CHUNK, check_images, fill_store, preprocess
from .labels import Labels, read_labels
from .model_file import read_model, write_model
from .morphology import MorphologyAxis
from .results import posterior_table, result_table
from .scaling import LatentScaling, angle_difference

__all__ = ["PhysicsVAE"]

# Fewer validation labels than this cannot place a 16th percentile.
_MIN_CALIBRATION = 20


class PhysicsVAE(BaseEstimator):
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
    calibration_ : dict of str to `~astrovae.nn.QuantileCalibration`
        Per parameter, what makes the intervals.
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
        What the training was: sample, numbers, time, settings.

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
        labels : `~astropy.table.QTable`
            The columns ``redshift``, ``stellar_mass``, ``sfr``, with
            1-sigma errors ``redshift_err`` and so on if there are,
            and optionally ``orientation``, which is measured on the
            images otherwise. Matched by ``id`` if there is such a
            column. Masked or NaN entries have no weight. An error
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
            If the arguments, images or labels cannot be used.
        """
        check_images(images)
        preset = self._resolve_preset()
        device = choose_device(self.device)
        labels = self._read_labels(images, labels)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        rows = _usable_rows(images)
        train, validation = _split(rows, preset.validation_fraction, seed)
        preprocessing = Preprocessing(
            images.bands,
            preset.pixel_scale * u.arcsec,
            preset.size,
            preset.output_size,
            stretch=preset.stretch,
            resize=preset.resize,
        ).fit(images[train])
        store, usable = fill_store(images, preprocessing, preset.dtype, self.verbose)
        train, validation = train[usable[train]], validation[usable[validation]]
        _check_split(train, validation, len(images))
        scaling = LatentScaling.fit(
            preset.latents, labels.take(train), preset.loss == "standard"
        )
        store.set_labels(*scaling.to_latents(labels))
        network = _seeded_network(preset, len(images.bands), seed)
        trainer = Trainer(
            network,
            self._loss(preset),
            self._settings(preset, seed),
            device=device,
            checkpoint=self.checkpoint,
            verbose=self.verbose,
        )
        self.network_ = trainer.train(store, train, validation)
        self.preset_ = preset
        self.preprocessing_ = preprocessing
        self.scaling_ = scaling
        self.history_ = trainer.history
        self.best_epoch_ = trainer.best_epoch
        self.n_train_, self.n_validation_ = len(train), len(validation)
        self._calibrate(store, labels, train, validation)
        self.record_ = self._record(images, trainer, seed)
        return self

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
            ``orientation`` the estimate (the median), ``_lower`` and
            ``_upper`` (16th and 84th percentiles, so calibrated on
            the validation split); ``morphology``; ``ood_score``
            (minus log10 of the fraction of training-like images that
            are less usual); and ``flags``. Estimates of unusable rows
            are masked, and ``meta["reasons"]`` tells why. An interval
            of the orientation may reach beyond +-90 deg. A model with
            ``physics=False`` gives no physical columns.

        Raises
        ------
        TypeError, ValueError
            If these are no images in the model's bands.
        """
        mean, log_variance, features, flags = self._encode(images)
        extras = {
            "morphology": self.morphology_(mean),
            "ood_score": self.outlier_score_(features),
        }
        table = result_table(
            images,
            self.scaling_.to_estimates(mean, log_variance),
            self.calibration_,
            self.scaling_.statistics,
            extras,
            flags,
        )
        table.meta["model"] = {
            "preset": self.preset,
            "sample": self.record_["sample"],
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
        mean, _, _, flags = self._encode(images)
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

    def reconstruct(self, images):
        """
        Encode galaxies and decode the latent means.

        Parameters
        ----------
        images : `~astrovae.GalaxyImageSet`
            N images.

        Returns
        -------
        images : `~astrovae.GalaxyImageSet`
            On the network's grid, in nanomaggies per pixel; unusable
            images are masked. The preset ``standard`` gives fluxes
            without the Milky Way's extinction where E(B-V) is known.
        """
        mean, _, _, flags = self._encode(images)
        device = choose_device(self.device)
        x = decode_arrays(self.network_.to(device), mean, device)
        flux = self.preprocessing_.inverse(x)
        mask = np.zeros(flux.shape, dtype=bool)
        mask[(flags & UNUSABLE) > 0] = True
        return GalaxyImageSet(
            flux,
            bands=self.preprocessing_.bands,
            pixel_scale=self.preprocessing_.output_pixel_scale,
            coords=images.coords,
            ids=images.ids,
            mask=mask,
            reasons=images.reasons,
        )

    def score(self, images, labels=None):
        """
        Score the estimates; higher is better.

        Parameters
        ----------
        images : `~astrovae.GalaxyImageSet`
            N images.
        labels : `~astropy.table.QTable`
            As for `fit`. Not needed with ``physics=False``.

        Returns
        -------
        score : float
            R2 = 1 - SSE / SST of the redshift, over galaxies with a
            usable image and a label. With ``physics=False``: minus
            the root mean square error of the reconstruction, on the
            network's stretched scale.
        """
        check_is_fitted(self, "network_")
        if not self.scaling_.latents:
            return -self._reconstruction_error(images)
        mean, log_variance, _, flags = self._encode(images)
        estimates = self.scaling_.to_estimates(mean, log_variance)
        truth = self._read_labels(images, labels).values["redshift"]
        good = np.isfinite(truth) & ((flags & UNUSABLE) == 0)
        return float(r2_score(truth[good], estimates["redshift"][0][good]))

    def sample_posterior(self, images, n=1000, random_state=None):
        """
        Draw from each galaxy's posterior.

        The draws are independent between parameters, with the
        quantiles of the intervals of `predict`.

        Parameters
        ----------
        images : `~astrovae.GalaxyImageSet`
            N images.
        n : int, optional
            Number of draws.
        random_state : int, `~numpy.random.RandomState` or None, optional
            Seed.

        Returns
        -------
        table : `~astropy.table.QTable`
            ``id``, ``ra``, ``dec``, a column of
            `~astropy.uncertainty.Distribution` per parameter, and
            ``flags``; draws of unusable images are NaN.
        """
        mean, log_variance, _, flags = self._encode(images)
        estimates = self.scaling_.to_estimates(mean, log_variance)
        random = check_random_state(random_state)
        normal = {
            name: random.standard_normal((len(mean), n))
            for name in PARAMETERS
            if name in estimates
        }
        return posterior_table(images, estimates, self.calibration_, flags, normal)

    def save(self, path):
        """
        Write the fitted estimator to one safetensors file.

        Parameters
        ----------
        path : path-like
            The file; replaced if it exists.
        """
        check_is_fitted(self, "network_")
        write_model(path, self)

    @classmethod
    def load(cls, path):
        """
        Read what `save` wrote.

        Parameters
        ----------
        path : path-like
            The file.

        Returns
        -------
        vae : `PhysicsVAE`
            Fitted.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        `~astrovae.exceptions.ModelFileError`
            If the file is truncated, altered, no model, or of a
            version that this release cannot read.
        """
        return read_model(path, cls)

    @classmethod
    def from_pretrained(cls, name=None):
        """
        Load weights that come with the package.

        Parameters
        ----------
        name : str, optional
            A name in `list_pretrained`; `None`: the recommended ones.

        Returns
        -------
        vae : `PhysicsVAE`
            Fitted.
        """
        from astrovae.data import weights_path

        return cls.load(weights_path(name))

    @staticmethod
    def list_pretrained():
        """
        List the weights that come with the package.

        Returns
        -------
        table : `~astropy.table.QTable`
            The columns name, recommended, file and description.
        """
        from astrovae.data import list_weights

        return list_weights()

    def _resolve_preset(self):
        preset = get_preset(self.preset)
        own = {
            name: getattr(self, name)
            for name in (
                "n_latent",
                "reconstruction_weight",
                "physics_weight",
                "learning_rate",
                "batch_size",
                "max_epochs",
                "validation_fraction",
            )
            if getattr(self, name) is not None
        }
        if not self.physics:
            own["latents"] = ()
        preset = replace(preset, **own)
        _check_preset(preset)
        return preset

    def _read_labels(self, images, labels):
        if not self.physics:
            return Labels({}, {})
        if labels is None:
            msg = (
                "labels are needed; PhysicsVAE(physics=False) is the "
                "baseline that learns without"
            )
            raise ValueError(msg)
        return read_labels(labels, images)

    def _loss(self, preset):
        n = len(preset.latents)
        weights = preset.reconstruction_weight, preset.physics_weight
        if preset.loss == "standard":
            return StandardLoss(n, *weights)
        return PaperLoss(n, *weights) if n else VanillaLoss(weights[0])

    def _settings(self, preset, seed):
        return TrainingSettings(
            max_epochs=preset.max_epochs,
            batch_size=preset.batch_size,
            learning_rate=preset.learning_rate,
            weight_decay=preset.weight_decay,
            schedule=preset.schedule,
            augment=preset.augment,
            clip=5.0 if preset.loss == "standard" else None,
            patience=self.patience,
            max_seconds=self.max_seconds,
            seed=seed,
        )

    def _calibrate(self, store, labels, train, validation):
        device = choose_device(self.device)
        codes = {}
        for name, rows in (("train", train), ("validation", validation)):
            codes[name] = _encode_rows(self.network_, store, rows, device)
        mean, _, features = codes["train"]
        self.morphology_ = MorphologyAxis.fit(mean, len(self.scaling_.latents))
        self.outlier_score_ = OutlierScore.fit(features, codes["validation"][2])
        n_labels = {
            name: np.isfinite(values[validation]).sum()
            for name, values in labels.values.items()
        }
        few = [name for name, n in n_labels.items() if n < _MIN_CALIBRATION]
        rows = {"train": train, "validation": validation}
        both = np.concatenate([train, validation])
        joined = [
            np.concatenate(pair)
            for pair in zip(codes["train"], codes["validation"], strict=True)
        ]
        if few:
            msg = (
                f"fewer than {_MIN_CALIBRATION} validation galaxies have a "
                f"label of {', '.join(few)}; the intervals are calibrated on "
                "the training split too and may be too narrow"
            )
            warnings.warn(msg, AstrovaeWarning, stacklevel=3)
        self.calibration_ = {}
        for name in labels.values:
            own = rows["validation"], codes["validation"]
            chosen, code = (both, joined) if name in few else own
            self.calibration_[name] = self._calibration(name, labels.take(chosen), code)

    def _calibration(self, name, labels, code):
        estimates = self.scaling_.to_estimates(code[0], code[1])
        value, sigma = estimates[name]
        truth, error = labels.values[name], labels.errors[name]
        residual = truth - value
        if PARAMETERS[name].scale == "periodic":
            residual = angle_difference(truth, value)
        if not self.preset_.predicts_sigma:
            return QuantileCalibration.fit(residual)
        return QuantileCalibration.fit(residual, sigma, error)

    def _record(self, images, trainer, seed):
        return {
            "sample": str(images.meta.get("name", "")),
            "n_train": self.n_train_,
            "n_validation": self.n_validation_,
            "n_epochs": len(trainer.history["epoch"]),
            "seconds": round(trainer.seconds, 1),
            "device": str(trainer.device),
            "seed": seed,
            "settings": asdict(trainer.settings),
        }

    def _encode(self, images):
        check_is_fitted(self, "network_")
        check_images(images, self.preprocessing_.bands)
        device = choose_device(self.device)
        network = self.network_.to(device)
        size = self.preprocessing_.output_size
        empty = np.zeros((0, len(self.preprocessing_.bands), size, size))
        parts = [(*encode_arrays(network, empty, None, device), np.zeros(0, int))]
        for chunk in images.iter_chunks(CHUNK):
            x, valid, flags = preprocess(chunk, self.preprocessing_)
            parts.append((*encode_arrays(network, x, valid, device), flags))
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def _reconstruction_error(self, images):
        mean, _, _, _ = self._encode(images)
        device = choose_device(self.device)
        total, n_valid, start = 0.0, 0, 0
        for chunk in images.iter_chunks(CHUNK):
            x, valid, _ = preprocess(chunk, self.preprocessing_)
            codes = mean[start : start + len(x)]
            error = (decode_arrays(self.network_, codes, device) - x)[valid]
            total += float(np.square(error, dtype=float).sum())
            n_valid += error.size
            start += len(x)
        return float(np.sqrt(total / max(n_valid, 1)))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.target_tags.required = False
        tags.non_deterministic = False
        return tags


def _usable_rows(images):
    return np.flatnonzero((np.asarray(images.flags) & UNUSABLE) == 0)


def _split(rows, fraction, seed):
    """
    Split rows in two; sorted, as a file is read fastest.
    """
    order = np.random.default_rng(seed).permutation(rows)
    n_validation = round(fraction * len(rows))
    n_validation = min(max(n_validation, 1), max(len(rows) - 2, 0))
    if n_validation == 0:
        msg = f"{len(rows)} usable images are too few: at least 3 are needed"
        raise ValueError(msg)
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])


def _check_split(train, validation, n):
    n_left_out = n - len(train) - len(validation)
    if n_left_out:
        msg = f"{n_left_out} of {n} images are unusable and were left out"
        warnings.warn(msg, AstrovaeWarning, stacklevel=3)
    if len(train) < 2 or len(validation) < 1:
        msg = f"{n - n_left_out} usable images are too few to train with"
        raise ValueError(msg)


def _check_preset(preset):
    least = len(preset.latents) + 1
    if preset.n_latent < least:
        msg = f"n_latent must be at least {least}, not {preset.n_latent}"
        raise ValueError(msg)
    if not 0 < preset.validation_fraction < 1:
        msg = (
            "validation_fraction must be between 0 and 1, not "
            f"{preset.validation_fraction}"
        )
        raise ValueError(msg)
    if preset.batch_size < 2:
        msg = f"batch_size must be at least 2, not {preset.batch_size}"
        raise ValueError(msg)
    if preset.max_epochs < 1:
        msg = f"max_epochs must be at least 1, not {preset.max_epochs}"
        raise ValueError(msg)


def _seeded_network(preset, n_bands, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network(
            preset.network, n_bands, preset.n_latent, preset.output_size
        )


def _encode_rows(network, store, rows, device):
    parts = []
    for start in range(0, len(rows), CHUNK):
        batch = store.batch(rows[start : start + CHUNK])
        valid = None if batch.valid is None else batch.valid.numpy()
        parts.append(encode_arrays(network, batch.x.numpy(), valid, device))
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))
