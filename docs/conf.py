# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
How Sphinx builds the documentation.
"""

from importlib.metadata import version as installed_version

project = "astrovae"
author = "The astrovae developers"
copyright = f"2026, {author}"
release = installed_version(project)
version = release.split("+")[0]

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx_automodapi.automodapi",
    "sphinx_automodapi.smart_resolver",
    "numpydoc",
    "pytest_doctestplus.sphinx.doctestplus",  # doctest-requires and -skip
]
default_role = "obj"
exclude_patterns = ["_build"]
numpydoc_show_class_members = False  # automodapi lists them
automodapi_inheritance_diagram = False
automodapi_toctreedirnm = "api"

html_theme = "alabaster"
html_theme_options = {
    "description": "Galaxy images in, tables out",
    "fixed_sidebar": True,
    "page_width": "1100px",
}
html_title = f"{project} {version}"


def _shorten_request_methods(app, what, name, obj, options, lines):  # noqa: ARG001
    """
    Keep one line of the methods that scikit-learn adds to estimators.

    The rest of their text refers to pages of its own documentation.
    """
    if name.endswith("_request"):
        lines[:] = lines[:1]


def setup(app):
    """
    Called by Sphinx; before numpydoc (500) has read the docstrings.
    """
    app.connect("autodoc-process-docstring", _shorten_request_methods, priority=100)
