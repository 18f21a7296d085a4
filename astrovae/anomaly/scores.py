# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
`AnomalyScore`: how unlike the usual galaxies a galaxy is.
"""

import warnings

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from astrovae.exceptions import AstrovaeWarning

from .density import fit_mixture
from .latents import finite_rows, fit_latents, new_latents, usable_rows

__all__ = ["AnomalyScore"]

METHODS = ("density", "isolation_forest", "local_outlier_factor", "value")
TAILS = (None, "exponential")

# For a density: two to fit to, one to choose its size by, two to judge.
_MIN_GALAXIES = 5
# The part of the calibration galaxies that the exponential describes.
_TAIL_FRACTION = 0.1
_MIN_TAIL = 20


class AnomalyScore(BaseEstimator):
    """
    Score galaxies without labels, and say how rare such scores are.

    One interface to several scores: minus the log-density of a mixture
    of normal distributions (with more components only as long as they
    make galaxies held out clearly more likely), and two references of
    scikit-learn, its isolation forest and its local outlier factor;
    and any number that is higher for stranger galaxies, such as the
    error of a reconstruction, as the only column.

    A part of the galaxies is held out from the model; for a number,
    which has no model, all of them are. Their scores
    calibrate the p-values of new ones: (1 + m) / (1 + n), where m of n
    scores held out are at least as high (a conformal p-value). Of
    galaxies drawn as the fitted ones were, at most a fraction p has a
    p-value of p or less, whatever the model; no p-value is below
    1 / (1 + n). The fitted galaxies should therefore be usual ones: of
    anomalies among them, p-values become larger.

    Parameters
    ----------
    method : {"density", "isolation_forest", "local_outlier_factor", "value"}
        The score.
    max_components : int, optional
        Components of the mixture, at most.
    n_neighbors : int, optional
        Of the local outlier factor.
    n_estimators : int, optional
        Trees of the isolation forest.
    calibration_fraction : float, optional
        The part of the galaxies that is held out.
    tail : {None, "exponential"}, optional
        ``"exponential"``: beyond the highest tenth of the scores held
        out, p-values fall exponentially with the mean excess of that
        tenth. Ranks the strangest galaxies, and is an extrapolation:
        the guarantee above does not hold for it.
    max_fit : int, optional
        The model sees at most so many galaxies, drawn at random; the
        calibration sees as many.
    random_state : int, `~numpy.random.RandomState` or None, optional
        Seed of splits and models.

    Attributes
    ----------
    model_ : estimator or None
        The fitted mixture, forest or local outlier factor; `None`: the
        score is the number itself.
    n_components_ : int
        Of the mixture.
    calibration_scores_ : `~numpy.ndarray`
        Sorted scores of the galaxies held out.
    n_features_in_ : int
        Number of latents.

    Examples
    --------
    >>> import numpy as np
    >>> from astrovae.anomaly import AnomalyScore
    >>> latents = np.random.default_rng(0).normal(size=(1000, 3))
    >>> score = AnomalyScore(random_state=0).fit(latents)
    >>> p = score.p_value([[0.0, 0, 0], [9, 9, 9]])
    >>> bool(p[0] > 0.5), bool(p[1] < 0.01)
    (True, True)
    """

    def __init__(
        self,
        method="density",
        *,
        max_components=16,
        n_neighbors=20,
        n_estimators=200,
        calibration_fraction=0.3,
        tail=None,
        max_fit=50_000,
        random_state=None,
    ):
        self.method = method
        self.max_components = max_components
        self.n_neighbors = n_neighbors
        self.n_estimators = n_estimators
        self.calibration_fraction = calibration_fraction
        self.tail = tail
        self.max_fit = max_fit
        self.random_state = random_state

    def fit(self, latents, y=None):  # noqa: ARG002
        """
        Learn what usual galaxies are like.

        Parameters
        ----------
        latents : `~astropy.table.QTable` or array_like, shape (N, n_latent)
            Latents of galaxies, nearly all of them usual. Rows that
            are not finite are left out, with a warning.
        y : object, optional
            Not used; scikit-learn's convention.

        Returns
        -------
        self : `AnomalyScore`
            Fitted.

        Raises
        ------
        ValueError
            If there are fewer than five finite rows, or an argument is
            wrong.
        """
        for name, known in (("method", METHODS), ("tail", TAILS)):
            if getattr(self, name) not in known:
                msg = f"{name} must be one of {known}, got {getattr(self, name)!r}"
                raise ValueError(msg)
        values = fit_latents(self, latents)
        good = usable_rows(values, "the fit")
        values = values[good]
        if len(values) < _MIN_GALAXIES:
            msg = f"n_samples = {len(values)}: at least five galaxies are needed"
            raise ValueError(msg)
        held_out = self._fit_model(values)
        self.calibration_scores_ = np.sort(self._score(held_out))
        n = len(self.calibration_scores_)
        if self.tail and n * _TAIL_FRACTION < _MIN_TAIL:
            msg = (
                f"{n} galaxies held out do not show the tail of the scores "
                f"({_MIN_TAIL / _TAIL_FRACTION:.0f} would): p-values in it are "
                "a rough guide"
            )
            warnings.warn(msg, AstrovaeWarning, stacklevel=2)
        return self

    def _fit_model(self, values):
        """
        Fit to a part of the galaxies; return the others.
        """
        self.model_ = None
        if self.method == "value":
            if values.shape[1] != 1:
                msg = f"method='value' takes one column, got {values.shape[1]}"
                raise ValueError(msg)
            return values
        rng = check_random_state(self.random_state)
        train, held_out = train_test_split(
            values, test_size=self.calibration_fraction, random_state=rng
        )
        train, held_out = train[: self.max_fit], held_out[: self.max_fit]
        self._scaler = StandardScaler().fit(train)
        self.model_ = self._build_model(self._scaler.transform(train), rng)
        return held_out

    def _build_model(self, train, rng):
        if self.method == "isolation_forest":
            forest = IsolationForest(n_estimators=self.n_estimators, random_state=rng)
            return forest.fit(train)
        if self.method == "local_outlier_factor":
            k = min(self.n_neighbors, len(train) - 1)
            return LocalOutlierFactor(k, novelty=True).fit(train)
        model = fit_mixture(train, self.max_components, rng)
        self.n_components_ = model.n_components
        return model

    def _score(self, values):
        if self.method == "value":
            return values[:, 0]
        return -self.model_.score_samples(self._scaler.transform(values))

    def score(self, latents, y=None):  # noqa: ARG002
        """
        Score galaxies.

        Parameters
        ----------
        latents : `~astropy.table.QTable` or array_like, shape (N, n_latent)
            The latents.
        y : object, optional
            Not used; scikit-learn's convention.

        Returns
        -------
        score : `~numpy.ndarray`, shape (N,)
            Higher is stranger, the opposite of scikit-learn's
            ``score_samples``; NaN for rows that are not finite.
            Scores of different methods are on different scales.
        """
        check_is_fitted(self, "model_")
        values = new_latents(self, latents)
        good = finite_rows(values)
        score = np.full(len(values), np.nan)
        if good.any():
            score[good] = self._score(values[good])
        return score

    def p_value(self, latents):
        """
        Tell how often usual galaxies are as strange.

        Parameters
        ----------
        latents : `~astropy.table.QTable` or array_like, shape (N, n_latent)
            The latents.

        Returns
        -------
        p_value : `~numpy.ndarray`, shape (N,)
            Of galaxies that the model was not fitted to; those of the
            fitted ones are too large. NaN for rows that are not
            finite.
        """
        score = self.score(latents)
        known = self.calibration_scores_
        n = len(known)
        # Ties count: the p-value must not be too small.
        above = n - np.searchsorted(known, score, side="left")
        p_value = (1.0 + above) / (1.0 + n)
        if self.tail == "exponential":
            n_tail = max(int(np.ceil(_TAIL_FRACTION * n)), 1)
            edge = known[n - n_tail]
            excess = max(np.mean(known[n - n_tail :] - edge), 1e-12)
            start = (1.0 + n_tail) / (1.0 + n)
            beyond = start * np.exp(-np.maximum(score - edge, 0.0) / excess)
            p_value = np.where(score > edge, beyond, p_value)
        return np.where(np.isnan(score), np.nan, p_value)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
