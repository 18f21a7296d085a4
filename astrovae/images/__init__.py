# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Images of galaxies: sets of them, their files, and their way to the
input of a network.
"""

from .core import *
from .file_collections import *
from .fits_perband import *
from .fits_subimage import *
from .fits_viewer import *
from .hdf5_reader import *
from .hdf5_writer import *
from .preprocessing import *
