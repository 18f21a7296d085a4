# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What a published sample is: its catalogue, its columns and its cuts.
"""

from dataclasses import dataclass, field, replace

import astropy.units as u

from astrovae.parameters import PHYSICAL

__all__ = ["Sample", "SampleColumn"]

_POSITION = ("ra", "dec")


@dataclass(frozen=True)
class SampleColumn:  # numpydoc ignore=PR02
    """
    Where a quantity is found in a catalogue.

    Names differ between the tables that authors release and those that
    VizieR serves, so a column may have several; the first that the
    table has is taken.

    Parameters
    ----------
    names : tuple of str
        The column's possible names, the preferred one first.
    unit : `~astropy.units.Unit`, optional
        The unit where the table states none.
    log : bool, optional
        Whether the values are decimal logarithms where the table does
        not say.
    error : tuple of str, optional
        The possible names of the 1-sigma error.
    interval : tuple of tuple of str, optional
        The possible names of the 16th and of the 84th percentile, for
        catalogues that give these: the error is half their distance.
    missing : tuple of float, optional
        Numbers that stand for "not measured".
    """

    names: tuple
    unit: u.UnitBase = None
    log: bool = False
    error: tuple = ()
    interval: tuple = ()
    missing: tuple = (-9.0, -99.0, -999.0, -9999.0)

    def find(self, colnames):
        """
        Find the column.

        Parameters
        ----------
        colnames : sequence of str
            The columns of a table.

        Returns
        -------
        name : str or None
            The first of ``names`` among them.
        """
        return first_of(self.names, colnames)


@dataclass(frozen=True)
class Sample:  # numpydoc ignore=PR02
    """
    A published sample of galaxies.

    Parameters
    ----------
    name : str
        The name that users type.
    catalogues : tuple of str
        Catalogues or tables of VizieR; the first that has the sample
        is taken.
    version : str
        The release of the data.
    reference : str
        Authors, year, journal, volume and page.
    bibcode : str
        The same as ADS names it.
    description : str
        One line.
    columns : dict of str to `SampleColumn`
        For ``id``, ``ra``, ``dec``, ``redshift`` and, where the sample
        has them, ``stellar_mass`` and ``sfr``.
    cuts : tuple of `Cut`, optional
        In the order in which they are applied.
    prefix : str, optional
        What precedes the catalogue's name of a galaxy in ``id``.
    n_rows : int, optional
        The rows of the published table, where this identifies it.
    large : bool, optional
        Whether to ask only for the columns and rows that are needed.
    combine : bool, optional
        Whether the sample is spread over several tables.
    key : tuple of str, optional
        The possible names of the column by which a second table, with
        masses and star-formation rates, is joined.
    hint : str, optional
        Where to get this second table.
    packaged : str, optional
        The file of positions and redshifts that comes with astrovae.
    """

    name: str
    catalogues: tuple
    version: str
    reference: str
    bibcode: str
    description: str
    columns: dict = field(default_factory=dict)
    cuts: tuple = ()
    prefix: str = ""
    n_rows: int = None
    large: bool = False
    combine: bool = False
    key: tuple = ()
    hint: str = ""
    packaged: str = ""

    def with_columns(self, names):
        """
        Give columns other names than the registry's.

        Parameters
        ----------
        names : dict of str to str
            For a quantity (``"redshift"``), its error
            (``"redshift_err"``), ``"id"``, ``"ra"``, ``"dec"`` or a
            cut (``"min_quality"``), the name of the catalogue's
            column.

        Returns
        -------
        sample : `Sample`
            The sample with these names alone.

        Raises
        ------
        ValueError
            If there is no such quantity or cut.
        """
        columns = dict(self.columns)
        cuts = {cut.name: cut for cut in self.cuts}
        own = [cut for cut in self.cuts if cut.names]
        errors = {f"{name}_err": name for name in PHYSICAL}
        for name, column in names.items():
            if name in ("id", *_POSITION, *PHYSICAL):
                old = columns.get(name, SampleColumn(()))
                columns[name] = replace(old, names=(column,))
            elif name in errors and errors[name] in columns:
                quantity = errors[name]
                columns[quantity] = replace(
                    columns[quantity], error=(column,), interval=()
                )
            elif name in (cut.name for cut in own):
                cuts[name] = replace(cuts[name], names=(column,))
            else:
                known = ["id", *_POSITION, *PHYSICAL, *errors]
                known += [cut.name for cut in own]
                msg = (
                    f"'columns' names {name!r}, which the sample "
                    f"{self.name!r} has not; it has: {', '.join(known)}"
                )
                raise ValueError(msg)
        return replace(self, columns=columns, cuts=tuple(cuts.values()))

    def cut_values(self, given):
        """
        Complete the arguments that are cuts.

        Parameters
        ----------
        given : dict
            The arguments that the user named.

        Returns
        -------
        values : dict
            The value of each cut, without units.

        Raises
        ------
        TypeError
            If an argument is none of the sample's cuts.
        """
        known = {cut.name: cut for cut in self.cuts}
        unknown = [name for name in given if name not in known]
        if unknown:
            msg = (
                f"the sample {self.name!r} has no cut {', '.join(unknown)}; "
                f"it has: {', '.join(known) or 'none'}"
            )
            raise TypeError(msg)
        return {
            name: cut.check(given.get(name, cut.default)) for name, cut in known.items()
        }

    def required(self, values):
        """
        Tell which columns a table must have.

        Parameters
        ----------
        values : dict
            The value of each cut.

        Returns
        -------
        required : dict of str to tuple of str
            For each purpose, the column's possible names.
        """
        required = {name: self.columns[name].names for name in (*_POSITION, "redshift")}
        for cut in self.cuts:
            if cut.names and cut.is_on(values[cut.name]):
                required[cut.name] = cut.names
        return required

    def optional(self, quantities=None):
        """
        Tell which columns a table may have beside the required ones.

        Parameters
        ----------
        quantities : sequence of str, optional
            For these quantities; by default for all.

        Returns
        -------
        optional : list of tuple of str
            The possible names of each.
        """
        columns = [
            column
            for name, column in self.columns.items()
            if quantities is None or name in quantities
        ]
        groups = [column.names for column in columns]
        for column in columns:
            groups += [column.error, *column.interval]
        return [names for names in groups if names]


def first_of(names, colnames):
    """
    Find the first of some names.

    Parameters
    ----------
    names : sequence of str
        In order of preference.
    colnames : sequence of str
        What there is.

    Returns
    -------
    name : str or None
        The first that there is.
    """
    return next((name for name in names if name in colnames), None)
