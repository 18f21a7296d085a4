# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Labels as a catalogue would give them: the truth with its errors.
"""

import numpy as np
from astropy.table import QTable

from astrovae.parameters import PARAMETERS

__all__ = ["catalogue_labels"]


def catalogue_labels(truth, *, random_state=None):
    """
    Scatter true parameters by their catalogue errors.

    The truth of `~astrovae.simulation.simulate_galaxies` is exact; a
    spectroscopic redshift, the mass and SFR of an SED fit and the
    angle measured on an image are not. Training on the scattered
    labels, with their errors, is what a user of a real catalogue does.

    Parameters
    ----------
    truth : `~astropy.table.QTable`
        With any of ``redshift``, ``stellar_mass``, ``sfr`` and
        ``orientation``, each with its ``_err`` column. The noise is
        normal in redshift, angle, and log10 of mass and SFR.
    random_state : int or `~numpy.random.Generator`, optional
        Seed; the same seed gives the same labels.

    Returns
    -------
    labels : `~astropy.table.QTable`
        ``id``, if there is one, and those columns. Mass and SFR
        errors keep their size in dex; angles may leave +-90 deg, which
        they are periodic in.
    """
    rng = np.random.default_rng(random_state)
    labels = QTable()
    if "id" in truth.colnames:
        labels["id"] = truth["id"]
    for name, parameter in PARAMETERS.items():
        if name not in truth.colnames:
            continue
        latent, error = parameter.to_latent(truth[name], truth[f"{name}_err"])
        noisy = parameter.from_latent(latent + error * rng.standard_normal(len(latent)))
        labels[name] = noisy
        relative = noisy / truth[name] if parameter.scale == "log10" else 1.0
        labels[f"{name}_err"] = truth[f"{name}_err"] * relative
    return labels
