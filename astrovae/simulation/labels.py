# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Labels as a catalogue would give them: the truth with its errors.
"""

import numpy as np
from astropy.table import QTable

from astrovae.parameters import PARAMETERS

__all__ = ["LABEL_CONVENTIONS", "catalogue_labels"]

#: What catalogues add to the simulation's log10 of mass and SFR (dex):
#: other initial mass functions, population models and time scales. The
#: median differences that ``benchmarks/realism.py`` prints, to about
#: 0.01 dex.
LABEL_CONVENTIONS = {
    "des-sn5yr": {"stellar_mass": 0.18, "sfr": 0.79},
    "cosmos2015": {"stellar_mass": 0.03},
}


def catalogue_labels(truth, *, random_state=None, convention=None):
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
    convention : str, optional
        A name of `LABEL_CONVENTIONS`: shift mass and SFR to what that
        catalogue would give for the same galaxies. `None`: as the
        simulation defines them.

    Returns
    -------
    labels : `~astropy.table.QTable`
        ``id``, if there is one, and those columns. Mass and SFR
        errors keep their size in dex; angles may leave +-90 deg, which
        they are periodic in.

    Raises
    ------
    ValueError
        If the convention is unknown.
    """
    if convention is not None and convention not in LABEL_CONVENTIONS:
        known = ", ".join(LABEL_CONVENTIONS)
        msg = f"unknown convention {convention!r}; known are {known}"
        raise ValueError(msg)
    offsets = LABEL_CONVENTIONS.get(convention, {})
    rng = np.random.default_rng(random_state)
    labels = QTable()
    if "id" in truth.colnames:
        labels["id"] = truth["id"]
    for name, parameter in PARAMETERS.items():
        if name not in truth.colnames:
            continue
        latent, error = parameter.to_latent(truth[name], truth[f"{name}_err"])
        shifted = latent + offsets.get(name, 0.0)
        noise = error * rng.standard_normal(len(latent))
        noisy = parameter.from_latent(shifted + noise)
        labels[name] = noisy
        relative = noisy / truth[name] if parameter.scale == "log10" else 1.0
        labels[f"{name}_err"] = truth[f"{name}_err"] * relative
    return labels
