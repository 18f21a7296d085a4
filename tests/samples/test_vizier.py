# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the requests to VizieR and of what may come back.
"""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_vizier import Column, Table, gama_table

from astrovae.exceptions import CatalogueError
from astrovae.samples import conf
from astrovae.samples.vizier import query_payload, query_tables

NAME = "J/MNRAS/513/439/gamadr4"


@pytest.fixture
def gama(vizier):
    vizier.tables[NAME] = gama_table()
    return vizier


def test_payload_without_sending():
    payload = query_payload(NAME, ["RAJ2000", "z"], {"z": "<1.0"}, 7)
    lines = payload.splitlines()
    assert f"-source={NAME}" in lines
    assert "-out=RAJ2000,z" in lines
    assert "-out.max=7" in lines
    assert "z=<1.0" in lines


def test_payload_of_all_rows_and_columns():
    lines = query_payload(NAME, ["**", "_RAJ2000"]).splitlines()
    assert "-out.all" in lines
    assert "-out.add=_RAJ2000" in lines
    assert "-out.max=unlimited" in lines


def test_table(gama):
    tables = query_tables(NAME, server=gama.url)
    assert list(tables) == [NAME]
    table = tables[NAME]
    assert len(table) == 9
    assert table["CATAID"].tolist()[:2] == [101, 102]
    assert np.ma.is_masked(table["z"][6])
    assert np.ma.is_masked(table["q_z"][7])
    request = gama.requests[0]
    assert request["path"] == "/viz-bin/votable"
    assert request["agent"].startswith("astroquery/")


def test_columns_and_constraints(gama):
    table = query_tables(
        NAME, columns=["z"], filters={"q_z": ">=4", "z": "<1.0"}, server=gama.url
    )[NAME]
    assert table.colnames == ["z"]
    assert table["z"].tolist() == [0.05, 0.0003, 0.15]


def test_whole_catalogue(gama):
    gama.tables["J/MNRAS/513/439/other"] = Table([Column("a")], [(1.0,)])
    gama.tables["J/MNRAS/513/4390/no"] = Table([Column("a")], [(1.0,)])
    tables = query_tables("J/MNRAS/513/439", server=gama.url, row_limit=1)
    assert sorted(tables) == [NAME, "J/MNRAS/513/439/other"]
    assert [len(table) for table in tables.values()] == [1, 1]


def test_unknown_table(gama):
    assert query_tables("J/MNRAS/1/1", server=gama.url) == {}


def test_server_from_the_configuration(gama):
    with conf.set_temp("server", gama.url):
        assert len(query_tables(NAME)[NAME]) == 9


def html(handler, content):
    handler.reply(b"<html><body>Maintenance until noon</body></html>", kind="text/html")


def truncated(handler, content):
    handler.reply(content[: len(content) * 2 // 3])


def cut_before_the_end(handler, content):
    handler.reply(content.rstrip()[: -len(b"</VOTABLE>")])


def reset(handler, content):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[:500])


def error_votable(handler, content):
    end = b"</RESOURCE>\n"
    info = (
        b'<INFO name="QUERY_STATUS" value="ERROR">\n\n --POSTGRES MSG db=2\n</INFO>\n'
    )
    handler.reply(content.replace(end, end + info))


def overflow(handler, content):
    end = b"</RESOURCE>\n"
    info = b'<INFO name="QUERY_STATUS" value="OVERFLOW">truncated result</INFO>\n'
    handler.reply(content.replace(end, end + info))


def internal_error(handler, content):
    handler.reply(b"oops", status=500)


def too_busy(handler, content):
    handler.reply(b"", status=503, Retry_After="60")


def nothing(handler, content):
    handler.reply(b"")


def not_xml(handler, content):
    handler.reply(content.replace(b"<TR><TD>", b"<TR><TD"))


@pytest.mark.parametrize(
    ("fault", "match"),
    [
        (html, "sent no VOTable for .*gamadr4, but: <html><body>Maintenance"),
        (truncated, "gamadr4 was cut short after"),
        (cut_before_the_end, "gamadr4 was cut short after"),
        (reset, "no reply from VizieR .*gamadr4"),
        (error_votable, "failed for .*gamadr4: --POSTGRES MSG"),
        (overflow, "the result is incomplete .truncated result"),
        (internal_error, "answered 500 .*gamadr4"),
        (too_busy, "answered 503 .*try again after 60 s"),
        (nothing, "sent no VOTable for .*, but: nothing"),
        (not_xml, "gamadr4 is broken"),
    ],
)
def test_fault(gama, fault, match, tmp_path):
    gama.fault = fault
    with pytest.raises(CatalogueError, match=match):
        query_tables(NAME, server=gama.url, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_silence(gama):
    import threading

    done = threading.Event()
    gama.fault = lambda handler, content: done.wait(20)
    with pytest.raises(CatalogueError, match=r"no reply from VizieR .*timed out"):
        query_tables(NAME, server=gama.url, timeout=0.2)
    done.set()


def test_nobody_there(gama):
    url = gama.url.rsplit(":", 1)[0] + ":9"
    with pytest.raises(CatalogueError, match="no reply from VizieR at http"):
        query_tables(NAME, server=url, timeout=2)


def test_cache_keeps_votables(gama, tmp_path):
    folder = tmp_path / "replies"
    first = query_tables(NAME, server=gama.url, cache=folder)
    second = query_tables(NAME, server=gama.url, cache=folder)
    assert len(gama.requests) == 1
    assert first[NAME]["CATAID"].tolist() == second[NAME]["CATAID"].tolist()
    (file,) = folder.iterdir()
    assert file.read_bytes().startswith(b"<?xml")
    query_tables(NAME, filters={"z": "<1.0"}, server=gama.url, cache=folder)
    assert len(gama.requests) == 2


def test_cache_that_was_damaged(gama, tmp_path):
    query_tables(NAME, server=gama.url, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:700])
    assert len(query_tables(NAME, server=gama.url, cache=tmp_path)[NAME]) == 9
    assert len(gama.requests) == 2
    assert b"</VOTABLE>\n<!-- retrieved 2" in file.read_bytes()


def test_cache_forgets_unknown_tables(gama, tmp_path):
    query_tables("J/MNRAS/1/1", server=gama.url, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_pickled(gama, monkeypatch):
    def refuse(*args, **kwargs):
        msg = "something was pickled"
        raise AssertionError(msg)

    for name in ("dump", "dumps", "load", "loads"):
        monkeypatch.setattr(pickle, name, refuse)
    assert len(query_tables(NAME, server=gama.url)[NAME]) == 9


def test_write_that_fails_leaves_nothing(gama, tmp_path, monkeypatch):
    def fail(*args):
        msg = "no space left on device"
        raise OSError(msg)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        query_tables(NAME, server=gama.url, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_light_import_and_nothing_left_on_disk(gama, tmp_path):
    heavy = ("torch", "astroquery", "requests", "pyvo", "h5py")
    code = (
        "import sys\n"
        "from astrovae.samples.vizier import query_tables\n"
        f"print([name for name in {heavy} if name in sys.modules])\n"
        f"print(len(query_tables('{NAME}', server='{gama.url}')['{NAME}']))\n"
        "from astroquery import cache_conf\n"
        "print(cache_conf.cache_active)"
    )
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    env = {**os.environ, **home, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=env,
        cwd=tmp_path,
        check=False,
    )
    assert done.stdout.split() == ["[]", "9", "True"], done.stderr
    assert [path for path in Path(tmp_path).rglob("*") if path.is_file()] == []
