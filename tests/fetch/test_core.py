# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of `CutoutFetcher`: arguments, order, streaming, manners.
"""

import subprocess
import sys

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from fake_server import FakeServer

import astrovae
from astrovae import CutoutFetcher, GalaxyImageSet
from astrovae.fetch import conf
from astrovae.flags import decode_flags

HOSTILE = ["../../x", "a/b", "", "x" * 3000, "Галактика", "CON", "a", "A", ".", "a\nb"]


def fetcher(server, **kwargs):
    return CutoutFetcher(server=server.url, **{"size": 16, "tries": 1, **kwargs})


def test_order_and_attributes(server, coords):
    # The first is the last to come.
    server.faults["10.0000000"].append("429 seconds")
    names = [f"g{i}" for i in range(10)]
    images = fetcher(server, tries=2).fetch(coords, ids=names)
    assert isinstance(images, GalaxyImageSet)
    assert images.ids.tolist() == names
    assert images.bands == ("g", "r", "z")
    assert images.unit == u.nmgy
    assert images.coords.separation(coords).max() < 1e-6 * u.arcsec
    assert images.meta == {"service": "legacysurvey", "layer": "ls-dr10"}
    assert images.shape == (10, 3, 16, 16)


def test_tables(server):
    table = Table({"name": ["a", "b"], "ra": ["00:40:00", ""], "dec": ["2:00:00", ""]})
    fetch = fetcher(server)
    images = fetch.fetch(table)
    assert images.ids.tolist() == ["a", "b"]
    assert images.reasons == {"b": "no position in the table"}
    assert decode_flags(images.flags) == [[], ["UNREADABLE"]]
    assert server.counts == {"10.0000000": 1}
    assert fetch.manifest["status"].tolist() == ["ok", "failed"]


def test_empty_list(server, tmp_path):
    coords = SkyCoord([], [], unit="deg")
    fetch = fetcher(server)
    assert fetch.fetch(coords).shape == (0, 3, 16, 16)
    assert len(fetch.manifest) == 0
    images = fetch.fetch(coords, output=tmp_path / "x.hdf5")
    assert images.shape == (0, 3, 16, 16)


def test_hostile_ids_stay_in_the_cache(server, coords, tmp_path):
    cache = tmp_path / "deep" / "cache"
    fetch = fetcher(server)
    images = fetch.fetch(coords, ids=HOSTILE, cache=cache)
    assert images.ids.tolist() == HOSTILE
    assert not images.flags.any()
    assert fetch.manifest["id"].tolist() == HOSTILE
    outside = [p for p in tmp_path.rglob("*") if p.is_file() and cache not in p.parents]
    assert outside == []
    assert len(list(cache.glob("??/*.fits"))) == len(HOSTILE)
    fetch.fetch(coords, ids=HOSTILE, cache=cache)
    assert len(server.log) == len(HOSTILE)


def test_stream_to_hdf5(server, coords, tmp_path, monkeypatch):
    monkeypatch.setattr("astrovae.fetch.core._CHUNK", 3)
    server.always["10.0500000"] = "zeros"
    server.always["10.0600000"] = "403"
    output = tmp_path / "set.hdf5"
    fetch = fetcher(server, planes="invvar")
    images = fetch.fetch(coords, output=output, cache=tmp_path / "cache")
    assert images.is_lazy
    whole = fetch.fetch(coords, cache=tmp_path / "cache")
    np.testing.assert_array_equal(images.data, whole.data)
    np.testing.assert_array_equal(images.mask, whole.mask)
    np.testing.assert_array_equal(images.uncertainty.array, whole.uncertainty.array)
    np.testing.assert_array_equal(images.flags, whole.flags)
    assert images.reasons == whole.reasons
    assert set(images.reasons) == {"5", "6"}
    assert decode_flags(images.flags)[5:7] == [["NO_COVERAGE"], ["UNREADABLE"]]
    with pytest.raises(FileExistsError, match="overwrite=True"):
        fetch.fetch(coords, output=output)
    again = fetch.fetch(coords[:2], output=output, overwrite=True, quantize_level=4)
    assert len(again) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache", "set.hdf5"]


def test_without_a_cache_nothing_stays(server, coords, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fetcher(server).fetch(coords[:2])
    assert list(tmp_path.iterdir()) == []


def test_connections(server, coords):
    server.latency = 0.05
    fetcher(server).fetch(coords)
    assert 2 <= server.most_at_once <= 4
    server.most_at_once = 0
    fetcher(server, connections=1).fetch(coords)
    assert server.most_at_once == 1


def test_configuration(server, coords):
    with conf.set_temp("viewer_server", server.url), conf.set_temp("tries", 1):
        images = CutoutFetcher(size=16).fetch(coords[:1])
    assert not images.flags.any()
    assert conf.viewer_server == "https://www.legacysurvey.org/viewer"
    assert conf.connections == 4
    assert "Requests at a time" in str(conf)


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"service": "sdss"}, ValueError, "one of legacysurvey, bricks, hips, datalab"),
        ({"bands": "gg"}, ValueError, "more than once"),
        ({"size": 0}, ValueError, "at least 1"),
        ({"size": 12.5}, TypeError, "must be an int"),
        ({"pixel_scale": 0.262}, u.UnitsError, "pixel_scale"),
        ({"pixel_scale": -1 * u.arcsec}, ValueError, "positive"),
        ({"planes": "depth"}, ValueError, "no plane depth; it has invvar"),
        ({"planes": "maskbits", "subimage": True}, ValueError, "leave one"),
        ({"mask_bits": ["GALAXY"]}, ValueError, "GALAXY never masks"),
        ({"server": "localhost:8000"}, ValueError, "http://.*not 'localhost:8000'"),
        ({"service": "datalab", "server": "/data"}, ValueError, "start with http"),
    ],
)
def test_arguments(kwargs, error, message):
    with pytest.raises(error, match=message):
        CutoutFetcher(**kwargs)


@pytest.mark.parametrize("timeout", [0, -1.0, np.nan, np.inf, "30", 30 * u.s, True])
def test_wrong_timeout(server, coords, timeout):
    # Before anything is sent, and not once for every object.
    with pytest.raises(ValueError, match="'timeout' must be a number of seconds"):
        fetcher(server, timeout=timeout).fetch(coords)
    assert server.log == []


@pytest.mark.parametrize(
    ("output", "options", "error", "message"),
    [
        ("no/set.hdf5", {}, FileNotFoundError, "does not exist: .*no$"),
        ("folder", {"overwrite": True}, IsADirectoryError, "not the folder"),
        ("set.hdf5", {"quantize_level": -1}, ValueError, "'quantize_level' must be"),
        ("file", {}, FileExistsError, "overwrite=True replaces it"),
    ],
)
def test_output_is_checked_before_anything_is_sent(
    server, coords, tmp_path, output, options, error, message
):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(error, match=message):
        fetcher(server).fetch(coords, output=tmp_path / output, **options)
    assert server.log == []


def test_servers_do_not_share_files(server, coords, tmp_path):
    with FakeServer() as other:
        fetcher(server).fetch(coords[:2], cache=tmp_path)
        fetcher(other).fetch(coords[:2], cache=tmp_path)
        assert len(other.log) == 2
        with conf.set_temp("viewer_server", f"{other.url}/"):
            CutoutFetcher(size=16).fetch(coords[:2], cache=tmp_path)
        assert len(other.log) == 2
    fetcher(server).fetch(coords[:2], cache=tmp_path)
    assert len(server.log) == 2


@pytest.mark.parametrize(
    ("service", "server", "root"),
    [
        ("legacysurvey", None, ""),
        ("legacysurvey", "https://www.legacysurvey.org/viewer/", ""),
        ("legacysurvey", "http://localhost:8000/", "http://localhost:8000"),
        ("bricks", None, ""),
        ("bricks", "/data/dr10/south/", "/data/dr10/south"),
        ("bricks", "file:///data", "/data"),
        ("datalab", None, ""),
    ],
)
def test_root_that_names_depend_on(service, server, root):
    assert CutoutFetcher(service, server=server).settings.server == root


def test_given_root_of_bricks_is_not_the_default():
    # Under a root that is given there are no folders of layers.
    given = CutoutFetcher("bricks", server=conf.bricks_server)
    assert given.settings.server == conf.bricks_server


@pytest.mark.parametrize(
    ("connections", "server"),
    [
        (5, None),
        (5, "https://www.legacysurvey.org/viewer"),
        (5, "http://LEGACYSURVEY.org"),
        (65, "http://localhost:8000"),
        (65, "https://127.0.0.1:8443/dr10"),
    ],
)
def test_too_many_connections(connections, server):
    with pytest.raises(ValueError, match="'connections' must be at most"):
        CutoutFetcher(connections=connections, server=server)


def test_most_connections():
    assert CutoutFetcher(connections=4).connections == 4
    assert CutoutFetcher(connections=64, server="http://localhost").connections == 64
    assert CutoutFetcher(connections=64, server="http://notlegacysurvey.org")
    with (
        conf.set_temp("connections", 9),
        pytest.raises(ValueError, match=r"at most 4 for www\.legacysurvey\.org"),
    ):
        CutoutFetcher()


def test_wrong_connections(server, coords):
    with pytest.raises(ValueError, match="'connections' must be at least 1"):
        fetcher(server, connections=0).fetch(coords)


def test_an_error_of_the_machine_is_raised(server, coords, monkeypatch, tmp_path):
    def full(self, record, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("astrovae.fetch.cache.Cache.store", full)
    with pytest.raises(OSError, match="No space left"):
        fetcher(server).fetch(coords, cache=tmp_path)


def test_progress(server, coords, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("astrovae.fetch.download._QUIET_SECONDS", 0)
    server.always["10.0100000"] = "zeros"
    fetcher(server, progress=True).fetch(coords)
    text = capsys.readouterr().err
    assert "10/10" in text
    assert "cutout/s" in text
    assert "failed=1" in text
    fetcher(server, progress=True).fetch(coords, output=tmp_path / "set.hdf5")
    assert "writing: 100%" in capsys.readouterr().err
    fetcher(server).fetch(coords)
    assert capsys.readouterr().err == ""


def test_repr():
    assert repr(CutoutFetcher(size=16)) == (
        "<CutoutFetcher: legacysurvey, ls-dr10, bands g r z, 16 x 16 pixels of "
        "0.262 arcsec>"
    )


def test_lazy_import():
    assert "CutoutFetcher" in dir(astrovae)
    code = (
        "import sys; from astrovae import CutoutFetcher; CutoutFetcher(); "
        "print([n for n in ('torch', 'astroquery', 'requests', 'pyvo', 'matplotlib')"
        " if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
