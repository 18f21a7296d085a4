# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Quality cuts, and the conditions that they are made of.

Each condition takes a column, numbers with NaN or strings with "" where
there is no value, and the argument of the cut. A row without a value
never passes: what is not known to be good is not good.
"""

from dataclasses import dataclass, replace
from numbers import Real

import numpy as np

from astrovae.exceptions import CatalogueError
from astrovae.parameters import PARAMETERS

__all__ = [
    "Cut",
    "above",
    "at_least",
    "below",
    "is_spectroscopic",
    "is_zero",
    "not_zero",
]


@dataclass(frozen=True)
class Cut:  # numpydoc ignore=PR02
    """
    A quality cut: a named argument of `load_sample`.

    Parameters
    ----------
    name : str
        The name of the argument.
    default : object
        Its default; `None` and `False` switch a cut off.
    description : str
        What is kept.
    keep : callable
        ``keep(values, value)`` gets the column, as numbers with NaN or
        strings with "" where there is no value, and the argument;
        returns True where a row is kept.
    quantity : str, optional
        The quantity that is cut: ``"redshift"``, ``"stellar_mass"`` or
        ``"sfr"``, in the unit of its parameter ...
    names : tuple of str, optional
        ... or the possible names of the catalogue's column.
    operator : str, optional
        How VizieR writes the same condition on a column of numbers, so
        that it can be applied before the table is sent: ``">="``,
        ``">"`` or ``"<"``.
    """

    name: str
    default: object
    description: str
    keep: callable
    quantity: str = ""
    names: tuple = ()
    operator: str = ""

    def is_on(self, value):
        """
        Tell whether a value of the argument cuts anything.

        Parameters
        ----------
        value : object
            The argument.

        Returns
        -------
        is_on : bool
            `False` for `None` and `False`.
        """
        return value is not None and value is not False

    def check(self, value):
        """
        Check the argument and strip its unit.

        Parameters
        ----------
        value : object
            A number, a bool, or a `~astropy.units.Quantity` for a cut
            in mass or star-formation rate.

        Returns
        -------
        value : object
            Without unit, in that of the parameter.

        Raises
        ------
        `~astropy.units.UnitsError`
            If a unit is missing or of the wrong kind.
        TypeError
            If a number is needed, and it is none.
        """
        if isinstance(value, np.generic):
            value = value.item()  # as it is written for VizieR
        if not self.is_on(value):
            return value
        if not self.quantity:
            if self.operator and not isinstance(value, Real):
                msg = f"{self.name!r} must be a number, not {value!r}"
                raise TypeError(msg)
            return value
        own = replace(PARAMETERS[self.quantity], name=self.name)
        return float(own.quantity(value).value)


def at_least(values, limit):
    """
    Keep values of at least the limit.

    Parameters
    ----------
    values : `~numpy.ndarray` of float, shape (N,)
        The column.
    limit : float
        The limit.

    Returns
    -------
    keep : `~numpy.ndarray` of bool, shape (N,)
        True where a row is kept.
    """
    return values >= limit


def above(values, limit):
    """
    Keep values greater than the limit.

    Parameters
    ----------
    values : `~numpy.ndarray` of float, shape (N,)
        The column.
    limit : float
        The limit.

    Returns
    -------
    keep : `~numpy.ndarray` of bool, shape (N,)
        True where a row is kept.
    """
    return values > limit


def below(values, limit):
    """
    Keep values smaller than the limit.

    Parameters
    ----------
    values : `~numpy.ndarray` of float, shape (N,)
        The column.
    limit : float
        The limit.

    Returns
    -------
    keep : `~numpy.ndarray` of bool, shape (N,)
        True where a row is kept.
    """
    return values < limit


def is_zero(values, _):
    """
    Keep rows whose flag is not set.

    Parameters
    ----------
    values : `~numpy.ndarray`, shape (N,)
        The flag, as numbers or strings.

    Returns
    -------
    keep : `~numpy.ndarray` of bool, shape (N,)
        True where a row is kept.
    """
    return _numbers(values) == 0


def not_zero(values, _):
    """
    Keep rows whose flag is set.

    Parameters
    ----------
    values : `~numpy.ndarray`, shape (N,)
        The flag, as numbers or strings.

    Returns
    -------
    keep : `~numpy.ndarray` of bool, shape (N,)
        True where a row is kept.
    """
    numbers = _numbers(values)
    return np.isfinite(numbers) & (numbers != 0)


def is_spectroscopic(values, _):
    """
    Keep rows whose redshift is spectroscopic.

    Parameters
    ----------
    values : `~numpy.ndarray` of str, shape (N,)
        The type of the redshift, such as "zspec" and "zphot".

    Returns
    -------
    keep : `~numpy.ndarray` of bool, shape (N,)
        True where a row is kept.

    Raises
    ------
    `~astrovae.exceptions.CatalogueError`
        If a value is neither the one nor the other.
    """
    unique, inverse = np.unique(np.asarray(values, dtype=str), return_inverse=True)
    keep = []
    for value in unique:
        word = value.strip().lower().lstrip("z_-")
        keep.append(word.startswith("s"))
        if word and word[0] not in "sp":
            msg = (
                "the type of redshift should be 'zspec' or 'zphot', but the "
                f"catalogue has {str(value)!r}; switch the cut off with "
                "spectroscopic=False or name the right column in 'columns'"
            )
            raise CatalogueError(msg)
    return np.array(keep, dtype=bool)[inverse]


def _numbers(values):
    """
    Read a flag, which may be written as a number, a letter or a word.
    """
    values = np.asarray(values)
    if values.dtype.kind in "biuf":
        return values.astype(float)
    words = {"t": 1.0, "true": 1.0, "y": 1.0, "f": 0.0, "false": 0.0, "n": 0.0}

    def number(value):
        value = str(value)
        word = value.strip().lower()
        try:
            return words[word] if word in words else float(word or "nan")
        except ValueError:
            msg = f"a flag should be 0 or 1, but the catalogue has {value!r}"
            raise CatalogueError(msg) from None

    unique, inverse = np.unique(values, return_inverse=True)
    return np.array([number(value) for value in unique], dtype=float)[inverse]
