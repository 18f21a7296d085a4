# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The work of a fetch: jobs on a few threads, a record of each object,
and an end in good order.
"""

from collections import deque
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from tqdm.auto import tqdm

from astrovae.fetch.errors import FetchError
from astrovae.fetch.manifest import Record
from astrovae.fetch.services import full_url

__all__ = ["Download"]

#: Work that takes less shows no progress bar.
_QUIET_SECONDS = 2


class Download:
    """
    Fetch objects into a cache.

    Parameters
    ----------
    service : `~astrovae.fetch.services.base.Service`
        Where they come from.
    cache : `~astrovae.fetch.cache.Cache`
        Where they go.
    transport : `~astrovae.fetch.transport.Transport`
        Sends the requests.
    connections : int
        The number of threads.
    give_up_after : int
        Jobs in a row that fail for a general reason, after which the
        others are not tried.
    progress : bool or None
        Whether to show a progress bar; None: on a terminal.
    """

    def __init__(
        self, service, cache, transport, *, connections, give_up_after, progress=None
    ):
        self.service = service
        self.cache = cache
        self.transport = transport
        self.connections = connections
        self.give_up_after = give_up_after
        self.progress = progress
        self.records = {}
        self._in_a_row = 0
        self._given_up = None

    def run(self, targets):
        """
        Fetch what the cache does not have.

        Parameters
        ----------
        targets : list of `~astrovae.fetch.settings.Target`
            The objects.

        Returns
        -------
        records : dict
            The `~astrovae.fetch.manifest.Record` of each target. With
            ``KeyboardInterrupt`` it is complete in `records`.
        """
        self.records = {target: self._record(target) for target in targets}
        missing = []
        with self._bar(len(targets)) as bar:
            for target in targets:
                found = self.cache.find(target.file)
                if found is None:
                    missing.append(target)
                else:
                    self.records[target] = found
                    bar.update()
            if missing:
                self._run_jobs(self.service.jobs(missing), bar)
        if self._given_up:
            for record in self.records.values():
                if record.status == "pending":
                    record.reason = self._given_up
        return self.records

    def _run_jobs(self, jobs, bar):
        waiting = deque(jobs)
        running = set()
        pool = ThreadPoolExecutor(self.connections, "astrovae-fetch")
        try:
            while waiting or running:
                while waiting and len(running) < 2 * self.connections:
                    running.add(pool.submit(self._do, waiting.popleft()))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take(future.result(), bar)
                if self._given_up:
                    break
        finally:
            # After an interrupt, too: no new requests, and what is on its
            # way may arrive and be kept.
            self.transport.patience.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            for future in running:
                if not future.cancelled() and future.exception() is None:
                    self._take(future.result(), bar)

    def _do(self, job):
        # One job on one thread: what became of each of its targets.
        if self.transport.patience.stopped:
            return []
        with self.cache.claim(job.name):
            results, missing = [], []
            for target in job.targets:
                found = self.cache.refresh(target.file)
                if found is None:
                    missing.append(target)
                else:
                    results.append((target, found, False))
            for target, result in self.service.fetch(missing, self.transport):
                results.append(self._keep(target, result))
        return results

    def _keep(self, target, result):
        record = self._record(target)
        if not isinstance(result, FetchError):
            record.url = " ".join(result.urls)
            record.reason = result.note
            return target, self.cache.store(record, result.content), False
        if self.transport.patience.stopped and result.retry:
            return target, record, False
        record.status = "empty" if result.empty else "failed"
        record.reason = result.reason
        record.url = " ".join(full_url(*r) for r in self.service.requests(target))
        self.cache.note(record)
        return target, record, result.general

    def _take(self, results, bar):
        # On the main thread: count, and see whether it makes sense to go on.
        for target, record, _ in results:
            self.records[target] = record
            bar.update()
        if any(general for _, _, general in results):
            self._in_a_row += 1
        elif results:
            self._in_a_row = 0
        if self._in_a_row >= self.give_up_after and not self._given_up:
            self._given_up = (
                f"not tried: {self._in_a_row} in a row had failed, the last "
                f"with: {results[-1][1].reason}"
            )
        bad = sum(r.status in ("failed", "empty") for _, r, _ in results)
        if bad:
            bar.failures += bad
            bar.set_postfix(failed=bar.failures)

    def _record(self, target):
        return Record(
            target.id, target.ra, target.dec, self.service.name, file=target.file
        )

    def _bar(self, n):
        # On stderr; only for work of more than two seconds, and only on
        # a terminal unless it is asked for.
        hide = None if self.progress is None else not self.progress
        bar = tqdm(
            total=n, desc="fetching", unit="cutout", delay=_QUIET_SECONDS, disable=hide
        )
        bar.failures = 0
        return bar
