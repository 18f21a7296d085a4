# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What the tests of samples share.
"""

import astroquery.vizier  # noqa: F401  its import replaces warnings.showwarning
import pytest
from fake_vizier import Vizier


@pytest.fixture
def vizier():
    """
    A VizieR without tables.
    """
    server = Vizier()
    yield server
    server.close()
