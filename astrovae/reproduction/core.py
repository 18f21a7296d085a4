# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The whole of it.
"""

from functools import partial
from pathlib import Path

from .drawing import FIGURES, draw_figures
from .measuring import (
    explain_anomalies,
    find_neighbours,
    measure_anomalies,
    measure_estimates,
)
from .modelling import MODELS, encode, load_weights, train
from .reporting import write_report
from .sampling import make_sample, sample_files
from .settings import ReproductionSettings
from .stages import Stage, Workplace, carry_out

__all__ = ["reproduce"]

_MODEL_STAGES = tuple(f"train {name}" for name in MODELS)

_STAGES = (
    Stage("sample", sample_files(), make_sample),
    *(
        Stage(
            f"train {name}",
            (f"{name}.safetensors",),
            partial(train, name=name),
            ("sample",),
        )
        for name in MODELS
    ),
    Stage(
        "encode",
        ("results.ecsv", *(f"{name}-latents.ecsv" for name in MODELS)),
        encode,
        ("sample", *_MODEL_STAGES),
    ),
    Stage("metrics", ("metrics.ecsv",), measure_estimates, ("encode",)),
    Stage("anomalies", ("anomalies.ecsv",), measure_anomalies, ("encode",)),
    Stage("explanations", ("explanations.json",), explain_anomalies, ("encode",)),
    Stage("neighbours", ("neighbours.ecsv",), find_neighbours, ("encode",)),
    Stage("figures", tuple(FIGURES), draw_figures, ("encode", "neighbours")),
    Stage(
        "report",
        ("report.md", "report.html"),
        write_report,
        ("metrics", "anomalies", "explanations", "neighbours", "figures"),
    ),
)


def reproduce(output, settings=None, *, say=print):
    """
    Reproduce Gagliano & Villar (2023), from data to figures.

    Each stage leaves its files in ``output``, and is not carried out
    again where they are: interrupted, it goes on when called again.

    Parameters
    ----------
    output : path-like
        A folder.
    settings : `ReproductionSettings`, optional
        What is to be made.
    say : callable, optional
        Called with a line of text about each stage.

    Returns
    -------
    folder : `~pathlib.Path`
        The folder, with ``report.md``, ``report.html`` and all tables
        and figures.

    Raises
    ------
    ValueError
        If the folder has a reproduction with other settings, or there
        are no weights of the name in the settings.
    `~astrovae.exceptions.ModelFileError`
        If the file of weights is no model, or was altered.
    ImportError
        Without matplotlib, or without the ``simulate`` extra if the
        galaxies are to be simulated.
    `~astrovae.exceptions.CatalogueError`
        If a catalogue cannot be had.
    """
    # Before hours of work, not after them; and before the folder keeps
    # settings that cannot be carried out.
    import astrovae.plotting  # noqa: F401

    settings = settings or ReproductionSettings()
    is_taken = (Path(output) / "physics-informed.safetensors").is_file()
    if settings.weights is not None and not is_taken:
        load_weights(settings.weights)
    place = Workplace.open(output, settings, say)
    carry_out(_STAGES, place)
    return place.folder
