# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The ``astrovae`` command: one module per verb.

Nothing heavy is imported before a verb is carried out, so that
``astrovae --help`` answers at once.
"""

from .entry import *
