# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Anomalies: find galaxies like known rare ones, or unlike all others,
tell them from artefacts, and say what sets them apart.
"""

from .affinity import *
from .artefacts import *
from .boundary import *
from .classifier import *
from .explanation import *
from .light import *
from .matching import *
from .ranking import *
from .scores import *
from .similarity import *
from .triage_page import *
