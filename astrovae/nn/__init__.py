# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The torch core: networks, losses, training, checkpoints.

Tensors in, tensors out: nothing here knows a unit, a table or a file of
images.
"""

from .adaptive import *
from .augmentation import *
from .blocks import *
from .building import *
from .checkpoints import *
from .data import *
from .inference import *
from .intervals import *
from .losses import *
from .mixture_network import *
from .mixtures import *
from .networks import *
from .outliers import *
from .photometry import *
from .presets import *
from .recalibration import *
from .resume import *
from .training import *
