# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Images of galaxies: sets of them, their files, and their way to the
input of a network.
"""

from .core import *
from .hdf5_reader import *
from .hdf5_writer import *
from .preprocessing import *
