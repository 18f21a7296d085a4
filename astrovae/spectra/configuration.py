# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Which servers of SDSS are asked, and how long they are waited for.
"""

from astropy import config

__all__ = ["Conf", "conf"]

_MODULE = "astrovae.spectra"


class Conf(config.ConfigNamespace):
    """
    Configuration parameters of `astrovae.spectra`.
    """

    skyserver = config.ConfigItem(
        "https://skyserver.sdss.org",
        "Root of SDSS's catalogue server.",
        module=_MODULE,
    )
    archive = config.ConfigItem(
        "https://data.sdss.org/sas",
        "Root of SDSS's archive of files.",
        module=_MODULE,
    )
    data_release = config.ConfigItem(17, "The data release, from 8 on.", module=_MODULE)
    timeout = config.ConfigItem(
        60.0,
        "Seconds without an answer after which a request is given up.",
        module=_MODULE,
    )
    give_up_after = config.ConfigItem(
        5,
        "Candidates in a row that no server answered for, after which the others "
        "are not tried.",
        module=_MODULE,
    )


conf = Conf()
