# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Whether joint distributions hold what they promise: TARP.
"""

import numpy as np
from astropy.table import QTable

from astrovae.parameters import PARAMETERS, PHYSICAL

from .matching import centre, wrap
from .pit import ks_distance
from .predictive import Draws, predictives
from .ranks import plain_pair, rank_among

__all__ = ["tarp"]

_N_LEVELS = 101


def tarp(
    samples,
    truth,
    *,
    parameters=None,
    references="posterior",
    n_bootstrap=200,
    confidence=0.95,
    label_errors=False,
    random_state=0,
):
    r"""
    Test the accuracy of joint posteriors with random points.

    Around a reference point that knows nothing of the truth, the ball
    that just reaches the truth holds a share of the draws; the share
    is uniform in [0, 1] where the joint distribution is right (Lemos
    et al. 2023, ICML, PMLR 202, 19256). Wrong correlations, which no
    figure of a single parameter shows, are seen, too; a small bias is
    seen better in the PIT. Distances are those of parameters divided
    by the standard deviation of the galaxy's draws, truth included.

    Parameters
    ----------
    samples : `~astropy.table.QTable`, dict or array_like
        The result of ``PhysicsVAE.sample_posterior``, or an array (N,
        n, d): n joint draws of d parameters per row.
    truth : `~astropy.table.QTable`, dict or array_like
        The true values, as an array (N, d); tables are matched as by
        `comparison_table`.
    parameters : sequence of str, optional
        The columns of tables to test jointly. If not given, those of
        redshift, mass and star-formation rate that both have.
    references : {"posterior", "uniform"} or array_like, optional
        The reference points: the first draw of each row, which then
        does not count, or points in the box that holds all true
        values, or points of the shape (N, d) on the modelled scale.
        Points far from a narrow posterior hardly see its shape.
    n_bootstrap : int, optional
        How often the rows are drawn anew for the intervals.
    confidence : float, optional
        Probability of the intervals.
    label_errors : bool, optional
        See `calibration`; of tables alone.
    random_state : int, `~numpy.random.Generator` or None, optional
        Seed of points, ranks, label errors and bootstrap.

    Returns
    -------
    table : `~astropy.table.QTable`
        ``credibility`` from 0 to 1, ``coverage``, the fraction of
        rows whose share is at most that (nominally the same), and
        ``coverage_lower`` and ``coverage_upper`` from the bootstrap.
        In the meta: ``n``, ``n_excluded``, ``parameters``,
        ``max_deviation`` of the coverage from the credibility with
        ``max_deviation_expected`` and ``p_value`` as by `ks_distance`,
        and ``area``, the integral of coverage minus credibility over
        credibilities above 1/2: negative where the distributions are
        too narrow or biased, positive where they are too wide.

    Raises
    ------
    ValueError
        If the shapes differ, the tables share no draws of a parameter,
        or rows have no match.

    Examples
    --------
    >>> import numpy as np
    >>> from astrovae.metrics import tarp
    >>> rng = np.random.default_rng(0)
    >>> centre = rng.normal(size=(500, 1, 2))
    >>> draws = centre + rng.normal(size=(500, 200, 2))
    >>> truth = centre[:, 0] + rng.normal(size=(500, 2))
    >>> tarp(draws, truth).meta["p_value"] > 0.01
    True
    >>> tarp(0.7 * draws + 0.3 * centre, truth).meta["p_value"] < 0.01
    True
    """
    rng = np.random.default_rng(random_state)
    if hasattr(truth, "colnames") or isinstance(truth, dict):
        axes, draws, true = _columns(samples, truth, parameters, label_errors, rng)
        names = [parameter.name for parameter in axes]
    else:
        samples, truth, _ = plain_pair(samples, truth, n_axes=3)
        draws, true = list(np.moveaxis(samples, 2, 0)), list(truth.T)
        axes, names = [PARAMETERS["redshift"]] * len(draws), None  # not periodic
    good = np.all(np.isfinite(true), axis=0)
    for values in draws:
        good &= np.all(np.isfinite(values), axis=1)
    draws, true = [values[good] for values in draws], [values[good] for values in true]
    points, draws = _reference_points(references, draws, true, good, rng)
    share = rank_among(*_distances(axes, draws, true, points), rng)
    table = _curve(share, n_bootstrap, confidence, rng)
    table.meta["n_excluded"] = int(np.count_nonzero(~good))
    table.meta["parameters"] = names
    return table


def _columns(samples, truth, parameters, label_errors, rng):
    """
    The draws of the chosen parameters and their true values.
    """
    found = {
        parameter.name: (parameter, predictive.draws, true)
        for parameter, predictive, true in predictives(
            samples, truth, label_errors=label_errors, random_state=rng
        )
        if isinstance(predictive, Draws)
    }
    if parameters is None:
        parameters = [name for name in PHYSICAL if name in found]
    missing = [name for name in parameters if name not in found]
    if missing or not parameters:
        msg = (
            f"the tables share draws of {list(found) or 'no parameter'}, but "
            f"{missing or list(PHYSICAL)} were asked for"
        )
        raise ValueError(msg)
    chosen = [found[name] for name in parameters]
    if len({draws.shape for _, draws, _ in chosen}) > 1:
        msg = "the parameters have different numbers of draws: they are not joint"
        raise ValueError(msg)
    return [list(entries) for entries in zip(*chosen, strict=True)]


def _reference_points(references, draws, true, good, rng):
    """
    A point for each row, and the draws that are left.
    """
    if isinstance(references, str) and references == "posterior":
        if draws[0].shape[1] < 3:
            msg = "a posterior as its own reference needs three draws at least"
            raise ValueError(msg)
        return [values[:, 0] for values in draws], [values[:, 1:] for values in draws]
    if isinstance(references, str):
        if references != "uniform":
            msg = f"references are 'posterior', 'uniform' or points: {references!r}"
            raise ValueError(msg)
        if not np.any(good):
            return true, draws
        return [
            rng.uniform(values.min(), values.max(), len(values)) for values in true
        ], draws
    points = np.asarray(references, dtype=float)
    if points.shape != (len(good), len(draws)):
        msg = f"references of the shape {points.shape} are not {len(good)} points"
        raise ValueError(msg)
    return list(points[good].T), draws


def _distances(axes, draws, true, points):
    """
    Squared distances of draws and of the truth from the points.
    """
    of_draws, of_truth = 0.0, 0.0
    for parameter, values, target, point in zip(axes, draws, true, points, strict=True):
        # The truth is one of them for the scale, lest it favour the draws.
        together = np.column_stack([values, target])
        middle = centre(parameter, together)[:, None]
        scale = np.std(wrap(parameter, together - middle), axis=1)
        # Where all draws are equal the parameter's own scale will do.
        scale = np.where(scale > 0.0, scale, 1.0)
        of_truth += (wrap(parameter, target - point) / scale) ** 2
        apart = wrap(parameter, values - point[:, None])
        apart /= scale[:, None]
        of_draws += apart**2
    return of_draws, of_truth


def _curve(share, n_bootstrap, confidence, rng):
    """
    The coverage by credibility, with its intervals and figures.
    """
    levels = np.linspace(0.0, 1.0, _N_LEVELS)
    n = len(share)
    table = QTable({"credibility": levels})
    coverage = np.full((n_bootstrap + 1, _N_LEVELS), np.nan)
    if n:
        step = np.searchsorted(levels, share)
        for i in range(n_bootstrap + 1):
            chosen = step if i == 0 else step[rng.integers(n, size=n)]
            counts = np.bincount(chosen, minlength=_N_LEVELS)
            coverage[i] = np.cumsum(counts) / n
    table["coverage"] = coverage[0]
    tail = 0.5 - confidence / 2.0
    for name, level in (("lower", tail), ("upper", 1.0 - tail)):
        ends = np.quantile(coverage[1:], level, axis=0) if n_bootstrap else np.nan
        table[f"coverage_{name}"] = ends
    upper = levels >= 0.5
    distance = ks_distance(share)
    table.meta |= {
        "n": n,
        "max_deviation": distance["distance"],
        "max_deviation_expected": distance["expected"],
        "p_value": distance["p_value"],
        "area": float(np.trapezoid((coverage[0] - levels)[upper], levels[upper])),
        "confidence": confidence,
    }
    return table
