# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Seconds that ``import astrovae`` adds to ``import astropy.table``.

    python benchmarks/import_time.py
"""

import statistics
import subprocess
import sys
import time

REPEATS = 11


def seconds(code):
    """Wall time of a fresh interpreter that runs some code."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main():
    """Time both, in turn."""
    base, both = [], []
    for _ in range(REPEATS):
        base.append(seconds("import astropy.table"))
        both.append(seconds("import astropy.table, astrovae"))
    added = statistics.median(b - a for a, b in zip(base, both, strict=True))
    print(f"import astropy.table: {statistics.median(base):.3f} s")
    print(f"import astrovae adds: {added:.3f} s (median of {REPEATS} pairs)")


if __name__ == "__main__":
    main()
