# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The services by name; each is loaded on its first use.
"""

import importlib

__all__ = ["SERVICES", "make_service"]

#: The name that users type: (module, class, the layer by default).
SERVICES = {
    "legacysurvey": ("viewer", "ViewerService", "ls-dr10"),
    "bricks": ("bricks", "BricksService", "ls-dr10"),
    "hips": ("hips", "HipsService", "ls-dr10"),
    "datalab": ("datalab", "DatalabService", "ls-dr10"),
}


def make_service(settings, server=None):
    """
    Make the service that the settings name.

    Parameters
    ----------
    settings : `~astrovae.fetch.settings.Settings`
        What is asked for.
    server : str, optional
        The root to use instead of the configured one.

    Returns
    -------
    service : `~astrovae.fetch.services.base.Service`
        The service.

    Raises
    ------
    ValueError
        If there is no such service, or it cannot give what is asked.
    """
    if settings.service not in SERVICES:
        msg = (
            f"'service' must be one of {', '.join(SERVICES)}, not {settings.service!r}"
        )
        raise ValueError(msg)
    module, name, _ = SERVICES[settings.service]
    module = importlib.import_module(f"{__package__}.{module}")
    return getattr(module, name)(settings, server)
