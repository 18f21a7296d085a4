# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of loading the five samples.
"""

import os
from datetime import UTC, datetime, timedelta

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.table import QTable
from astropy.table import Table as PlainTable
from fake_vizier import POSITION, Column, Table, gama_table, zou_table

from astrovae.exceptions import AstrovaeWarning, CatalogueError
from astrovae.samples import load_sample

GAMA = "J/MNRAS/513/439/gamadr4"
COLUMNS = [
    "id",
    "ra",
    "dec",
    "redshift",
    "redshift_err",
    "stellar_mass",
    "stellar_mass_err",
    "sfr",
    "sfr_err",
    "sample",
    "reference",
]


@pytest.fixture
def gama(vizier):
    vizier.tables[GAMA] = gama_table()
    return vizier


@pytest.fixture
def zou(vizier):
    for i, name in enumerate(("es1", "wcdfs", "xmmlss")):
        vizier.tables[f"J/ApJS/262/15/{name}"] = zou_table(i)
    return vizier


@pytest.fixture
def prospect():
    """
    GAMA's table of ProSpect: a subset of its columns, invented values.
    """
    return PlainTable(
        {
            "CATAID": [108, 101, 999],
            "StellarMass_50": [2e10, 1e10, 5e9],
            "StellarMass_16": [1.5e10, 0.9e10, 4e9],
            "StellarMass_84": [2.3e10, 1.2e10, 6e9],
            "SFR_50": [1.0, 2.0, 3.0],
            "SFR_16": [0.8, 1.5, 2.0],
            "SFR_84": [1.4, 2.1, 4.0],
        }
    )


def check_columns(labels):
    assert labels.colnames == COLUMNS
    assert labels["ra"].unit == u.deg
    assert labels["redshift"].unit == cu.redshift
    assert labels["stellar_mass"].unit == u.Msun
    assert labels["stellar_mass_err"].unit == u.Msun
    assert labels["sfr"].unit == u.Msun / u.yr
    assert len(set(labels["id"])) == len(labels)


def test_gama(gama):
    with pytest.warns(AstrovaeWarning, match="'gama-dr4' has no stellar masses"):
        labels = load_sample("gama-dr4", server=gama.url)
    check_columns(labels)
    assert labels["id"].tolist() == ["GAMA 101", "GAMA 102", "GAMA 108"]
    assert labels["redshift"].unmasked.value.tolist() == [0.05, 0.2, 0.15]
    assert np.all(labels["redshift_err"].mask)
    assert np.all(labels["stellar_mass"].mask)
    assert set(labels["sample"]) == {"gama-dr4"}
    assert set(labels["reference"]) == {"Driver et al. 2022, MNRAS 513, 439"}


def test_gama_asks_only_for_what_it_needs(gama):
    with pytest.warns(AstrovaeWarning, match="no stellar masses"):
        labels = load_sample("gama-dr4", server=gama.url)
    probe, request = gama.requests
    assert probe["-out.max"] == "1"
    assert "-out.all" in probe
    assert set(request["-out"].split(",")) == {
        "RAJ2000",
        "DEJ2000",
        "z",
        "q_z",
        "IsBest",
        "CATAID",
    }
    assert request["q_z"] == ">=3"
    assert request["z"] == ">0.002 & <1.0"
    assert labels.meta["server_filters"] == {"q_z": ">=3", "z": ">0.002 & <1.0"}
    assert labels.meta["server"] == gama.url
    assert labels.meta["n_rows"] == 4
    assert [one["cut"] for one in labels.meta["cuts"]] == [
        "min_quality",
        "best_only",
        "z_min",
        "z_max",
    ]
    assert [one["dropped"] for one in labels.meta["cuts"]] == [0, 1, 0, 0]
    # What VizieR dropped before is told from what was dropped here.
    by_server = [one["by_server"] for one in labels.meta["cuts"]]
    assert by_server == [True, False, True, True]
    assert labels.meta["n_served"] == 4
    assert labels.meta["n_after_cuts"] == 3


def test_cuts_of_numpy_are_sent_as_numbers(gama):
    with pytest.warns(AstrovaeWarning, match="no stellar masses"):
        load_sample("gama-dr4", server=gama.url, min_quality=np.int64(4))
    assert gama.requests[-1]["q_z"] == ">=4"


@pytest.mark.parametrize("value", ["4", 4 * u.one, [4]])
def test_cut_that_is_no_number(gama, value):
    with pytest.raises(TypeError, match="'min_quality' must be a number, not"):
        load_sample("gama-dr4", server=gama.url, min_quality=value)
    assert gama.requests == []


def test_gama_without_cuts(gama):
    with pytest.warns(AstrovaeWarning, match="no stellar masses"):
        labels = load_sample(
            "gama-dr4",
            server=gama.url,
            min_quality=None,
            best_only=False,
            z_min=None,
            z_max=None,
        )
    assert len(labels) == 9
    assert labels.meta["cuts"] == []
    assert labels["redshift"].mask.tolist().count(True) == 1
    check_columns(labels)


def test_gama_counts_when_it_is_given_as_a_table(gama):
    from astrovae.samples.vizier import query_tables

    table = query_tables(GAMA, server=gama.url)[GAMA]
    with pytest.warns(AstrovaeWarning, match="no stellar masses"):
        labels = load_sample("gama-dr4", table=table)
    assert labels.meta["source"] == "table"
    assert labels.meta["n_rows"] == 9
    cuts = labels.meta["cuts"]
    assert [one["kept"] for one in cuts] == [7, 6, 4, 3]
    assert [one["dropped"] for one in cuts] == [2, 1, 2, 1]


def test_gama_with_properties(gama, prospect):
    labels = load_sample("gama-dr4", server=gama.url, properties=prospect)
    assert labels.meta["n_properties"] == 2
    assert labels["stellar_mass"].mask.tolist() == [False, True, False]
    assert labels["stellar_mass"][0] == 1e10 * u.Msun
    # Half of the distance between the 16th and the 84th percentile.
    assert labels["stellar_mass_err"][0].unmasked.value == pytest.approx(1.5e9)
    assert labels["sfr"][2] == 1.0 * u.Msun / u.yr
    assert labels["sfr_err"][2].unmasked.value == pytest.approx(0.3)


def test_gama_with_properties_in_a_file(gama, prospect, tmp_path):
    path = tmp_path / "ProSpectv03.fits"
    prospect.write(path)
    labels = load_sample(
        "gama-dr4", server=gama.url, properties=path, min_mass=1.5e10 * u.Msun
    )
    assert labels["id"].tolist() == ["GAMA 108"]


def test_properties_with_a_key_twice(gama, prospect):
    prospect["CATAID"] = [101, 101, 999]
    with pytest.raises(ValueError, match="has the key 101 more than once"):
        load_sample("gama-dr4", server=gama.url, properties=prospect)


def test_properties_without_a_key(gama, prospect):
    prospect.rename_column("CATAID", "number")
    with pytest.raises(CatalogueError, match=r"table of properties .*no column CATAID"):
        load_sample("gama-dr4", server=gama.url, properties=prospect)


def test_properties_of_another_sample(zou, prospect):
    with pytest.raises(ValueError, match="'zou2022' takes no second table"):
        load_sample("zou2022", server=zou.url, properties=prospect)


def test_missing_column(gama):
    table = gama_table()
    table.columns[8] = Column("nQ2", "short")
    gama.tables[GAMA] = table
    with pytest.raises(CatalogueError, match=r"no column 'q_z' .*'min_quality'.*nQ2"):
        load_sample("gama-dr4", server=gama.url)
    with pytest.warns(AstrovaeWarning, match="no stellar masses"):
        labels = load_sample(
            "gama-dr4", server=gama.url, columns={"min_quality": "nQ2"}
        )
    assert len(labels) == 3
    with pytest.warns(AstrovaeWarning, match="no stellar masses"):
        labels = load_sample("gama-dr4", server=gama.url, min_quality=None)
    assert len(labels) == 5


def test_missing_table(vizier):
    with pytest.raises(CatalogueError, match=r"'gama-dr4' was not found.*gamadr4"):
        load_sample("gama-dr4", server=vizier.url)


def test_column_that_disappears(gama):
    answer = gama.answer

    def forgetful(request):
        text = answer(request)
        return text if "-out.all" in request else text.replace('name="z"', 'name="w"')

    gama.answer = forgetful
    with pytest.raises(CatalogueError, match="gamadr4 without the column z"):
        load_sample("gama-dr4", server=gama.url)


def test_no_row_passes(gama):
    with pytest.raises(CatalogueError, match=r"no row of .* with .*z .*<0.01"):
        load_sample("gama-dr4", server=gama.url, z_max=0.01)


def test_zou(zou):
    labels = load_sample("zou2022", server=zou.url)
    check_columns(labels)
    # One galaxy of each field; their catalogue numbers are the same.
    assert len(labels) == 3
    assert labels["id"][0].startswith("Z22 1 J0032")
    assert labels["ra"].value.tolist() == [8.0, 28.0, 48.0]
    assert labels["stellar_mass"][0] == 3e10 * u.Msun
    assert labels["stellar_mass_err"][0] == 3e9 * u.Msun
    assert labels["sfr"][0] == 4 * u.Msun / u.yr
    # A spectroscopic redshift has limits of no width: no error is given.
    assert np.all(labels["redshift_err"].mask)
    assert len(labels.meta["tables"]) == 3
    assert labels.meta["columns"]["stellar_mass"] == "Mstar_gal"


def test_zou_photometric(zou):
    labels = load_sample("zou2022", server=zou.url, spectroscopic=False)
    assert len(labels) == 6
    assert labels["redshift_err"][1].unmasked.value == pytest.approx(0.15)


def test_zou_other_fit(zou):
    columns = {"stellar_mass": "Mstar_best", "stellar_mass_err": "Mstar_best_err"}
    labels = load_sample("zou2022", server=zou.url, columns=columns)
    assert labels["stellar_mass"][0] == 2e10 * u.Msun
    assert labels["stellar_mass_err"][0] == 2e9 * u.Msun


def test_zou_of_files(zou, tmp_path):
    from astrovae.samples.vizier import query_tables

    paths = []
    for name, table in query_tables("J/ApJS/262/15", server=zou.url).items():
        path = tmp_path / f"{name.rsplit('/', 1)[1]}.v1.fits"
        plain = PlainTable({name: list(table[name]) for name in table.colnames})
        plain.write(path)
        paths.append(path)
    labels = load_sample("zou2022", table=paths)
    assert len(labels) == 3
    assert labels.meta["n_rows"] == 18
    assert [one["kept"] for one in labels.meta["cuts"]] == [15, 12, 9, 6, 3, 3]
    assert labels.meta["tables"] == ["es1.v1.fits", "wcdfs.v1.fits", "xmmlss.v1.fits"]


def test_zou_with_another_type_of_redshift(zou):
    for table in zou.tables.values():
        table.rows = [(*row[:4], "grism", *row[5:]) for row in table.rows]
    with pytest.raises(CatalogueError, match=r"'zspec' or 'zphot', .*'grism'"):
        load_sample("zou2022", server=zou.url)


def test_mass_cut_needs_a_unit(zou):
    with pytest.raises(u.UnitsError, match="'min_mass' needs a unit"):
        load_sample("zou2022", server=zou.url, min_mass=1e9)


def spirals(n):
    columns = [
        Column("SDSS", "long"),
        *POSITION,
        Column("z"),
        Column("rmag", unit="mag"),
    ]
    rows = [(10**17 + i, 100 + i / 10, 1.0, 0.05 + i / 1e4, 15.0) for i in range(n)]
    return Table(columns, rows)


def test_red_spirals(vizier):
    vizier.tables["J/MNRAS/405/783/tablea1"] = spirals(294)
    vizier.tables["J/MNRAS/405/783/tablea2"] = spirals(500)
    labels = load_sample("red-spirals", server=vizier.url)
    check_columns(labels)
    assert len(labels) == 294
    assert labels.meta["tables"] == ["J/MNRAS/405/783/tablea1"]
    assert labels["id"][1] == "SDSS 100000000000000001"
    for name in ("redshift_err", "stellar_mass", "sfr", "sfr_err"):
        assert np.all(labels[name].mask)
    assert not np.any(labels["redshift"].mask)


def test_red_spirals_of_another_number(vizier):
    vizier.tables["J/MNRAS/405/783/tablea2"] = spirals(500)
    with pytest.raises(CatalogueError, match=r"tablea2 has 500 rows, but .* 294"):
        load_sample("red-spirals", server=vizier.url)
    with pytest.warns(AstrovaeWarning, match="it may be another table"):
        labels = load_sample("red-spirals", server=vizier.url, strict=False)
    assert len(labels) == 500


def kiss(n):
    columns = [
        Column("KISSR", "int"),
        Column("RAJ2000", "char", "&quot;h:m:s&quot;"),
        Column("DEJ2000", "char", "&quot;d:m:s&quot;"),
        Column("z"),
    ]
    rows = [(i, f"12 {i:02d} 00.0", "+29 30 00", 0.3) for i in range(1, n + 1)]
    return Table(columns, rows, [(180 + i / 4, 29.5) for i in range(1, n + 1)])


def test_kiss_from_the_second_catalogue(vizier):
    vizier.tables["J/ApJ/926/131/table3"] = kiss(40)
    vizier.tables["J/ApJ/898/68/table1"] = kiss(13)
    labels = load_sample("green-peas-kiss", server=vizier.url)
    check_columns(labels)
    assert labels.meta["tables"] == ["J/ApJ/898/68/table1"]
    assert labels["id"][0] == "KISSR 1"
    assert labels["ra"][0].value == pytest.approx(180.25)
    assert labels["dec"][0].value == pytest.approx(29.5)


def test_kiss_says_what_it_tried(vizier):
    vizier.tables["J/ApJ/926/131/table3"] = kiss(40)
    match = "table3 has 40 rows, .* 13 .*no table J/ApJ/898/68"
    with pytest.raises(CatalogueError, match=match):
        load_sample("green-peas-kiss", server=vizier.url)


def test_computed_positions_are_used(vizier):
    table = kiss(13)
    table.columns[1] = Column("RAh", "char")
    table.columns[2] = Column("DEd", "char")
    vizier.tables["J/ApJ/926/131/table1"] = table
    labels = load_sample("green-peas-kiss", server=vizier.url)
    assert labels["ra"][3].value == pytest.approx(181.0)


def test_kiss_does_not_come_with_astrovae():
    with pytest.raises(ValueError, match="no table of the sample 'green-peas-kiss'"):
        load_sample("green-peas-kiss", source="package")


def peas(n=80):
    columns = [
        Column("SDSS", "long"),
        *POSITION,
        Column("z"),
        Column("SFR", unit="Msun/yr"),
        Column("e_SFR", unit="Msun/yr"),
        Column("logM*", unit="[Msun]"),
    ]
    rows = [(i, i, 1.0, 0.2, 12.45, 0.52, 9.76) for i in range(n)]
    rows[1] = (*rows[1][:4], None, None, None)
    return Table(columns, rows)


def test_cardamone(vizier):
    vizier.tables["J/MNRAS/399/1191/table4"] = peas()
    labels = load_sample("green-peas-cardamone", server=vizier.url)
    check_columns(labels)
    assert len(vizier.requests) == 1
    assert labels["sfr"][0] == 12.45 * u.Msun / u.yr
    assert labels["sfr_err"][0] == 0.52 * u.Msun / u.yr
    # 10^9.76 = 5.754399e9
    assert labels["stellar_mass"][0].unmasked.value == pytest.approx(5.754399e9)
    assert labels["stellar_mass"].mask.tolist() == [False, True] + [False] * 78
    assert labels["sfr"].mask.tolist() == [False, True] + [False] * 78


def test_cardamone_comes_with_astrovae():
    labels = load_sample("green-peas-cardamone", source="package", z_min=0.3)
    check_columns(labels)
    assert labels.meta["n_rows"] == 80
    assert labels.meta["cuts"][0]["kept"] == len(labels)
    assert np.all(labels["redshift"].unmasked.value > 0.3)
    assert np.all(labels["stellar_mass"].mask)


def test_labels_can_be_written_and_read(tmp_path):
    labels = load_sample("green-peas-cardamone", source="package", z_max=0.2)
    path = tmp_path / "peas.ecsv"
    labels.write(path)
    with u.add_enabled_units(cu):
        again = QTable.read(path)
    assert again["id"].tolist() == labels["id"].tolist()
    assert again["stellar_mass"].mask.all()
    assert again.meta["cuts"][0]["cut"] == "z_max"


def test_labels_are_read_by_the_estimator():
    from astrovae.vae.labels import read_labels

    class Images:
        ids = ("SDSS 587725073921409255",)

        def __len__(self):
            return 1

    labels = load_sample("green-peas-cardamone", source="package")
    labels["orientation"] = 0 * u.deg
    with pytest.raises(ValueError, match="'stellar_mass' has no usable value"):
        read_labels(labels, Images())
    labels["stellar_mass"] = 1e9 * u.Msun
    labels["sfr"] = 1.0 * u.Msun / u.yr
    read = read_labels(labels, Images())
    assert read.values["redshift"].tolist() == [0.3002]


def test_rows_without_a_position_are_counted(vizier):
    table = peas()
    table.rows[5] = (5, None, None, *table.rows[5][3:])
    vizier.tables["J/MNRAS/399/1191/table4"] = table
    labels = load_sample("green-peas-cardamone", server=vizier.url)
    assert len(labels) == 79
    assert labels.meta["n_without_position"] == 1


def test_replies_can_be_kept(gama, prospect, tmp_path):
    for _ in range(2):
        labels = load_sample(
            "gama-dr4", server=gama.url, properties=prospect, cache=tmp_path
        )
        assert len(labels) == 3
    assert len(gama.requests) == 2
    assert [path.suffix for path in tmp_path.iterdir()] == [".xml", ".xml"]


def test_a_kept_reply_keeps_its_time(gama, prospect, tmp_path):
    options = {"server": gama.url, "properties": prospect, "cache": tmp_path}
    now = datetime.now(UTC)
    first = load_sample("gama-dr4", **options).meta["retrieved"]
    assert abs(datetime.fromisoformat(first) - now) < timedelta(minutes=2)
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert content.endswith(f"<!-- retrieved {first} -->\n".encode())
        other = b"2019" + first[4:].encode()
        path.write_bytes(content.replace(first.encode(), other))
    assert load_sample("gama-dr4", **options).meta["retrieved"][:4] == "2019"
    # Of a reply that an older version kept, by the time of its file.
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes().split(b"\n<!-- retrieved")[0])
        os.utime(path, (1.5e9, 1.5e9))
    labels = load_sample("gama-dr4", **options)
    assert labels.meta["retrieved"] == "2017-07-14T02:40:00+00:00"
    assert len(gama.requests) == 2


def test_only_a_reply_was_retrieved():
    labels = load_sample("green-peas-cardamone", source="package")
    assert "retrieved" not in labels.meta


def test_unknown_sample():
    with pytest.raises(ValueError, match="no sample 'sdss'; there is: gama-dr4"):
        load_sample("sdss")


def test_unknown_source():
    with pytest.raises(ValueError, match=r"'source' must be .* not 'web'"):
        load_sample("zou2022", source="web")


def test_unknown_cut():
    with pytest.raises(TypeError, match="has no cut min_quality; it has: z_min, z_max"):
        load_sample("red-spirals", min_quality=3)


def test_unknown_column_key():
    with pytest.raises(ValueError, match="'columns' names 'mass', which"):
        load_sample("zou2022", columns={"mass": "M"})


def test_given_tables_must_all_fit(zou):
    tables = [PlainTable({"RA": [1.0]}), PlainTable({"a": [1]})]
    with pytest.raises(CatalogueError, match=r"table 1 has no column .*table 2 has no"):
        load_sample("zou2022", table=tables)


def test_files_of_the_same_name(zou, tmp_path):
    from astrovae.samples.vizier import query_tables

    paths = []
    for name, table in query_tables("J/ApJS/262/15", server=zou.url).items():
        folder = tmp_path / name.rsplit("/", 1)[1]
        folder.mkdir()
        plain = PlainTable({n: list(table[n]) for n in table.colnames})
        plain.write(folder / "cat.fits")
        paths.append(folder / "cat.fits")
    labels = load_sample("zou2022", table=paths)
    assert labels.meta["n_rows"] == 18
