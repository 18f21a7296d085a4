# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
From positions on the sky to images: cutouts of the Legacy Surveys from
any of their services, checked, kept, and resumed.
"""

from .configuration import *
from .core import *
