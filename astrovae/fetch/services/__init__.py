# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The services that give cutouts, behind one interface.
"""

from .base import *
from .registry import *
