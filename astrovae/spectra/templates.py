# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What galaxies look like: the components that a redshift is measured with.

Each template is a set of components, of which a galaxy is any sum
without negative terms. All are in closed form.
"""

from dataclasses import dataclass

import numpy as np

from astrovae.spectra.line_list import EMISSION_LINES, SPEED_OF_LIGHT
from astrovae.spectra.stellar_continua import stellar_continuum

__all__ = ["TEMPLATES", "Template"]

# Fluxes relative to the first line: recombination case B with some dust,
# and forbidden lines as they are in spirals. Rounded typical values; the
# fit only needs the pattern. Species that vary from galaxy to galaxy are
# components of their own in the template of strong lines: a single line
# is then as ambiguous as it is in truth.
_BALMER = {
    "H beta": 1.0,
    "H gamma": 0.46,
    "H delta": 0.25,
    "H alpha": 3.0,
}
_DOUBLY_IONISED = {
    "[O III] 5007": 1.0,
    "[O III] 4959": 0.335,
    "[O III] 4363": 0.01,
    "[Ne III] 3869": 0.08,
}
_SINGLY_IONISED = {
    "[O II] 3729": 1.0,
    "[O II] 3726": 0.77,
}
_METAL_RICH = {
    "H beta": 1.0,
    "[O II] 3726": 0.8,
    "[O II] 3729": 1.1,
    "[Ne III] 3869": 0.05,
    "H delta": 0.2,
    "H gamma": 0.4,
    "[O III] 4959": 0.25,
    "[O III] 5007": 0.75,
    "He I 5876": 0.1,
    "[O I] 6300": 0.1,
    "[N II] 6548": 0.5,
    "H alpha": 4.0,
    "[N II] 6583": 1.5,
    "[S II] 6716": 0.8,
    "[S II] 6731": 0.6,
}
_RATIOS = {
    "Balmer lines": _BALMER,
    "[O III]": _DOUBLY_IONISED,
    "[O II]": _SINGLY_IONISED,
    "metal-rich gas": _METAL_RICH,
}
_STARS = {"old stars": "old", "young stars": "young"}


@dataclass(frozen=True)
class Template:
    """
    A kind of galaxy.

    Parameters
    ----------
    name : str
        Its name.
    components : tuple of str
        Of "old stars", "young stars", "metal-rich gas", "Balmer lines",
        "[O III]" and "[O II]".
    """

    name: str
    components: tuple

    @property
    def has_gas(self):
        """
        Whether there are emission lines, and so a width of them.
        """
        return any(name in _RATIOS for name in self.components)

    def evaluate(self, wavelength, line_width=150.0):
        """
        Evaluate the components.

        Parameters
        ----------
        wavelength : array_like, shape (N,)
            Rest-frame vacuum wavelengths in AA.
        line_width : float, optional
            The standard deviation of the emission lines in km / s,
            that of the spectrograph included.

        Returns
        -------
        components : `~numpy.ndarray`, shape (K, N)
            Flux per unit wavelength: stars are 1 near 5500 AA; the
            first line of each gas integrates to 1 AA.
        """
        wavelength = np.asarray(wavelength, dtype=float)
        return np.array(
            [
                stellar_continuum(wavelength, _STARS[name])
                if name in _STARS
                else _gas(wavelength, _RATIOS[name], line_width)
                for name in self.components
            ]
        )


def _gas(wavelength, ratios, line_width):
    flux = np.zeros_like(wavelength)
    for name, ratio in ratios.items():
        sigma = EMISSION_LINES[name] * line_width / SPEED_OF_LIGHT
        offset = (wavelength - EMISSION_LINES[name]) / sigma
        near = np.abs(offset) < 8
        flux[near] += (
            ratio * np.exp(-0.5 * offset[near] ** 2) / (sigma * np.sqrt(2 * np.pi))
        )
    return flux


#: The templates that a redshift is measured with.
TEMPLATES = {
    template.name: template
    for template in (
        Template("passive", ("old stars",)),
        Template(
            "star-forming",
            ("old stars", "young stars", "metal-rich gas", "Balmer lines"),
        ),
        Template("emission-line", ("young stars", "Balmer lines", "[O III]", "[O II]")),
    )
}
