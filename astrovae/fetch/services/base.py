# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What every service can do.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from urllib.parse import urlencode

from astrovae.fetch.errors import FetchError
from astrovae.fetch.servers import is_url

__all__ = [
    "NATIVE_SCALE",
    "Cutout",
    "Job",
    "OneByOneService",
    "Service",
    "full_url",
]

#: The side of a pixel of the Legacy Surveys' coadds in arcsec.
NATIVE_SCALE = 0.262


@dataclass
class Cutout:
    """
    The file of one object, checked.

    Parameters
    ----------
    content : bytes
        FITS, in a layout of `astrovae.fetch.cutout_files`.
    urls : list of str
        The requests that it came from.
    note : str, optional
        What it lacks, such as a band that is not covered.
    """

    content: bytes
    urls: list = field(default_factory=list)
    note: str = ""


@dataclass
class Job:
    """
    Objects that are fetched together.

    Parameters
    ----------
    name : str
        What is locked while the job runs.
    targets : list of `~astrovae.fetch.settings.Target`
        The objects.
    """

    name: str
    targets: list


def full_url(url, params):
    """
    Join an address and a query.

    Parameters
    ----------
    url : str
        The address.
    params : dict
        The query.

    Returns
    -------
    url : str
        As it is sent.
    """
    return f"{url}?{urlencode(params)}" if params else url


class Service(ABC):
    """
    A source of cutouts.

    Parameters
    ----------
    settings : `~astrovae.fetch.settings.Settings`
        What is asked for.
    server : str, optional
        The root to use instead of the configured one.

    Raises
    ------
    ValueError
        If the service cannot give what is asked for, or the server is
        no address.
    """

    #: The name that users type.
    name = ""

    #: The planes that may come with an image.
    planes = ()

    #: Whether the service has unresampled pieces of bricks.
    has_subimage = False

    #: Whether its root may be a folder.
    has_folders = False

    def __init__(self, settings, server=None):
        strange = [plane for plane in settings.planes if plane not in self.planes]
        if strange:
            msg = (
                f"the service {self.name!r} has no plane {', '.join(strange)}; "
                f"it has {', '.join(self.planes) or 'images only'}"
            )
            raise ValueError(msg)
        if settings.subimage and not self.has_subimage:
            msg = f"the service {self.name!r} knows no subimage"
            raise ValueError(msg)
        self.settings = settings
        self.server = str(server or self.default_server()).rstrip("/")
        if not (self.has_folders or is_url(self.server)):
            msg = f"the server must start with http:// or https://, not {self.server!r}"
            raise ValueError(msg)

    @abstractmethod
    def default_server(self):
        """
        Return the configured root.
        """

    @abstractmethod
    def requests(self, target):
        """
        List the requests for one object.

        Parameters
        ----------
        target : `~astrovae.fetch.settings.Target`
            The object.

        Returns
        -------
        requests : list of tuple
            The address and the query (a dict) of each.
        """

    def jobs(self, targets):
        """
        Group objects that are best fetched together.

        Parameters
        ----------
        targets : list of `~astrovae.fetch.settings.Target`
            The objects.

        Returns
        -------
        jobs : list of `Job`
            Here, one per object.
        """
        return [Job(target.file, [target]) for target in targets]

    @abstractmethod
    def fetch(self, targets, transport):
        """
        Fetch the objects of one job.

        Parameters
        ----------
        targets : list of `~astrovae.fetch.settings.Target`
            The objects.
        transport : `~astrovae.fetch.transport.Transport`
            Sends the requests.

        Yields
        ------
        target : `~astrovae.fetch.settings.Target`
            An object.
        result : `Cutout` or `~astrovae.fetch.errors.FetchError`
            Its file, or why there is none.
        """

    def reconsider(self):
        """
        Look again at what failed, when a run has ended.

        Returns
        -------
        results : list of tuple
            Objects and results, as `fetch` yields them, of which the
            rest of the run has shown that they are others; here, none.
        """
        return []


class OneByOneService(Service):
    """
    A service that is asked for each object by itself.
    """

    def fetch(self, targets, transport):
        """
        Fetch the objects of one job; see `Service.fetch`.

        Parameters
        ----------
        targets : list of `~astrovae.fetch.settings.Target`
            The objects.
        transport : `~astrovae.fetch.transport.Transport`
            Sends the requests.

        Yields
        ------
        target : `~astrovae.fetch.settings.Target`
            An object.
        result : `Cutout` or `~astrovae.fetch.errors.FetchError`
            Its file, or why there is none.
        """
        for target in targets:
            try:
                result = self.fetch_one(target, transport)
            except FetchError as error:
                result = error
            yield target, result

    @abstractmethod
    def fetch_one(self, target, transport):
        """
        Fetch one object.

        Parameters
        ----------
        target : `~astrovae.fetch.settings.Target`
            The object.
        transport : `~astrovae.fetch.transport.Transport`
            Sends the requests.

        Returns
        -------
        cutout : `Cutout`
            Its file.

        Raises
        ------
        `~astrovae.fetch.errors.FetchError`
            If there is none.
        """
