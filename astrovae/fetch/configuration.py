# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Where the services are, and how politely they are asked.
"""

from astropy import config

__all__ = ["Conf", "conf"]

_MODULE = "astrovae.fetch"


class Conf(config.ConfigNamespace):
    """
    Configuration parameters of `astrovae.fetch`.

    They can be set in astropy's configuration file, in a session
    (``astrovae.fetch.conf.timeout = 60``), or for a while
    (``with conf.set_temp("timeout", 60):``).
    """

    viewer_server = config.ConfigItem(
        "https://www.legacysurvey.org/viewer",
        "Root of the Legacy Surveys' sky viewer.",
        module=_MODULE,
    )
    bricks_server = config.ConfigItem(
        "https://portal.nersc.gov/cfs/cosmo/data/legacysurvey",
        "Root of the Legacy Surveys' files: an address, or a folder.",
        module=_MODULE,
    )
    datalab_server = config.ConfigItem(
        "https://datalab.noirlab.edu/sia",
        "Root of the Astro Data Lab's image access services.",
        module=_MODULE,
    )
    timeout = config.ConfigItem(
        30.0,
        "Seconds to wait for a connection, and for each piece of a reply.",
        module=_MODULE,
    )
    connections = config.ConfigItem(
        4,
        "Requests at a time. The services ask for few; four is polite.",
        module=_MODULE,
    )
    tries = config.ConfigItem(
        5,
        "Times that a request is sent before its object is given up.",
        module=_MODULE,
    )
    backoff = config.ConfigItem(
        1.0,
        "Seconds before the second try; doubled before each other one, "
        "times a random number between one half and one.",
        module=_MODULE,
    )
    longest_wait = config.ConfigItem(
        300.0,
        "Seconds that a server may ask us to wait (Retry-After). If it "
        "asks for more the run ends, and says when to come back.",
        module=_MODULE,
    )
    give_up_after = config.ConfigItem(
        25,
        "Objects (or bricks) in a row that fail for a reason that concerns them all, "
        "such as an outage, after which the others are not tried.",
        module=_MODULE,
    )


conf = Conf()
