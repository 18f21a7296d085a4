# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What the tests of spectra share.
"""

import astroquery.sdss  # noqa: F401  its import replaces warnings.showwarning
import pytest
from fake_sdss import Sdss

from astrovae.spectra import conf


@pytest.fixture
def sdss():
    """
    An SDSS without spectra, which is asked instead of the real one.
    """
    server = Sdss()
    with (
        conf.set_temp("skyserver", server.url),
        conf.set_temp("archive", f"{server.url}/sas"),
        conf.set_temp("timeout", 10.0),
    ):
        yield server
    server.close()
