# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The work of a fetch: jobs on a few threads, a record of each object,
and an end in good order.
"""

from collections import deque
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from tqdm.auto import tqdm

from astrovae.fetch.errors import DAMAGE, FetchError, damaged
from astrovae.fetch.giving_up import GivingUp
from astrovae.fetch.manifest import Record
from astrovae.fetch.servers import is_url
from astrovae.fetch.services import full_url

__all__ = ["Download", "progress_bar"]

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
    retry_empty : bool, optional
        Whether to ask again for objects of which a server said before
        that it has nothing there.
    progress : bool or None
        Whether to show a progress bar; None: on a terminal.
    """

    def __init__(
        self,
        service,
        cache,
        transport,
        *,
        connections,
        give_up_after,
        retry_empty=False,
        progress=None,
    ):
        self.service = service
        self.cache = cache
        self.transport = transport
        self.connections = connections
        # To look into a folder again costs nobody anything.
        self.retry_empty = retry_empty or not is_url(service.server)
        self.progress = progress
        self.records = {}
        self._giving_up = GivingUp(give_up_after)
        self._arrived = None

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
                found = self._find(target)
                if found is None:
                    missing.append(target)
                else:
                    self.records[target] = found
                    bar.update()
            # First what was never tried: if the same ones fail each time,
            # the others have their turn all the same.
            missing.sort(key=lambda target: self.cache.has_failed(target.file))
            try:
                if missing:
                    self._run_jobs(self.service.jobs(missing), bar)
            finally:
                self._reconsider()
                self._explain()
        return self.records

    def _find(self, target):
        found = self.cache.find(target.file)
        if found is None and not self.retry_empty:
            found = self.cache.find_empty(target.file)
        return found

    def _reconsider(self):
        # What only the end of a run shows: that a miss was empty sky.
        for target, result in self.service.reconsider():
            _, self.records[target], _ = self._keep(target, result)

    def _explain(self):
        # What was not tried says why.
        for record in self.records.values():
            if record.status == "pending":
                record.reason = self._giving_up.reason

    def _run_jobs(self, jobs, bar):
        waiting = deque(jobs)
        running, proof = set(), None
        pool = ThreadPoolExecutor(self.connections, "astrovae-fetch")
        try:
            while waiting or running:
                while waiting and len(running) < 2 * self.connections:
                    running.add(pool.submit(self._do, waiting.popleft()))
                if proof is None and self._giving_up.wants_proof:
                    proof = pool.submit(self._prove, self._arrived)
                both = running if proof is None else {*running, proof}
                for future in wait(both, return_when=FIRST_COMPLETED).done:
                    if future is proof:
                        self._giving_up.take_proof(future.result())
                        proof = None
                    else:
                        self._take(future.result(), bar)
                        running.discard(future)
                if self._giving_up.reason:
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
                    results.append((target, found, None))
            for target, result in self._fetch(missing):
                results.append(self._keep(target, result))
        return results

    def _fetch(self, targets):
        # What the service gives. A reply that makes no sense is a result,
        # too; whatever else is raised is a fault of this program.
        left = dict.fromkeys(targets)
        try:
            for target, result in self.service.fetch(targets, self.transport):
                del left[target]
                yield target, result
        except DAMAGE as error:
            for target in left:
                yield target, damaged(error)

    def _prove(self, target):
        # Whether what arrived before still arrives; nothing is kept.
        for _, result in self._fetch([target]):
            if isinstance(result, FetchError):
                return result
        return None

    def _keep(self, target, result):
        record = self._record(target)
        if not isinstance(result, FetchError):
            record.url = " ".join(result.urls)
            record.reason = result.note
            return target, self.cache.store(record, result.content), result
        if self.transport.patience.stopped and result.retry:
            return target, record, None
        record.status = "empty" if result.empty else "failed"
        record.reason = result.reason
        record.url = " ".join(full_url(*r) for r in self.service.requests(target))
        self.cache.note(record)
        return target, record, result

    def _take(self, results, bar):
        # On the main thread: count, and see whether it makes sense to go on.
        errors, arrived = [], False
        for target, record, result in results:
            self.records[target] = record
            bar.update()
            is_error = isinstance(result, FetchError)
            if is_error:
                errors.append(result)
            if result is not None and (not is_error or result.empty):
                arrived, self._arrived = True, target
        self._giving_up.take(errors, arrived)
        bad = sum(r.status in ("failed", "empty") for _, r, _ in results)
        if bad:
            bar.failures += bad
            bar.set_postfix(failed=bar.failures)

    def _record(self, target):
        return Record(
            target.id, target.ra, target.dec, self.service.name, file=target.file
        )

    def _bar(self, n):
        bar = progress_bar(n, "fetching", self.progress)
        bar.failures = 0
        return bar


def progress_bar(n, word, progress=None):
    """
    Make a progress bar on stderr, for work of more than two seconds.

    Parameters
    ----------
    n : int
        The number of objects.
    word : str
        What is done with them.
    progress : bool, optional
        Whether to show it; by default on a terminal.

    Returns
    -------
    bar : `~tqdm.tqdm`
        The bar.
    """
    hide = None if progress is None else not progress
    return tqdm(total=n, desc=word, unit="cutout", delay=_QUIET_SECONDS, disable=hide)
