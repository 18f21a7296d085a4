# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Anomalies: find galaxies like known rare ones, or unlike all others,
tell them from artefacts, and say what sets them apart.
"""

from .artefacts import *
from .boundary import *
from .classifier import *
from .explanation import *
from .matching import *
from .scores import *
from .similarity import *
