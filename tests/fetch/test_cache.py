# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the cache, its names and its manifest.
"""

import re
import threading
import tracemalloc
from pathlib import PurePosixPath, PureWindowsPath

import numpy as np
import pytest
from astropy.table import QTable
from hypothesis import given, settings
from hypothesis import strategies as st

from astrovae.fetch.cache import Cache
from astrovae.fetch.filenames import safe_name
from astrovae.fetch.manifest import (
    Record,
    read_manifest,
    records_table,
    write_manifest,
)
from astrovae.fetch.settings import Settings

SETTINGS = Settings("legacysurvey", "ls-dr10", ("g", "r"), 16, 0.262)
HOSTILE = [
    "../../x",
    "a/b",
    "a\\b",
    "",
    ".",
    "..",
    "/etc/passwd",
    "x" * 5000,
    "Галактика ☆",
    "CON",
    "nul.fits",
    "con.",
    "C:\\x",
    "-rf",
    "~",
    "$HOME",
    "a\x00b",
    "a\nb",
    " a ",
    "a:b|c?d*e<f>\"g'",
    "manifest.ecsv",
    ".locks",
    "A",
    "a",
    "ﬀ",
    "#",
    "# a",
    '"#"',
    "a\r\nb",
    "\ud800",
]


def record(name="x", file="ab/x-1.fits", **kwargs):
    return Record(name, 10.0, 2.0, "legacysurvey", file=file, **kwargs)


def check_name(file):
    assert re.fullmatch(r"[0-9a-f]{2}/[A-Za-z0-9_][\w+]*-[0-9a-f]{16}\.fits", file)
    assert len(file) < 80
    for kind in (PurePosixPath, PureWindowsPath):
        path = kind(file)
        assert not path.is_absolute()
        assert len(path.parts) == 2
        assert ".." not in path.parts


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_ids(name):
    check_name(SETTINGS.target(0, name, 10.0, 2.0).file)


@given(st.text(max_size=300))
def test_any_id(name):
    check_name(SETTINGS.target(0, name, 10.0, 2.0).file)


def test_names_differ_even_where_case_does_not_count():
    files = [SETTINGS.target(0, name, 10.0, 2.0).file.lower() for name in HOSTILE]
    assert len(set(files)) == len(HOSTILE)


def test_names_differ_with_position_and_settings():
    other = Settings("legacysurvey", "ls-dr10", ("g", "r"), 32, 0.262)
    files = {
        SETTINGS.target(0, "x", 10.0, 2.0).file,
        SETTINGS.target(0, "x", 10.0001, 2.0).file,
        other.target(0, "x", 10.0, 2.0).file,
    }
    assert len(files) == 3
    assert SETTINGS.target(5, "x", 10.0, 2.0).file in files


def test_names_of_caches_that_exist_stay():
    # As they were before the server was part of the settings.
    assert SETTINGS.target(0, "x", 10.0, 2.0).file == "50/x-505f0af01db058c3.fits"
    own = Settings(
        "legacysurvey", "ls-dr10", ("g", "r"), 16, 0.262, server="http://localhost"
    )
    assert own.target(0, "x", 10.0, 2.0).file != "50/x-505f0af01db058c3.fits"


def test_legible():
    assert (
        safe_name("NGC 628", "0123456789abcdef") == "01/NGC_628-0123456789abcdef.fits"
    )


def test_store_and_find(tmp_path):
    cache = Cache(tmp_path / "new" / "cache")
    assert cache.find("ab/x-1.fits") is None
    cache.store(record(url="http://x"), b"content")
    found = cache.find("ab/x-1.fits")
    assert (found.status, found.bytes) == ("ok", 7)
    assert cache.path("ab/x-1.fits").read_bytes() == b"content"
    # Before the manifest is written, the journal alone knows of it.
    assert not cache.manifest.exists()
    assert Cache(cache.folder).find("ab/x-1.fits") == found
    cache.close()
    assert cache.journal.read_bytes() == b""
    assert Cache(cache.folder).find("ab/x-1.fits") == found
    assert not list((cache.folder / ".partial").iterdir())


@pytest.mark.parametrize("change", ["alter", "shorten", "delete"])
def test_altered_files_do_not_count(tmp_path, change):
    cache = Cache(tmp_path)
    cache.store(record(), b"content")
    path = cache.path("ab/x-1.fits")
    if change == "alter":
        path.write_bytes(b"c0ntent")
    elif change == "shorten":
        path.write_bytes(b"cont")
    else:
        path.unlink()
    assert cache.find("ab/x-1.fits") is None
    cache.store(record(), b"content")
    assert cache.find("ab/x-1.fits") is not None


def test_failures_are_noted_and_never_found(tmp_path):
    cache = Cache(tmp_path)
    cache.note(record(status="failed", reason="HTTP 500"))
    cache.close()
    cache = Cache(tmp_path)
    assert cache.find("ab/x-1.fits") is None
    assert read_manifest(cache.manifest)["ab/x-1.fits"].reason == "HTTP 500"
    cache.store(record(), b"content")
    cache.close()
    assert read_manifest(cache.manifest)["ab/x-1.fits"].status == "ok"


def test_torn_journal(tmp_path):
    cache = Cache(tmp_path)
    cache.store(record(), b"content")
    with cache.journal.open("ab") as file:
        file.write(b'{"id": "torn", "ra": 1')
    again = Cache(tmp_path)
    assert again.find("ab/x-1.fits") is not None
    again.store(record("y", "ab/y-1.fits"), b"other")
    assert Cache(tmp_path).find("ab/y-1.fits") is not None


def test_two_caches_on_one_folder(tmp_path):
    one, two = Cache(tmp_path), Cache(tmp_path)
    one.store(record("x", "ab/x-1.fits"), b"1")
    two.store(record("y", "ab/y-1.fits"), b"2")
    assert one.find("ab/y-1.fits") is None
    assert one.refresh("ab/y-1.fits") is not None
    two.close()
    one.store(record("z", "ab/z-1.fits"), b"3")
    assert two.refresh("ab/z-1.fits") is not None
    one.close()
    assert len(read_manifest(one.manifest)) == 3
    assert Cache(tmp_path).find("ab/x-1.fits") is not None


def test_claims_exclude(tmp_path):
    cache, order = Cache(tmp_path), []
    claimed = threading.Event()

    def other():
        claimed.wait()
        with Cache(tmp_path).claim("x"):
            order.append("second")

    thread = threading.Thread(target=other)
    thread.start()
    with cache.claim("x"):
        claimed.set()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_not_a_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError, match="not the file"):
        Cache(tmp_path / "file")


def test_foreign_manifest(tmp_path):
    QTable({"x": [1]}).write(tmp_path / "manifest.ecsv")
    with pytest.raises(OSError, match="no manifest of astrovae"):
        Cache(tmp_path)


def test_manifest_is_a_table(tmp_path):
    cache = Cache(tmp_path)
    for i, name in enumerate(HOSTILE):
        cache.store(record(name, f"ab/{i}.fits"), b"x")
    cache.close()
    table = QTable.read(cache.manifest)
    assert len(table) == len(HOSTILE)
    assert table["ra"].unit == "deg"
    assert set(table["status"]) == {"ok"}
    np.testing.assert_array_equal(table["bytes"], 1)
    assert len(read_manifest(cache.manifest)) == len(HOSTILE)


@settings(max_examples=40)
@given(st.lists(st.text(st.characters()), unique=True, max_size=6), st.text())
def test_any_text_comes_back(tmp_path_factory, names, text):
    path = tmp_path_factory.mktemp("manifest") / "manifest.ecsv"
    records = {
        f"ab/{i}.fits": record(name, f"ab/{i}.fits", reason=text, url=text)
        for i, name in enumerate(names)
    }
    write_manifest(path, records.values())
    assert read_manifest(path) == records


def test_manifest_of_an_older_version(tmp_path):
    # Texts were plain strings.
    path = tmp_path / "manifest.ecsv"
    old = [record("x", url="http://x"), record("y y", "ab/y-1.fits", reason="r, s")]
    records_table(old).write(path)
    assert list(read_manifest(path).values()) == old


def test_one_long_reason_is_not_stored_for_every_row(tmp_path):
    records = [record("x", f"ab/{i}.fits") for i in range(5_000)]
    records[7].reason = "x" * 10_000
    tracemalloc.start()
    table = records_table(records)
    write_manifest(tmp_path / "manifest.ecsv", records)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40e6  # as a column of fixed width: 200 MB
    assert table["reason"][7] == "x" * 10_000
    assert table["status"].dtype.kind == "U"


def test_empty_table():
    table = records_table([])
    assert len(table) == 0
    assert table["dec"].unit == "deg"
