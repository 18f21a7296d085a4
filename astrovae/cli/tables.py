# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tables as files, in the format that their names end with, and as text.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

__all__ = [
    "FORMATS",
    "check_format",
    "format_figures",
    "format_head",
    "is_table",
    "output_path",
    "plain_values",
    "positive",
    "read_table",
    "write_table",
]

#: Names of the formats: the endings of files without their dot.
FORMATS = ("ecsv", "fits", "parquet")

#: Endings of files that can be nothing but a table.
_TABLES = (".ecsv", ".csv", ".tsv", ".txt", ".dat", ".tbl", ".vot", ".xml", ".parquet")

_HEAD = (
    "id",
    "redshift",
    "redshift_lower",
    "redshift_upper",
    "stellar_mass",
    "sfr",
    "ood_score",
    "flags",
)


def output_path(text):
    """
    Turn an argument into the path of a file that can be written.

    Parameters
    ----------
    text : str
        The argument.

    Returns
    -------
    path : `~pathlib.Path`
        The path.

    Raises
    ------
    argparse.ArgumentTypeError
        If its folder does not exist, or it is a folder.
    """
    path = Path(text)
    if path.is_dir():
        msg = f"{text} is a folder"
        raise argparse.ArgumentTypeError(msg)
    if not path.parent.is_dir():
        msg = f"the folder {path.parent} does not exist"
        raise argparse.ArgumentTypeError(msg)
    return path


def positive(text):
    """
    Turn an argument into a number of things, at least one.

    Parameters
    ----------
    text : str
        The argument.

    Returns
    -------
    number : int
        The number.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is no whole number above zero.
    """
    if not text.isdecimal() or int(text) < 1:
        msg = f"{text} is no whole number above zero"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def check_format(path, name=None):
    """
    Find the format of a table, and whether it can be written.

    Parameters
    ----------
    path : `~pathlib.Path`
        The file.
    name : str, optional
        The format; by the file's ending, if not given.

    Returns
    -------
    name : str
        One of `FORMATS`.

    Raises
    ------
    argparse.ArgumentTypeError
        If the ending belongs to no format.
    ImportError
        If the format needs a package that is not installed.
    """
    name = name or path.suffix.lower().lstrip(".")
    if name not in FORMATS:
        msg = (
            f"{path} does not end with .{', .'.join(FORMATS)}; change the "
            "ending or give --format"
        )
        raise argparse.ArgumentTypeError(msg)
    if name == "parquet" and find_spec("pyarrow") is None:
        msg = "Parquet needs pyarrow: python -m pip install 'astrovae[survey]'"
        raise ImportError(msg)
    return name


def write_table(table, path, name=None):
    """
    Write a table; an existing file is replaced.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        The table.
    path : `~pathlib.Path`
        The file.
    name : str, optional
        The format, see `check_format`.
    """
    name = check_format(path, name)
    if name == "fits":
        table = _for_fits(table)
    astropy_name = "ascii.ecsv" if name == "ecsv" else name
    table.write(path, format=astropy_name, overwrite=True)


def read_table(path):
    """
    Read a table of any format that astropy knows.

    Parameters
    ----------
    path : `~pathlib.Path`
        The file.

    Returns
    -------
    table : `~astropy.table.QTable`
        The table.

    Raises
    ------
    ValueError
        If the file is no table.
    """
    from astropy.io.registry import IORegistryError
    from astropy.table import QTable

    import astrovae.parameters  # noqa: F401 - makes the unit of a redshift known

    suffix = path.suffix.lower()
    # Of these endings astropy would not know which of its formats it is.
    names = {".ecsv": "ascii.ecsv", **dict.fromkeys((".txt", ".dat", ".tsv"), "ascii")}
    try:
        return QTable.read(path, format=names.get(suffix))
    except IORegistryError as error:
        msg = f"{path} is no table of a known format, such as .ecsv or .fits"
        raise ValueError(msg) from error
    except ValueError as error:
        if "no table found" not in str(error):
            raise
        # HDF5 files are sets of images as well.
        msg = f"{path} holds no table; is it a set of images?"
        raise ValueError(msg) from error


def is_table(path):
    """
    Tell whether a file is a table, and no image.

    Parameters
    ----------
    path : `~pathlib.Path`
        The file.

    Returns
    -------
    is_table : bool
        By its ending; a FITS file, by what is in it.
    """
    if path.name.lower().endswith(_TABLES):
        return True
    from astrovae.exceptions import ImageFormatError
    from astrovae.images.fits_files import is_fits_name, read_headers

    if not is_fits_name(path) or not path.is_file():
        return False
    try:
        headers = read_headers(path)
    except ImageFormatError:
        return False
    kinds = [header.get("XTENSION", "IMAGE") for header in headers]
    pixels = any(
        kind == "IMAGE" and header.get("NAXIS", 0) >= 2
        for kind, header in zip(kinds, headers, strict=True)
    )
    return not pixels and bool({"TABLE", "BINTABLE"} & set(kinds))


def format_head(table, n=5):
    """
    Format the first rows and the main columns of a result.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        The result of ``PhysicsVAE.predict``.
    n : int
        The number of rows.

    Returns
    -------
    text : str
        Several lines.
    """
    head = table[[name for name in _HEAD if name in table.colnames]][:n]
    digits = {"stellar_mass": ".2e", "sfr": ".2e", "ood_score": ".2f"}
    for name in head.colnames:
        if name not in {"id", "flags"}:
            head[name].info.format = digits.get(name, ".3f")
    return "\n".join(head.pformat(max_width=-1, max_lines=-1))


def format_figures(table):
    """
    Format a table of figures of merit.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        As from `~astrovae.metrics.comparison_table`.

    Returns
    -------
    text : str
        Several lines.
    """
    table = table.copy()
    for name in table.colnames:
        if table[name].dtype.kind == "f":
            table[name].info.format = ".3f"
    return "\n".join(table.pformat(max_width=-1, max_lines=-1))


def plain_values(column):
    """
    Take a column's numbers without its unit.

    Parameters
    ----------
    column : `~astropy.units.Quantity` or `~astropy.table.Column`
        The column, shape (N,); may be masked.

    Returns
    -------
    values : `~numpy.ndarray` of float, shape (N,)
        The numbers; NaN where they are masked.
    """
    import numpy as np

    mask = np.asarray(getattr(column, "mask", False))
    values = np.ma.getdata(getattr(column, "unmasked", column))
    values = np.asarray(getattr(values, "value", values), dtype=float)
    return np.where(mask, np.nan, values)


def _for_fits(table):
    """
    A copy without what FITS has no place for.

    Nested meta becomes comments, and redshifts lose their unit, which
    the FITS standard does not know.
    """
    from astropy.cosmology import units as cu

    table = table.copy()
    for name in table.colnames:
        if getattr(table[name], "unit", None) == cu.redshift:
            table[name] = plain_values(table[name])
    comments = list(table.meta.pop("comments", []))
    for key, value in list(table.meta.items()):
        if isinstance(value, dict):
            comments += [f"{key}: {name} = {entry}" for name, entry in value.items()]
            del table.meta[key]
    if comments:
        table.meta["comments"] = comments
    return table
