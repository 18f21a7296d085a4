# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of ``astrovae anomalies``.
"""

import base64
import hashlib
import html
import json
import re

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.table import QTable

from astrovae import GalaxyImageSet
from astrovae.cli import main
from astrovae.cli.tables import read_table
from astrovae.flags import GalaxyFlags

pytest.importorskip("PIL", reason="needs the extra 'plot'")

N = 44
EVIL = '</script><script>alert("1")</script>'


@pytest.fixture(scope="module")
def folder(galaxies, tmp_path_factory):
    """
    The files set.hdf5 and results.ecsv, with a wicked name and a gap.
    """
    folder = tmp_path_factory.mktemp("anomalies")
    images, truth = galaxies
    ids = np.array([f"g{i}" for i in range(N)], dtype="U40")
    ids[3] = EVIL
    data = np.array(images.data)
    data[7, 0] = 0.0
    images = GalaxyImageSet(
        data * images.unit, bands="grz", pixel_scale=images.pixel_scale, ids=ids
    )
    images.write(folder / "set.hdf5")
    table = truth["redshift", "stellar_mass", "sfr"]
    table.add_column(ids, name="id", index=0)
    table["redshift_lower"] = table["redshift"] - 0.01 * cu.redshift
    table["redshift_upper"] = table["redshift"] + 0.01 * cu.redshift
    table["ood_score"] = np.linspace(2.0, 0.0, N)
    table["flags"] = np.zeros(N, int)
    table["flags"][5] = int(GalaxyFlags.OUT_OF_RANGE)
    table.write(folder / "results.ecsv")
    return folder


def anomalies(folder, output, *more):
    """
    Run the verb.
    """
    words = [str(folder / "results.ecsv"), "--images", str(folder / "set.hdf5")]
    return main(["anomalies", *words, "--output", str(output), *map(str, more)])


@pytest.fixture(scope="module")
def written(folder):
    """
    The output of one run.
    """
    assert anomalies(folder, folder / "out") == 0
    return folder / "out"


def embedded(page, name):
    """
    The JSON of an element of the page.
    """
    pattern = rf'<script type="application/json" id="{name}">(.*?)</script>'
    return json.loads(re.search(pattern, page, re.DOTALL)[1])


def test_files(folder, written, tmp_path, capsys):
    output = tmp_path / "new" / "out"
    assert anomalies(folder, output) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("44 of 44 galaxies (1 artefact, 43 candidates): ")
    for name in ("candidates.ecsv", "index.html"):
        assert (written / name).read_bytes() == (output / name).read_bytes()
    table = read_table(output / "candidates.ecsv")
    assert list(table["rank"]) == list(range(1, N + 1))
    assert table["id"][0] == "g0"
    assert table["id"][-1] == "g7"
    assert "band g missing" in table["reasons"][-1]
    assert table["stellar_mass"].unit == "Msun"
    assert table["mag_r"].unit == "mag"


def test_page_is_closed_and_escaped(written):
    page = (written / "index.html").read_text("utf-8")
    assert EVIL not in page
    assert not re.search(r"https?://(?!github.com/astropy)", page)
    assert not re.search(r"\b(fetch|XMLHttpRequest|import|WebSocket)\s*\(", page)
    data = embedded(page, "data")
    assert EVIL in data["id"]
    names = [column["name"] for column in data["columns"]]
    assert {"rank", "score", "redshift", "sfr", "g-r", "half_light_radius"} <= {*names}
    mass = data["columns"][names.index("stellar_mass")]
    assert mass["label"].startswith("log stellar mass [")
    assert 8 < mass["values"][0] < 12
    assert len(data["columns"][names.index("redshift")]["lower"]) == N
    assert ["band g missing"] in data["flags"]
    assert ["OUT_OF_RANGE"] in data["flags"]
    policy = html.unescape(re.search(r'Policy" content="(.*?)"', page)[1])
    assert policy.startswith("default-src 'none'; img-src data:;")
    for tag in ("script", "style"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_thumbnails_are_pictures_of_the_galaxies(written):
    import io

    from PIL import Image

    page = (written / "index.html").read_text("utf-8")
    texts = embedded(page, "thumbnails-0")
    assert len(texts) == N
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(texts[0]))))
    assert picture.shape == (128, 128, 3)
    assert picture[60:68, 60:68].mean() > 2 * picture[:20, :20].mean()


def test_page_of_a_list_read_again(written, tmp_path):
    from astrovae.anomaly import write_triage_page

    table = read_table(written / "candidates.ecsv")
    write_triage_page(table, [None] * N, tmp_path / "index.html")
    again = embedded((tmp_path / "index.html").read_text("utf-8"), "data")
    first = embedded((written / "index.html").read_text("utf-8"), "data")
    assert again["label"] == [""] * N
    for name in ("key", "base", "id", "reasons", "flags"):
        assert again[name] == first[name]


def test_labels_rank_anew(folder, tmp_path, capsys):
    labels = tmp_path / "labels.ecsv"
    QTable(
        {
            "id": ["g30", "g31", "g0", "elsewhere"],
            "label": ["interesting", "artefact", "known", "known"],
        }
    ).write(labels)
    assert anomalies(folder, tmp_path, "--labels", labels, "--n-candidates", 5) == 0
    out, err = capsys.readouterr()
    assert "1 labels of" in err
    assert "such as elsewhere" in err
    table = read_table(tmp_path / "candidates.ecsv")
    assert out.startswith(f"{len(table)} of 44 galaxies")
    assert table["id"][-1] == "g0"
    assert table["kind"][-1] == "known"
    assert {"g30", "g31"} <= set(table["id"])  # labelled: kept in any case
    assert table["rank"][list(table["id"]).index("g30")] <= 5
    data = embedded((tmp_path / "index.html").read_text("utf-8"), "data")
    assert sorted(filter(None, data["label"])) == ["artefact", "interesting", "known"]


def test_latents_of_a_model(folder, model_file, tmp_path):
    assert anomalies(folder, tmp_path, "--model", model_file) == 0
    names = read_table(tmp_path / "candidates.ecsv").colnames
    assert "latent_redshift" in names
    assert "latent_residual0" in names


def test_rows_without_an_image(folder, tmp_path, capsys):
    table = read_table(folder / "results.ecsv")
    table["id"][1] = "nowhere"
    table.write(tmp_path / "results.ecsv")
    words = [str(tmp_path / "results.ecsv"), "--images", str(folder / "set.hdf5")]
    assert main(["anomalies", *words, "-o", str(tmp_path / "out")]) == 0
    assert "1 of 44 galaxies have no image" in capsys.readouterr().err
    ranked = read_table(tmp_path / "out" / "candidates.ecsv")
    row = ranked[list(ranked["id"]).index("nowhere")]
    assert np.isnan(row["mag_r"])
    assert row["kind"] == "candidate"
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    texts = embedded(page, "thumbnails-0")
    assert texts.count(None) == 1


def test_images_of_others(folder, tmp_path, capsys):
    other = GalaxyImageSet(
        np.ones((2, 3, 16, 16)) * u.nmgy, bands="grz", pixel_scale=0.262 * u.arcsec
    )
    other.write(tmp_path / "other.hdf5")
    words = [str(folder / "results.ecsv"), "--images", str(tmp_path / "other.hdf5")]
    assert main(["anomalies", *words, "-o", str(tmp_path / "out")]) == 1
    err = capsys.readouterr().err
    assert err == (
        "astrovae: error: none of the 44 ids of the results is among the images\n"
    )
    assert not (tmp_path / "out").exists()


def test_wrong_arguments(folder, tmp_path, capsys):
    assert anomalies(folder, tmp_path, "--labels", tmp_path / "none.ecsv") == 1
    assert "there is no " in capsys.readouterr().err
    assert anomalies(folder, folder / "set.hdf5") == 2
    assert "is no folder" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        anomalies(folder, tmp_path, "--n-candidates", 0)
    words = [str(folder / "set.hdf5"), "--images", str(folder / "results.ecsv")]
    assert main(["anomalies", *words, "-o", str(tmp_path / "out")]) == 1
    assert "holds no table; is it a set of images?" in capsys.readouterr().err
    (tmp_path / "labels.ecsv").write_text("no table\n")
    assert anomalies(folder, tmp_path, "--labels", tmp_path / "labels.ecsv") == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("astrovae: error: ")
