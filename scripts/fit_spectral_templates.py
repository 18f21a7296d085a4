# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Fit the analytic stellar templates of astrovae.spectra to models.

    python scripts/fit_spectral_templates.py

writes the table of `astrovae.spectra.stellar_continua`: the logarithm of
the continuum at fixed wavelengths and the optical depth of each absorption
feature, by non-negative least squares on the logarithm of two spectra
of bagpipes (the ``simulate`` extra). Only these numbers are kept; no
spectrum of a library is.
"""

import numpy as np
from scipy.optimize import nnls

from astrovae.spectra.stellar_continua import ABSORPTION, NODES

WAVELENGTHS = np.arange(1800.0, 9900.0, 1.0)
POPULATIONS = {
    "old": {"age": 9.0, "tau": 0.7, "massformed": 10.0, "metallicity": 1.0},
    "young": {"age": 1.0, "tau": 5.0, "massformed": 10.0, "metallicity": 0.5},
}


def population_spectrum(history):
    """
    A spectrum without gas and dust, 150 km/s broad, normalised at 5500 AA.
    """
    import bagpipes  # noqa: PLC0415

    parameters = {"redshift": 0.0, "delayed": history, "veldisp": 150.0}
    model = bagpipes.model_galaxy(parameters, spec_wavs=WAVELENGTHS)
    wavelength, flux = model.spectrum.T
    return flux / np.interp(5500.0, wavelength, flux)


def fit(flux):
    """
    The continuum at the nodes (log, natural) and the optical depths.
    """
    hats = np.array(
        [np.interp(WAVELENGTHS, NODES, row) for row in np.identity(len(NODES))]
    ).T
    lines = np.array(
        [np.exp(-0.5 * ((WAVELENGTHS - c) / s) ** 2) for c, s in ABSORPTION.values()]
    ).T
    # The nodes may have either sign: each stands twice.
    solution, _ = nnls(np.hstack([hats, -hats, -lines]), np.log(flux))
    n = len(NODES)
    return solution[:n] - solution[n : 2 * n], solution[2 * n :]


def main():
    """
    Print the numbers, and how far the fit is from the model.
    """
    for name, history in POPULATIONS.items():
        flux = population_spectrum(history)
        nodes, depths = fit(flux)
        print(f'    "{name}": (')
        print("        (" + ", ".join(f"{v:.3f}" for v in nodes) + "),")
        print("        (" + ", ".join(f"{v:.3f}" for v in depths) + "),")
        print("    ),")
        model = np.interp(WAVELENGTHS, NODES, nodes)
        for depth, (c, s) in zip(depths, ABSORPTION.values(), strict=True):
            model -= depth * np.exp(-0.5 * ((WAVELENGTHS - c) / s) ** 2)
        chosen = (WAVELENGTHS > 3600) & (WAVELENGTHS < 7000)
        scatter = np.std(np.exp(model[chosen]) / flux[chosen] - 1)
        print(f"    # {name}: scatter about the model {scatter:.3f} (3600-7000 AA)")


if __name__ == "__main__":
    main()
