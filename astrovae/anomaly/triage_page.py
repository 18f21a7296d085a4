# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
One HTML file in which a person looks through candidates and labels them.
"""

import base64
import hashlib
import html
import io
import json
import re
from importlib.resources import files
from pathlib import Path

import astropy.units as u
import numpy as np

from astrovae.flags import decode_flags
from astrovae.parameters import PARAMETERS

from .latents import column_values, feature_names, mask_of

__all__ = ["write_triage_page"]

_SCRIPTS = ("table.js", "labels.js", "list.js", "scatter.js", "main.js")
_SIDE = 128  # pixels of a thumbnail, at most
_QUALITY = 75
_PER_PART = 100  # thumbnails; as in table.js
_AXES = ("redshift", "main_sequence_offset", "sfr", "stellar_mass", "score")
_DIGITS = {"ra": 9, "dec": 9}


def write_triage_page(candidates, pictures, path, *, title="Candidates"):
    """
    Write a page for looking through candidates.

    The page is one file that asks for nothing else: no server, no
    address outside of it, which its content security policy forbids
    as well. Labels are kept in the browser, by the hash of the table
    in ``meta["source_sha256"]``, and are exported as ECSV.

    Parameters
    ----------
    candidates : `~astropy.table.QTable`
        N galaxies, from `rank_candidates`.
    pictures : iterable
        For each galaxy in order its picture, an array of uint8 of shape
        (y, x, 3) with north up as in FITS (the first row is the
        lowest), or `None`. Read once, so it may be a generator.
    path : str or `~pathlib.Path`
        The file; replaced if it exists.
    title : str, optional
        The heading.

    Raises
    ------
    ImportError
        If pillow is missing, which comes with the extra ``plot``.
    ValueError
        If there is not one picture for each galaxy.
    """
    encode = _encoder()
    texts = [None if pixels is None else encode(pixels) for pixels in pictures]
    if len(texts) != len(candidates):
        msg = f"{len(texts)} pictures were given for {len(candidates)} galaxies"
        raise ValueError(msg)
    folder = files("astrovae.anomaly") / "triage"
    read = {name: (folder / name).read_text("utf-8") for name in _SCRIPTS}
    style = (folder / "page.css").read_text("utf-8")
    script = '(() => {\n"use strict";\n' + "\n".join(read.values()) + "})();\n"
    # Nothing is replaced within what was put in: ids may hold anything.
    fields = {
        "POLICY": _policy(script, style),
        "TITLE": html.escape(title),
        "STYLE": style,
        "SCRIPT": script,
        "DATA": _json(_page_data(candidates)),
        "THUMBNAILS": "\n".join(_parts(texts)),
    }
    page = (folder / "page.html").read_text("utf-8")
    page = re.sub(r"@([A-Z]+)@", lambda match: fields[match[1]], page)
    Path(path).write_text(page, "utf-8", newline="\n")


def _encoder():
    """
    The function that makes JPEG, as base64, of pixels.
    """
    try:
        from PIL import Image
    except ImportError as error:
        msg = "thumbnails need pillow: python -m pip install 'astrovae[plot]'"
        raise ImportError(msg) from error

    def encode(pixels):
        image = Image.fromarray(np.ascontiguousarray(pixels[::-1]))
        if max(image.size) > _SIDE:
            image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=_QUALITY)
        return base64.b64encode(buffer.getvalue()).decode("ascii")

    return encode


def _policy(script, style):
    """
    What the page may do: run its own script, and show embedded pictures.
    """
    sources = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
        for text in (script, style)
    ]
    return (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"script-src 'sha256-{sources[0]}'; style-src 'sha256-{sources[1]}'"
    )


def _json(value):
    """
    JSON that cannot end the element that it stands in.
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _parts(texts):
    for number, start in enumerate(range(0, len(texts), _PER_PART)):
        yield (
            f'<script type="application/json" id="thumbnails-{number}">'
            f"{_json(texts[start : start + _PER_PART])}</script>"
        )


def _page_data(candidates):
    """
    What the script reads.
    """
    ids = _texts(candidates, "id")
    labels = _texts(candidates, "label")
    key = candidates.meta.get("source_sha256") or _hash(ids)
    columns = list(_columns(candidates))
    names = [column["name"] for column in columns]
    axes = [name for name in _AXES if name in names]
    return {
        "key": str(key)[:16],
        "base": _hash([ids, labels])[:16],
        "id": ids,
        "kind": _texts(candidates, "kind"),
        "label": labels,
        "reasons": _texts(candidates, "reasons"),
        "flags": _flag_names(candidates),
        "columns": columns,
        "axes": [axes[0], axes[min(1, len(axes) - 1)]],
    }


def _texts(candidates, name):
    """
    A column of str; ECSV gives empty ones back as masked.
    """
    column = candidates[name]
    texts = np.ma.getdata(column).astype(str)
    return np.where(mask_of(column), "", texts).tolist()


def _hash(value):
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _flag_names(candidates):
    """
    For each galaxy, artefacts in words and the names of its flags.
    """
    words = [
        text.split("; ") if text else [] for text in _texts(candidates, "artefacts")
    ]
    if "flags" not in candidates.colnames:
        return words
    names = decode_flags(np.ma.getdata(candidates["flags"]).astype(int))
    return [[*first, *second] for first, second in zip(words, names, strict=True)]


def _columns(candidates):
    """
    The numbers of the page, positions last.
    """
    names = feature_names(candidates)
    names += [name for name in ("ra", "dec") if name in candidates.colnames]
    for name in names:
        values = column_values(candidates, name)
        # An orientation with a unit is modelled, and so read, in radians.
        has_unit = getattr(candidates[name], "unit", None) is not None
        factor = np.degrees(1.0) if name == "orientation" and has_unit else 1.0
        if not np.isfinite(values).any():
            continue
        column = {"name": name, "label": _label(candidates, name)}
        column["values"] = _numbers(factor * values, name)
        ends = [f"{name}_{end}" for end in ("lower", "upper")]
        if all(end in candidates.colnames for end in ends):
            for end in ends:
                part = end.rsplit("_", 1)[1]
                values = _end_values(candidates, name, end)
                column[part] = _numbers(factor * values, name)
        yield column


def _end_values(candidates, name, end):
    """
    Ends of intervals, on the scale of the column that they belong to.
    """
    values = column_values(candidates, end)
    unit = getattr(candidates[end], "unit", None)
    if name in PARAMETERS and unit is not None:
        return PARAMETERS[name].to_latent(values * unit)
    return values


def _label(candidates, name):
    """
    A column's name in words, with its unit.
    """
    text = name.replace("_", " ").replace("sfr", "SFR")
    unit = getattr(candidates[name], "unit", None)
    if unit in (None, u.dimensionless_unscaled) or name == "redshift":
        return text
    unit = u.deg if name == "orientation" else unit
    text = f"{text} [{unit.to_string('unicode')}]"
    is_log = name in PARAMETERS and PARAMETERS[name].scale == "log10"
    return f"log {text}" if is_log else text


def _numbers(values, name):
    """
    Rounded numbers for JSON; None where they are not known.
    """
    digits = _DIGITS.get(name, 5)
    return [
        float(f"{value:.{digits}g}") if np.isfinite(value) else None
        for value in values.tolist()
    ]
