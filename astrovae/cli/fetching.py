# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Arguments about where images come from, and what was fetched in words.
"""

import argparse

from .messages import remark
from .tables import positive

__all__ = [
    "add_service_arguments",
    "check_distinct",
    "make_fetcher",
    "remark_failures",
]

#: The names of the services; those of `astrovae.fetch`, which loads on use.
SERVICES = ("legacysurvey", "bricks", "hips", "datalab")

#: The objects without an image that are named one by one.
_NAMED = 10


def add_service_arguments(parser):
    """
    Add the arguments about a service and a cache.

    Parameters
    ----------
    parser : `~argparse.ArgumentParser`
        The parser of a verb.
    """
    group = parser.add_argument_group("where images come from")
    group.add_argument(
        "--service",
        choices=SERVICES,
        default="legacysurvey",
        help="the sky viewer (default), coadds of whole bricks, HiPS2FITS, or "
        "the Astro Data Lab",
    )
    group.add_argument(
        "--layer", default="ls-dr10", help="the survey's release (default: ls-dr10)"
    )
    group.add_argument(
        "--server",
        metavar="URL|FOLDER",
        help="another server; for bricks, the address or folder that holds coadd/",
    )
    group.add_argument(
        "--cache",
        metavar="FOLDER",
        help="keep cutouts here; what is here is not fetched again, so that an "
        "interrupted fetch goes on where it stopped",
    )
    group.add_argument(
        "--connections",
        metavar="N",
        type=positive,
        help="requests at a time (default: 4, the most that the public servers "
        "are sent; up to 64 with a --server of your own)",
    )
    group.add_argument(
        "--retry-empty",
        action="store_true",
        help="ask again for galaxies of which the server said in an earlier run "
        "that it has nothing there",
    )


def make_fetcher(args, **wanted):
    """
    Make a fetcher as the arguments say.

    Parameters
    ----------
    args : `~argparse.Namespace`
        With what `add_service_arguments` added.
    **wanted
        More arguments of `~astrovae.CutoutFetcher`.

    Returns
    -------
    fetcher : `~astrovae.CutoutFetcher`
        The fetcher.

    Raises
    ------
    argparse.ArgumentTypeError
        If the service cannot give what is wanted.
    """
    from astrovae import CutoutFetcher

    try:
        return CutoutFetcher(
            args.service,
            layer=args.layer,
            server=args.server,
            connections=args.connections,
            **wanted,
        )
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def check_distinct(**paths):
    """
    Check that no file to be written is one to be read, or another one.

    Parameters
    ----------
    **paths : `~pathlib.Path` or None
        The files by the names of their arguments.

    Raises
    ------
    argparse.ArgumentTypeError
        If two are the same file, under whatever name.
    """
    known = {}
    for name, path in paths.items():
        if path is None:
            continue
        resolved = path.resolve()
        for other, (first, first_resolved) in known.items():
            same = resolved == first_resolved
            if not same and path.exists() and first.exists():
                same = path.samefile(first)
            if same:
                msg = f"{name} and {other} are the same file: {path}"
                raise argparse.ArgumentTypeError(msg)
        known[name] = path, resolved


def remark_failures(manifest):
    """
    Say which objects have no image, and why.

    Parameters
    ----------
    manifest : `~astropy.table.QTable`
        The manifest of a fetch.

    Returns
    -------
    n : int
        Their number.
    """
    failed = manifest[manifest["status"] != "ok"]
    for row in failed[:_NAMED]:
        remark(f"no image of {row['id']}: {row['reason'] or row['status']}")
    if len(failed) > _NAMED:
        remark(f"no image of {len(failed) - _NAMED} more: see the manifest")
    return len(failed)
