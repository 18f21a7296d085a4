# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The paper from data to figures, on tens of galaxies.
"""

import json
import re
import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.table import QTable

pytest.importorskip("matplotlib", reason="needs the extra 'plot'")

import astrovae.fetch
import astrovae.samples
from astrovae import GalaxyImageSet
from astrovae.cli import main
from astrovae.exceptions import AstrovaeWarning, CatalogueError
from astrovae.reproduction import ReproductionSettings, reproduce, sampling
from astrovae.reproduction.stages import Stage, Workplace, carry_out

SETTINGS = ReproductionSettings(
    simulated=True, n=130, epochs=1, n_red_spirals=12, n_green_peas=8
)


def quiet(text):
    """Say nothing."""


@pytest.fixture(scope="module")
def small_blocks():
    """Blocks of a few galaxies, of which no more are drawn than needed."""
    pytest.importorskip("bagpipes")
    pytest.importorskip("galsim")
    from astrovae.simulation import core

    patch = pytest.MonkeyPatch()
    patch.setattr(core, "_BLOCK", 13)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def reproduced(small_blocks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    said = []
    with warnings.catch_warnings():
        # Of too few galaxies.
        warnings.simplefilter("ignore", AstrovaeWarning)
        reproduce(folder, SETTINGS, say=said.append)
    return folder, said


def test_it_writes_tables_figures_and_a_report(reproduced):
    folder, said = reproduced
    results = QTable.read(folder / "results.ecsv")
    assert len(results) == 26 + 12 + 8
    for name in ("figure1", "figure2", "figure3", "traversals", "reconstructions"):
        assert (folder / f"{name}.png").stat().st_size > 5000
    assert sum("train vanilla" in line for line in said) == 1
    assert not list(folder.glob("partial-*"))
    assert not list(folder.glob("*.checkpoint"))


def test_the_report_compares_with_the_paper(reproduced):
    text = (reproduced[0] / "report.md").read_text()
    assert "| redshift r2 | squared Pearson correlation | 0.83 |" in text
    assert "| redshift R2 | 1 - SSE/SST |  |" in text
    assert re.search(
        r"green peas recovered, physics-informed .*100 % \| [\d.]+ % \(", text
    )
    assert re.search(r"contamination, red spiral, vanilla", text)
    assert "all, tested on matched" in text
    assert "What sets them apart" in text
    assert "130 ordinary galaxies" in text
    assert "26,126 galaxies, 1000 epochs" in text


def test_the_page_needs_nothing_else(reproduced):
    page = (reproduced[0] / "report.html").read_text()
    assert page.count('src="data:image/png;base64,') == 5
    assert page.count("src=") == 5
    assert "http" not in re.sub(r"base64,[^\"]*", "", page)
    assert page.count("<table>") == page.count("</table>") == 5


def test_parts_do_not_share_galaxies(reproduced):
    folder = reproduced[0]
    ids = [
        set(QTable.read(folder / f"{part}-labels.ecsv")["id"])
        for part in sampling.PARTS
    ]
    assert [len(own) for own in ids] == [104, 26, 12, 8]
    assert len(set().union(*ids)) == 150


def test_a_second_run_only_fills_gaps(reproduced):
    folder, _ = reproduced
    before = (folder / "physics-informed.safetensors").stat().st_mtime_ns
    said = []
    reproduce(folder, SETTINGS, say=said.append)
    assert len(said) == 10
    assert all("there already" in line for line in said)
    (folder / "report.md").unlink()
    said.clear()
    reproduce(folder, SETTINGS, say=said.append)
    assert next(line for line in said if "there already" not in line).startswith(
        "report"
    )
    assert (folder / "report.md").is_file()
    assert (folder / "physics-informed.safetensors").stat().st_mtime_ns == before


def test_another_reproduction_needs_another_folder(reproduced):
    with pytest.raises(ValueError, match=r"other settings .n: 130 there, 131 now"):
        reproduce(
            reproduced[0],
            ReproductionSettings(
                simulated=True, n=131, epochs=1, n_red_spirals=12, n_green_peas=8
            ),
            say=quiet,
        )


def test_the_rate_is_the_papers_at_its_size():
    paper = ReproductionSettings(n=26126, epochs=1000)
    assert paper.rate() == pytest.approx(5e-6, rel=1e-3)
    assert ReproductionSettings(n=26126, epochs=100).rate() == pytest.approx(
        5e-5, rel=1e-3
    )
    assert ReproductionSettings(n=100, epochs=1).rate() == 1e-3
    assert ReproductionSettings(preset="standard").rate() is None
    with pytest.raises(ValueError, match="epochs must be at least 1, got 0"):
        ReproductionSettings(epochs=0)


def test_a_stage_is_repeated_with_what_it_needs(tmp_path):
    made = []

    def stage(name, needs=()):
        def make(place):
            made.append(name)
            place.write_json(f"{name}.json", name)

        return Stage(name, (f"{name}.json",), make, needs)

    chain = [stage("a"), stage("b", ("a",)), stage("c"), stage("d", ("b", "c"))]
    place = Workplace.open(tmp_path, SETTINGS, quiet)
    assert carry_out(chain, place) == ["a", "b", "c", "d"]
    (tmp_path / "b.json").unlink()
    place = Workplace.open(tmp_path, SETTINGS, quiet)
    assert carry_out(chain, place) == ["b", "d"]
    assert made == ["a", "b", "c", "d", "b", "d"]
    assert set(json.loads((tmp_path / "times.json").read_text())) == set("abcd")


def test_a_stage_that_fails_leaves_no_half_file(tmp_path):
    place = Workplace.open(tmp_path, SETTINGS, quiet)

    def fail(path):
        path.write_text("half")
        msg = "no space"
        raise OSError(msg)

    with pytest.raises(OSError, match="no space"):
        place.write("table.ecsv", fail)
    assert not place.has("table.ecsv")


def labelled(name, n):
    """A table as `load_sample` gives it."""
    rng = np.random.default_rng(len(name))
    return QTable(
        {
            "id": [f"{name} {i}" for i in range(n)],
            "ra": rng.uniform(0, 360, n) * u.deg,
            "dec": rng.uniform(-10, 30, n) * u.deg,
            "redshift": rng.uniform(0.02, 0.9, n) * cu.redshift,
        }
    )


@pytest.fixture
def no_network(monkeypatch):
    """What is asked of the catalogues and the survey, answered here."""
    asked = []

    def load_sample(name, **options):
        asked.append((name, options))
        if name == "green-peas-kiss":
            msg = "no such table"
            raise CatalogueError(msg)
        return labelled(name, 200 if name in ("zou2022", "gama-dr4") else 6)

    def build_training_set(samples, *, fetcher, fetch_options, require=None):
        from astropy.table import vstack

        labels = vstack(list(samples))
        data = np.ones((len(labels), 3, 8, 8), np.float32) * u.nmgy
        images = GalaxyImageSet(
            data, bands="grz", pixel_scale=0.262 * u.arcsec, ids=labels["id"]
        )
        return images, labels

    monkeypatch.setattr(astrovae.samples, "load_sample", load_sample)
    monkeypatch.setattr(astrovae.samples, "build_training_set", build_training_set)
    return asked


def test_the_real_sample(no_network, tmp_path):
    settings = ReproductionSettings(n=50)
    said = []
    place = Workplace.open(tmp_path, settings, said.append)
    sampling.make_sample(place)
    assert [name for name, _ in no_network] == [
        "zou2022",
        "red-spirals",
        "green-peas-kiss",
        "green-peas-cardamone",
    ]
    train, held = (sampling.load_part(place, part)[1] for part in sampling.PARTS[:2])
    assert len(train) + len(held) == 65
    assert len(held) == 13
    assert not set(train["id"]) & set(held["id"])
    images, labels = sampling.load_part(place, "green-peas")
    assert list(images.ids) == list(labels["id"])
    assert "without GAMA" in said[0]
    assert any("Cardamone" in line for line in said)


def test_the_real_sample_with_gama(no_network, tmp_path):
    settings = ReproductionSettings(n=50, gama_properties="prospect.fits")
    sampling.make_sample(Workplace.open(tmp_path, settings, quiet))
    assert ("gama-dr4", "prospect.fits") in [
        (name, options.get("properties")) for name, options in no_network
    ]


def test_the_command(monkeypatch, tmp_path, capsys):
    asked = []

    def fake(output, settings, say):
        asked.append(settings)
        say("sample: 1.0 s")
        output.mkdir()
        head = "# Title\n\n## The paper's figures of merit, and ours\n\n| a |\n\n"
        (output / "report.md").write_text(head + "![figure1.png](figure1.png)\n")
        return output

    monkeypatch.setattr("astrovae.reproduction.reproduce", fake)
    words = ["reproduce", "-o", str(tmp_path / "x"), "--simulated", "--n", "77"]
    assert main([*words, "--epochs", "3", "--random-state", "1"]) == 0
    assert asked == [
        ReproductionSettings(simulated=True, n=77, epochs=3, random_state=1)
    ]
    out = capsys.readouterr().out
    assert "sample: 1.0 s" in out
    assert "| a |" in out
    assert "report.html" in out
