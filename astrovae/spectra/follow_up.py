# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A list of candidates, each with what its spectrum says.
"""

import astropy.units as u
import numpy as np
from astropy.table import MaskedColumn, QTable
from astropy.utils.masked import Masked
from tqdm import tqdm

from astrovae.exceptions import SpectrumError
from astrovae.fetch.positions import read_positions, table_columns
from astrovae.parameters import PARAMETERS
from astrovae.spectra.arrays import FLUX_UNIT
from astrovae.spectra.configuration import conf
from astrovae.spectra.confirmation import confirm
from astrovae.spectra.fetching import fetch_sdss_spectrum
from astrovae.spectra.line_groups import LINES
from astrovae.spectra.measuring import measure_spectrum
from astrovae.spectra.reading import read_spectrum

__all__ = ["follow_up"]

#: Work that takes less shows no progress bar.
_QUIET_SECONDS = 2

#: What the column ``kind`` of a ranked list of anomalies says of a row; not
#: imported, as it is text that may come from a file of any version.
_RANKED = {"candidate", "artefact", "unusable", "known"}

_LINE_FLUX = FLUX_UNIT * u.AA


def follow_up(
    candidates,
    *,
    kind=None,
    spectra=None,
    cache=None,
    radius=2 * u.arcsec,
    z_range=(0.0, 1.0),
    progress=None,
):
    """
    Fetch, measure and judge the spectra of candidates.

    Parameters
    ----------
    candidates : table or `~astropy.coordinates.SkyCoord`
        Positions, and ids: see `~astrovae.CutoutFetcher.fetch`.
    kind : str or sequence of str, optional
        What the candidates were taken for: "green_pea" or
        "passive_spiral", for all or for each; "" for neither. By
        default the column ``kind`` of the table, if there is one. The
        groups in the column ``kind`` of
        `~astrovae.anomaly.rank_candidates` ("candidate", "artefact",
        "unusable", "known") name no kind of galaxy and stand for "".
    spectra : sequence, optional
        For each candidate a `~specutils.Spectrum`, a path, or None. By
        default SDSS is asked.
    cache : path-like, optional
        A folder in which fetched spectra are kept. With it, what was
        interrupted goes on where it stood.
    radius : `~astropy.units.Quantity`, optional
        How far from the candidate its spectrum may be.
    z_range : tuple of float, optional
        The redshifts that a galaxy may have; see `measure_redshift`.
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal.

    Returns
    -------
    table : `~astropy.table.QTable`
        A row for each candidate, in order: ``id``, ``ra``, ``dec``,
        ``spectrum`` (the file's name), ``redshift`` with ``_err``,
        ``delta_chi2``, ``ambiguous``, ``template``, ``d4000`` with
        ``_err``, for each line ``ew_`` and ``flux_`` with ``_err``,
        ``kind``, ``verdict``, ``summary`` and ``reason``. What was not
        measured is masked; ``reason`` says why.

    Raises
    ------
    ValueError, TypeError
        If the candidates, kinds or spectra make no sense.
    """
    coords, ids = read_positions(candidates)
    kinds = _kinds(kind, candidates, len(ids))
    if spectra is not None and len(spectra) != len(ids):
        msg = f"{len(spectra)} spectra for {len(ids)} candidates"
        raise ValueError(msg)
    rows, silent = [], 0
    hide = None if progress is None else not progress
    for index in tqdm(
        range(len(ids)),
        desc="spectra",
        unit="candidate",
        delay=_QUIET_SECONDS,
        disable=hide,
    ):
        row = {"reason": "", "kind": kinds[index]}
        rows.append(row)
        if silent >= conf.give_up_after:
            row["reason"] = f"not tried: {silent} requests in a row had failed"
            continue
        try:
            spectrum = _spectrum(index, coords, spectra, radius, cache)
            silent = 0
        except LookupError as error:
            row["reason"], silent = str(error.args[0]), 0
            continue
        except SpectrumError as error:
            row["reason"] = str(error)
            silent += spectra is None
            continue
        except (OSError, ValueError, u.UnitsError) as error:
            row["reason"] = str(error)
            continue
        try:
            row |= _measure(spectrum, kinds[index], z_range)
        except (SpectrumError, u.UnitsError) as error:
            row["reason"] = str(error)
    return _table(rows, coords, ids)


def _kinds(kind, candidates, n):
    if kind is None:
        column = table_columns(candidates).get("kind")
        given = [] if column is None else np.ma.filled(column, "").tolist()
        kind = ["" if k in _RANKED else k for k in given] or ""
    kinds = [kind] * n if isinstance(kind, str) else [str(k) for k in kind]
    if len(kinds) != n:
        msg = f"{len(kinds)} kinds for {n} candidates"
        raise ValueError(msg)
    unknown = set(kinds) - {"green_pea", "passive_spiral", ""}
    if unknown:
        msg = (
            f"a kind must be 'green_pea', 'passive_spiral' or '', not "
            f"{sorted(unknown)[0]!r}"
        )
        raise ValueError(msg)
    return kinds


def _spectrum(index, coords, spectra, radius, cache):
    if spectra is None:
        return fetch_sdss_spectrum(coords[index], radius=radius, cache=cache)
    given = spectra[index]
    if given is None:
        msg = "no spectrum was given"
        raise LookupError(msg)
    return given if hasattr(given, "flux") else read_spectrum(given)


def _measure(spectrum, kind, z_range):
    measured = measure_spectrum(spectrum, z_range=z_range)
    found = measured.redshift
    row = {
        "spectrum": str(spectrum.meta.get("file", ""))
        .replace("\\", "/")
        .split("/")[-1],
        "redshift": found.redshift,
        "redshift_err": found.error,
        "delta_chi2": found.delta_chi2,
        "ambiguous": found.ambiguous,
        "template": found.template,
        "d4000": measured.break_4000.value,
        "d4000_err": measured.break_4000.error,
    }
    reasons = [found.reason, _labelled("D4000", measured.break_4000.reason)]
    for line in measured.lines:
        name = _column(line["line"])
        for column in ("ew", "ew_err", "flux", "flux_err"):
            value = line[column]
            base, _, error = column.partition("_")
            key = f"{base}_{name}" + ("_err" if error else "")
            row[key] = np.nan if value.mask else float(value.unmasked.value)
        reasons.append(_labelled(line["line"], line["reason"]))
    if kind:
        confirmation = confirm(measured, kind)
        row["verdict"] = confirmation.verdict
        row["summary"] = confirmation.summary
    row["reason"] = "; ".join(reason for reason in reasons if reason)
    return row


def _labelled(name, reason):
    return f"{name}: {reason}" if reason else ""


def _column(line):
    # "[O III] 5007" becomes "oiii_5007".
    plain = line.replace("[", "").replace("]", "").lower()
    element, _, rest = plain.partition(" ")
    ion, _, wavelength = rest.partition(" ")
    return f"{element}{ion}_{wavelength}" if wavelength else f"{element}_{ion}"


def _table(rows, coords, ids):
    table = QTable({"id": ids, "ra": coords.ra.to(u.deg), "dec": coords.dec.to(u.deg)})

    def text(name):
        values = [row.get(name, "") for row in rows]
        mask = [name not in row for row in rows]
        table[name] = MaskedColumn(values, mask=mask, dtype=str)

    def numbers(name, unit=u.one):
        values = np.array([row.get(name, np.nan) for row in rows], dtype=float)
        table[name] = Masked(np.nan_to_num(values), mask=np.isnan(values)) * unit

    text("spectrum")
    numbers("redshift", PARAMETERS["redshift"].unit)
    numbers("redshift_err", PARAMETERS["redshift"].unit)
    numbers("delta_chi2")
    flags = [row.get("ambiguous", False) for row in rows]
    absent = ["ambiguous" not in row for row in rows]
    table["ambiguous"] = MaskedColumn(flags, mask=absent, dtype=bool)
    text("template")
    numbers("d4000")
    numbers("d4000_err")
    for line in map(_column, LINES):
        for column, unit in (("ew", u.AA), ("flux", _LINE_FLUX)):
            numbers(f"{column}_{line}", unit)
            numbers(f"{column}_{line}_err", unit)
    text("kind")
    text("verdict")
    text("summary")
    table["reason"] = [row["reason"] for row in rows]
    return table
