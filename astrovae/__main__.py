# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
``python -m astrovae`` is the ``astrovae`` command.
"""

import sys

from astrovae.cli import main

if __name__ == "__main__":
    sys.exit(main())
