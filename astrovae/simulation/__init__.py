# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Galaxies with known answers: population, spectra, images.

The parts that draw spectra and images need the ``simulate`` extra
(bagpipes, speclite and galsim) and are loaded on first use.
"""

from .artefacts import *
from .catalogue import *
from .core import *
from .labels import *
from .storage import *
