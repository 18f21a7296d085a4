# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Print requirements that pin each dependency to its floor in pyproject.toml.

A floor of 2.0 becomes ``==2.0.*``. torch is left out: its older wheels bring
gigabytes of CUDA libraries, so that its floor stays untested.
"""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
for requirement in project["dependencies"] + extras["plot"] + extras["simulate"]:
    name, floor = re.match(r"([\w.-]+)>=([\d.]+)", requirement).groups()
    if name != "torch":
        print(f"{name}=={floor}.*")
