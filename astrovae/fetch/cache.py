# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The cutouts on disk: complete files only, and a record of each.

A folder holds ``manifest.ecsv``; ``journal.jsonl``, the records since
that was written; and the files, in folders of two hexadecimal digits. A
record is in the journal before its file has its name, and a file counts
only with the hash of its record. So a process may be killed at any
moment: what it had written whole is found again, and nothing else.
Several processes may use one folder; locks keep two from fetching the
same object.
"""

import hashlib
import os
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from astrovae.fetch.manifest import Record, now, read_manifest, write_manifest

__all__ = ["Cache"]

#: Seconds after which a partial file belongs to no living process.
_ABANDONED = 3600.0


class Cache:
    """
    A folder of cutouts.

    Parameters
    ----------
    folder : path-like
        Made if it does not exist.

    Raises
    ------
    NotADirectoryError
        If it is a file.
    OSError
        If its manifest cannot be read.
    """

    def __init__(self, folder):
        self.folder = Path(folder).expanduser().absolute()
        if self.folder.exists() and not self.folder.is_dir():
            msg = f"the cache must be a folder, not the file {self.folder}"
            raise NotADirectoryError(msg)
        self._partial = self.folder / ".partial"
        self._locks = self.folder / ".locks"
        for path in (self.folder, self._partial, self._locks):
            path.mkdir(parents=True, exist_ok=True)
        self._thread_lock = threading.Lock()
        self._records = {}
        self._seen = None
        self._offset = 0
        self._drop_abandoned()
        with self._own_manifest():
            self._catch_up()

    @property
    def manifest(self):
        """
        The file of the manifest.
        """
        return self.folder / "manifest.ecsv"

    @property
    def journal(self):
        """
        The file of the records that the manifest does not have yet.
        """
        return self.folder / "journal.jsonl"

    def path(self, file):
        """
        Return the path of a file.

        Parameters
        ----------
        file : str
            Its name in the cache, a `Target.file`.

        Returns
        -------
        path : `~pathlib.Path`
            Where it is, or would be.
        """
        return self.folder / file

    def find(self, file):
        """
        Look for a file that is complete and unaltered.

        Parameters
        ----------
        file : str
            Its name in the cache.

        Returns
        -------
        record : `~astrovae.fetch.manifest.Record` or None
            Its record.
        """
        record = self._records.get(file)
        if record is None or record.status != "ok":
            return None
        try:
            content = self.path(file).read_bytes()
        except FileNotFoundError:
            return None
        good = len(content) == record.bytes and _sha256(content) == record.sha256
        return record if good else None

    def find_empty(self, file):
        """
        Look for the answer that there is nothing at a position.

        Parameters
        ----------
        file : str
            The name that the file would have.

        Returns
        -------
        record : `~astrovae.fetch.manifest.Record` or None
            Its record.
        """
        record = self._records.get(file)
        return record if record is not None and record.status == "empty" else None

    def has_failed(self, file):
        """
        Tell whether something went wrong when it was last asked for.

        Parameters
        ----------
        file : str
            The name that the file would have.

        Returns
        -------
        has_failed : bool
            False if it was never asked for.
        """
        record = self._records.get(file)
        return record is not None and record.status == "failed"

    def refresh(self, file):
        """
        Look for a file again, as another process may have put it there.

        Parameters
        ----------
        file : str
            Its name in the cache.

        Returns
        -------
        record : `~astrovae.fetch.manifest.Record` or None
            Its record.
        """
        record = self.find(file)
        if record is None and self.path(file).exists():
            with self._own_manifest():
                self._catch_up()
            record = self.find(file)
        return record

    @contextmanager
    def claim(self, name):
        """
        Keep other processes and threads from fetching the same.

        Parameters
        ----------
        name : str
            What is to be fetched. Names share 256 locks.

        Yields
        ------
        nothing
            While the claim holds. It ends with the process, too.
        """
        stripe = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:2]
        with FileLock(self._locks / f"{stripe}.lock"):
            yield

    def store(self, record, content):
        """
        Keep a file.

        Parameters
        ----------
        record : `~astrovae.fetch.manifest.Record`
            Its record, with the name of the file; status, hash, length
            and time are filled in.
        content : bytes
            The file, which was checked.

        Returns
        -------
        record : `~astrovae.fetch.manifest.Record`
            The record.
        """
        record.status = "ok"
        record.sha256 = _sha256(content)
        record.bytes = len(content)
        path = self.path(record.file)
        name = f"{path.stem}.{os.getpid()}.{threading.get_ident()}"
        partial = self._partial / name
        try:
            partial.write_bytes(content)
            path.parent.mkdir(exist_ok=True)
            self.note(record)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return record

    def note(self, record):
        """
        Write a record into the journal.

        Parameters
        ----------
        record : `~astrovae.fetch.manifest.Record`
            The record; its time is filled in.
        """
        record.time = now()
        line = f"{record.to_json()}\n".encode()
        with self._own_manifest(), self.journal.open("a+b", buffering=0) as file:
            # A line that a dying process left must not spoil this one.
            if _ends_within_line(file):
                line = b"\n" + line
            file.write(line)
            self._records[record.file] = record

    def close(self):
        """
        Write the manifest, and empty the journal.
        """
        with self._own_manifest():
            self._catch_up()
            write_manifest(self.manifest, self._records.values())
            self.journal.write_bytes(b"")
            self._seen = self._signature()
            self._offset = 0

    def _catch_up(self):
        # Read what others wrote since the last time. What is good stays
        # so: only a newer good record takes its place.
        if self._signature() != self._seen:
            if self.manifest.exists():
                self._take(read_manifest(self.manifest).values())
            self._seen = self._signature()
            self._offset = 0
        if self.journal.exists():
            with self.journal.open("rb") as file:
                file.seek(self._offset)
                self._take(map(Record.from_json, file))
                self._offset = file.tell()

    def _take(self, records):
        for record in records:
            if record is None:
                continue
            known = self._records.get(record.file)
            if known is None or record.status == "ok" or known.status != "ok":
                self._records[record.file] = record

    def _signature(self):
        # Changes whenever the manifest is written anew.
        if not self.manifest.exists():
            return None
        stat = self.manifest.stat()
        return stat.st_ino, stat.st_mtime_ns

    @contextmanager
    def _own_manifest(self):
        # Threads wait for each other, not for the next look at a file.
        lock = FileLock(self._locks / "manifest.lock")
        with self._thread_lock, lock.acquire(poll_interval=0.005):
            yield

    def _drop_abandoned(self):
        for path in self._partial.iterdir():
            try:
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()
            except FileNotFoundError:
                continue  # another process was faster


def _ends_within_line(file):
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _sha256(content):
    return hashlib.sha256(content).hexdigest()
