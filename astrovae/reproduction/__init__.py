# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Gagliano & Villar (2023, arXiv:2312.16687), from data to figures.

This sub-package needs matplotlib, the extra ``plot``, and for simulated
galaxies the extra ``simulate``.
"""

from .core import *
from .settings import *
