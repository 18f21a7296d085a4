# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Why a single galaxy is worth a look, or none, in words.

These functions serve `rank_candidates`.
"""

import numpy as np
from scipy.ndimage import median_filter

from astrovae.flags import FLAG_MEANINGS, decode_flags

__all__ = []

# Higher or lower than so many of the usual galaxies is worth a word.
_EXTREME = 0.99
_MIN_OTHERS = 100
# But not if noise might do it; in standard errors.
_SIGNIFICANT = 3.0

# Four times the rate of the main sequence is a starburst (Rodighiero et
# al. 2011), a tenth of it hardly any star formation.
_ABOVE, _BELOW = 0.6, -1.0

# Flags that are artefacts, and those that the scores say or that are of
# no interest here.
_ARTEFACT_FLAGS = ("PARTIAL_COVERAGE", "CENTRE_MASKED")
_UNSAID = {"MISSING_BAND", *_ARTEFACT_FLAGS, "OUT_OF_DISTRIBUTION"}
_UNSAID |= {"ORIENTATION_FAILED"}

# A score of 1 is a galaxy in ten: said, since its number is said as well.
_HIGH_SCORE = 1.0

_ARTEFACT_WORDS = {
    "chip_gap": "chip gap: a part of the frame has no data",
    "saturated_star": "saturated star",
    "satellite_trail": "satellite trail",
    "missing_band": "a band is missing",
}

_WORDS = {
    "redshift": ("at higher redshift", "at lower redshift"),
    "stellar_mass": ("more massive", "less massive"),
    "sfr": ("forming more stars", "forming fewer stars"),
}


def artefact_words(artefacts, flags, missing):
    """
    Name the artefacts of each galaxy.

    Parameters
    ----------
    artefacts : `~astropy.table.Table` or None
        From `find_artefacts`; N rows.
    flags : array of int, shape (N,)
        Bits of `~astrovae.flags.GalaxyFlags`.
    missing : array of str, shape (N,)
        Missing bands, separated by spaces.

    Returns
    -------
    words : list of list of str
        For each galaxy, empty if there is none.
    """
    words = [[f"band {band} missing" for band in bands.split()] for bands in missing]
    absent = FLAG_MEANINGS["MISSING_BAND"]
    for i, names in enumerate(decode_flags(flags)):
        if "MISSING_BAND" in names and not words[i]:
            words[i].append(absent)
        # The padding of a small frame is not covered either.
        padded = {"PARTIAL_COVERAGE"} if "SMALL_FRAME" in names else set()
        words[i] += [
            FLAG_MEANINGS[name]
            for name in _ARTEFACT_FLAGS
            if name in names and name not in padded
        ]
    for kind, word in _ARTEFACT_WORDS.items():
        if artefacts is None:
            break
        for i in np.flatnonzero(artefacts[kind]):
            if kind == "saturated_star":
                words[i].append(word + _distance_words(artefacts, i))
            elif kind != "missing_band" or not words[i]:
                words[i].append(word)
    return words


def _distance_words(artefacts, i):
    """
    How far a star is, if that has been measured.
    """
    name = "saturated_star_distance"
    if name not in artefacts.colnames or not np.isfinite(artefacts[name][i]):
        return ""
    return f", {artefacts[name][i]:.1f} from the centre"


def flag_words(flags):
    """
    Spell out the flags that are neither artefacts nor scores.
    """
    return [
        [FLAG_MEANINGS[name] for name in names if name not in _UNSAID]
        for names in decode_flags(flags)
    ]


def score_words(scores, n_usual, oddest):
    """
    Say which scores are high, and how rare they are.

    Parameters
    ----------
    scores : dict of str to array, shape (N,)
        By what the score is of, minus the decimal logarithm of the
        p-value.
    n_usual : int
        The galaxies that those of ``latents`` and ``parameters`` are
        compared with: nothing rarer than one of them can be told.
    oddest : list of str
        For each galaxy the name of the parameter that is oddest given
        the others, or "".

    Returns
    -------
    words : list of list of str
        For each galaxy.
    """
    what = {
        "model": "unlike the training images",
        "latents": "rare latents among these galaxies",
        "parameters": "rare parameters among these galaxies",
    }
    length = len(next(iter(scores.values())))
    words = [[] for _ in range(length)]
    for name, values in scores.items():
        limit = 10_000 if name == "model" else n_usual
        for i in np.flatnonzero(np.nan_to_num(values) >= _HIGH_SCORE):
            text = f"{what[name]} ({_rarity(values[i], limit)})"
            if name == "parameters" and oddest[i]:
                text += f", {oddest[i]} above all"
            words[i].append(text)
    return words


def _rarity(score, limit):
    """
    E.g. "1 in 2,300", to two digits.
    """
    is_beyond = score >= np.log10(limit)
    number = float(limit) if is_beyond else 10.0**score
    text = f"1 in {float(f'{number:.2g}'):,.0f}"
    return f"rarer than {text}" if is_beyond else text


def quantity_words(quantities, usual):
    """
    Say in which quantities a galaxy is extreme, the rarest first.

    Parameters
    ----------
    quantities : list of `~astrovae.anomaly.quantities.Compared`
        Quantities of N galaxies.
    usual : array of bool, shape (N,)
        The galaxies to compare with: no artefacts.

    Returns
    -------
    words : list of list of str
        For each galaxy.
    """
    by_name = {quantity.name: quantity.values for quantity in quantities}
    found = [[] for _ in range(len(usual))]
    for quantity in quantities:
        if quantity.name == "ood_score":
            continue
        values, suffix = _residuals(quantity, by_name)
        share = _share_below(values, usual)
        if quantity.error is not None and np.isfinite(share).any():
            difference = np.abs(values - np.nanmedian(values[usual]))
            # An error that is not known excuses any difference.
            share[~(difference >= _SIGNIFICANT * quantity.error)] = np.nan
        if quantity.name == "main_sequence_offset":
            _add_main_sequence(found, values, share)
            continue
        high, low = _words_of(quantity)
        for i in np.flatnonzero(share >= _EXTREME):
            found[i].append((1 - share[i], f"{high} than {_percent(share[i])}{suffix}"))
        for i in np.flatnonzero(share <= 1 - _EXTREME):
            found[i].append((share[i], f"{low} than {_percent(1 - share[i])}{suffix}"))
    return [[text for _, text in sorted(entries)] for entries in found]


def _words_of(quantity):
    if quantity.name in _WORDS:
        return _WORDS[quantity.name]
    if _is_size(quantity):
        return "more extended", "more compact"
    # "are redder in g-r", of a group, is "redder in g-r" of one galaxy.
    return tuple(
        words.replace("are ", "", 1).replace("have a ", "", 1)
        for words in (quantity.high, quantity.low)
    )


def _is_size(quantity):
    return quantity.high.startswith("are more extended")


def _add_main_sequence(found, offset, share):
    for i in np.flatnonzero(np.isfinite(offset)):
        extreme = share[i] >= _EXTREME or share[i] <= 1 - _EXTREME
        if not (extreme or offset[i] >= _ABOVE or offset[i] <= _BELOW):
            continue
        side = "above" if offset[i] > 0 else "below"
        text = f"SFR {abs(offset[i]):.1f} dex {side} the main sequence"
        found[i].append((np.nan_to_num(min(share[i], 1 - share[i]), nan=0.5), text))


def _residuals(quantity, by_name):
    """
    Sizes for their mass and colours for their redshift, where possible.
    """
    if _is_size(quantity):
        against, suffix = "stellar_mass", " of its mass"
    elif quantity.unit == "mag":
        against, suffix = "redshift", " at its redshift"
    else:
        return quantity.values, ""
    values = quantity.values
    good = np.isfinite(values)
    if against in by_name:
        good &= np.isfinite(by_name[against])
    if against not in by_name or good.sum() < _MIN_OTHERS:
        return values, ""
    rows = np.flatnonzero(good)
    rows = rows[np.argsort(by_name[against][rows], kind="stable")]
    window = max(len(rows) // 20, 51)
    residual = np.full(len(values), np.nan)
    residual[rows] = values[rows] - median_filter(values[rows], window, mode="nearest")
    return residual, suffix


def _share_below(values, usual):
    """
    The part of the usual galaxies with lower values; NaN of too few.
    """
    known = np.sort(values[usual & np.isfinite(values)])
    share = np.full(len(values), np.nan)
    if len(known) >= _MIN_OTHERS:
        good = np.isfinite(values)
        # Halfway between lower and not higher, so that ties are no extreme.
        sides = [np.searchsorted(known, values[good], side) for side in _SIDES]
        share[good] = np.mean(sides, axis=0) / len(known)
    return share


_SIDES = ("left", "right")


def _percent(share):
    # Rounded down: 99.96 % of the others are not all of them.
    return f"{np.floor(1000 * share) / 10:.4g} %"
