# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
astrovae turns images of galaxies into tables of their properties.

Public names are resolved on first use (SPEC 1), so that importing the
package loads neither torch nor matplotlib nor a network library.
"""

import importlib

__all__ = ["CutoutFetcher", "GalaxyImageSet", "PhysicsVAE", "__version__"]

_HOME = {
    "CutoutFetcher": "astrovae.fetch",
    "GalaxyImageSet": "astrovae.images",
    "PhysicsVAE": "astrovae.vae",
    "__version__": "astrovae.version",
}


def __getattr__(name):
    if name not in _HOME:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)
