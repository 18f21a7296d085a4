# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The estimator: image sets in, tables of galaxies' properties out.
"""

from .estimator import *
