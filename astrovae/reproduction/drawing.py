# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The figures of the paper, and two more.
"""

import numpy as np
from astropy.table import QTable

from .modelling import latents_of, load_model
from .sampling import held_out, load_part
from .settings import CONTROL

__all__ = ["FIGURES", "draw_figures"]

#: The figures by file, each with its caption.
FIGURES = {
    "figure1.png": "Figure 1. Estimates against the catalogue, for galaxies that "
    "the training never saw. Grey: 1-sigma errors of the catalogue. The numbers "
    "above the panels are those of the ordinary galaxies.",
    "figure2.png": "Figure 2. Projections of the latent spaces: of the vanilla model "
    "above, of the physics-informed one below. Dashed, below only: boundary of a "
    "linear support vector machine between the rare kind of that colour and all "
    "others, in that projection alone.",
    "figure3.png": "Figure 3. The ordinary galaxies nearest in latent space to the "
    "green peas and to the red spirals; the number is that of the examples whose "
    "nearest galaxies they are among.",
    "reconstructions.png": "Inputs and what the physics-informed model makes of them.",
    "traversals.png": "Images decoded along one latent of the physics-informed "
    "model, all others at their means.",
}

_DPI = 130
_N_SHOWN = 8


def draw_figures(place):
    """
    Draw all figures.

    Parameters
    ----------
    place : `~astrovae.reproduction.stages.Workplace`
        Where everything is.
    """
    labels, kinds = held_out(place)
    results = QTable.read(place.path("results.ecsv"))
    images, _ = load_part(place, "validation")
    vae = load_model(place, "physics-informed")
    vanilla = latents_of(place, "vanilla")
    draw = {
        "figure1.png": lambda: _estimates(results, labels, kinds),
        "figure2.png": lambda: _latents(results, vanilla, kinds),
        "figure3.png": lambda: _neighbours(place, images),
        "reconstructions.png": lambda: _reconstructions(vae, images),
        "traversals.png": lambda: _traversals(vae, images),
    }
    for name in FIGURES:
        figure = draw[name]()
        place.write(name, lambda path, figure=figure: figure.savefig(path, dpi=_DPI))


def _estimates(results, labels, kinds):
    from astrovae.plotting import plot_estimates

    return plot_estimates(results, labels, labels=kinds, control=CONTROL)


def _latents(results, vanilla, kinds):
    from astrovae.plotting import plot_latent_spaces

    spaces = {"vanilla": vanilla, "physics-informed": results}
    return plot_latent_spaces(spaces, kinds, control=CONTROL)


def _neighbours(place, images):
    from astrovae.plotting import plot_galleries

    table = QTable.read(place.path("neighbours.ecsv"))
    galleries, captions = {}, {}
    for kind in ("green pea", "red spiral"):
        own = table[table["kind"] == kind]
        title = f"most like {kind}s"
        galleries[title] = images[np.asarray(own["row"])]
        captions[title] = [str(count) for count in own["n_examples"]]
    return plot_galleries(galleries, captions=captions)


def _reconstructions(vae, images):
    from astrovae.plotting import plot_reconstructions

    rows = np.linspace(0, len(images) - 1, min(_N_SHOWN, len(images))).astype(int)
    return plot_reconstructions(vae, images[rows])


def _traversals(vae, images):
    from astrovae.plotting import plot_traversals

    return plot_traversals(vae, images[: min(len(images), 500)])
