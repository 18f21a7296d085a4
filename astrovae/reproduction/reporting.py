# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The report that a person can send to a colleague.
"""

import base64
import html
import itertools
import json

import numpy as np
from astropy.table import QTable

from astrovae.version import __version__

from .comparing import compare_with_paper, percent_with_interval
from .drawing import FIGURES
from .settings import CONTROL

__all__ = ["write_report"]

# How a line of an explanation begins that is one of a list.
_ITEM = "- "

# Matching calls a round complete if so many members find a control.
_MOSTLY = 0.9

_STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; font-size: 14px; margin: 1em 0; }
th, td { padding: .25em .7em; border-bottom: 1px solid #ddd; text-align: left; }
th { border-bottom: 2px solid #888; }
img { max-width: 100%; }
figcaption { color: #444; font-size: 14px; }
div { overflow-x: auto; }
"""


def write_report(place):
    """
    Write ``report.md`` and ``report.html``.

    The latter holds the figures and needs no other file.

    Parameters
    ----------
    place : `~astrovae.reproduction.stages.Workplace`
        Where everything is.
    """
    blocks = _blocks(place)
    text = "\n\n".join(_markdown(*block) for block in blocks) + "\n"
    place.write("report.md", lambda path: path.write_text(text, encoding="utf-8"))
    body = "\n".join(_html(place, *block) for block in blocks)
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Gagliano &amp; Villar (2023), reproduced</title>"
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )
    place.write("report.html", lambda path: path.write_text(page, encoding="utf-8"))


def _blocks(place):
    """
    The report: headings, paragraphs, lists, tables and figures, in order.
    """
    metrics = QTable.read(place.path("metrics.ecsv"))
    anomalies = QTable.read(place.path("anomalies.ecsv"))
    neighbours = QTable.read(place.path("neighbours.ecsv"))
    return [
        ("title", "Gagliano & Villar (2023), reproduced"),
        ("text", _what_was_done(place)),
        ("heading", "The paper's figures of merit, and ours"),
        ("table", compare_with_paper(place, metrics, anomalies)),
        (
            "text",
            (
                "R2 = 1 - SSE/SST punishes a wrong scale or offset; r2, the squared "
                "Pearson correlation, does not, and is what the authors' code prints. "
                "Intervals of ours are of 68 %, binomial (Wilson), n being the number "
                "of galaxies. The paper's recoveries are of 2 or 3 held-out peas."
            ),
        ),
        ("figure", "figure1.png"),
        ("heading", "Estimates by kind of galaxy"),
        ("table", _short_metrics(metrics)),
        ("heading", "Recovery of anomalies"),
        (
            "text",
            (
                "A support vector machine (radial basis functions, standardised "
                "latents, SMOTE inside the training folds), in five rounds of five "
                "stratified folds. false_positive_rate is the part of the controls "
                "called so, which the paper calls contamination; contamination is the "
                "part of those called so that are not. For 'matched', controls with "
                "the redshifts of the class are drawn, for training and test, and "
                "members for which there is none are kept. Only where nearly all "
                "members have a control do these rows tell what is left besides "
                "the redshift."
            ),
        ),
        *(("text", text) for text in _unmatched(anomalies)),
        ("table", _short_anomalies(anomalies)),
        ("figure", "figure2.png"),
        ("heading", "What sets them apart, by their estimates"),
        *_explanations(place),
        ("heading", "Galaxies most like the anomalies"),
        ("figure", "figure3.png"),
        ("table", _short_neighbours(neighbours)),
        ("heading", "What the model draws"),
        ("figure", "reconstructions.png"),
        ("figure", "traversals.png"),
        ("heading", "Times"),
        *(("text", text) for text in _interruptions(place)),
        ("table", _times(place)),
    ]


def _what_was_done(place):
    """
    The sample, the models and what is smaller than in the paper.
    """
    own = place.settings
    origin = (
        "simulated galaxies (not the paper's catalogues), with labels that scatter "
        "by a catalogue's errors"
        if own.simulated
        else "galaxies of the paper's catalogues with Legacy Surveys cutouts"
    )
    seed = f"random_state {own.random_state}"
    rate = own.rate()
    trained = f"{own.epochs} epochs" + (f" at {rate:.1e}" if rate else "")
    first = (
        f"weights {own.weights!r} for the physics-informed model"
        if own.weights
        else f"both models with the preset {own.preset!r}"
    )
    return (
        f"astrovae {__version__}, {seed}: {origin}. {own.n} ordinary galaxies were "
        f"asked for, of which a fifth is held out and measured here; of the others a "
        f"part chooses the best epoch. {first[0].upper()}{first[1:]}; training of "
        f"{trained}. The paper has 26,126 galaxies, 1000 epochs at 5.0e-06 and "
        "reports the galaxies that chose the epoch: where this run is smaller, its "
        "figures are not the method's best."
    )


def _rounded(table, digits=".3f"):
    for name in table.colnames:
        if table[name].dtype.kind == "f":
            table[name].info.format = digits
    return table


def _short_metrics(metrics):
    names = ("kind", "parameter", "unit", "n", "bias", "mean_bias", "NMAD", "MSE")
    names += ("MAD", "outlier_fraction", "R2", "r2_pearson", "coverage_68")
    return _rounded(metrics[[name for name in names if name in metrics.colnames]])


def _short_anomalies(anomalies):
    """
    Rates with their intervals, the rare classes only.
    """
    rare = anomalies[anomalies["class"] != CONTROL]
    table = QTable()
    for name in ("model", "class", "controls", "n", "n_controls"):
        table[name] = rare[name]
    for name in ("recovery", "false_positive_rate", "contamination"):
        table[name] = [percent_with_interval(row, name) for row in rare]
    table["note"] = rare["note"]
    return table


def _short_neighbours(neighbours):
    table = neighbours[["kind", "id", "n_examples", "distance"]]
    return _rounded(table[_first_of_each(table["kind"], 5)], ".2f")


def _first_of_each(kinds, n):
    kinds = np.asarray(kinds)
    rows = [np.flatnonzero(kinds == kind)[:n] for kind in dict.fromkeys(kinds)]
    return np.concatenate(rows)


def _unmatched(anomalies):
    """
    Say for which classes redshift was not taken out of the comparison.

    Where members lack a control there was one round of matching, each
    control being that of one member. With more rounds, nine members in
    ten have one at least: see `~astrovae.anomaly.matching`.
    """
    texts = []
    for kind in dict.fromkeys(anomalies["class"]):
        if kind == CONTROL:
            continue
        own = anomalies[
            (anomalies["class"] == kind) & (anomalies["controls"] == "matched")
        ]
        if len(own) == 0:
            texts.append(
                f"No control has the redshifts of the {kind}s: there are no rows "
                "'matched' of them, and their recovery may be that of the redshift."
            )
            continue
        n, n_controls = own["n"][0], own["n_controls"][0]
        if n_controls < _MOSTLY * n:
            texts.append(
                f"Of {n} {kind}s {n - n_controls} have no control at their redshift, "
                f"and there are {n_controls} controls in all. The redshift alone can "
                "tell these apart in the rows 'matched' too, whose rates are no "
                "evidence of anything besides it."
            )
    return texts


def _explanations(place):
    """
    Paragraphs and lists, as the texts have them.
    """
    texts = json.loads(place.path("explanations.json").read_text())
    blocks = []
    for text in texts.values():
        lines = text.splitlines()
        for is_list, group in itertools.groupby(lines, _is_item):
            if is_list:
                blocks.append(("list", [line.removeprefix(_ITEM) for line in group]))
            else:
                blocks += [("text", line) for line in group]
    return blocks


def _is_item(line):
    return line.startswith(_ITEM)


def _finished(place):
    """
    The records of the stages whose times can be told: not of this one.
    """
    return {name: own for name, own in place.times.items() if name != "report"}


def _interruptions(place):
    """
    Say what the times are of, if the run was interrupted.
    """
    records = _finished(place).values()
    texts = []
    if any(record.attempts > 1 for record in records):
        texts.append(
            "This run was interrupted and resumed. The seconds of a stage are those "
            "of all its attempts, what had to be done again included."
        )
    untimed = sum(record.untimed for record in records)
    if untimed:
        texts.append(
            f"Attempts that were killed and are missing in the seconds: {untimed}."
        )
    return texts


def _times(place):
    records = _finished(place)
    seconds = [record.seconds for record in records.values()]
    attempts = [str(record.attempts) for record in records.values()]
    table = QTable(
        {
            "stage": [*records, "all"],
            "seconds": [*seconds, sum(seconds)],
            "attempts": [*attempts, ""],
        }
    )
    return _rounded(table, ".1f")


def _cells(table):
    """
    A table as text: the names and the rows.
    """
    columns = []
    for name in table.colnames:
        column = table[name]
        form = column.info.format
        cells = []
        for value in column:
            if np.ma.is_masked(value):
                cells.append("")
            elif form and np.issubdtype(type(value), np.floating):
                cells.append("" if np.isnan(value) else format(value, form))
            else:
                cells.append(str(value))
        columns.append(cells)
    return table.colnames, list(zip(*columns, strict=True))


def _markdown(kind, content):
    if kind == "title":
        return f"# {content}"
    if kind == "heading":
        return f"## {content}"
    if kind == "figure":
        return f"![{content}]({content})\n\n{FIGURES[content]}"
    if kind == "text":
        return content
    if kind == "list":
        return "\n".join(f"{_ITEM}{item}" for item in content)
    names, rows = _cells(content)
    lines = [names, ["---"] * len(names), *rows]
    escaped = ([str(cell).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def _html(place, kind, content):
    if kind == "title":
        return f"<h1>{html.escape(content)}</h1>"
    if kind == "heading":
        return f"<h2>{html.escape(content)}</h2>"
    if kind == "text":
        return f"<p>{html.escape(content)}</p>"
    if kind == "list":
        items = "\n".join(f"<li>{html.escape(item)}</li>" for item in content)
        return f"<ul>{items}</ul>"
    if kind == "figure":
        picture = base64.b64encode(place.path(content).read_bytes()).decode()
        caption = html.escape(FIGURES[content])
        return (
            f'<figure><img alt="{caption}" src="data:image/png;base64,{picture}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    names, rows = _cells(content)
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<div><table><tr>{head}</tr>\n{body}</table></div>"
