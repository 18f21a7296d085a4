# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Names of files from names that a user's table may hold.
"""

import re
import unicodedata

__all__ = ["safe_name"]

#: The characters of the id that the file's name keeps at most.
LONGEST = 48


def safe_name(text, digest):
    """
    Make the name of a file in a cache.

    What is legible of the id comes first, so that a person finds the
    file. The digest tells apart what the first part does not: ids that
    differ in case only, or in characters that no file should have.

    Parameters
    ----------
    text : str
        Any id, however hostile.
    digest : str
        Hexadecimal digits that stand for the object.

    Returns
    -------
    name : str
        E.g. ``"3f/NGC_628-3f2a90c1d4b7e856.fits"``: a folder of two
        digits, and a name of plain characters that begins with a
        letter, a digit or an underscore, and is no device of any
        system.

    Examples
    --------
    >>> from astrovae.fetch.filenames import safe_name
    >>> safe_name("../../etc/passwd", "3f2a90c1d4b7e856")
    '3f/etc_passwd-3f2a90c1d4b7e856.fits'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9+]+", "_", plain).strip("_+")[:LONGEST]
    return f"{digest[:2]}/{plain or 'object'}-{digest}.fits"
