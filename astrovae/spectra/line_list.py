# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Emission lines of galaxies: their wavelengths in vacuum.
"""

__all__ = ["EMISSION_LINES", "SPEED_OF_LIGHT"]

#: km / s
SPEED_OF_LIGHT = 299792.458

#: Rest-frame vacuum wavelengths in AA (NIST Atomic Spectra Database).
EMISSION_LINES = {
    "[O II] 3726": 3727.09,
    "[O II] 3729": 3729.88,
    "[Ne III] 3869": 3869.86,
    "H delta": 4102.89,
    "H gamma": 4341.68,
    "[O III] 4363": 4364.44,
    "H beta": 4862.68,
    "[O III] 4959": 4960.30,
    "[O III] 5007": 5008.24,
    "He I 5876": 5877.25,
    "[O I] 6300": 6302.05,
    "[N II] 6548": 6549.86,
    "H alpha": 6564.61,
    "[N II] 6583": 6585.27,
    "[S II] 6716": 6718.29,
    "[S II] 6731": 6732.67,
}
