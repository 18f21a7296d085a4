# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of building a training set: what goes at each step, and why.
"""

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.utils.masked import Masked
from fake_vizier import gama_table, zou_table

from astrovae import GalaxyImageSet
from astrovae.exceptions import AstrovaeWarning
from astrovae.flags import GalaxyFlags
from astrovae.samples import build_training_set, load_sample

PAPER_ORDER = ["joined", "redshift", "has stellar_mass", "has sfr", "duplicates"]


class Fetcher:
    """
    A stand-in for CutoutFetcher: images in the order asked.
    """

    def __init__(self, unreadable=(), without_z=(), empty=()):
        self.unreadable = unreadable
        self.without_z = without_z
        self.empty = empty
        self.calls = []

    def fetch(self, coords, ids=None, **options):
        self.calls.append((coords, list(ids), options))
        data = np.ones((len(coords), 3, 4, 4), np.float32)
        data *= np.arange(len(coords))[:, None, None, None]
        mask = np.zeros(data.shape, bool)
        flags = np.zeros(len(coords), int)
        reasons = {}
        for i, name in enumerate(ids):
            if name in self.unreadable:
                mask[i] = True
                flags[i] = GalaxyFlags.UNREADABLE
                reasons[str(name)] = "HTTP 500 after 5 tries"
            if name in self.without_z:
                mask[i, 2] = True
            if name in self.empty:
                mask[i] = True
        return GalaxyImageSet(
            data,
            unit=u.nmgy,
            bands="grz",
            pixel_scale=0.262 * u.arcsec,
            coords=coords,
            ids=[str(i) for i in ids],
            mask=mask,
            flags=flags,
            reasons=reasons,
        )


def table(name, ra, z, masses=None):
    n = len(ra)
    ra = np.asarray(ra, float)
    labels = QTable()
    labels["id"] = [f"{name}{i}" for i in range(n)]
    labels["ra"] = ra * u.deg
    labels["dec"] = np.zeros(n) * u.deg
    masked = np.isnan(z)
    units = {"stellar_mass": u.Msun, "sfr": u.Msun / u.yr}
    labels["redshift"] = Masked(np.nan_to_num(z) * cu.redshift, mask=masked)
    labels["redshift_err"] = Masked(np.zeros(n) * cu.redshift, mask=True)
    for quantity, unit in units.items():
        values = np.full(n, 1e10 if unit == u.Msun else 1.0)
        mask = np.zeros(n, bool) if masses is None else ~np.asarray(masses, bool)
        labels[quantity] = Masked(values * unit, mask=mask)
        labels[f"{quantity}_err"] = Masked(0.1 * values * unit, mask=mask)
    labels["sample"] = name
    labels["reference"] = f"Reference of {name}"
    labels.meta["sample"] = name
    return labels


@pytest.fixture
def samples():
    first = table(
        "A",
        ra=[10, 20, 30, 40, 50],
        z=[0.1, 1.0, np.nan, 0.4, 0.0],
    )
    second = table(
        "B",
        ra=[10.0001, 60, 70, 80, 90],
        z=[0.1, 0.2, 0.3, 0.4, 0.5],
        masses=[1, 1, 0, 1, 1],
    )
    return [first, second]


def steps(labels):
    return QTable(rows=labels.meta["steps"])


def test_steps(samples):
    fetcher = Fetcher(unreadable=["B3"], without_z=["B4"])
    with pytest.warns(AstrovaeWarning, match="1 galaxies were left out because"):
        images, labels = build_training_set(samples, fetcher=fetcher)
    assert labels["id"].tolist() == ["A0", "A3", "B1"]
    assert list(images.ids) == ["A0", "A3", "B1"]
    log = steps(labels)
    assert log["step"].tolist() == [*PAPER_ORDER, "fetched", "covered", "all bands"]
    assert log["left"].tolist() == [10, 7, 6, 6, 5, 4, 4, 3]
    assert log["dropped"].tolist() == [0, 3, 1, 0, 1, 1, 0, 1]
    assert log["A"].tolist() == [5, 2, 2, 2, 2, 2, 2, 2]
    assert log["B"].tolist() == [5, 5, 4, 4, 3, 2, 2, 1]


@pytest.mark.parametrize("masked", [False, True])
def test_rows_without_a_position_are_counted(samples, masked):
    ra = samples[0]["ra"]
    if masked:
        samples[0]["ra"] = Masked(ra, mask=np.arange(5) == 0)
    else:
        ra[0] = np.nan * u.deg
    fetcher = Fetcher()
    images, labels = build_training_set(samples, fetcher=fetcher)
    log = steps(labels)
    assert log["step"].tolist()[:3] == ["joined", "position", "redshift"]
    assert log["dropped"].tolist()[:2] == [0, 1]
    assert labels.meta["dropped"][0] == {
        "id": "A0",
        "sample": "A",
        "step": "position",
        "reason": "no position",
    }
    assert "A0" not in images.ids.tolist()
    assert np.isfinite(fetcher.calls[0][0].ra.deg).all()


def test_reasons(samples):
    fetcher = Fetcher(unreadable=["B3"], without_z=["B4"])
    with pytest.warns(AstrovaeWarning, match="could not be fetched"):
        _, labels = build_training_set(samples, fetcher=fetcher)
    reasons = {one["id"]: one["reason"] for one in labels.meta["dropped"]}
    assert reasons == {
        "A1": "redshift not in 0 < z < 1",
        "A2": "redshift not in 0 < z < 1",
        "A4": "redshift not in 0 < z < 1",
        "B2": "no stellar_mass",
        "B0": "repeats A0",
        "B3": "no image: HTTP 500 after 5 tries",
        "B4": "a band is missing",
    }
    left = {*labels["id"]} | {*reasons}
    assert len(left) == 10


def test_images_and_labels_are_in_step(samples):
    images, labels = build_training_set(samples, fetcher=Fetcher(empty=["A3"]))
    # The stand-in fills each image with its number in the list asked.
    assert images.data[:, 0, 0, 0].tolist() == [0, 2, 3, 4]
    assert labels["id"].tolist() == ["A0", "B1", "B3", "B4"]
    assert images.coords.ra.deg == pytest.approx(labels["ra"].value)


def test_uncovered_position_has_no_image(samples):
    _, labels = build_training_set(samples, fetcher=Fetcher(empty=["A0"]))
    assert labels.meta["dropped"][-1]["reason"] == "the survey has no image"
    assert labels.meta["dropped"][-1]["step"] == "covered"


def test_order_of_the_samples_decides_duplicates(samples):
    _, labels = build_training_set(samples[::-1], fetcher=Fetcher())
    assert "B0" in labels["id"]
    assert "A0" not in labels["id"]


def test_duplicate_without_labels_does_not_win(samples):
    samples[0]["sfr"].mask[0] = True
    _, labels = build_training_set(samples, fetcher=Fetcher())
    assert "B0" in labels["id"]


def test_arguments(samples):
    fetcher = Fetcher()
    _, labels = build_training_set(
        samples,
        fetcher=fetcher,
        z_max=0.35,
        match_radius=0 * u.arcsec,
        require=("redshift",),
        fetch_options={"cache": "cutouts"},
    )
    assert labels["id"].tolist() == ["A0", "B0", "B1", "B2"]
    assert fetcher.calls[0][2] == {"cache": "cutouts"}


def test_meta_keeps_where_the_samples_come_from(samples, tmp_path):
    samples[0].meta["cuts"] = [{"cut": "min_quality", "kept": 5}]
    _, labels = build_training_set(samples, fetcher=Fetcher())
    assert labels.meta["samples"]["A"]["cuts"] == [{"cut": "min_quality", "kept": 5}]
    path = tmp_path / "labels.ecsv"
    labels.write(path)
    with u.add_enabled_units(cu):
        again = QTable.read(path)
    assert steps(again)["left"].tolist() == steps(labels)["left"].tolist()


def test_names_are_loaded(vizier):
    vizier.tables["J/MNRAS/513/439/gamadr4"] = gama_table()
    vizier.tables["J/ApJS/262/15/es1"] = zou_table()
    prospect = Table({"CATAID": [101, 102], "StellarMass_50": [1e10, 2e10]})
    prospect["SFR_50"] = [1.0, 2.0]
    options = {
        "gama-dr4": {"server": vizier.url, "properties": prospect},
        "zou2022": {"server": vizier.url},
    }
    fetcher = Fetcher()
    _, labels = build_training_set(fetcher=fetcher, z_max=0.6, load_options=options)
    assert labels["id"].tolist() == ["GAMA 101", "GAMA 102", "Z22 1"]
    assert list(labels.meta["samples"]) == ["gama-dr4", "zou2022"]
    assert labels.meta["samples"]["gama-dr4"]["cuts"][-1]["value"] == 0.6
    assert steps(labels)["zou2022"].tolist()[0] == 1
    # Ids and positions are those that were asked for, in order.
    coords, ids, _ = fetcher.calls[0]
    assert ids == labels["id"].tolist()
    assert coords.ra.deg == pytest.approx([129.1, 129.2, 8.0])


def test_one_table_alone():
    sample = load_sample("green-peas-cardamone", source="package")
    images, labels = build_training_set(sample, fetcher=Fetcher(), require=())
    assert len(images) == len(labels) == 80
    assert steps(labels)["green-peas-cardamone"].tolist()[0] == 80


def test_same_ids_in_two_samples():
    first, second = table("A", [10], [0.1]), table("A", [20], [0.2])
    second["sample"] = "C"
    images, labels = build_training_set([first, second], fetcher=Fetcher())
    assert len(set(images.ids)) == 2
    assert labels["sample"].tolist() == ["A", "C"]


def test_two_samples_of_one_name():
    first, second = table("A", [10], [0.1]), table("A", [20], [0.2])
    with pytest.raises(ValueError, match="two samples have the name 'A'"):
        build_training_set([first, second], fetcher=Fetcher())
    mixed = table("B", [10, 20], [0.1, 0.2])
    mixed["sample"] = ["B", "A"]
    with pytest.raises(ValueError, match="two samples have the name 'A'"):
        build_training_set([first, mixed], fetcher=Fetcher())
    with pytest.raises(ValueError, match="the name 'green-peas-cardamone'"):
        build_training_set(
            ["green-peas-cardamone"] * 2,
            fetcher=Fetcher(),
            load_options={"green-peas-cardamone": {"source": "package"}},
        )


@pytest.mark.parametrize("name", ["ra", "dec", "stellar_mass", "sfr", "sfr_err"])
def test_plain_table_without_units(samples, name):
    plain = Table(samples[0])
    plain[name] = np.arange(5.0)
    message = f"'{name}' of sample 2 has no unit; it needs one like"
    with pytest.raises(u.UnitsError, match=message):
        build_training_set([samples[1], plain], fetcher=Fetcher())


def test_plain_table_with_units(samples):
    first = Table(samples[0])
    first["ra"] = Column(np.asarray(first["ra"]) / 15, unit="hourangle")
    first["redshift"] = MaskedColumn([0.1, 0.2, 0, 0.4, 0.5], mask=[0, 0, 1, 0, 0])
    first["sfr"] = Column(np.full(5, 2e9), unit=u.Msun / u.Gyr)
    images, labels = build_training_set([first, samples[1]], fetcher=Fetcher())
    assert labels["id"].tolist() == ["A0", "A1", "A3", "A4", "B1", "B3", "B4"]
    assert labels["ra"].value[:2] == pytest.approx([10, 20])
    assert labels["sfr"][0].unmasked.value == pytest.approx(2.0)
    assert labels["redshift"].unit == cu.redshift
    assert len(images) == 7


def test_wrong_unit(samples):
    samples[0]["sfr"] = np.ones(5) * u.Msun
    with pytest.raises(
        u.UnitsError, match=r"'sfr' of sample 1 has the unit .*Mass; it"
    ):
        build_training_set(samples, fetcher=Fetcher())


@pytest.mark.parametrize("name", ["ebv", "EBV"])
def test_reddening_reaches_the_images(samples, name):
    samples[1][name] = [0.1, 0.2, 0.3, np.nan, 0.5]
    fetcher = Fetcher()
    images, labels = build_training_set(samples, fetcher=fetcher)
    np.testing.assert_array_equal(images.ebv, [np.nan, np.nan, 0.2, np.nan, 0.5])
    np.testing.assert_array_equal(labels["ebv"].value, images.ebv)
    assert fetcher.calls[0][2] == {}


def test_reddening_out_of_range(samples):
    samples[0]["ebv"] = [0.1, 0.1, 0.1, 99.0, 0.1]
    with pytest.raises(ValueError, match=r"from 0 to 10 .*row 3"):
        build_training_set(samples, fetcher=Fetcher())


def test_nothing_has_labels(vizier):
    vizier.tables["J/MNRAS/513/439/gamadr4"] = gama_table()
    options = {"gama-dr4": {"server": vizier.url}}
    with (
        pytest.warns(AstrovaeWarning, match="no stellar masses"),
        pytest.raises(ValueError, match=r"left to fetch: 3 after 'joined', .* 0 after"),
    ):
        build_training_set("gama-dr4", fetcher=Fetcher(), load_options=options)


def test_no_image_at_all(samples):
    fetcher = Fetcher(unreadable=["A0", "A3", "B1", "B3", "B4"])
    with pytest.raises(ValueError, match=r"no galaxy is left: .* 0 after 'fetched'"):
        build_training_set(samples, fetcher=fetcher)


def test_default_fetcher(samples, monkeypatch):
    import astrovae.fetch

    monkeypatch.setattr(astrovae.fetch, "CutoutFetcher", Fetcher)
    images, labels = build_training_set(samples)
    assert len(images) == len(labels) == 5


def test_fetcher_that_mixes_things_up(samples):
    class Wrong(Fetcher):
        def fetch(self, coords, ids=None, **options):
            return super().fetch(coords, ids=ids, **options)[::-1]

    with pytest.raises(ValueError, match="other galaxies than it was asked for"):
        build_training_set(samples, fetcher=Wrong())


def test_table_without_a_column(samples):
    samples[1].remove_column("sfr")
    with pytest.raises(ValueError, match="sample 2 has no column sfr"):
        build_training_set(samples, fetcher=Fetcher())


def test_what_is_no_sample():
    with pytest.raises(TypeError, match="must be a name or a table, not int"):
        build_training_set([3], fetcher=Fetcher())
    with pytest.raises(ValueError, match="'samples' names no sample"):
        build_training_set([], fetcher=Fetcher())


def test_options_of_a_sample_that_is_not_loaded(samples):
    with pytest.raises(ValueError, match="'load_options' has zou2022, which is no"):
        build_training_set(
            samples, fetcher=Fetcher(), load_options={"zou2022": {"timeout": 1}}
        )


def test_require_what_does_not_exist(samples):
    with pytest.raises(ValueError, match="'require' names 'size'"):
        build_training_set(samples, fetcher=Fetcher(), require=("size",))


def test_the_real_fetcher(samples, monkeypatch, tmp_path):
    # The server of the fetcher's own tests.
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "fetch")
    from fake_server import FakeServer

    from astrovae.fetch import CutoutFetcher

    samples[0]["ebv"] = [0.1, 0.2, 0.3, 0.4, 0.5]
    with FakeServer() as server:
        faults = {"60": "403", "80": "zeros", "90": "zero band"}
        server.always.update({f"{ra}.0000000": fault for ra, fault in faults.items()})
        fetcher = CutoutFetcher(size=16, server=server.url, tries=1, progress=False)
        options = {"cache": tmp_path / "cache", "output": tmp_path / "x.hdf5"}
        with pytest.warns(AstrovaeWarning, match="1 galaxies were left out"):
            images, labels = build_training_set(
                samples, fetcher=fetcher, fetch_options=options
            )
    assert labels["id"].tolist() == ["A0", "A3"]
    assert images.shape == (2, 3, 16, 16)
    assert np.all(np.isfinite(images.data))
    np.testing.assert_allclose(images.ebv, [0.1, 0.4])
    whole = GalaxyImageSet.read(tmp_path / "x.hdf5")
    np.testing.assert_allclose(whole.ebv, [0.1, 0.4, np.nan, np.nan, np.nan])
    went = {one["id"]: one["step"] for one in labels.meta["dropped"][-3:]}
    assert went == {"B1": "fetched", "B3": "covered", "B4": "all bands"}
