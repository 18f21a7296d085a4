# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The fit of a group of lines: straight continuum and Gaussians.

Given a velocity and a width the fit is linear, so that fluxes may be
negative and are unbiased however faint the line. Velocity and width are
fitted only where a line is strong enough, as fitting them to noise finds
the highest peak of it; their errors then count in those of the fluxes.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import least_squares
from scipy.special import ndtr

from astrovae.spectra.line_list import SPEED_OF_LIGHT

__all__ = ["GroupFit", "fit_group"]

#: Velocity and width (km / s) if no line tells: SDSS's resolution is 70.
_DEFAULT = (0.0, 120.0)
#: Bounds of velocity and width in km / s.
_LOWER, _UPPER = (-500.0, 40.0), (500.0, 600.0)
#: The ratio of signal and noise from which velocity and width are fitted.
_FREE_FROM = 8.0
#: How much of a line, and of the continuum beside it, must be good.
_LEAST_LINE, _LEAST_SIDE = 0.7, 0.3
#: Pixels this many widths off the line belong to the continuum.
_LINE_REACH = 3.0


@dataclass
class GroupFit:
    """
    What came of a fit.

    Parameters
    ----------
    names : tuple of str
        The lines.
    kinematics : tuple of float
        Velocity and width (standard deviation) in km / s.
    free : bool
        Whether these were fitted here.
    reason : str
        Why nothing was fitted; empty if it was.
    reasons : dict
        Why a line was not measured, by name.
    parameters : `~numpy.ndarray`
        Fluxes, then the continuum and its slope.
    covariance : `~numpy.ndarray`
        Of the parameters.
    positions : dict
        The positions of the lines in units in which the slope is.
    """

    names: tuple
    kinematics: tuple = _DEFAULT
    free: bool = False
    reason: str = ""
    reasons: dict = field(default_factory=dict)
    parameters: np.ndarray = None
    covariance: np.ndarray = None
    positions: dict = field(default_factory=dict)

    @property
    def best_snr(self):
        """
        Signal to noise of the strongest line that was measured.
        """
        if self.reason:
            return -np.inf
        n = len(self.names)
        errors = np.sqrt(np.diag(self.covariance)[:n])
        ratios = [
            self.parameters[i] / errors[i]
            for i, name in enumerate(self.names)
            if name not in self.reasons
        ]
        return max(ratios, default=-np.inf)

    def line(self, name):
        """
        Return flux, error, continuum, its error, and their covariance.

        Parameters
        ----------
        name : str
            The line.

        Returns
        -------
        values : tuple of float
            In `~astrovae.spectra.arrays.FLUX_UNIT`, times AA for the
            flux.
        """
        i, n = self.names.index(name), len(self.names)
        weights = np.zeros(len(self.parameters))
        weights[n : n + 2] = 1.0, self.positions[name]
        with_continuum = self.covariance @ weights
        return (
            self.parameters[i],
            np.sqrt(self.covariance[i, i]),
            self.parameters @ weights,
            np.sqrt(weights @ with_continuum),
            with_continuum[i],
        )


def fit_group(arrays, redshift, group, kinematics=None):
    """
    Fit a group of lines.

    Parameters
    ----------
    arrays : `~astrovae.spectra.arrays.SpectralArrays`
        The spectrum.
    redshift : float
        The redshift.
    group : `~astrovae.spectra.line_groups.LineGroup`
        The lines.
    kinematics : tuple of float, optional
        Velocity and width in km / s, if they are known from another
        group.

    Returns
    -------
    fit : `GroupFit`
        The fit.
    """
    model = _Model(arrays, redshift, group)
    fit = GroupFit(group.names, kinematics or _DEFAULT)
    fit.reason = model.missing(fit.kinematics)
    if fit.reason:
        return fit
    fit.reasons = model.missing_lines(fit.kinematics)
    if len(fit.reasons) == len(group.names):
        fit.reason = next(iter(fit.reasons.values()))
        return fit
    fit.parameters, fit.covariance = model.linear(fit.kinematics)
    fit.positions = model.positions()
    if kinematics is None and fit.best_snr > _FREE_FROM:
        fit.kinematics, fit.free = model.fit_kinematics(fit.kinematics), True
        fit.parameters, fit.covariance = model.linear(fit.kinematics, free=True)
    return fit


class _Model:
    """
    A group's window of the spectrum, and the model of it.
    """

    def __init__(self, arrays, redshift, group):
        self.group = group
        self.stretch = 1 + redshift
        self.window = tuple(edge * self.stretch for edge in group.window)
        low, high = self.window
        edges = arrays.edges
        inside = (arrays.wavelength > low) & (arrays.wavelength < high)
        self.range = edges[0], edges[-1]
        self.left, self.right = edges[:-1][inside], edges[1:][inside]
        self.part = arrays.select(inside)
        self.good = self.part.good
        self.x = 2 * (self.part.wavelength - low) / (high - low) - 1
        self.root = np.sqrt(self.part.ivar[self.good])
        self.data = self.part.flux[self.good] * self.root

    def positions(self):
        low, high = self.window
        return {
            name: 2 * (self.centre(name) - low) / (high - low) - 1
            for name in self.group.names
        }

    def centre(self, name):
        parts = self.group.profiles(name)[: len(self.group.lines[name])]
        return self.stretch * sum(w * s for w, s in parts)

    def near(self, kinematics):
        # Pixels that belong to any line.
        near = np.zeros(self.x.shape, dtype=bool)
        for name in self.group.names:
            for wavelength, _ in self.group.profiles(name):
                near |= self._within(wavelength, kinematics, _LINE_REACH)
        return near

    def _within(self, wavelength, kinematics, reach):
        centre = wavelength * self.stretch * (1 + kinematics[0] / SPEED_OF_LIGHT)
        width = centre * kinematics[1] / SPEED_OF_LIGHT
        return np.abs(self.part.wavelength - centre) < reach * width

    def missing(self, kinematics):
        low, high = self.range
        centres = [self.centre(name) for name in self.group.names]
        if max(centres) < low or min(centres) > high:
            return (
                f"outside of the spectrum, which covers {low:.0f} to {high:.0f} AA: "
                f"the line is at {centres[-1]:.0f} AA"
            )
        aside = ~self.near(kinematics)
        for side, chosen in (
            ("blue", self.part.wavelength < min(centres)),
            ("red", self.part.wavelength > max(centres)),
        ):
            pixels = aside & chosen
            edge = self.window[0] if side == "blue" else self.window[1]
            covered = np.sum((self.right - self.left)[pixels & self.good])
            wanted = abs(edge - (min if side == "blue" else max)(centres))
            if covered < _LEAST_SIDE * wanted:
                return f"too few good pixels of continuum on the {side} side"
        return ""

    def missing_lines(self, kinematics):
        reasons = {}
        for name in self.group.names:
            main = self.group.profiles(name)[: len(self.group.lines[name])]
            near = np.zeros(self.x.shape, dtype=bool)
            for wavelength, _ in main:
                near |= self._within(wavelength, kinematics, 2.0)
            if not near.any() or np.mean(self.good[near]) < _LEAST_LINE:
                reasons[name] = (
                    f"{np.sum(near & ~self.good)} of the {np.sum(near)} pixels of the "
                    "line are masked"
                )
        return reasons

    def design(self, kinematics):
        velocity, width = kinematics
        columns = []
        for name in self.group.names:
            column = np.zeros(self.x.shape)
            for wavelength, share in self.group.profiles(name):
                centre = wavelength * self.stretch * (1 + velocity / SPEED_OF_LIGHT)
                sigma = centre * width / SPEED_OF_LIGHT
                # The mean over each pixel; lines may be narrower than two.
                column += (
                    share
                    * (
                        ndtr((self.right - centre) / sigma)
                        - ndtr((self.left - centre) / sigma)
                    )
                    / (self.right - self.left)
                )
            columns.append(column)
        columns += [np.ones(self.x.shape), self.x]
        return np.array(columns).T[self.good] * self.root[:, None]

    def linear(self, kinematics, *, free=False):
        design = self.design(kinematics)
        # A line that is masked altogether must not make this singular.
        parameters, *_ = np.linalg.lstsq(design, self.data, rcond=None)
        full = design
        if free:
            full = np.hstack([design, self._slopes(kinematics, parameters)])
        scale = np.sqrt(np.sum(full**2, axis=0))
        scale[scale == 0] = 1.0
        normal = (full / scale).T @ (full / scale)
        covariance = np.linalg.pinv(normal, hermitian=True) / np.outer(scale, scale)
        n = len(parameters)
        return parameters, covariance[:n, :n]

    def _slopes(self, kinematics, parameters):
        columns = []
        for index in range(2):
            step = np.zeros(2)
            step[index] = 1.0
            up = self.design(np.add(kinematics, step)) @ parameters
            down = self.design(np.subtract(kinematics, step)) @ parameters
            columns.append((up - down) / 2)
        return np.array(columns).T

    def fit_kinematics(self, start):
        def residual(kinematics):
            design = self.design(kinematics)
            parameters, *_ = np.linalg.lstsq(design, self.data, rcond=None)
            return design @ parameters - self.data

        solution = least_squares(
            residual, start, bounds=(_LOWER, _UPPER), x_scale=(50.0, 50.0)
        )
        return tuple(float(value) for value in solution.x)
