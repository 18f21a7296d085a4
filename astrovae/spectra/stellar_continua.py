# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The light of stars, in closed form: a continuum and absorption features.

The numbers were fitted to two model spectra by
``scripts/fit_spectral_templates.py``; a closed form needs no file, no
resampling and no licence of a library, and can be evaluated at exactly
the wavelengths that a spectrograph has.
"""

import numpy as np

__all__ = ["ABSORPTION", "NODES", "stellar_continuum"]

#: Where the logarithm of the continuum is given (AA); linear between.
#: Close together at the Balmer break and the 4000 AA break.
NODES = (
    *(1800.0, 2200.0, 2600.0, 2800.0, 3000.0, 3300.0, 3550.0, 3650.0, 3750.0),
    *(3850.0, 3910.0, 4000.0, 4050.0, 4250.0, 4600.0, 5000.0, 5500.0, 6000.0),
    *(6500.0, 7000.0, 8000.0, 9000.0, 9900.0),
)

#: Vacuum wavelength and Gaussian width (AA) of each absorption feature.
ABSORPTION = {
    "Mg II": (2799.0, 12.0),
    "Mg I 2852": (2853.0, 8.0),
    "Fe 3581": (3582.0, 10.0),
    "Fe 3619": (3619.0, 6.0),
    "Fe 3648": (3648.0, 6.0),
    "Fe 3683": (3683.0, 6.0),
    "Fe 3720": (3720.0, 5.0),
    "Fe 3735": (3736.0, 5.0),
    "H12": (3751.2, 4.5),
    "H11": (3771.7, 5.0),
    "H10": (3799.0, 6.0),
    "Fe 3820": (3825.0, 6.0),
    "H9": (3836.5, 7.0),
    "CN 3850": (3855.0, 18.0),
    "H8": (3890.2, 8.0),
    "Ca K": (3934.8, 6.0),
    "Ca H": (3969.8, 7.0),
    "Fe 4045": (4047.0, 6.0),
    "H delta": (4102.9, 9.0),
    "CN 4160": (4170.0, 18.0),
    "Ca 4227": (4228.0, 5.0),
    "Fe 4272": (4272.0, 5.0),
    "G band": (4304.0, 10.0),
    "H gamma": (4341.7, 9.0),
    "Fe 4383": (4385.0, 7.0),
    "Fe 4405": (4405.0, 5.0),
    "Ca 4455": (4457.0, 8.0),
    "Fe 4531": (4531.0, 11.0),
    "Fe 4668": (4670.0, 18.0),
    "H beta": (4862.7, 8.0),
    "Fe 4921": (4921.0, 5.0),
    "Fe 5015": (5010.0, 14.0),
    "Mg b": (5177.0, 11.0),
    "MgH": (5140.0, 40.0),
    "Cr 5208": (5208.0, 5.0),
    "Fe 5270": (5271.0, 8.0),
    "Fe 5335": (5333.0, 8.0),
    "Fe 5406": (5404.0, 8.0),
    "Na D": (5894.6, 6.5),
    "TiO 6190": (6195.0, 40.0),
    "H alpha": (6564.6, 7.0),
    "TiO 7100": (7130.0, 50.0),
    "Ca 8542": (8544.0, 6.0),
    "Ca 8662": (8664.0, 6.0),
}

# The logarithm of the continuum at the nodes, and the optical depths.
# "old": formed 9 Gyr ago over 0.7 Gyr, solar; "young": formed over the last
# 1 Gyr at a nearly constant rate, half solar; both without dust and gas.
_POPULATIONS = {
    "old": (
        (
            *(-4.398, -4.088, -3.443, -2.026, -1.937, -1.343, -1.234, -0.960),
            *(-1.073, -0.743, -0.902, -0.507, -0.549, -0.389, -0.061, -0.049),
            *(-0.001, 0.035, -0.037, -0.035, -0.074, -0.143, -0.176),
        ),
        (
            *(2.329, 2.011, 0.446, 0.338, 0.259, 0.114, 0.147, 0.404, 0.292),
            *(0.000, 0.252, 0.551, 0.295, 0.490, 0.223, 1.141, 0.997, 0.020),
            *(0.004, 0.073, 0.218, 0.192, 0.408, 0.050, 0.195, 0.129, 0.083),
            *(0.056, 0.076, 0.145, 0.067, 0.103, 0.218, 0.092, 0.133, 0.150),
            *(0.040, 0.064, 0.203, 0.043, 0.114, 0.087, 0.279, 0.245),
        ),
    ),
    "young": (
        (
            *(1.956, 1.510, 1.068, 0.924, 0.769, 0.551, 0.404, 0.317, 0.517),
            *(1.068, 0.766, 0.713, 0.693, 0.587, 0.407, 0.210, -0.006, -0.182),
            *(-0.377, -0.519, -0.770, -0.996, -1.174),
        ),
        (
            *(0.057, 0.028, 0.008, 0.000, 0.000, 0.079, 0.137, 0.143, 0.211),
            *(0.325, 0.521, 0.133, 0.540, 0.282, 0.553, 0.135, 0.592, 0.000),
            *(0.429, 0.009, 0.028, 0.018, 0.071, 0.425, 0.052, 0.013, 0.022),
            *(0.007, 0.000, 0.406, 0.031, 0.022, 0.041, 0.016, 0.035, 0.037),
            *(0.019, 0.018, 0.055, 0.008, 0.264, 0.029, 0.145, 0.191),
        ),
    ),
}


def stellar_continuum(wavelength, population):
    """
    Evaluate the spectrum of a stellar population.

    Parameters
    ----------
    wavelength : array_like
        Rest-frame vacuum wavelengths in AA. Outside of 1800 to 9900 AA
        the continuum stays at its last value.
    population : {"old", "young"}
        The population.

    Returns
    -------
    flux : `~numpy.ndarray`
        Flux per unit wavelength, about 1 at 5500 AA.
    """
    wavelength = np.asarray(wavelength, dtype=float)
    nodes, depths = _POPULATIONS[population]
    logarithm = np.interp(wavelength, NODES, nodes)
    for depth, (centre, width) in zip(depths, ABSORPTION.values(), strict=True):
        logarithm -= depth * np.exp(-0.5 * ((wavelength - centre) / width) ** 2)
    return np.exp(logarithm)
