# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figures of estimates, images and trainings.

Every function returns a `~matplotlib.figure.Figure` that belongs to
the caller alone: the state of ``matplotlib.pyplot`` is not touched.
This sub-package needs matplotlib, the extra ``plot``.
"""

from .calibration import *
from .comparison import *
from .estimates import *
from .galleries import *
from .history import *
from .latents import *
from .thumbnails import *
from .traversals import *
