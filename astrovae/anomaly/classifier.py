# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
`AnomalyClassifier`: rare classes of galaxies, found in latent space.
"""

import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline as chain
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from astrovae.exceptions import AstrovaeWarning

from . import evaluation
from .latents import (
    finite_rows,
    fit_latents,
    mask_of,
    new_latents,
    read_labels,
    usable_rows,
)
from .oversampling import make_pipeline, neighbours_of, pairwise_decision, votes

__all__ = ["AnomalyClassifier"]


class AnomalyClassifier(ClassifierMixin, BaseEstimator):
    """
    Assign galaxies to known classes, some of them rare.

    The classifier of Gagliano & Villar (2023): standardised latents,
    rare classes oversampled by SMOTE to the size of the largest, a
    support vector machine with radial basis functions. The latents are
    standardised by the original galaxies before the oversampling.

    Parameters
    ----------
    k_neighbors : int, optional
        Number of neighbours between which SMOTE interpolates. A class
        with fewer others uses those that it has; a single member is
        repeated. A warning says so.
    C : float, optional
        Penalty of the support vector machine.
    gamma : float or {"auto", "scale"}, optional
        Width of its kernel; ``"auto"``, one over the number of
        features, is the paper's.
    calibration_splits : int, optional
        Number of folds whose held-out decision values calibrate
        `predict_proba`; 0: no probabilities, a faster fit.
    random_state : int, `~numpy.random.RandomState` or None, optional
        Seed of oversampling and folds.

    Attributes
    ----------
    classes_ : `~numpy.ndarray`, shape (n_classes,)
        The classes' names, sorted.
    pipeline_ : `~imblearn.pipeline.Pipeline`
        Scaler, oversampling and support vector machine.
    smote_neighbors_ : dict
        Per class the neighbours used; 0: one member, repeated; `None`:
        not oversampled.
    n_features_in_ : int
        Number of latents.
    feature_names_in_ : `~numpy.ndarray` of str
        Of a table, the columns used: the numeric ones, without
        ``id``, ``ra``, ``dec``, ``flags`` and without errors and
        interval ends of other columns.
    feature_units_ : dict
        Of a table, their units; later tables are converted to them.

    Examples
    --------
    >>> import numpy as np
    >>> from astrovae.anomaly import AnomalyClassifier
    >>> rng = np.random.default_rng(0)
    >>> latents = rng.normal(size=(300, 4))
    >>> labels = np.repeat(["field", "pea"], [280, 20])
    >>> latents[280:, 0] += 4
    >>> clf = AnomalyClassifier(random_state=0).fit(latents, labels)
    >>> clf.predict([[4.5, 0, 0, 0]])
    array(['pea'], dtype='<U5')
    """

    def __init__(
        self,
        *,
        k_neighbors=5,
        C=1.0,
        gamma="auto",
        calibration_splits=5,
        random_state=None,
    ):
        self.k_neighbors = k_neighbors
        self.C = C
        self.gamma = gamma
        self.calibration_splits = calibration_splits
        self.random_state = random_state

    def fit(self, latents, y):
        """
        Learn the classes.

        Parameters
        ----------
        latents : `~astropy.table.QTable` or array_like, shape (N, n_latent)
            The latents. Columns of physical parameters that have
            units are taken as `astrovae.parameters` models them:
            masses and rates by their logarithm. Rows that are not
            finite are left out, with a warning.
        y : array_like, shape (N,)
            The labels: the classes' names.

        Returns
        -------
        self : `AnomalyClassifier`
            Fitted.

        Raises
        ------
        ValueError
            If there are fewer than two classes.
        """
        if np.any(mask_of(y)):
            y = read_labels(y, len(y))
        values, labels = fit_latents(self, latents, y)
        check_classification_targets(labels)
        good = usable_rows(values, "the fit")
        self.classes_, codes = np.unique(labels[good], return_inverse=True)
        if len(self.classes_) < 2:
            msg = "the labels have one class only; at least two classes are needed"
            raise ValueError(msg)
        rng = check_random_state(self.random_state)
        seed = int(rng.randint(2**31 - 1))
        neighbours = neighbours_of(codes, self.k_neighbors)
        self.smote_neighbors_ = {self.classes_[c]: k for c, k in neighbours.items()}
        evaluation.warn_of_small_classes(self.smote_neighbors_, self.k_neighbors)
        self.pipeline_ = self._pipeline(codes, seed).fit(values[good], codes)
        self._calibrator = None
        if self.calibration_splits:
            self._calibrator = self._calibrate(values[good], codes, seed)
        return self

    def _pipeline(self, codes, seed):
        return make_pipeline(
            codes, k_neighbors=self.k_neighbors, C=self.C, gamma=self.gamma, seed=seed
        )

    def _calibrate(self, values, codes, seed):
        # A logistic regression of what the machine says of galaxies
        # that it was not trained with.
        smallest = int(np.bincount(codes).min())
        if smallest < 2:
            msg = (
                "a class has one member, which cannot be trained with and "
                "held out at the same time: there will be no probabilities"
            )
            warnings.warn(msg, AstrovaeWarning, stacklevel=3)
            return None
        n_splits = min(max(self.calibration_splits, 2), smallest)
        folds = StratifiedKFold(n_splits, shuffle=True, random_state=seed)
        every = np.arange(len(self.classes_))
        decision = np.zeros((len(codes), len(every) * (len(every) - 1) // 2))
        for train, test in folds.split(values, codes):
            pipeline = self._pipeline(codes[train], seed)
            pipeline.fit(values[train], codes[train])
            decision[test] = pairwise_decision(pipeline, values[test], every)
        model = chain(StandardScaler(), LogisticRegression(max_iter=1000))
        return model.fit(decision, codes)

    def _pairwise(self, latents):
        check_is_fitted(self, "pipeline_")
        values = new_latents(self, latents)
        good = finite_rows(values)
        every = np.arange(len(self.classes_))
        return pairwise_decision(self.pipeline_, values[good], every), good

    def decision_function(self, latents):
        """
        Tell how clearly galaxies belong to each class.

        Parameters
        ----------
        latents : `~astropy.table.QTable` or array_like, shape (N, n_latent)
            The latents.

        Returns
        -------
        decision : `~numpy.ndarray`, shape (N, n_classes) or (N,)
            The largest is the class predicted; of two classes one
            number, positive for the second. NaN for rows that are not
            finite.
        """
        pairwise, good = self._pairwise(latents)
        if len(self.classes_) == 2:
            decision = np.full(len(good), np.nan)
            decision[good] = -pairwise[:, 0]
            return decision
        decision = np.full((len(good), len(self.classes_)), np.nan)
        decision[good] = votes(pairwise, len(self.classes_))
        return decision

    def predict(self, latents):
        """
        Name the class of galaxies.

        Parameters
        ----------
        latents : `~astropy.table.QTable` or array_like, shape (N, n_latent)
            The latents.

        Returns
        -------
        labels : `~numpy.ndarray`, shape (N,)
            The classes' names, all classes taken as equally frequent,
            for which SMOTE stands; a masked array if there are rows
            that are not finite.
        """
        pairwise, good = self._pairwise(latents)
        every = len(self.classes_)
        best = np.zeros(len(good), dtype=int)
        if every == 2:
            best[good] = pairwise[:, 0] < 0
        else:
            best[good] = votes(pairwise, every).argmax(axis=1)
        labels = self.classes_[best]
        return labels if good.all() else np.ma.MaskedArray(labels, mask=~good)

    def predict_proba(self, latents):
        """
        Estimate the probability of each class.

        It is calibrated on galaxies that were held out, with classes
        as frequent as in the training: where peas are rare there, a
        galaxy that `predict` calls a pea may have a small probability
        to be one.

        Parameters
        ----------
        latents : `~astropy.table.QTable` or array_like, shape (N, n_latent)
            The latents.

        Returns
        -------
        probability : `~numpy.ndarray`, shape (N, n_classes)
            In the order of ``classes_``; NaN for rows that are not
            finite.

        Raises
        ------
        ValueError
            If the fit could not calibrate, or was told not to.
        """
        pairwise, good = self._pairwise(latents)
        if self._calibrator is None:
            msg = (
                "there are no probabilities: calibration_splits is 0, or a "
                "class has one member only"
            )
            raise ValueError(msg)
        probability = np.full((len(good), len(self.classes_)), np.nan)
        if good.any():
            probability[good] = self._calibrator.predict_proba(pairwise)
        return probability

    def evaluate(
        self,
        latents,
        labels,
        *,
        n_splits=5,
        n_repeats=5,
        control=None,
        redshift=None,
        n_matched=10,
        max_difference=0.02,
        confidence=0.6827,
        n_jobs=None,
    ):
        """
        Measure recovery and contamination on galaxies held out.

        The classifier itself need not be fitted and is not changed:
        copies are trained on all folds but one, with SMOTE inside the
        training folds only, and asked about the rest.

        Every galaxy is asked about once in each of ``n_repeats``
        rounds. The rounds average over the luck of the folds, but they
        hold the same galaxies: for the binomial (Wilson) intervals n
        is the number of galaxies and not of predictions, and 13 peas
        remain 13. The spread over the rounds, in ``recovery_std``, is
        no error of the recovery.

        With ``redshift``, each class is also trained and tested
        against controls of the same redshifts, and the classifier
        trained with all controls is tested against these. Where the
        latter calls many of them anomalous, redshift is what it looks
        at.

        Parameters
        ----------
        latents : `~astropy.table.QTable` or array_like, shape (N, n_latent)
            The latents.
        labels : array_like, shape (N,)
            The classes' names.
        n_splits, n_repeats : int, optional
            Number of stratified folds, and of rounds.
        control : str, optional
            The class that is no anomaly; by default the largest.
        redshift : array_like or Quantity, shape (N,), optional
            For matched controls.
        n_matched : int, optional
            Controls per member of a class, at most.
        max_difference : float, optional
            Largest difference of the redshifts over 1 + z.
        confidence : float, optional
            Probability of the intervals.
        n_jobs : int, optional
            Number of processes, as in scikit-learn.

        Returns
        -------
        table : `~astropy.table.QTable`
            One row per class and set of ``controls``: ``all``; with
            redshifts ``matched``, for training and test, and ``all,
            tested on matched``. ``recovery``: fraction of
            the class that is called so (completeness).
            ``contamination``: fraction of those called so that are
            not, given the numbers in this table, so it grows with
            those of the controls. ``false_positive_rate``: fraction of
            the controls that are called so (for the controls: of the
            anomalies), which does not; this is the contamination that
            the paper states. Each has ``_lower`` and ``_upper``.
            ``smote_neighbors`` is the least that the folds allowed (0:
            a member was repeated; masked: not oversampled) and
            ``note`` what else is to be known.

        Raises
        ------
        ValueError
            If there are fewer than two classes, or no such control.
        """
        return evaluation.evaluate(
            self,
            latents,
            labels,
            n_splits=n_splits,
            n_repeats=n_repeats,
            control=control,
            redshift=redshift,
            n_matched=n_matched,
            max_difference=max_difference,
            confidence=confidence,
            n_jobs=n_jobs,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
