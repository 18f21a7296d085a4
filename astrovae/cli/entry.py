# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
From the words of a shell to a verb, and from its end to an exit status.
"""

import argparse
import os
import sys

from . import anomalies, demo, fetch, predict, reproduce, simulate, train
from .messages import complain, one_line, plain_warnings

__all__ = ["main"]

_COMMANDS = (demo, fetch, predict, train, simulate, anomalies, reproduce)


def main(argv=None):
    """
    Carry out the ``astrovae`` command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after ``astrovae``; those of the shell, if not given.

    Returns
    -------
    status : int
        0: done. 1: it could not be done, and one line on stderr says
        why. 2: wrong arguments, for most of which the parser ends the
        program itself.
    """
    args = _build_parser().parse_args(argv)
    with plain_warnings():
        try:
            return args.run(args)
        except KeyboardInterrupt as error:
            complain("; ".join(["interrupted", *getattr(error, "__notes__", [])]))
            return 1
        except BrokenPipeError:
            # The reader of our output, such as `head`, had enough. What is
            # left in the buffer must not be written at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except argparse.ArgumentTypeError as error:
            complain(one_line(error))
            return 2
        except Exception as error:
            if args.debug:
                raise
            complain(one_line(error))
            return 1


def _build_parser():
    """
    The parser of all verbs.
    """
    parser = argparse.ArgumentParser(
        prog="astrovae",
        description="Redshift, stellar mass and star-formation rate from images.",
    )
    parser.add_argument("--version", action=_Version)
    _add_debug(parser, default=False)
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        text = command.__doc__.strip()
        own = verbs.add_parser(
            command.NAME,
            help=command.HELP,
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(own)
        # Without a default here, the one before the verb is not undone.
        _add_debug(own, default=argparse.SUPPRESS)
        own.set_defaults(run=command.run)
    return parser


def _add_debug(parser, default):
    """
    Add the argument ``--debug``, which stands before or after the verb.
    """
    parser.add_argument(
        "--debug",
        action="store_true",
        default=default,
        help="show the traceback of an error",
    )


class _Version(argparse.Action):
    """
    Print the version, which is looked up only then.
    """

    def __init__(self, option_strings, dest, **kwargs):
        super().__init__(
            option_strings, dest, nargs=0, help="show the version and exit", **kwargs
        )

    def __call__(self, parser, *unused):  # noqa: ARG002
        from astrovae.version import __version__

        print(f"astrovae {__version__}")
        parser.exit()
