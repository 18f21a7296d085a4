# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
From latents to result tables.
"""

import astropy.units as u
import numpy as np
from astropy.table import MaskedColumn, QTable
from astropy.uncertainty import Distribution
from astropy.utils.masked import Masked

from astrovae.flags import FLAG_MEANINGS, UNUSABLE, GalaxyFlags
from astrovae.parameters import PARAMETERS

from .scaling import wrap_angle

__all__ = [
    "OUTLIER_SCORE",
    "UNDETERMINED_ANGLE",
    "identity_table",
    "point_estimate",
    "posterior_table",
    "result_table",
]

#: The ood_score above which OUT_OF_DISTRIBUTION is set: one in 1000.
OUTLIER_SCORE = 3.0

#: The half-width, in radians, of an interval of the orientation from
#: which on ORIENTATION_FAILED is set: half of all angles are in it.
UNDETERMINED_ANGLE = np.pi / 4


def identity_table(images):
    """
    Start a result table: who the galaxies are.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        The images.

    Returns
    -------
    table : `~astropy.table.QTable`
        The columns id, ra and dec; positions that are not known are
        masked.
    """
    own = images.table
    table = QTable()
    table["id"] = np.asarray(own["id"], dtype=str)
    for name in ("ra", "dec"):
        angle = u.Quantity(own[name], u.deg)
        table[name] = _masked(angle, ~np.isfinite(angle))
    return table


def result_table(images, estimates, calibration, statistics, extras, flags):
    """
    Build the table of `~astrovae.PhysicsVAE.predict`.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        The images.
    estimates : dict of str to tuple
        Per parameter the network's mean and sigma, on the modelled
        scale.
    calibration : dict of str to `~astrovae.nn.QuantileCalibration`
        Per parameter, what makes estimates and intervals of them.
    statistics : dict of str to dict
        Per parameter, ``min`` and ``max`` of the training labels.
    extras : dict of str to array, shape (N,)
        ``morphology`` and ``ood_score``.
    flags : array of int, shape (N,)
        Flags of the images.

    Returns
    -------
    table : `~astropy.table.QTable`
        The result. Estimates of unusable rows are masked.
    """
    columns = {
        name: _point_and_ends(name, *estimates[name], calibration[name])
        for name in PARAMETERS
        if name in estimates
    }
    flags = flags | _range_flags(columns, statistics) | _angle_flags(columns)
    strange = np.nan_to_num(extras["ood_score"], nan=0.0) > OUTLIER_SCORE
    flags = flags | strange * int(GalaxyFlags.OUT_OF_DISTRIBUTION)
    unusable = (flags & UNUSABLE) > 0
    flags[unusable] &= ~_ESTIMATE_FLAGS
    table = identity_table(images)
    for name, latents in columns.items():
        for suffix, latent in zip(("", "_lower", "_upper"), latents, strict=True):
            with np.errstate(over="ignore"):
                quantity = PARAMETERS[name].from_latent(latent)
            bad = unusable | ~np.isfinite(quantity.value)
            table[name + suffix] = _masked(quantity, bad)
    for name, values in extras.items():
        bad = unusable | ~np.isfinite(values)
        column = MaskedColumn(values, mask=bad) if bad.any() else values
        table[name] = column
    table["flags"] = flags
    table.meta["flags"] = flag_bits()
    table.meta["reasons"] = dict(images.reasons)
    return table


def posterior_table(images, estimates, calibration, flags, normal):
    """
    Build the table of `~astrovae.PhysicsVAE.sample_posterior`.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        The images.
    estimates, calibration : dict
        As for `result_table`.
    flags : array of int, shape (N,)
        Flags of the images.
    normal : dict of str to array, shape (N, n)
        Standard normal numbers for each parameter.

    Returns
    -------
    table : `~astropy.table.QTable`
        The columns id, ra, dec, one of
        `~astropy.uncertainty.Distribution` per parameter, and flags.
    """
    unusable = (flags & UNUSABLE) > 0
    table = identity_table(images)
    for name, parameter in PARAMETERS.items():
        if name not in estimates:
            continue
        value, sigma = estimates[name]
        _, turn = point_estimate(name, value, sigma, calibration[name])
        draws = calibration[name].sample(value + turn, sigma, normal[name])
        draws[unusable] = np.nan
        table[name] = Distribution(parameter.from_latent(draws))
        # Without a format of its own astropy cannot print the column.
        table[name].info.format = _summary
    table["flags"] = flags
    table.meta["flags"] = flag_bits()
    return table


def point_estimate(name, mean, sigma, calibration):
    """
    Get the estimates of one parameter.

    Parameters
    ----------
    name : str
        The parameter.
    mean, sigma : array, shape (N,)
        What the network says, on the modelled scale.
    calibration : `~astrovae.nn.QuantileCalibration`
        The parameter's.

    Returns
    -------
    estimate : `~numpy.ndarray`, shape (N,)
        The estimates on the modelled scale.
    turn : `~numpy.ndarray`, shape (N,)
        What was added to bring them into the range of an orientation;
        intervals and draws turn with them.
    """
    estimate = calibration.estimate(mean, sigma)
    if PARAMETERS[name].scale != "periodic":
        return estimate, np.zeros(len(estimate))
    # By whole half-turns, so that an angle in range stays as it is.
    turn = np.pi * np.round((wrap_angle(estimate) - estimate) / np.pi)
    return estimate + turn, turn


def flag_bits():
    """
    Get the bit of each flag, for a table's meta.

    Returns
    -------
    bits : dict of str to int
        Name and value.
    """
    return {name: int(getattr(GalaxyFlags, name)) for name in FLAG_MEANINGS}


_ESTIMATE_FLAGS = (
    int(GalaxyFlags.OUT_OF_RANGE)
    | int(GalaxyFlags.OUT_OF_DISTRIBUTION)
    | int(GalaxyFlags.ORIENTATION_FAILED)
)


def _point_and_ends(name, mean, sigma, calibration):
    estimate, turn = point_estimate(name, mean, sigma, calibration)
    return estimate, *calibration.interval(mean + turn, sigma)


def _range_flags(columns, statistics):
    outside = False
    for name, (value, _, _) in columns.items():
        if PARAMETERS[name].scale == "periodic":
            continue
        own = statistics[name]
        outside = outside | (value < own["min"]) | (value > own["max"])
    return outside * int(GalaxyFlags.OUT_OF_RANGE)


def _angle_flags(columns):
    if "orientation" not in columns:
        return 0
    _, lower, upper = columns["orientation"]
    failed = upper - lower >= 2.0 * UNDETERMINED_ANGLE
    return failed * int(GalaxyFlags.ORIENTATION_FAILED)


def _summary(distribution):
    median = distribution.pdf_median().value
    return f"{median:.4g} +/- {distribution.pdf_std().value:.2g}"


def _masked(quantity, mask):
    return Masked(quantity, mask=mask) if np.any(mask) else quantity
