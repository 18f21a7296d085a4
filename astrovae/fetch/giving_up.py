# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
When it makes no sense to ask for the others.
"""

__all__ = ["GivingUp"]


class GivingUp:
    """
    Look at what became of each job, and say when to stop.

    A reason that concerns every object, such as HTTP 503, counts; so
    does one that may (HTTP 500, which is an outage or one position
    outside of the footprint), but only until something has arrived.
    After that, a series of the doubtful asks for a proof: whether what
    arrived before still does.

    Parameters
    ----------
    limit : int
        Failures in a row after which it is enough.

    Attributes
    ----------
    reason : str
        Why the run ends; empty while it goes on.
    """

    def __init__(self, limit):
        self.limit = limit
        self.reason = ""
        self._worked = False
        self._in_a_row = 0
        self._doubtful = 0

    @property
    def wants_proof(self):
        """
        Whether to ask again for what arrived before.
        """
        return self._worked and self._doubtful >= self.limit

    def take(self, errors, arrived):
        """
        Count a job.

        Parameters
        ----------
        errors : list of `~astrovae.fetch.errors.FetchError`
            What failed in it.
        arrived : bool
            Whether the service gave something, were it that it has
            nothing at a position.
        """
        for error in errors:
            if error.halt:
                self._stop(error.reason)
        self._worked |= arrived
        general = [error for error in errors if error.general]
        doubtful = [error for error in errors if error.doubtful]
        if not self._worked:
            general += doubtful
        if general:
            self._in_a_row += 1
        elif arrived or len(errors) > len(doubtful):
            self._in_a_row = 0
        if doubtful and not arrived:
            self._doubtful += 1
        elif arrived:
            self._doubtful = 0
        if general and self._in_a_row >= self.limit:
            self._stop(
                f"{self._in_a_row} in a row had failed, the last with: "
                f"{general[-1].reason}"
            )

    def take_proof(self, error):
        """
        Count the request for what arrived before.

        Parameters
        ----------
        error : `~astrovae.fetch.errors.FetchError` or None
            Why it did not arrive again.
        """
        if error is not None and (error.general or error.doubtful):
            self._stop(
                f"{self._doubtful} in a row had failed, and what had arrived "
                f"before does so no more: {error.reason}"
            )
        self._doubtful = 0

    def _stop(self, why):
        self.reason = self.reason or f"not tried: {why}"
