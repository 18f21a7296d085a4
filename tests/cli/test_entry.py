# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of exit statuses, help and messages.
"""

import subprocess
import sys
import warnings

import pytest

from astrovae.cli import main
from astrovae.cli.messages import one_line, plain_warnings
from astrovae.cli.train import DEVICES, PRESETS
from astrovae.exceptions import AstrovaeWarning

VERBS = ("demo", "predict", "train", "simulate")


def shell(*words):
    """
    Run the command as a shell does.
    """
    return subprocess.run(
        [sys.executable, "-m", "astrovae", *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_in_a_shell():
    done = shell("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for verb in VERBS:
        assert verb in done.stdout


def test_error_in_a_shell(tmp_path):
    words = ["predict", "missing", "--output", str(tmp_path / "results.ecsv")]
    done = shell(*words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "astrovae: error: there is no missing\n"
    for debug in (["--debug", *words], [*words, "--debug"]):
        done = shell(*debug)
        assert done.returncode == 1
        assert "Traceback" in done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb(verb, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([verb, "--help"])
    assert f"usage: astrovae {verb}" in capsys.readouterr().out


def test_version(capsys):
    import astrovae

    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"astrovae {astrovae.__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "arguments are required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["predict"], "arguments are required: PATH, -o/--output"),
        (["predict", "x", "-o", "/no/where/x.ecsv"], "/no/where does not exist"),
        (["predict", "x", "-o", "."], ". is a folder"),
        (["simulate", "0", "-o", "x", "--truth", "y"], "0 is no whole number"),
        (["train", "x", "y", "-o", "z", "--preset", "best"], "choice: 'best'"),
        (["train", "x", "y", "-o", "z", "--max-epochs", "-1"], "-1 is no whole"),
    ],
)
def test_bad_arguments(words, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert message in capsys.readouterr().err


def test_unknown_ending(capsys, tmp_path):
    status = main(["predict", "x", "--output", str(tmp_path / "results.txt")])
    assert status == 2
    err = capsys.readouterr().err
    assert "results.txt does not end with .ecsv, .fits, .parquet" in err
    assert err.count("\n") == 1


def test_choices_are_those_of_the_estimator():
    from astrovae.nn import PRESETS as KNOWN
    from astrovae.nn import choose_device

    assert sorted(KNOWN) == sorted(PRESETS)
    assert str(choose_device(DEVICES[0])) in DEVICES


def test_interruption(monkeypatch, capsys):
    monkeypatch.setattr("astrovae.cli.demo.run", interrupt)
    assert main(["demo"]) == 1
    assert capsys.readouterr().err == "astrovae: error: interrupted\n"


def interrupt(args):
    """
    What Ctrl-C does.
    """
    raise KeyboardInterrupt


def test_warnings_are_one_line_each(capsys):
    with plain_warnings():
        for _ in range(2):
            warnings.warn("two\nlines", AstrovaeWarning, stacklevel=1)
    assert capsys.readouterr().err == 2 * "astrovae: warning: two lines\n"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("wrong\n   value"), "wrong value"),
        (OSError(2, "No such file", "x"), "[Errno 2] No such file: 'x'"),
        (KeyError("x"), "KeyError: 'x'"),
        (MemoryError(), "MemoryError"),
        (ValueError(), "ValueError"),
    ],
)
def test_one_line(error, text):
    assert one_line(error) == text
