# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tables of VizieR, through astroquery, every reply checked.

astroquery sends the request. Its cache pickles replies, so it is never
used; the reply is read here, because a truncated table, a page of HTML
and an error inside a VOTable must each be told from an empty answer.
"""

import hashlib
import os
import re
import tempfile
import warnings
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from astropy.io import votable
from astropy.io.votable.exceptions import VOWarning

from astrovae.exceptions import CatalogueError
from astrovae.samples.configuration import conf

__all__ = ["query_payload", "query_tables"]

#: The comment at the end of a reply that was kept.
_NOTE = re.compile(rb"\n<!-- retrieved ([0-9T:+-]{25}) -->\n\Z")


def query_tables(
    catalogue,
    *,
    columns=("**",),
    filters=None,
    row_limit=-1,
    server=None,
    timeout=None,
    cache=None,
):
    """
    Get the tables of a catalogue.

    Parameters
    ----------
    catalogue : str
        A catalogue, ``"J/MNRAS/405/783"``, or one of its tables.
    columns : sequence of str, optional
        The columns; ``"**"``: all.
    filters : dict of str to str, optional
        VizieR's constraints by column, e.g. ``{"z": "<1"}``.
    row_limit : int, optional
        The rows of each table; -1: all.
    server : str, optional
        The host, or the root starting with http; by default
        ``conf.server``.
    timeout : float, optional
        Seconds; by default ``conf.timeout``.
    cache : path-like, optional
        A folder in which good replies are kept, as the VOTables that
        they are, and from which they are read again.

    Returns
    -------
    tables : dict of str to `~astropy.table.Table`
        By name; empty if VizieR knows no such catalogue. The meta's
        "retrieved" is the time at which VizieR sent it.

    Raises
    ------
    `~astrovae.exceptions.CatalogueError`
        If there is no reply, or the reply is no complete VOTable, or
        says that something failed.
    """
    server = server or conf.server
    timeout = conf.timeout if timeout is None else float(timeout)
    payload = query_payload(catalogue, columns, filters, row_limit)
    url = _endpoint(server)
    path = None if cache is None else _cache_path(cache, url, payload)
    if path is not None and path.is_file():
        try:
            content = path.read_bytes()
            tables = _read_tables(_NOTE.sub(b"", content), catalogue, server, row_limit)
            return _dated(tables, _retrieved(path, content))
        except CatalogueError:
            # Only good replies are written: the file was altered since.
            path.unlink()
    content = _request(url, payload, timeout, catalogue, server)
    tables = _read_tables(content, catalogue, server, row_limit)
    time = datetime.now(UTC).isoformat(timespec="seconds")
    if path is not None and tables:
        note = f"\n<!-- retrieved {time} -->\n".encode()
        _write_atomically(path, content.rstrip() + note)
    return _dated(tables, time)


def query_payload(catalogue, columns=("**",), filters=None, row_limit=-1):
    """
    Write the request, without sending it.

    Parameters
    ----------
    catalogue : str
        A catalogue or a table.
    columns : sequence of str, optional
        The columns; ``"**"``: all.
    filters : dict of str to str, optional
        VizieR's constraints by column.
    row_limit : int, optional
        The rows of each table; -1: all.

    Returns
    -------
    payload : str
        The body of the request, in the ASU convention.
    """
    from astroquery.vizier import VizierClass

    service = VizierClass(
        columns=list(columns), column_filters=dict(filters or {}), row_limit=row_limit
    )
    return service.get_catalogs_async(catalogue, get_query_payload=True)


def _retrieved(path, content):
    # A comment says so; the first version wrote none.
    note = _NOTE.search(content)
    if note is not None:
        return note[1].decode()
    time = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return time.isoformat(timespec="seconds")


def _dated(tables, time):
    for table in tables.values():
        table.meta["retrieved"] = time
    return tables


def _endpoint(server):
    root = server if server.startswith(("http://", "https://")) else f"https://{server}"
    return f"{root.rstrip('/')}/viz-bin/votable"


def _request(url, payload, timeout, catalogue, server):
    import requests
    from astroquery.vizier import VizierClass

    service = VizierClass()
    try:
        response = service._request(
            "POST", url, data=payload, timeout=timeout, cache=False
        )
    except requests.RequestException as error:
        msg = f"no reply from VizieR at {server} for {catalogue}: {error}"
        raise CatalogueError(msg) from error
    finally:
        service._session.close()
    if response.status_code != 200:
        later = response.headers.get("Retry-After")
        when = f" (try again after {later} s)" if later else ""
        msg = (
            f"VizieR at {server} answered {response.status_code} "
            f"{response.reason} for {catalogue}{when}"
        )
        raise CatalogueError(msg)
    return response.content


def _read_tables(content, catalogue, server, row_limit):
    """
    Read a VOTable as VizieR writes it; anything else is an error.
    """
    start = content[:400].decode("utf-8", "replace").strip()
    if "<VOTABLE" not in start:
        text = " ".join(start.split())[:120] or "nothing"
        msg = f"VizieR at {server} sent no VOTable for {catalogue}, but: {text}"
        raise CatalogueError(msg)
    if not content.rstrip().endswith(b"</VOTABLE>"):
        msg = (
            f"the reply of VizieR at {server} for {catalogue} was cut short "
            f"after {len(content)} bytes"
        )
        raise CatalogueError(msg)
    with warnings.catch_warnings():
        # VizieR's tables break rules of the format that do not matter here.
        warnings.simplefilter("ignore")
        try:
            tree = votable.parse(BytesIO(content), verify="ignore", invalid="mask")
            tables = {
                table.name or table.ID: table.to_table(use_names_over_ids=True)
                for table in tree.iter_tables()
            }
        except (ValueError, TypeError, IndexError, VOWarning) as error:
            msg = f"the reply of VizieR at {server} for {catalogue} is broken: {error}"
            raise CatalogueError(msg) from error
    _check_infos(tree, catalogue, server, row_limit)
    return tables


def _check_infos(tree, catalogue, server, row_limit):
    infos = [*tree.infos]
    for resource in tree.resources:
        infos += resource.infos
    # A table that is longer than the limit that was set overflows, too.
    bad = ("ERROR", "OVERFLOW") if row_limit < 0 else ("ERROR",)
    for info in infos:
        status = info.name == "QUERY_STATUS" and info.value in bad
        if status or info.name in ("Error", "Fatal"):
            text = " ".join(str(info.content or info.value).split())
            if info.value == "OVERFLOW":
                text = f"the result is incomplete ({text})"
            msg = f"VizieR at {server} failed for {catalogue}: {text}"
            raise CatalogueError(msg)


def _cache_path(cache, url, payload):
    name = hashlib.sha256(f"{url}\n{payload}".encode()).hexdigest()
    return Path(cache) / f"vizier-{name[:32]}.xml"


def _write_atomically(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".vizier-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
