# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What every test may ask for: real images where they are at hand.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A slow machine is no failure, and a failure must come back when run again.
settings.register_profile("astrovae", deadline=None, derandomize=True)
settings.load_profile("astrovae")

REPOSITORY = Path(__file__).parents[1]


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
