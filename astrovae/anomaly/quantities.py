# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What can be compared between galaxies: read or derived from a table.

These functions serve `explain`.
"""

import itertools
from dataclasses import dataclass

import astropy.units as u
import numpy as np

from astrovae.parameters import PARAMETERS

from .latents import column_values, feature_names

__all__ = []

_SIZE_WORDS = ("radius", "size", "r_eff", "shape_r")
_BANDS = "ugrizy"


@dataclass(frozen=True)
class Compared:
    """
    One quantity of N galaxies and the words for it.

    Parameters
    ----------
    name : str
        The quantity.
    unit : str
        Unit of the values; ``"dex"`` for decimal logarithms.
    values : array, shape (N,)
        NaN where not known.
    high, low : str
        What galaxies do whose value is high or low.
    error : array, shape (N,), optional
        Standard errors of the values, of colours; NaN where not known.
    """

    name: str
    unit: str
    values: np.ndarray
    high: str
    low: str
    error: np.ndarray | None = None


_WORDS = {
    "redshift": ("are at higher redshift", "are at lower redshift"),
    "stellar_mass": ("are more massive", "are less massive"),
    "sfr": ("form more stars", "form fewer stars"),
}


def compared_quantities(table, columns=None):
    """
    Collect what is to be compared.

    Parameters
    ----------
    table : `~astropy.table.Table`
        N galaxies.
    columns : sequence of str, optional
        Columns to use; by default all numeric ones that describe
        galaxies. The orientation is never used.

    Returns
    -------
    quantities : list of `Compared`
        Columns, masses, rates and sizes by their logarithm; and the
        offset from the main sequence and colours, if the table has
        what they need.
    """
    if columns is None:
        columns = feature_names(table)
    missing = [name for name in columns if name not in table.colnames]
    if missing:
        msg = f"the table lacks the columns {', '.join(missing)}"
        raise ValueError(msg)
    columns = [name for name in columns if name != "orientation"]
    parameters = {
        name: column_values(table, name, PARAMETERS[name].unit)
        if getattr(table[name], "unit", None) is not None
        else column_values(table, name)
        for name in columns
        if name in PARAMETERS
    }
    found = _main_sequence(table, parameters)
    for name in columns:
        if name in parameters:
            found.append(_parameter(name, parameters[name], table))
        elif any(word in name.lower() for word in _SIZE_WORDS):
            found.append(_size(name, table, parameters.get("redshift")))
        elif not name.startswith("mag_"):
            values = column_values(table, name)
            unit = str(getattr(table[name], "unit", None) or "")
            words = f"have a higher {name}", f"have a lower {name}"
            found.append(Compared(name, unit, values, *words))
    return found + _colours(table, columns)


def _parameter(name, values, table):
    logarithm = (
        PARAMETERS[name].scale == "log10"
        and getattr(table[name], "unit", None) is not None
    )
    return Compared(name, "dex" if logarithm else "", values, *_WORDS[name])


def _main_sequence(table, parameters):
    """
    The offset from the relation that the simulator uses.
    """
    needed = ("redshift", "stellar_mass", "sfr")
    if any(name not in parameters for name in needed):
        return []
    # Latents without units carry the names of parameters as well.
    if any(getattr(table[name], "unit", None) is None for name in needed[1:]):
        return []
    from astrovae.simulation.relations import main_sequence

    redshift, log_mass, log_sfr = (parameters[name] for name in needed)
    usable = np.isfinite(redshift) & (redshift >= 0) & np.isfinite(log_mass)
    offset = np.full(len(redshift), np.nan)
    offset[usable] = log_sfr[usable] - main_sequence(log_mass[usable], redshift[usable])
    words = (
        "form more stars for their mass and redshift, measured from the main sequence",
        "form fewer stars for their mass and redshift, measured from the main sequence",
    )
    return [Compared("main_sequence_offset", "dex", offset, *words)]


def _size(name, table, redshift):
    """
    A size, in kpc if it is an angle and the redshift is known.
    """
    values = column_values(table, name)
    unit = getattr(table[name], "unit", None)
    what = name.replace("_", " ")
    if unit is not None and unit.is_equivalent(u.arcsec) and redshift is not None:
        from astrovae.simulation.spectra import COSMOLOGY

        usable = np.isfinite(redshift) & (redshift > 0)
        scale = np.full(len(values), np.nan)
        per_kpc = COSMOLOGY.arcsec_per_kpc_proper(redshift[usable])
        scale[usable] = per_kpc.to_value(u.arcsec / u.kpc)
        values = unit.to(u.arcsec, values) / scale
        what += " in kpc"
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log10(values)
    values[~np.isfinite(values)] = np.nan
    words = f"are more extended ({what})", f"are more compact ({what})"
    return Compared(name, "dex", values, *words)


def _colours(table, columns):
    """
    Colours of neighbouring bands, from the columns mag_g and so on.
    """
    bands = [band for band in _BANDS if f"mag_{band}" in columns]
    found = []
    for blue, red in itertools.pairwise(bands):
        pair = f"mag_{blue}", f"mag_{red}"
        values = np.subtract(*(_magnitudes(table, name) for name in pair))
        errors = [f"{name}_err" for name in pair]
        error = None
        if set(errors) <= set(table.colnames):
            parts = [_magnitudes(table, name) for name in errors]
            # A negative error stands for none in many a catalogue.
            error = np.hypot(*(np.where(part >= 0, part, np.nan) for part in parts))
        name = f"{blue}-{red}"
        words = f"are redder in {name}", f"are bluer in {name}"
        found.append(Compared(name, "mag", values, *words, error))
    return found


def _magnitudes(table, name):
    """
    A column in mag; one without a unit is taken to be.
    """
    has_unit = getattr(table[name], "unit", None) is not None
    return column_values(table, name, u.mag if has_unit else None)
