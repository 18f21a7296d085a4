# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The lines that are measured, and which are fitted together.
"""

from dataclasses import dataclass

from astrovae.spectra.line_list import EMISSION_LINES

__all__ = ["GROUPS", "LINES", "LineGroup"]


@dataclass(frozen=True)
class LineGroup:
    """
    Lines that are fitted together.

    Parameters
    ----------
    lines : dict of str to dict of str to float
        For each line that is measured, the lines of `EMISSION_LINES`
        that it consists of, and their shares of its flux.
    companions : tuple of tuple of str and float
        Lines whose flux is a multiple of another one's: name, the
        measured line, and the ratio.
    window : tuple of float
        The rest-frame wavelengths that are fitted, in AA.
    """

    lines: dict
    window: tuple
    companions: tuple = ()

    @property
    def names(self):
        """
        The names of the lines that are measured.
        """
        return tuple(self.lines)

    def profiles(self, name):
        """
        The wavelengths and relative fluxes that make up a line.

        Parameters
        ----------
        name : str
            The line.

        Returns
        -------
        profiles : list of tuple of float
            Wavelength in AA, and flux in units of the line's.
        """
        parts = [(EMISSION_LINES[part], s) for part, s in self.lines[name].items()]
        for companion, owner, ratio in self.companions:
            if owner == name:
                parts.append((EMISSION_LINES[companion], ratio))
        return parts


GROUPS = (
    # The doublet is not resolved by SDSS; 1.3 is typical of H II regions.
    LineGroup(
        {"[O II] 3727": {"[O II] 3726": 1 / 2.3, "[O II] 3729": 1.3 / 2.3}},
        (3690.0, 3765.0),
    ),
    LineGroup({"H beta": {"H beta": 1.0}}, (4800.0, 4925.0)),
    LineGroup(
        {
            "[O III] 4959": {"[O III] 4959": 1.0},
            "[O III] 5007": {"[O III] 5007": 1.0},
        },
        (4900.0, 5068.0),
    ),
    # [N II] 6548 and 6583 leave the same level: Storey & Zeippen (2000,
    # MNRAS 312, 813) compute 3.05 for the ratio of their fluxes.
    LineGroup(
        {"H alpha": {"H alpha": 1.0}, "[N II] 6583": {"[N II] 6583": 1.0}},
        (6480.0, 6660.0),
        (("[N II] 6548", "[N II] 6583", 1 / 3.05),),
    ),
)

#: The rest-frame vacuum wavelength in AA of each line that is measured.
LINES = {
    name: sum(EMISSION_LINES[part] * share for part, share in parts.items())
    for group in GROUPS
    for name, parts in group.lines.items()
}
