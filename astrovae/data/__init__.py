# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The packaged sample and weights, by name.
"""

from .registry import *
