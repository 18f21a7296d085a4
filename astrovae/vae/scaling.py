# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Between labels and latents, in both directions.
"""

import numpy as np

__all__ = ["LatentScaling", "angle_difference", "angle_estimate", "wrap_angle"]

# Standard deviation, in radians, of an angle that nothing is known of.
_UNKNOWN_ANGLE = np.pi / np.sqrt(12.0)
# Smallest one, 2 degrees: labels that are good to 0.1 rad cannot teach a
# network which of its angles are better than that, and it thinks too well
# of those of elongated galaxies.
_BEST_ANGLE = np.radians(2.0)


class LatentScaling:
    """
    What each physical latent stands for.

    Parameters
    ----------
    latents : tuple of str
        Names of the physical latents, in order: parameters, or
        ``cos2phi`` and ``sin2phi`` for the orientation.
    statistics : dict of str to dict
        Per parameter of the training labels: ``mean``, ``std``,
        ``min``, ``max`` on the modelled scale, and their number
        ``n``.
    standardise : bool
        Whether latents are in units of ``std`` from ``mean``.
    """

    def __init__(self, latents, statistics, standardise):
        self.latents = tuple(latents)
        self.statistics = statistics
        self.standardise = standardise

    @classmethod
    def fit(cls, latents, labels, standardise):
        """
        Take the statistics of the training labels.

        Parameters
        ----------
        latents : tuple of str
            Names of the physical latents.
        labels : `~astrovae.vae.labels.Labels`
            Labels of the training split.
        standardise : bool
            Whether to standardise.

        Returns
        -------
        scaling : `LatentScaling`
            The scaling.
        """
        statistics = {}
        for name, values in labels.values.items():
            finite = values[np.isfinite(values)]
            if len(finite) == 0:
                finite = np.zeros(1)
            spread = float(np.std(finite))
            statistics[name] = {
                "mean": float(np.mean(finite)),
                "std": spread if spread > 0 else 1.0,
                "min": float(np.min(finite)),
                "max": float(np.max(finite)),
                "n": int(np.isfinite(values).sum()),
            }
        return cls(latents, statistics, standardise)

    def widened(self, labels):
        """
        Let the range of the labels take in further ones.

        Parameters
        ----------
        labels : `~astrovae.vae.labels.Labels`
            Labels of another training split.

        Returns
        -------
        scaling : `LatentScaling`
            The same latents, with a range that holds both.
        """
        statistics = {name: dict(own) for name, own in self.statistics.items()}
        for name, own in statistics.items():
            values = labels.values[name]
            finite = values[np.isfinite(values)]
            if len(finite):
                own["min"] = min(own["min"], float(finite.min()))
                own["max"] = max(own["max"], float(finite.max()))
        return LatentScaling(self.latents, statistics, self.standardise)

    def to_latents(self, labels):
        """
        Turn labels into what the latents should be.

        Parameters
        ----------
        labels : `~astrovae.vae.labels.Labels`
            Labels of N galaxies.

        Returns
        -------
        target, error : `~numpy.ndarray`, shape (N, n_physical)
            Latents and 1-sigma errors; NaN where missing.
        """
        columns = [self._latent(name, labels) for name in self.latents]
        target, error = zip(*columns, strict=True)
        return np.stack(target, axis=1), np.stack(error, axis=1)

    def _latent(self, name, labels):
        if name in ("cos2phi", "sin2phi"):
            angle = labels.values["orientation"]
            wave = np.cos if name == "cos2phi" else np.sin
            return wave(2.0 * angle), 2.0 * labels.errors["orientation"]
        value, error = labels.values[name], labels.errors[name]
        if not self.standardise:
            return value, error
        own = self.statistics[name]
        return (value - own["mean"]) / own["std"], error / own["std"]

    def to_estimates(self, mean, log_variance):
        """
        Turn latents into estimates.

        Parameters
        ----------
        mean, log_variance : array, shape (N, n_latent)
            The latent Gaussians.

        Returns
        -------
        estimates : dict of str to tuple
            Per parameter the estimate and its sigma on the modelled
            scale, each of shape (N,).
        """
        mean = np.asarray(mean, dtype=float)
        sigma = np.exp(0.5 * np.asarray(log_variance, dtype=float))
        estimates = {}
        for i, name in enumerate(self.latents):
            if name == "cos2phi":
                pair = slice(i, i + 2)
                angle, error = angle_estimate(mean[:, pair], log_variance[:, pair])
                error = np.minimum(np.hypot(error, _BEST_ANGLE), _UNKNOWN_ANGLE)
                estimates["orientation"] = angle, error
            elif name == "orientation":
                estimates[name] = wrap_angle(mean[:, i]), sigma[:, i]
            elif name in self.statistics:
                own = self.statistics[name]
                shift, scale = (0.0, 1.0)
                if self.standardise:
                    shift, scale = own["mean"], own["std"]
                value = shift + scale * mean[:, i]
                estimates[name] = value, scale * sigma[:, i]
        return estimates


def wrap_angle(angle):
    """
    Bring orientations into (-pi/2, pi/2].

    Parameters
    ----------
    angle : array
        Radians.

    Returns
    -------
    angle : `~numpy.ndarray`
        Radians.
    """
    return np.pi / 2 - np.mod(np.pi / 2 - np.asarray(angle), np.pi)


def angle_difference(a, b):
    """
    Difference of two orientations, the short way round.

    Parameters
    ----------
    a, b : array
        Radians.

    Returns
    -------
    difference : `~numpy.ndarray`
        ``a - b`` in (-pi/2, pi/2].
    """
    return wrap_angle(np.asarray(a) - np.asarray(b))


def angle_estimate(mean, log_variance):
    """
    Turn (cos, sin) of twice an angle into the angle.

    Parameters
    ----------
    mean, log_variance : array, shape (N, 2)
        The two latents.

    Returns
    -------
    angle, sigma : `~numpy.ndarray`, shape (N,)
        Radians; sigma is at most that of an angle of which nothing
        is known.
    """
    cosine, sine = np.asarray(mean, dtype=float).T
    of_cosine, of_sine = np.exp(0.5 * np.asarray(log_variance, dtype=float)).T
    length = np.maximum(np.hypot(cosine, sine), 1e-6)
    # Only the error across the vector turns it.
    across = np.hypot(sine * of_cosine, cosine * of_sine) / length
    sigma = np.minimum(0.5 * across / length, _UNKNOWN_ANGLE)
    return wrap_angle(0.5 * np.arctan2(sine, cosine)), sigma
