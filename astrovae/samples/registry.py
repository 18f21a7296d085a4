# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The registry of published samples, by name.
"""

import astropy.units as u
from astropy.table import QTable

from astrovae.samples.builtin import BUILTIN
from astrovae.samples.definition import Sample

__all__ = ["get_sample", "list_samples", "register_sample"]

_SAMPLES = {sample.name: sample for sample in BUILTIN}


def register_sample(sample, *, force=False):
    """
    Add a sample, so that `load_sample` finds it by its name.

    Parameters
    ----------
    sample : `Sample`
        The sample.
    force : bool, optional
        Whether it may replace one of the same name.

    Raises
    ------
    TypeError
        If it is no `Sample`.
    ValueError
        If the name is taken, or a column is missing that every sample
        has.
    """
    if not isinstance(sample, Sample):
        msg = f"a sample must be a Sample, not {type(sample).__name__}"
        raise TypeError(msg)
    missing = [n for n in ("ra", "dec", "redshift") if n not in sample.columns]
    if missing:
        msg = f"the sample {sample.name!r} says nothing of {', '.join(missing)}"
        raise ValueError(msg)
    if sample.name in _SAMPLES and not force:
        msg = f"there is a sample {sample.name!r} already; 'force' replaces it"
        raise ValueError(msg)
    _SAMPLES[sample.name] = sample


def get_sample(name):
    """
    Get the definition of a sample.

    Parameters
    ----------
    name : str
        A name in `list_samples`.

    Returns
    -------
    sample : `Sample`
        Its catalogue, columns and cuts.

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> from astrovae.samples import get_sample
    >>> get_sample("red-spirals").reference
    'Masters et al. 2010, MNRAS 405, 783'
    """
    if name not in _SAMPLES:
        msg = f"there is no sample {name!r}; there is: {', '.join(_SAMPLES)}"
        raise ValueError(msg)
    return _SAMPLES[name]


def list_samples():
    """
    List the samples that `load_sample` knows.

    Returns
    -------
    table : `~astropy.table.QTable`
        The columns name, catalogue, version, quantities, cuts (with
        their defaults), reference, bibcode and description.
    """
    samples = list(_SAMPLES.values())
    return QTable(
        {
            "name": [sample.name for sample in samples],
            "catalogue": [", ".join(sample.catalogues) for sample in samples],
            "version": [sample.version for sample in samples],
            "quantities": [_quantities(sample) for sample in samples],
            "cuts": [_cuts(sample) for sample in samples],
            "reference": [sample.reference for sample in samples],
            "bibcode": [sample.bibcode for sample in samples],
            "description": [sample.description for sample in samples],
        },
        dtype=[str] * 8,
    )


def _quantities(sample):
    names = ("redshift", "stellar_mass", "sfr")
    return ", ".join(name for name in names if name in sample.columns)


def _cuts(sample):
    return ", ".join(f"{cut.name}={_text(cut.default)}" for cut in sample.cuts)


def _text(value):
    return f"{value:g}" if isinstance(value, u.Quantity) else str(value)
