# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Probabilities that hold: a posterior corrected on held-out galaxies.

If posteriors are right, the probability that each gives to what lies
below the truth, its PIT, is uniform. Where it is not, the measured
distribution of the PIT says which probability is meant by which, and
it does so by brightness: faint galaxies err in another way than bright
ones (e.g. Bordoloi et al. 2010).
"""

import numpy as np
from scipy.special import ndtr, ndtri

__all__ = ["PITCalibration"]

#: Calibrated probabilities at which the map is stored.
_LEVELS = np.r_[
    0.0,
    [0.0025, 0.005, 0.01, 0.015],
    np.arange(1, 50) / 50,
    [0.985, 0.99, 0.995, 0.9975],
    1.0,
]

# Galaxies per bin of brightness, and the largest number of bins.
_PER_BIN = 800
_MAX_BINS = 12

_SMALLEST_STEP = 1e-7
# A posterior has a width, however alike the few galaxies were.
_SMALLEST_WIDTH = 0.1


class PITCalibration:
    """
    A map between a network's probabilities and calibrated ones.

    Parameters
    ----------
    quantiles : array_like, shape (n_bins, 59)
        Per bin of brightness, the network's probabilities at the
        calibrated ones.
    centres : array_like, shape (n_bins,)
        Brightness of the middle of each bin; between them the map is
        interpolated.
    n : int, optional
        Number of galaxies that it comes from; 0: it changes nothing.
    """

    def __init__(self, quantiles, centres, n=0):
        self.quantiles = np.asarray(quantiles, dtype=float)
        self.centres = np.asarray(centres, dtype=float)
        self.n = int(n)

    @classmethod
    def fit(cls, pit, brightness):
        """
        Measure the map.

        From fewer than 1600 galaxies only its shift and width are
        measured, in units of a normal distribution's, and none at all
        from fewer than 20.

        Parameters
        ----------
        pit : array, shape (N,)
            Probability that each posterior gives to values below the
            truth; NaN where there is no truth.
        brightness : array, shape (N,)
            Of the galaxies.

        Returns
        -------
        calibration : `PITCalibration`
            The map.
        """
        good = np.isfinite(pit) & np.isfinite(brightness)
        pit, brightness = np.asarray(pit)[good], np.asarray(brightness)[good]
        n = len(pit)
        if n < 20:
            return cls(_LEVELS[None], [0.0])
        if n < 2 * _PER_BIN:
            normal = ndtri(np.clip(pit, 1e-4, 1 - 1e-4))
            shift = np.mean(normal)
            width = max(np.std(normal), _SMALLEST_WIDTH)
            row = _monotone(ndtr(shift + width * ndtri(_LEVELS)))
            return cls(row[None], [0.0], n)
        n_bins = min(n // _PER_BIN, _MAX_BINS)
        order = np.argsort(brightness)
        # Bins of twice their share overlap, which smooths the map.
        middles = (np.arange(n_bins) + 0.5) / n_bins * n
        rows, centres = [], []
        for middle in middles:
            start = int(np.clip(middle - n / n_bins, 0, n))
            inside = order[start : int(middle + n / n_bins)]
            rows.append(_monotone(np.quantile(pit[inside], _LEVELS)))
            centres.append(np.median(brightness[inside]))
        return cls(rows, centres, n)

    def to_network(self, levels, brightness):
        """
        Turn calibrated probabilities into the network's.

        Parameters
        ----------
        levels : array, shape (P,) or (N, P)
            Calibrated probabilities.
        brightness : array, shape (N,)
            Of the galaxies.

        Returns
        -------
        probabilities : `~numpy.ndarray`, shape (N, P)
            What the network calls them.
        """
        rows = self._rows(brightness)
        levels = np.broadcast_to(levels, (len(rows), np.shape(levels)[-1]))
        pairs = zip(levels, rows, strict=True)
        found = [np.interp(own, _LEVELS, row) for own, row in pairs]
        return np.reshape(found, levels.shape)

    def to_calibrated(self, probabilities, brightness):
        """
        Turn the network's probabilities into calibrated ones.

        Parameters
        ----------
        probabilities : array, shape (N, P)
            The network's.
        brightness : array, shape (N,)
            Of the galaxies.

        Returns
        -------
        levels : `~numpy.ndarray`, shape (N, P)
            Calibrated probabilities.
        """
        pairs = zip(probabilities, self._rows(brightness), strict=True)
        found = [np.interp(own, row, _LEVELS) for own, row in pairs]
        return np.reshape(found, np.shape(probabilities))

    def _rows(self, brightness):
        """
        The map of each galaxy, (N, 59).
        """
        if len(self.centres) == 1:
            return np.repeat(self.quantiles, len(brightness), axis=0)
        place = np.interp(brightness, self.centres, np.arange(len(self.centres)))
        below = np.minimum(place.astype(int), len(self.centres) - 2)
        share = (place - below)[:, None]
        rows = self.quantiles
        return (1 - share) * rows[below] + share * rows[below + 1]

    def to_dict(self):
        """
        Get everything that JSON needs to keep.

        Returns
        -------
        state : dict
            For `from_dict`.
        """
        return {
            "quantiles": self.quantiles.tolist(),
            "centres": self.centres.tolist(),
            "n": self.n,
        }

    @classmethod
    def from_dict(cls, state):
        """
        Restore a calibration.

        Parameters
        ----------
        state : dict
            From `to_dict`.

        Returns
        -------
        calibration : `PITCalibration`
            The calibration.
        """
        return cls(**state)


def _monotone(quantiles):
    """
    Keep the ends, and keep neighbours apart.
    """
    quantiles[0], quantiles[-1] = 0.0, 1.0
    steps = np.maximum(np.diff(quantiles), _SMALLEST_STEP)
    return np.r_[0.0, np.cumsum(steps) / steps.sum()]
