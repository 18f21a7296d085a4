# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
HiPS2FITS: images resampled from the survey's all-sky tiles at the CDS.

There is no inverse variance, and the tiles were resampled once before:
for a look, or where the other services are down.

A reply names the HiPS that it was made of in its HISTORY ("From HiPS
CDS/P/..."). That is checked where it is there; nothing else in a reply
says of which survey and band it is.
"""

import re

import astropy.units as u
import numpy as np
from astropy.coordinates import Latitude, Longitude

from astrovae.fetch import replies
from astrovae.fetch.cutout_files import cube_file
from astrovae.fetch.errors import FetchError, ReplyError
from astrovae.fetch.services.base import Cutout, OneByOneService, full_url

__all__ = ["HipsService"]


class HipsService(OneByOneService):
    """
    Cutouts that HiPS2FITS makes, one request per band.

    Parameters
    ----------
    settings : `~astrovae.fetch.settings.Settings`
        What is asked for. The layer is that of the other services, such
        as "ls-dr10", or the identifier of any HiPS, in which "{band}"
        stands for the band.
    server : str, optional
        The address to use instead of that in astroquery's
        configuration.

    Raises
    ------
    ImportError
        If Pillow or matplotlib, which astroquery needs here, are not
        installed.
    ValueError
        If the layer is unknown.
    """

    name = "hips"

    def __init__(self, settings, server=None):
        super().__init__(settings, server)
        self._hips = _identifier(settings.layer)

    def default_server(self):
        """
        Return the root in astroquery's configuration.
        """
        server = _hips2fits().server
        return server if isinstance(server, str) else server[0]

    def requests(self, target):
        """
        List the requests for one object; see `Service.requests`.

        Parameters
        ----------
        target : `~astrovae.fetch.settings.Target`
            The object.

        Returns
        -------
        requests : list of tuple
            One per band, with the payload that astroquery makes.
        """
        settings = self.settings
        query = _hips2fits().query
        payloads = [
            query(
                hips=self._hips.format(band=band),
                width=settings.size,
                height=settings.size,
                projection="TAN",
                ra=Longitude(target.ra * u.deg),
                dec=Latitude(target.dec * u.deg),
                fov=settings.size * settings.pixel_scale * u.arcsec,
                format="fits",
                get_query_payload=True,
            )
            for band in settings.bands
        ]
        return [
            (self.server, {key: str(value) for key, value in payload.items()})
            for payload in payloads
        ]

    def fetch_one(self, target, transport):
        """
        Fetch one object; see `OneByOneService.fetch_one`.

        Parameters
        ----------
        target : `~astrovae.fetch.settings.Target`
            The object.
        transport : `~astrovae.fetch.transport.Transport`
            Sends the requests.

        Returns
        -------
        cutout : `~astrovae.fetch.services.base.Cutout`
            Its file.
        """
        urls = [full_url(*request) for request in self.requests(target)]
        planes, wcs = {}, None
        for band, url in zip(self.settings.bands, urls, strict=True):
            try:
                check = self._check(band, target)
                planes[band], wcs = transport.get(url, check=check)
            except FetchError as error:
                error.reason = f"band {band}: {error.reason}"
                raise
        note = replies.check_coverage(planes)
        return Cutout(cube_file(planes, wcs, self.settings.layer), urls, note)

    def _check(self, band, target):
        # The check of a reply in one band.
        settings = self.settings

        def check(body):
            with replies.open_reply(body) as hdus:
                image = replies.find_plane(hdus, "image")
                _check_origin(image.header, self._hips.format(band=band))
                replies.check_size(image.header, settings.size)
                wcs = replies.check_scale(image.header, settings.pixel_scale)
                shape = image.shape[-2:]
                replies.check_centre(wcs, shape, target.ra, target.dec)
                with np.errstate(over="ignore"):
                    data = np.reshape(image.data, shape).astype(np.float32)
            # Tiles that do not exist come as NaN or as zero, and what is no
            # number is no measurement: neither is covered.
            return np.where(np.isfinite(data), data, np.float32(0)), wcs

        return check


def _check_origin(header, hips):
    # A line has 72 characters, on which a long name may end.
    lines = [str(line) for line in header.get("HISTORY", ())]
    for line in lines:
        match = re.match(r"From HiPS (?:ivo://)?(\S+)", line, re.IGNORECASE)
        if match is None:
            continue
        given, asked = match[1], hips.removeprefix("ivo://")
        short, full = asked.lower(), given.lower()
        cut = match.end() == 72 and short.startswith(full)
        # The service completes names without the authority, as P/DSS2/red.
        if not (cut or full == short or full.endswith(f"/{short}")):
            msg = f"another HiPS: asked for {asked}, got {given}"
            raise ReplyError(msg, general=True)


def _identifier(layer):
    if "/" in layer:
        return layer
    release = layer.lower().removeprefix("ls-")
    if not release.startswith("dr"):
        msg = (
            f"the service 'hips' knows no layer {layer!r}; give one like ls-dr10, "
            "or the identifier of a HiPS such as "
            "CDS/P/DESI-Legacy-Surveys/DR10/{band}"
        )
        raise ValueError(msg)
    return f"CDS/P/DESI-Legacy-Surveys/{release.upper()}/{{band}}"


def _hips2fits():
    try:
        import matplotlib  # noqa: F401, ICN001 - astroquery names the colours by it
        from astroquery.hips2fits import hips2fits
    except ImportError as error:
        msg = (
            "the service 'hips' needs Pillow and matplotlib for astroquery: "
            "python -m pip install 'astrovae[plot]'"
        )
        raise ImportError(msg) from error
    return hips2fits
