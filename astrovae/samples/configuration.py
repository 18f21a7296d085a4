# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Which VizieR is asked, and how long it is waited for.
"""

from astropy import config

__all__ = ["Conf", "conf"]

_MODULE = "astrovae.samples"


class Conf(config.ConfigNamespace):
    """
    Configuration parameters of `astrovae.samples`.
    """

    server = config.ConfigItem(
        "vizier.cds.unistra.fr",
        "Host of VizieR or of a mirror; or its root, starting with http.",
        module=_MODULE,
    )
    timeout = config.ConfigItem(
        120.0,
        "Seconds without an answer after which a request is given up.",
        module=_MODULE,
    )


conf = Conf()
