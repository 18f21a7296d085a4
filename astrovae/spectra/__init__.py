# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Spectroscopic follow-up of candidates: spectra from SDSS or from files,
their redshifts, lines and 4000 AA breaks, and what they say of green peas
and passive spirals.

The network is touched by `fetch_sdss_spectrum`, `find_sdss_spectra` and
`follow_up` only, and astroquery is imported there.
"""

from .breaks import *
from .configuration import *
from .confirmation import *
from .fetching import *
from .follow_up import *
from .lines import *
from .measuring import *
from .reading import *
from .redshifts import *
from .templates import *
