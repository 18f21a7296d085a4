# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What sets a group of galaxies apart, in words and numbers.
"""

from dataclasses import dataclass

import numpy as np
from astropy.table import QTable
from sklearn.utils import check_random_state

from .latents import read_labels, read_redshift
from .matching import match_redshift
from .quantities import compared_quantities

__all__ = ["Explanation", "cliffs_delta", "explain"]

# From where on an effect is called so (Romano et al. 2006).
_SIZES = ((0.474, "large"), (0.33, "medium"), (0.147, "small"), (0.0, "negligible"))
_MIN_GROUP = 2


@dataclass(frozen=True)
class Explanation:
    """
    What sets a group apart.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        One row per quantity, the largest effect first.
    text : str
        The same in plain English.
    """

    table: QTable
    text: str

    def __str__(self):
        return self.text


def cliffs_delta(first, second):
    """
    Tell how often values of one group exceed those of another.

    Parameters
    ----------
    first, second : array_like
        Finite values of the two groups.

    Returns
    -------
    delta : float
        P(first > second) - P(first < second), from -1 to 1; 0 if the
        groups are alike, NaN if one is empty.
    """
    first, second = np.asarray(first), np.sort(np.asarray(second))
    if len(first) == 0 or len(second) == 0:
        return np.nan
    below = np.searchsorted(second, first, side="left").mean()
    above = (len(second) - np.searchsorted(second, first, side="right")).mean()
    return float((below - above) / len(second))


def explain(
    table,
    example_class,
    labels=None,
    *,
    columns=None,
    match=True,
    n_matched=10,
    max_difference=0.02,
    n_bootstrap=1000,
    confidence=0.6827,
    random_state=0,
):
    """
    Say what sets a class of galaxies apart from all others.

    Medians are compared, of each quantity that the table has or that
    follows from it: the offset of the star-formation rate from the
    main sequence at the galaxy's mass and redshift (Popesso et al.
    2023, as in `astrovae.simulation`), logarithms of mass, rate and
    size (in kpc, where it is an angle and there is a redshift),
    colours of the columns ``mag_g`` and so on, and other numbers as
    they are.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        N galaxies, e.g. the result of ``PhysicsVAE.predict`` with
        columns of its own added.
    example_class : str
        The class.
    labels : array_like, shape (N,) or str, optional
        The classes' names, or the column that has them; by default
        ``"label"``.
    columns : sequence of str, optional
        Columns to use; by default all numeric ones but names,
        positions, flags, errors, intervals and the orientation.
        Magnitudes count as colours of bands next to each other, among
        u, g, r, i, z and y.
    match : bool, optional
        Whether to compare with others at the same redshifts, too, if
        there is a column ``redshift``.
    n_matched, max_difference : int, float, optional
        As in `match_redshift`.
    n_bootstrap : int, optional
        Number of bootstrap samples.
    confidence : float, optional
        Probability of the intervals.
    random_state : int, `~numpy.random.RandomState` or None, optional
        Seed of matching and bootstrap.

    Returns
    -------
    explanation : `Explanation`
        Its ``table`` has, for each ``quantity`` with its ``unit``,
        the number of examples ``n``, ``median`` and ``median_others``,
        their ``difference`` with ``_lower`` and ``_upper``, and
        ``cliffs_delta``, by whose size it is sorted; and the figures
        against others at the same redshifts with ``_matched``. Its
        ``text`` says it.

    Raises
    ------
    ValueError
        If fewer than two galaxies are of the class, or are not, or if
        nothing can be compared.
    """
    columns = [columns] if isinstance(columns, str) else columns
    inside = _labels_of(table, labels) == example_class
    members, others = np.flatnonzero(inside), np.flatnonzero(~inside)
    if min(len(members), len(others)) < _MIN_GROUP:
        msg = (
            f"{len(members)} of {len(table)} galaxies have the label "
            f"{example_class!r}; at least two, and two others, are needed"
        )
        raise ValueError(msg)
    rng = check_random_state(random_state)
    groups, found = {"": others}, {}
    if match and "redshift" in table.colnames:
        redshift = read_redshift(table["redshift"], len(table))
        options = {"n_matched": n_matched, "max_difference": max_difference}
        matched, alone = match_redshift(
            redshift, members, others, **options, random_state=rng
        )
        found["n_without_match"] = alone
        if len(matched) >= _MIN_GROUP:
            groups["_matched"] = matched
    rows, words = [], {}
    for quantity in compared_quantities(table, columns):
        row = {"quantity": quantity.name, "unit": quantity.unit}
        for suffix, rest in groups.items():
            first, second = quantity.values[members], quantity.values[rest]
            row |= _compare(first, second, suffix, n_bootstrap, confidence, rng)
        rows.append(row)
        words[quantity.name] = quantity
    if not rows:
        msg = f"none of the columns {', '.join(columns)} can be compared"
        raise ValueError(msg)
    rows.sort(key=lambda row: -np.nan_to_num(abs(row["cliffs_delta"]), nan=-1.0))
    result = QTable(rows)
    for name in result.colnames[3:]:
        result[name].info.format = ".3f"
    result.meta |= found | {
        "class": str(example_class),
        "n_others": len(others),
        "n_matched": len(groups.get("_matched", ())),
        "confidence": confidence,
    }
    return Explanation(result, _text(result, words))


def _labels_of(table, labels):
    """
    The labels given, or those of a column.
    """
    if labels is None or isinstance(labels, str):
        name = labels or "label"
        if name not in table.colnames:
            msg = f"the table has no column {name!r}; give the labels"
            raise ValueError(msg)
        labels = table[name]
    return read_labels(labels, len(table))


def _compare(first, second, suffix, n_bootstrap, confidence, rng):
    """
    Figures of one quantity between two groups.
    """
    first, second = (np.sort(x[np.isfinite(x)]) for x in (first, second))
    row = {} if suffix else {"n": len(first), "median": _median(first)}
    row[f"median_others{suffix}"] = _median(second)
    row[f"difference{suffix}"] = _median(first) - _median(second)
    ends = [np.nan, np.nan]
    if min(len(first), len(second)) >= _MIN_GROUP:
        draws = _bootstrap_medians(first, n_bootstrap, rng)
        draws = draws - _bootstrap_medians(second, n_bootstrap, rng)
        ends = np.quantile(draws, [0.5 - confidence / 2.0, 0.5 + confidence / 2.0])
    row[f"difference{suffix}_lower"], row[f"difference{suffix}_upper"] = map(
        float, ends
    )
    row[f"cliffs_delta{suffix}"] = cliffs_delta(first, second)
    return row


def _median(values):
    return float(np.median(values)) if len(values) else np.nan


def _bootstrap_medians(values, n_bootstrap, rng):
    """
    Medians of bootstrap samples of sorted values, without the samples.

    The median of n uniform numbers has a beta distribution; that of a
    bootstrap sample is the value at this place. The time does not grow
    with n.
    """
    n = len(values)
    place = rng.beta((n + 1) / 2.0, (n + 1) / 2.0, n_bootstrap)
    return values[np.minimum((place * n).astype(int), n - 1)]


def _size_of(delta):
    return next(word for least, word in _SIZES if abs(delta) >= least)


def _figures(row, suffix):
    """
    E.g. "+0.91 dex (+0.80 to +1.05), a large effect of +0.95".
    """
    unit = f" {row['unit']}" if row["unit"] else ""
    value, lower, upper = (
        f"{row[f'difference{suffix}{end}']:+.3g}" for end in ("", "_lower", "_upper")
    )
    delta = row[f"cliffs_delta{suffix}"]
    return (
        f"{value}{unit} ({lower} to {upper}), a {_size_of(delta)} effect ({delta:+.2f})"
    )


def _text(table, words):
    """
    Put the table into words.
    """
    meta = table.meta
    matched = meta["n_matched"] > 0
    first = (
        f"{int(max(table['n']))} galaxies of the class {meta['class']!r} "
        f"compared with {meta['n_others']} others. Differences are of medians, "
        f"with {100 * meta['confidence']:.0f} % intervals; effects are Cliff's "
        "delta, from -1 to +1."
    )
    lines = [first]
    quiet = []
    for row in table:
        delta = row["cliffs_delta"]
        again = row["cliffs_delta_matched"] if matched else np.nan
        if np.isnan(delta):
            continue
        if max(abs(delta), np.nan_to_num(abs(again))) < _SIZES[2][0]:
            quiet.append(row["quantity"])
            continue
        lines.append(_sentence(row, words[row["quantity"]], delta, again) + ".")
    if quiet:
        lines.append(f"- They are like the others in {', '.join(quiet)}.")
    if matched:
        line = f"{meta['n_matched']} others were matched in redshift"
        if meta["n_without_match"]:
            line += f"; {meta['n_without_match']} examples have no match"
        lines.append(line + ".")
    elif "n_without_match" in meta:
        lines.append("No other was found at the redshifts of the examples.")
    return "\n".join(lines)


def _sentence(row, quantity, delta, again):
    """
    What one quantity says, with and without the redshift.
    """
    verb = quantity.high if delta >= 0 else quantity.low
    line = f"- They {verb}: {_figures(row, '')}"
    if np.isnan(again) or row["quantity"] == "redshift":
        return line
    figures = _figures(row, "_matched")
    if abs(delta) < _SIZES[2][0]:
        # Only what is left at the same redshifts is worth a verb.
        verb = quantity.high if again >= 0 else quantity.low
        plain = _figures(row, "")
        return f"- At the same redshifts they {verb}: {figures}; of all {plain}"
    if abs(again) < _SIZES[2][0]:
        return f"{line}; at the same redshifts {figures}, so it comes with the redshift"
    but = "but " if delta * again < 0 else ""
    return f"{line}; {but}at the same redshifts {figures}"
