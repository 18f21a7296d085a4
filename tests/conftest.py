# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What every test may ask for: real images where they are at hand.
"""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


def pytest_configure(config):
    """
    Name the packages whose versions matter in the report's header.
    """
    modules = getattr(config, "PYTEST_HEADER_MODULES", None)
    if modules is None:  # pytest-astropy-header is not installed
        return
    modules.pop("Pandas", None)
    modules.pop("h5py", None)
    for name in ("astropy", "torch", "photutils", "h5py", "galsim"):
        modules[name] = name


@pytest.fixture(scope="session")
def shared_data():
    """
    The folder of real survey data, which is no part of the project.

    Its place is the environment variable ``ASTROVAE_SHARED``, or
    ``shared/data`` beside the repository.
    """
    default = REPOSITORY.parent / "shared" / "data"
    path = Path(os.environ.get("ASTROVAE_SHARED", default))
    if not path.is_dir():
        pytest.skip(f"real survey data not found in {path}; set ASTROVAE_SHARED")
    return path
