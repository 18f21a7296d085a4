# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
How far estimates lie from the truth, and whether their intervals hold.

A row that is masked, not finite, or without a logarithm where one is
needed is left out of a figure and counted in its ``n_excluded``.
"""

from .coverage import *
from .figures import *
from .intervals import *
from .pit import *
from .random_points import *
from .scores import *
