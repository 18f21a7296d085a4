# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Images of galaxies: sets of them, their files, and their way to the
input of a network.
"""

from .core import *  # noqa: F403
from .preprocessing import *  # noqa: F403
