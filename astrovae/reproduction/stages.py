# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Stages that leave files behind, and are not done twice.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .settings import ReproductionSettings

__all__ = ["Record", "Stage", "Workplace", "carry_out"]

_SETTINGS = "settings.json"
_TIMES = "times.json"


@dataclass(frozen=True)
class Stage:
    """
    One step from data to figures.

    Parameters
    ----------
    name : str
        The name.
    outputs : tuple of str
        The files that it writes.
    make : callable
        Called with the `Workplace`, writes them.
    needs : tuple of str
        Stages whose files it reads.
    """

    name: str
    outputs: tuple
    make: Callable
    needs: tuple = ()


@dataclass
class Record:
    """
    The attempts at a stage, from when it was to be done to its end.

    Parameters
    ----------
    seconds : float
        Of all attempts together, as far as they were timed.
    attempts : int
        How often it was begun.
    untimed : int
        Attempts whose end nobody saw: the process was killed, or the
        attempt is under way.
    complete : bool
        Whether the last attempt came to its end.
    """

    seconds: float = 0.0
    attempts: int = 0
    untimed: int = 0
    complete: bool = False

    def __str__(self):
        text = f"{self.seconds:.1f} s"
        if self.attempts > 1:
            text += f" in {self.attempts} attempts"
        if self.untimed:
            text += f", {self.untimed} of them killed and not timed"
        return text


@dataclass
class Workplace:
    """
    A folder with the files of one reproduction.

    Parameters
    ----------
    folder : `~pathlib.Path`
        The folder.
    settings : `ReproductionSettings`
        What is to be made.
    say : callable
        Called with a line of text.
    times : dict of str to `Record`
        By stage, what its attempts took when it was last done.
    """

    folder: Path
    settings: ReproductionSettings
    say: Callable
    times: dict = field(default_factory=dict)

    @classmethod
    def open(cls, folder, settings, say):
        """
        Make a folder, or go on in one with the same settings.

        Parameters
        ----------
        folder : path-like
            The folder.
        settings : `ReproductionSettings`
            What is to be made.
        say : callable
            Called with a line of text.

        Returns
        -------
        place : `Workplace`
            The folder.

        Raises
        ------
        ValueError
            If the folder has files of other settings.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        place = cls(folder, settings, say)
        wanted = asdict(settings)
        if place.has(_SETTINGS):
            present = json.loads(place.path(_SETTINGS).read_text())
            changed = [
                f"{name}: {present.get(name)!r} there, {value!r} now"
                for name, value in wanted.items()
                if present.get(name) != value
            ]
            if changed:
                msg = (
                    f"{folder} holds a reproduction with other settings "
                    f"({'; '.join(changed)}); give these, or another folder"
                )
                raise ValueError(msg)
        else:
            place.write_json(_SETTINGS, wanted)
        if place.has(_TIMES):
            known = json.loads(place.path(_TIMES).read_text())
            place.times = {name: Record(**record) for name, record in known.items()}
        return place

    def path(self, name):
        """
        The path of a file.
        """
        return self.folder / name

    def has(self, name):
        """
        Tell whether a file is there.
        """
        return self.path(name).is_file()

    def write(self, name, write):
        """
        Write a file whole, or not at all.

        Parameters
        ----------
        name : str
            The file.
        write : callable
            Called with the path of a file beside it.
        """
        partial = self.path(f"partial-{name}")
        partial.unlink(missing_ok=True)
        write(partial)
        partial.replace(self.path(name))

    def write_json(self, name, content):
        """
        Write a file of JSON.
        """
        text = json.dumps(content, indent=1)
        self.write(name, lambda path: path.write_text(text + "\n"))

    def write_table(self, name, table):
        """
        Write a table as ECSV.
        """
        self.write(name, lambda path: table.write(path, format="ascii.ecsv"))

    def write_times(self):
        """
        Write what the stages took until now.
        """
        records = {name: asdict(record) for name, record in self.times.items()}
        self.write_json(_TIMES, records)


def carry_out(stages, place):
    """
    Carry out the stages whose files are missing or out of date.

    Parameters
    ----------
    stages : sequence of `Stage`
        In an order in which each finds what it needs.
    place : `Workplace`
        Where.

    Returns
    -------
    done : list of str
        The names of those that were carried out.
    """
    done = []
    for stage in stages:
        record = place.times.get(stage.name)
        known = all(place.has(name) for name in stage.outputs)
        if known and (record is None or record.complete):
            took = f" (took {record})" if record else ""
            place.say(f"{stage.name}: there already{took}")
            continue
        if record is None or record.complete:
            place.times[stage.name] = Record()
        # What depends on it is out of date, even if this run ends before it.
        for other in stages:
            if stage.name in other.needs:
                place.times[other.name] = Record()
        names = [other.name for other in stages if other.name in place.times]
        place.times = {name: place.times[name] for name in names}
        _attempt(stage, place)
        done.append(stage.name)
        place.say(f"{stage.name}: {place.times[stage.name]}")
    return done


def _attempt(stage, place):
    """
    Carry out a stage, and record the time however it ends.
    """
    record = place.times[stage.name]
    # Until it ends it counts as not timed: a process that is killed leaves
    # the record as it is here.
    record.attempts += 1
    record.untimed += 1
    place.write_times()
    start = time.perf_counter()
    try:
        stage.make(place)
        record.complete = True
    finally:
        record.seconds = round(record.seconds + time.perf_counter() - start, 2)
        record.untimed -= 1
        place.write_times()
