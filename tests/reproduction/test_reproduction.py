# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The paper from data to figures, on tens of galaxies.
"""

import html
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
from astrovae.exceptions import AstrovaeWarning, CatalogueError, ModelFileError
from astrovae.reproduction import (
    ReproductionSettings,
    reporting,
    reproduce,
    sampling,
    stages,
)
from astrovae.reproduction.stages import Record, Stage, Workplace, carry_out

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


def test_what_sets_them_apart_is_a_list(reproduced):
    folder = reproduced[0]
    items = [
        line.removeprefix("- ")
        for text in json.loads((folder / "explanations.json").read_text()).values()
        for line in text.splitlines()
        if line.startswith("- ")
    ]
    assert len(items) >= 2
    page = (folder / "report.html").read_text()
    assert page.count("<ul>") == page.count("</ul>") == 2
    listed = re.findall("<li>(.*?)</li>", page)
    assert [html.unescape(item) for item in listed] == items
    lines = (folder / "report.md").read_text().splitlines()
    assert [line for line in lines if line.startswith("- ")] == [
        f"- {item}" for item in items
    ]
    # A list of Markdown begins after an empty line.
    first = lines.index(f"- {items[0]}")
    assert lines[first - 1] == ""
    assert "Cliff's delta" in lines[first - 2]


def test_a_run_without_interruption_says_nothing_of_one(reproduced):
    text = (reproduced[0] / "report.md").read_text()
    assert "interrupted" not in text
    assert re.search(r"\| train vanilla \| [\d.]+ \| 1 \|", text)
    stages_told = re.findall(r"\| (.*?) \| [\d.]+ \| 1? ?\|", text.split("## Times")[1])
    assert stages_told[0] == "sample"
    assert stages_told[-1] == "all"


def matched_rows(kind, n, n_controls):
    """A row of ``anomalies.ecsv``, as far as it matters here."""
    return {"class": kind, "controls": "matched", "n": n, "n_controls": n_controls}


@pytest.mark.parametrize("n_controls", [90, 100, 1000])
def test_little_is_said_of_classes_with_controls(n_controls):
    table = QTable([matched_rows("red spiral", 100, n_controls)])
    assert reporting._unmatched(table) == []


def test_the_report_says_which_classes_have_no_controls():
    table = QTable([matched_rows("red spiral", 294, 2)] * 2)
    (text,) = reporting._unmatched(table)
    assert "Of 294 red spirals 292 have no control at their redshift" in text
    assert "no evidence of anything besides" in text
    table["controls"] = "all"
    (text,) = reporting._unmatched(table)
    assert "No control has the redshifts of the red spirals" in text
    table["class"] = "galaxy"
    assert reporting._unmatched(table) == []


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


def test_numbers_too_small_are_refused(tmp_path, capsys):
    with pytest.raises(ValueError, match="epochs must be at least 1, got 0"):
        ReproductionSettings(epochs=0)
    with pytest.raises(ValueError, match=r"n_green_peas must be at least 5, got 4$"):
        ReproductionSettings(n_green_peas=4)
    assert ReproductionSettings(n=25).n_held_out == 5
    words = ["reproduce", "-o", str(tmp_path / "x"), "--simulated", "--n", "24"]
    assert main(words) == 2
    assert "n must be at least 25, got 24; a fifth" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("anomalies", [5, 6])
def test_the_smallest_numbers_suffice(small_blocks, tmp_path, anomalies):
    settings = ReproductionSettings(
        simulated=True,
        n=25,
        epochs=1,
        n_red_spirals=anomalies,
        n_green_peas=anomalies,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstrovaeWarning)
        reproduce(tmp_path, settings, say=quiet)
    assert (tmp_path / "report.html").is_file()


def test_weights_are_looked_for_before_any_work(tmp_path):
    folder = tmp_path / "x"
    said = []
    with pytest.raises(ValueError, match="no packaged weights 'nosuch'"):
        reproduce(
            folder, ReproductionSettings(simulated=True, weights="nosuch"), say=said
        )
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no model")
    settings = ReproductionSettings(simulated=True, weights=str(broken))
    with pytest.raises(ModelFileError, match=r"broken\.safetensors"):
        reproduce(folder, settings, say=said.append)
    assert said == []
    # Nor are the settings kept, which better ones would contradict.
    assert not folder.exists()


def test_weights_that_were_taken_may_go(monkeypatch, tmp_path):
    (tmp_path / "physics-informed.safetensors").write_bytes(b"")
    monkeypatch.setattr("astrovae.reproduction.core.carry_out", lambda *args: None)
    settings = ReproductionSettings(simulated=True, weights="nosuch")
    assert reproduce(tmp_path, settings, say=quiet) == tmp_path


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
    assert list(json.loads((tmp_path / "times.json").read_text())) == list("abcd")


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(stages, "time", clock)
    return clock


def interrupted_stage(clock, seconds):
    """A stage whose attempts take so long, all but the last interrupted."""
    left = list(seconds)

    def make(place):
        clock.now += left.pop(0)
        if left:
            raise KeyboardInterrupt
        place.write_json("train.json", 1)

    return Stage("train", ("train.json",), make)


def test_the_time_is_that_of_all_attempts(clock, tmp_path):
    stage = interrupted_stage(clock, [9.0, 4.5, 6.4])
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            carry_out([stage], Workplace.open(tmp_path, SETTINGS, quiet))
    said = []
    place = Workplace.open(tmp_path, SETTINGS, said.append)
    carry_out([stage], place)
    assert said == ["train: 19.9 s in 3 attempts"]
    assert place.times == {"train": Record(19.9, 3, 0, complete=True)}
    place = Workplace.open(tmp_path, SETTINGS, said.append)
    carry_out([stage], place)
    assert said[1:] == ["train: there already (took 19.9 s in 3 attempts)"]
    (text,) = reporting._interruptions(place)
    assert "interrupted and resumed" in text
    assert list(reporting._times(place)["attempts"]) == ["3", ""]
    assert list(reporting._times(place)["seconds"]) == [19.9, 19.9]


def test_a_stage_done_anew_is_timed_anew(clock, tmp_path):
    carry_out(
        [interrupted_stage(clock, [9.0])], Workplace.open(tmp_path, SETTINGS, quiet)
    )
    (tmp_path / "train.json").unlink()
    place = Workplace.open(tmp_path, SETTINGS, quiet)
    carry_out([interrupted_stage(clock, [2.0])], place)
    assert place.times == {"train": Record(2.0, 1, 0, complete=True)}


def test_an_attempt_that_was_killed_is_told(clock, tmp_path):
    records = []

    def make(place):
        # What a process that is killed here leaves behind.
        records.append((tmp_path / "times.json").read_text())
        clock.now += 3.0
        place.write_json("train.json", 1)

    stage = Stage("train", ("train.json",), make)
    carry_out([stage], Workplace.open(tmp_path, SETTINGS, quiet))
    (tmp_path / "train.json").unlink()
    (tmp_path / "times.json").write_text(records[0])
    place = Workplace.open(tmp_path, SETTINGS, quiet)
    carry_out([stage], place)
    assert place.times == {"train": Record(3.0, 2, 1, complete=True)}
    assert str(place.times["train"]).endswith(
        "2 attempts, 1 of them killed and not timed"
    )
    assert "missing in the seconds: 1." in reporting._interruptions(place)[1]


def test_what_is_out_of_date_stays_so_after_an_interruption(tmp_path):
    made = []
    stop = []

    def stage(name, needs=()):
        def make(place):
            if name in stop:
                raise KeyboardInterrupt
            made.append(name)
            place.write_json(f"{name}.json", name)

        return Stage(name, (f"{name}.json",), make, needs)

    chain = [stage("a"), stage("b", ("a",)), stage("c", ("a",)), stage("d", ("c",))]
    carry_out(chain, Workplace.open(tmp_path, SETTINGS, quiet))
    (tmp_path / "a.json").unlink()
    stop.append("b")
    with pytest.raises(KeyboardInterrupt):
        carry_out(chain, Workplace.open(tmp_path, SETTINGS, quiet))
    stop.clear()
    made.clear()
    assert carry_out(chain, Workplace.open(tmp_path, SETTINGS, quiet)) == list("bcd")
    assert made == list("bcd")


def test_files_without_a_record_are_taken(tmp_path):
    said = []
    place = Workplace.open(tmp_path, SETTINGS, said.append)
    place.write_json("train.json", 1)
    assert carry_out([Stage("train", ("train.json",), quiet)], place) == []
    assert said == ["train: there already"]


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
