# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Load a published sample as a table of labels.
"""

import warnings

import astropy.units as u
import numpy as np
from astropy.table import QTable
from astropy.utils.masked import Masked

from astrovae.exceptions import AstrovaeWarning
from astrovae.parameters import PARAMETERS, PHYSICAL
from astrovae.samples.columns import plain, read_positions, read_quantity
from astrovae.samples.configuration import conf
from astrovae.samples.definition import first_of
from astrovae.samples.naming import read_ids, unique_ids
from astrovae.samples.properties import join_properties
from astrovae.samples.registry import get_sample
from astrovae.samples.tables import given_tables, packaged_tables, vizier_tables

__all__ = ["load_sample"]


def load_sample(
    name,
    *,
    source="vizier",
    table=None,
    properties=None,
    columns=None,
    strict=True,
    server=None,
    timeout=None,
    cache=None,
    **cuts,
):
    """
    Load a published sample of galaxies.

    Parameters
    ----------
    name : str
        A name in `list_samples`: ``"gama-dr4"``, ``"zou2022"``,
        ``"red-spirals"``, ``"green-peas-kiss"`` or
        ``"green-peas-cardamone"``.
    source : {"vizier", "package"}, optional
        Ask VizieR, or take the table of positions and redshifts that
        comes with astrovae, where one does.
    table : `~astropy.table.Table`, path-like or a list of them, optional
        The catalogue, if you have it: as VizieR serves it or as its
        authors released it. Nothing is then asked of VizieR.
    properties : `~astropy.table.Table` or path-like, optional
        For "gama-dr4", whose table in VizieR has redshifts only: a
        second table with masses and star-formation rates, joined by
        its identifier.
    columns : dict of str to str, optional
        Names of columns that differ from those expected, e.g.
        ``{"stellar_mass": "Mstar_best"}``; the keys are quantities
        (``"sfr"``), their errors (``"sfr_err"``), ``"id"``, ``"ra"``,
        ``"dec"`` or cuts (``"min_quality"``).
    strict : bool, optional
        Whether another number of rows than the published table's is an
        error; otherwise a warning.
    server : str, optional
        The host of VizieR, or its root starting with http; by default
        ``astrovae.samples.conf.server``.
    timeout : float, optional
        Seconds; by default ``astrovae.samples.conf.timeout``.
    cache : path-like, optional
        A folder in which VizieR's good replies are kept and found
        again; by default nothing is kept.
    **cuts : dict
        The sample's quality cuts, see `list_samples`; `None` or
        `False` switches one off. The defaults are those of the paper
        where it, or its authors' public code, states them.

    Returns
    -------
    labels : `~astropy.table.QTable`
        A row per galaxy, in the catalogue's order, with the columns id
        (unique), ra, dec (deg), redshift, redshift_err, stellar_mass,
        stellar_mass_err (Msun), sfr, sfr_err (Msun/yr), sample and
        reference. What a sample lacks is masked. The meta tells where
        the rows come from and when VizieR sent them (``retrieved``, of
        a kept reply the time of its arrival), which columns were read,
        how many rows there were as served (``n_served``, after
        ``server_filters``) and ``n_after_cuts``, and how many each cut
        left and dropped of the rows served. A cut that is
        ``by_server`` had been applied by VizieR: what it dropped there
        is not counted.

    Raises
    ------
    ValueError
        If there is no such sample or source.
    TypeError
        If an argument is none of the sample's cuts.
    `~astropy.units.UnitsError`
        If a column has a unit of the wrong kind.
    `~astrovae.exceptions.CatalogueError`
        If VizieR fails, or has no such table, or a column is missing.

    Examples
    --------
    >>> from astrovae.samples import load_sample
    >>> peas = load_sample("green-peas-cardamone", source="package")
    >>> len(peas)
    80
    >>> peas.meta["cuts"]
    []
    """
    sample = get_sample(name).with_columns(columns or {})
    values = sample.cut_values(cuts)
    filters = {}
    if table is not None:
        source = "table"
        tables = given_tables(sample, values, table, strict)
    elif source == "package":
        tables = packaged_tables(sample)
    elif source == "vizier":
        options = {"server": server, "timeout": timeout, "cache": cache}
        tables, filters = vizier_tables(sample, values, strict, **options)
    else:
        msg = f"'source' must be 'vizier' or 'package', not {source!r}"
        raise ValueError(msg)
    meta = _meta(sample, source, server, tables, filters)
    if properties is not None:
        tables, meta["n_properties"] = _joined(sample, tables, properties)
    labels = _assemble(sample, values, tables, meta)
    masses = labels["stellar_mass"].mask
    if sample.hint and len(labels) and np.all(masses) and properties is None:
        what = "stellar masses and star-formation rates"
        msg = f"{sample.name!r} has no {what}: {sample.hint}"
        warnings.warn(msg, AstrovaeWarning, stacklevel=2)
    return labels


def _meta(sample, source, server, tables, filters):
    meta = {
        "sample": sample.name,
        "version": sample.version,
        "reference": sample.reference,
        "bibcode": sample.bibcode,
        "source": source,
        "tables": list(tables),
    }
    if source == "vizier":
        meta["server"] = server or conf.server
        meta["server_filters"] = dict(filters)
        # Replies that were kept are as old as they are.
        meta["retrieved"] = min(table.meta["retrieved"] for table in tables.values())
    return meta


def _joined(sample, tables, properties):
    joined, n_matched = {}, 0
    for name, table in tables.items():
        joined[name], n = join_properties(sample, table, properties)
        n_matched += n
    return joined, n_matched


def _assemble(sample, values, tables, meta):
    parts = [_read(sample, values, table) for table in tables.values()]
    data = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    keep = np.isfinite(data["ra"]) & np.isfinite(data["dec"])
    meta["n_rows"] = meta["n_served"] = len(keep)
    meta["n_without_position"] = int(np.count_nonzero(~keep))
    meta["columns"] = _columns_read(sample, next(iter(tables.values())))
    meta["cuts"] = []
    for cut in sample.cuts:
        if not cut.is_on(values[cut.name]):
            continue
        before = np.count_nonzero(keep)
        column = data[cut.quantity] if cut.quantity else data[f"cut {cut.name}"]
        with np.errstate(invalid="ignore"):
            keep = keep & cut.keep(column, values[cut.name])
        kept = int(np.count_nonzero(keep))
        meta["cuts"].append(
            {
                "cut": cut.name,
                "value": values[cut.name],
                "description": cut.description,
                "kept": kept,
                "dropped": int(before - kept),
                "by_server": _is_by_server(sample, cut, values[cut.name], meta),
            }
        )
    meta["n_after_cuts"] = int(np.count_nonzero(keep))
    return _labels(sample, {key: value[keep] for key, value in data.items()}, meta)


def _is_by_server(sample, cut, value, meta):
    # Whether VizieR had applied it: "dropped" does not count those rows.
    filters = meta.get("server_filters", {})
    names = cut.names
    if cut.quantity == "redshift":
        names = sample.columns["redshift"].names
    conditions = filters.get(first_of(names or (), list(filters)), "")
    return f"{cut.operator}{value!r}" in conditions.split(" & ")


def _read(sample, values, table):
    data = {}
    data["ra"], data["dec"] = read_positions(
        table, sample.columns["ra"], sample.columns["dec"]
    )
    data["id"] = read_ids(
        table, sample.columns.get("id"), sample.prefix, data["ra"], data["dec"]
    )
    for quantity in PHYSICAL:
        spec = sample.columns.get(quantity)
        nothing = np.full(len(table), np.nan)
        both = (nothing, nothing)
        if spec is not None:
            both = read_quantity(table, quantity, spec)
        data[quantity], data[f"{quantity}_err"] = both
    for cut in sample.cuts:
        if cut.names and cut.is_on(values[cut.name]):
            name = first_of(cut.names, table.colnames)
            data[f"cut {cut.name}"] = plain(table[name])
    return data


def _columns_read(sample, table):
    found = {key: column.find(table.colnames) for key, column in sample.columns.items()}
    return {key: name for key, name in found.items() if name}


def _labels(sample, data, meta):
    labels = QTable(meta=meta)
    labels["id"] = unique_ids(data["id"], data["ra"], data["dec"])
    labels["ra"] = data["ra"] * u.deg
    labels["dec"] = data["dec"] * u.deg
    for quantity in PHYSICAL:
        for key in (quantity, f"{quantity}_err"):
            mask = np.isnan(data[key])
            column = np.where(mask, 0.0, data[key])
            unit = PARAMETERS[quantity].unit
            labels[key] = Masked(u.Quantity(column, unit), mask=mask)
    labels["sample"] = np.full(len(labels), sample.name)
    labels["reference"] = np.full(len(labels), sample.reference)
    return labels
