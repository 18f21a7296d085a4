# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What a table says of a parameter: draws, or an estimate with an interval.

These classes serve the other modules of this sub-package.
"""

import numpy as np
from astropy.table import QTable
from scipy.special import ndtr, ndtri

from astrovae.parameters import PARAMETERS

from .distances import fair_circular_crps, fair_crps, normal_distance
from .matching import (
    PERIOD,
    bounds_of,
    centre,
    matching_rows,
    modelled,
    modelled_error,
    shared_names,
    wrap,
)
from .ranks import rank_among

__all__ = []

# The columns NAME_lower and NAME_upper are the 16th and 84th percentiles.
_UPPER_PERCENTILE = 0.84


class Draws:
    """
    Draws of each row's distribution, shape (N, n).
    """

    def __init__(self, parameter, draws, errors, rng):
        if errors is not None:
            draws = draws + errors[:, None] * rng.standard_normal(draws.shape)
        self.parameter = parameter
        self.draws = draws
        self.rng = rng

    def pit(self, true):
        """
        The places of the truth among the draws.
        """
        # The truth is one of them for the cut, lest it favour the draws.
        middle = centre(self.parameter, np.column_stack([self.draws, true]))
        draws = wrap(self.parameter, self.draws - middle[:, None])
        return rank_among(draws, wrap(self.parameter, true - middle), self.rng)

    def crps(self, true):
        """
        The score of the draws; NaN of a single one.
        """
        if self.draws.shape[1] == 1:
            return np.full(len(true), np.nan)
        is_angle = self.parameter.scale == "periodic"
        score = fair_circular_crps if is_angle else fair_crps
        return score(self.draws - true[:, None])


class HalfNormals:
    """
    A normal distribution of one width on each side of the median.
    """

    def __init__(self, parameter, est, bounds, errors):
        lower, upper = bounds
        below, above = est - lower, upper - est
        if parameter.scale == "periodic":
            # Half a turn and more holds every angle, which is 90 deg
            # away at most.
            whole = upper - lower >= PERIOD
            below, above = (
                np.where(whole, np.maximum(side, PERIOD / 2.0), side % PERIOD)
                for side in (below, above)
            )
        # An estimate outside of its own interval says nothing of its width.
        below, above = (
            np.where(side >= 0.0, side, np.nan) / ndtri(_UPPER_PERCENTILE)
            for side in (below, above)
        )
        if errors is not None:
            below, above = np.hypot(below, errors), np.hypot(above, errors)
        self.parameter = parameter
        self.est = est
        self.sigmas = below, above

    def pit(self, true):
        """
        The cumulative probabilities of the truth.

        0 or 1 where the width is zero and the truth lies elsewhere.
        """
        residual, width, _ = self._sides(true)
        with np.errstate(divide="ignore", invalid="ignore"):
            pulls = residual / width
        return ndtr(np.where((width == 0.0) & (residual == 0.0), 0.0, pulls))

    def crps(self, true):
        """
        The score, in closed form.
        """
        residual, width, other = self._sides(true)
        crps = normal_distance(residual, width) - width / np.sqrt(np.pi)
        # The part of the integral beyond the median is of the other side.
        share = (np.sqrt(2.0) - 1.0) / (2.0 * np.sqrt(np.pi))
        return crps + share * (other - width)

    def _sides(self, true):
        """
        Residuals, sigma on the side of the truth, and on the other.
        """
        residual = wrap(self.parameter, true - self.est)
        residual = np.where(np.isfinite(residual), residual, np.nan)
        below, above = self.sigmas
        negative = residual < 0.0
        return (
            residual,
            np.where(negative, below, above),
            np.where(negative, above, below),
        )


def predictives(predicted, truth, *, label_errors=False, random_state=0):
    """
    List (parameter, predictive, true values) in matching order.

    Parameters of which there is neither an interval nor a draw are
    left out.
    """
    predicted, truth = _as_table(predicted), _as_table(truth)
    names = shared_names(predicted, truth)
    if label_errors and not any(f"{name}_err" in truth.colnames for name in names):
        msg = f"the truth has no errors: no column {names[0]}_err or the like"
        raise ValueError(msg)
    rows = matching_rows(predicted, truth)
    found = []
    for name in names:
        parameter = PARAMETERS[name]
        true = modelled(parameter, truth[name])[rows]
        errors = None
        if label_errors and f"{name}_err" in truth.colnames:
            errors = modelled_error(parameter, truth[name], truth[f"{name}_err"])
            errors = errors[rows]
        values = modelled(parameter, predicted[name])
        bounds = bounds_of(parameter, predicted)
        if values.ndim == 2:
            rng = np.random.default_rng(random_state)
            predictive = Draws(parameter, values, errors, rng)
        elif bounds is not None:
            predictive = HalfNormals(parameter, values, bounds, errors)
        else:
            continue
        found.append((parameter, predictive, true))
    return found


def predictive_of(predicted, truth, name, **options):
    """
    The predictive of one parameter, and its true values.
    """
    for parameter, predictive, true in predictives(predicted, truth, **options):
        if parameter.name == name:
            return predictive, true
    msg = (
        f"the tables do not share {name!r} with {name}_lower and {name}_upper "
        "or with draws"
    )
    raise ValueError(msg)


def _as_table(columns):
    """
    A table of columns by their names.
    """
    return QTable(columns) if isinstance(columns, dict) else columns
