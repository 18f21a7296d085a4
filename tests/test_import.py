# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of what an import loads, each in a fresh interpreter.
"""

import subprocess
import sys

import pytest

HEAVY = ("torch", "matplotlib", "requests", "astroquery", "sklearn", "galsim")


def run(code):
    """
    Run code in a fresh interpreter and return what it prints.
    """
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["astrovae", "astrovae.metrics", "astrovae.cli"])
def test_import_loads_nothing_heavy(module):
    code = f"import sys, {module}; print([n for n in {HEAVY} if n in sys.modules])"
    assert run(code) == "[]"


def test_images_load_no_torch():
    code = (
        "import sys; from astrovae import GalaxyImageSet; "
        "print([n for n in ('torch', 'matplotlib') if n in sys.modules])"
    )
    assert run(code) == "[]"


def test_import_is_quick():
    code = (
        "import time, astropy.table; start = time.process_time(); "
        "import astrovae; print(time.process_time() - start)"
    )
    assert float(run(code)) < 0.4


def test_public_names_resolve():
    code = "import astrovae; print(all(hasattr(astrovae, n) for n in dir(astrovae)))"
    assert run(code) == "True"


def test_unknown_name():
    import astrovae

    with pytest.raises(AttributeError, match="has no attribute 'GalaxySet'"):
        astrovae.GalaxySet  # noqa: B018


def test_missing_matplotlib_names_the_extra():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "try:\n    import astrovae.plotting\n"
        "except ImportError as error:\n    print(error)"
    )
    assert "pip install 'astrovae[plot]'" in run(code)
