# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A straight line between two groups, in physical units.
"""

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from .latents import mask_of, read_labels

__all__ = ["LinearBoundary", "decision_boundary"]


@dataclass(frozen=True)
class LinearBoundary:
    """
    A line that has one class on one side: y = slope x + intercept.

    Parameters
    ----------
    target, other : str
        The class on the positive side, and what is on the other.
    normal : tuple of float
        Numbers a and b of the line a x + b y + c = 0, x and y in the
        units below; a x + b y + c is positive on the target's side.
    offset : float
        The number c.
    x_unit, y_unit : `~astropy.units.Unit`
        Units of the two parameters.
    recovery, false_positive_rate : float
        Fractions of the target and of the others on the positive
        side, among the galaxies that the line was fitted to.
    """

    target: str
    other: str
    normal: tuple
    offset: float
    x_unit: u.UnitBase
    y_unit: u.UnitBase
    recovery: float
    false_positive_rate: float

    @property
    def slope(self):
        """
        The slope, a `~astropy.units.Quantity`; infinite if vertical.
        """
        a, b = self.normal
        return u.Quantity(-a / b if b else np.inf, self.y_unit / self.x_unit)

    @property
    def intercept(self):
        """
        The value of y at x = 0, a `~astropy.units.Quantity`.
        """
        b = self.normal[1]
        return u.Quantity(-self.offset / b if b else np.nan, self.y_unit)

    def line(self, x):
        """
        Return the boundary at some values of the first parameter.

        Parameters
        ----------
        x : `~astropy.units.Quantity` or array_like
            First parameter.

        Returns
        -------
        y : `~astropy.units.Quantity`
            Second parameter; not finite where the line is vertical.
        """
        x = _to(x, self.x_unit, "x")
        return self.slope * u.Quantity(x, self.x_unit) + self.intercept

    def side(self, x, y):
        """
        Tell which galaxies are on the side of the target.

        Parameters
        ----------
        x, y : `~astropy.units.Quantity` or array_like, shape (N,)
            The two parameters.

        Returns
        -------
        inside : `~numpy.ndarray` of bool, shape (N,)
            False where a parameter is not finite.
        """
        x, y = _to(x, self.x_unit, "x"), _to(y, self.y_unit, "y")
        a, b = self.normal
        return a * x + b * y + self.offset > 0


def decision_boundary(x, y, labels, *, target=None, C=1.0):
    """
    Separate a class from the rest by a line in two parameters.

    A support vector machine with a linear kernel, as in figure 2 of
    Gagliano & Villar (2023), on standardised parameters. Both sides
    have the same weight, however many galaxies they are, which is what
    oversampling does to a straight line.

    Parameters
    ----------
    x, y : `~astropy.units.Quantity` or array_like, shape (N,)
        The two parameters. Give masses and rates as logarithms.
    labels : array_like, shape (N,)
        The classes' names.
    target : str, optional
        The class to be separated from all others; by default the
        rarest.
    C : float, optional
        Penalty of the support vector machine.

    Returns
    -------
    boundary : `LinearBoundary`
        The line. Galaxies with a parameter that is masked or not
        finite have no part in it.

    Raises
    ------
    ValueError
        If no or every galaxy with both parameters is of that class.
    `~astropy.units.UnitsError`
        Later, if other units are asked for than these.

    Examples
    --------
    >>> import astropy.units as u
    >>> from astrovae.anomaly import decision_boundary
    >>> size = [1, 2, 8, 9] * u.kpc
    >>> colour = [0.5, 0.6, 0.5, 0.6] * u.mag
    >>> labels = ["pea", "pea", "field", "field"]
    >>> boundary = decision_boundary(size, colour, labels, target="pea")
    >>> bool(boundary.side(3 * u.kpc, 0.5 * u.mag))
    True
    """
    units = [getattr(v, "unit", None) or u.dimensionless_unscaled for v in (x, y)]
    points = np.column_stack([_plain(x), _plain(y)])
    labels = read_labels(labels, len(points))
    good = np.isfinite(points).all(axis=1)
    points, labels = points[good], labels[good]
    classes, counts = np.unique(labels, return_counts=True)
    if target is None and len(classes):
        target = classes[counts.argmin()]
    inside = labels == target
    if inside.all() or not inside.any():
        msg = (
            f"a boundary needs galaxies that are {str(target)!r} and others; "
            f"there are {np.count_nonzero(inside)} of {len(labels)}"
        )
        raise ValueError(msg)
    scaler = StandardScaler().fit(points)
    svm = SVC(kernel="linear", C=C, class_weight="balanced")
    svm.fit(scaler.transform(points), inside)
    normal = svm.coef_[0] / scaler.scale_
    offset = float(svm.intercept_[0] - normal @ scaler.mean_)
    called = points @ normal + offset > 0
    others = [str(name) for name in classes if name != target]
    return LinearBoundary(
        target=str(target),
        other=", ".join(others),
        normal=(float(normal[0]), float(normal[1])),
        offset=offset,
        x_unit=units[0],
        y_unit=units[1],
        recovery=float(called[inside].mean()),
        false_positive_rate=float(called[~inside].mean()),
    )


def _plain(values):
    mask = mask_of(values)
    plain = np.ma.getdata(getattr(values, "unmasked", values))
    plain = np.asarray(getattr(plain, "value", plain), dtype=float)
    return np.where(mask, np.nan, plain)


def _to(values, unit, name):
    own = getattr(values, "unit", None) or u.dimensionless_unscaled
    if not own.is_equivalent(unit):
        msg = f"{name!r} needs a unit equivalent to {unit}, got {own}"
        raise u.UnitsError(msg)
    return own.to(unit, _plain(values))
