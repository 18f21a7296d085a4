# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Whose server it is: one of the public ones, or the user's own.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

from astrovae.fetch.configuration import Conf

__all__ = ["check_connections", "is_url", "own_root"]

#: Requests at a time to servers that all share, and to others.
PUBLIC_CONNECTIONS = 4
OWN_CONNECTIONS = 64

#: Ends of the names of public hosts.
_PUBLIC = (
    "legacysurvey.org",
    "nersc.gov",
    "noirlab.edu",
    "unistra.fr",
    "u-strasbg.fr",
)

_ROOTS = {
    item.defaultvalue
    for item in (Conf.viewer_server, Conf.bricks_server, Conf.datalab_server)
}


def is_url(server):
    """
    Tell an address from a folder.

    Parameters
    ----------
    server : str
        The root of a service.

    Returns
    -------
    is_url : bool
        Whether requests go over a network.
    """
    return re.match(r"https?://", server, re.IGNORECASE) is not None


def own_root(service, server):
    """
    Name the root that the user chose, for the names of files.

    Parameters
    ----------
    service : `~astrovae.fetch.services.base.Service`
        The service, which knows the root in use.
    server : str or None
        The argument.

    Returns
    -------
    root : str
        Empty for the root that comes with astrovae.
    """
    if server is None and service.name == "hips":
        return ""  # astroquery's configuration has its mirrors
    # "bricks" looks for other folders under a root that was given.
    if service.server in _ROOTS and (server is None or service.name != "bricks"):
        return ""
    if is_url(service.server):
        return service.server
    folder = service.server.removeprefix("file://")
    return Path(folder).expanduser().absolute().as_posix()


def check_connections(connections, server):
    """
    Check how many requests may be sent at a time.

    Parameters
    ----------
    connections : int
        Their number.
    server : str
        The root of the service.

    Raises
    ------
    ValueError
        If they are more than the server should bear.
    """
    host = (urlsplit(server).hostname or "") if is_url(server) else ""
    public = any(host == name or host.endswith(f".{name}") for name in _PUBLIC)
    if public and connections > PUBLIC_CONNECTIONS:
        msg = (
            f"'connections' must be at most {PUBLIC_CONNECTIONS} for {host}, which "
            f"all share, not {connections}; a server of your own may have up to "
            f"{OWN_CONNECTIONS}"
        )
        raise ValueError(msg)
    if connections > OWN_CONNECTIONS:
        msg = f"'connections' must be at most {OWN_CONNECTIONS}, not {connections}"
        raise ValueError(msg)
