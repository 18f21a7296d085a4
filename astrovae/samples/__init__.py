# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Published samples of galaxies as tables of labels.

The network is touched by `load_sample` and `build_training_set` only,
and astroquery is imported there.
"""

from .configuration import *
from .cuts import *
from .definition import *
from .duplicates import *
from .loading import *
from .registry import *
from .training import *
