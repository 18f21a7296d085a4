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

__all__ = [
    "OUTLIER_SCORE",
    "UNDETERMINED_ANGLE",
    "identity_table",
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


def result_table(images, posterior, statistics, extras, flags):
    """
    Build the table of `~astrovae.PhysicsVAE.predict`.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        The images.
    posterior : `~astrovae.vae.posteriors.MixturePosterior` or similar
        Their posteriors.
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
    columns = _estimates(posterior)
    flags = estimate_flags(columns, statistics, extras["ood_score"], flags)
    unusable = (flags & UNUSABLE) > 0
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


def _estimates(posterior):
    """
    Median and ends of the 68 % interval, (3, N) per parameter.
    """
    return {
        name: posterior.quantiles(name, (0.5, 0.16, 0.84)).T
        for name in PARAMETERS
        if name in posterior.names
    }


def estimate_flags(columns, statistics, ood_score, flags):
    """
    Flag what is strange about estimates.

    Parameters
    ----------
    columns : dict of str to array, shape (3, N)
        Per parameter the median and the ends of the 68 % interval, on
        the modelled scale.
    statistics : dict of str to dict
        Per parameter, ``min`` and ``max`` of the training labels.
    ood_score : array, shape (N,)
        How unlike the training images they are.
    flags : array of int, shape (N,)
        Flags of the images.

    Returns
    -------
    flags : `~numpy.ndarray` of int, shape (N,)
        With those of the estimates, where there is one.
    """
    flags = flags | _range_flags(columns, statistics) | _angle_flags(columns)
    strange = np.nan_to_num(ood_score, nan=0.0) > OUTLIER_SCORE
    flags = flags | strange * int(GalaxyFlags.OUT_OF_DISTRIBUTION)
    flags[(flags & UNUSABLE) > 0] &= ~_ESTIMATE_FLAGS
    return flags


def posterior_table(images, posterior, draws, statistics, ood_score, flags):
    """
    Build the table of `~astrovae.PhysicsVAE.sample_posterior`.

    Parameters
    ----------
    images : `~astrovae.GalaxyImageSet`
        The images.
    posterior : `~astrovae.vae.posteriors.MixturePosterior` or similar
        Their posteriors.
    draws : dict of str to array, shape (N, n)
        Per parameter, on the modelled scale.
    statistics, ood_score, flags : dict, array, array
        As of `estimate_flags`.

    Returns
    -------
    table : `~astropy.table.QTable`
        The columns id, ra, dec, one of
        `~astropy.uncertainty.Distribution` per parameter, and flags.
    """
    flags = estimate_flags(_estimates(posterior), statistics, ood_score, flags)
    unusable = (flags & UNUSABLE) > 0
    table = identity_table(images)
    for name, parameter in PARAMETERS.items():
        if name not in draws:
            continue
        draws[name][unusable] = np.nan
        table[name] = Distribution(parameter.from_latent(draws[name]))
        # Without a format of its own astropy cannot print the column.
        table[name].info.format = _summary
    table["flags"] = flags
    table.meta["flags"] = flag_bits()
    return table


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
