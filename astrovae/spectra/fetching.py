# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Spectra of SDSS by position, through astroquery, kept as FITS files.

astroquery's own cache pickles replies, failures included, and is never
used. A file is kept under the name that SDSS gives it, after it was read.
"""

import hashlib
import os
import tempfile
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table

from astrovae.exceptions import SpectrumError
from astrovae.spectra.configuration import conf
from astrovae.spectra.reading import read_spectrum

__all__ = ["fetch_sdss_spectrum", "find_sdss_spectra"]

# Of SpecObjAll: named as such, as the photometric table has a "z", too.
_FIELDS = [
    *("ra", "dec", "plate", "mjd", "fiberID", "run2d", "z", "zErr", "zWarning"),
    *("class", "sciencePrimary"),
]
_RENAMED = {
    "fiberID": "fiber",
    "z": "redshift",
    "zErr": "redshift_err",
    "zWarning": "redshift_warning",
    "sciencePrimary": "primary",
}


def find_sdss_spectra(position, *, radius=2 * u.arcsec, cache=None):
    """
    Find the spectra that SDSS has at a position.

    Parameters
    ----------
    position : `~astropy.coordinates.SkyCoord`
        One position.
    radius : `~astropy.units.Quantity`, optional
        How far away an object may be, at most 3 arcmin.
    cache : path-like, optional
        A folder in which answers are kept. An answer that there is no
        spectrum is not.

    Returns
    -------
    matches : `~astropy.table.QTable`
        A row for each spectrum, the best first: SDSS's primary spectrum
        of an object before others, then the nearest. Columns: ``plate``,
        ``mjd``, ``fiber``, ``run2d``, ``ra``, ``dec``, ``separation``,
        ``redshift``, ``redshift_err``, ``redshift_warning``, ``class``
        and ``primary``. No rows if there is no spectrum.

    Raises
    ------
    TypeError, ValueError, `~astropy.units.UnitsError`
        If the arguments make no sense.
    `~astrovae.exceptions.SpectrumError`
        If the server does not answer as it should.
    """
    position, radius = _check(position, radius)
    path = None
    if cache is not None:
        key = f"{conf.skyserver} {position.ra.deg:.7f} {position.dec.deg:.7f} {radius}"
        digest = hashlib.sha256(key.encode()).hexdigest()[:16]
        path = Path(cache) / f"matches-dr{conf.data_release}-{digest}.ecsv"
        if path.is_file():
            return QTable.read(path)
    matches = _matches(_query(position, radius), position)
    if path is not None and len(matches):
        with _replacing(path) as temporary:
            matches.write(temporary, format="ascii.ecsv", overwrite=True)
    return matches


def fetch_sdss_spectrum(position, *, radius=2 * u.arcsec, cache=None):
    """
    Fetch the spectrum that SDSS has at a position.

    Parameters
    ----------
    position : `~astropy.coordinates.SkyCoord`
        One position.
    radius : `~astropy.units.Quantity`, optional
        How far away the object may be, at most 3 arcmin.
    cache : path-like, optional
        A folder in which spectra are kept, as
        ``spec-PLATE-MJD-FIBER.fits``, and from which they are read again.

    Returns
    -------
    spectrum : `~specutils.Spectrum`
        As `~astrovae.spectra.read_spectrum` gives it.

    Raises
    ------
    LookupError
        If SDSS has no spectrum there.
    TypeError, ValueError, `~astropy.units.UnitsError`
        If the arguments make no sense.
    `~astrovae.exceptions.SpectrumError`
        If a server does not answer, or the file is broken.

    Notes
    -----
    The servers are those of `astrovae.spectra.conf`.
    """
    matches = find_sdss_spectra(position, radius=radius, cache=cache)
    if len(matches) == 0:
        text = position.icrs.to_string("decimal", precision=5)
        msg = f"SDSS has no spectrum within {radius} of {text}"
        raise LookupError(msg)
    match = matches[:1]
    name = "spec-{plate:04d}-{mjd:05d}-{fiber:04d}.fits".format(
        **{key: int(match[key][0]) for key in ("plate", "mjd", "fiber")}
    )
    with ExitStack() as stack:
        if cache is None:
            cache = stack.enter_context(tempfile.TemporaryDirectory())
        path = Path(cache) / name
        if path.is_file():
            try:
                return read_spectrum(path, format="sdss")
            except SpectrumError:
                # Only good files are kept: this one was altered since.
                path.unlink()
        content = _download(match, name)
        with _replacing(path) as temporary:
            temporary.write_bytes(content)
            read_spectrum(temporary, format="sdss")
        return read_spectrum(path, format="sdss")


def _check(position, radius):
    if not isinstance(position, SkyCoord):
        msg = f"'position' must be a SkyCoord, not {type(position).__name__}"
        raise TypeError(msg)
    if position.size != 1:
        msg = f"'position' must be one position, not {position.size}"
        raise ValueError(msg)
    position = position.reshape(()).icrs
    if not np.isfinite(position.ra.deg + position.dec.deg):
        msg = "the position is not known"
        raise ValueError(msg)
    unit = getattr(radius, "unit", None)
    if unit is None or not unit.is_equivalent(u.arcsec):
        msg = f"'radius' must be an angle, such as 2 * u.arcsec, not {radius!r}"
        raise u.UnitsError(msg)
    if not 0 < radius <= 3 * u.arcmin:
        msg = f"'radius' must be above 0 and at most 3 arcmin, not {radius}"
        raise ValueError(msg)
    return position, radius.to(u.arcsec)


@contextmanager
def _service():
    """
    The SDSS of astroquery, with our servers and without its cache.
    """
    import astroquery.sdss
    from astroquery import cache_conf

    service = astroquery.sdss.SDSSClass()
    theirs = astroquery.sdss.conf
    with ExitStack() as stack:
        stack.enter_context(theirs.set_temp("skyserver_baseurl", conf.skyserver))
        stack.enter_context(theirs.set_temp("sas_baseurl", conf.archive))
        stack.enter_context(cache_conf.set_temp("cache_active", False))
        stack.enter_context(warnings.catch_warnings())
        # It asks for lists of columns that are not needed here.
        warnings.filterwarnings("ignore", "Field info are not available")
        stack.callback(service._session.close)
        yield service


def _query(position, radius):
    import requests
    from astroquery.exceptions import RemoteServiceError

    try:
        with _service() as service:
            response = service.query_region_async(
                position,
                radius=radius,
                spectro=True,
                specobj_fields=_FIELDS,
                photoobj_fields=[],
                timeout=conf.timeout,
                data_release=conf.data_release,
                cache=False,
            )
            _check_reply(response)
            table = service._parse_result(response)
    except (requests.RequestException, TimeoutError) as error:
        why = _unreached(error)
        msg = f"no answer from SDSS's catalogue at {conf.skyserver}: {why}"
        raise SpectrumError(msg) from error
    except RemoteServiceError as error:
        text = " ".join(str(error).split())[:200]
        msg = f"SDSS's catalogue at {conf.skyserver} reports an error: {text}"
        raise SpectrumError(msg) from error
    except (ValueError, TypeError, OSError) as error:
        if isinstance(error, SpectrumError):
            raise
        msg = f"SDSS's catalogue at {conf.skyserver} sent no table: {error}"
        raise SpectrumError(msg) from error
    return table


def _unreached(error):
    """
    Why there is no reply, without the wording of the library that asked.

    The whole of it is kept as the cause of our error.
    """
    import requests

    if isinstance(error, (requests.Timeout, TimeoutError)):
        return "it took too long"
    if isinstance(error, (requests.ConnectionError, URLError)):
        return "the server cannot be reached"
    return " ".join(str(error).split())[:200]


def _check_reply(response):
    if response.status_code != 200:
        msg = (
            f"SDSS's catalogue at {conf.skyserver} answered "
            f"{response.status_code} {response.reason}"
        )
        raise SpectrumError(msg)
    start = " ".join(response.text[:200].split())
    if start[:1] in ("<", ""):
        msg = (
            f"SDSS's catalogue at {conf.skyserver} sent no table, but: "
            f"{start[:100] or 'nothing'}"
        )
        raise SpectrumError(msg)


def _matches(table, position):
    if table is None:
        return QTable()
    missing = [name for name in _FIELDS if name not in table.colnames]
    if missing:
        msg = (
            f"SDSS's catalogue at {conf.skyserver} sent no column {missing[0]}, but: "
            f"{', '.join(table.colnames[:12])}"
        )
        raise SpectrumError(msg)
    table = Table(table[_FIELDS])
    for old, new in _RENAMED.items():
        table.rename_column(old, new)
    table["run2d"] = np.asarray(table["run2d"]).astype(str)
    table["class"] = np.asarray(table["class"]).astype(str)
    found = SkyCoord(table["ra"], table["dec"], unit="deg")
    table["ra"].unit = table["dec"].unit = u.deg
    table["separation"] = position.separation(found).to(u.arcsec)
    order = np.lexsort([table["separation"], -np.asarray(table["primary"], dtype=int)])
    return QTable(table[order])


def _download(match, name):
    request = Table(match["plate", "mjd", "run2d"])
    request["fiberID"] = match["fiber"]
    try:
        with _service() as service:
            containers = service.get_spectra_async(
                matches=request,
                timeout=conf.timeout,
                data_release=conf.data_release,
                cache=False,
                show_progress=False,
            )
            content = containers[0].get_string()
    except (OSError, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()  # it holds the reply, and with it a socket
        why = error if isinstance(error, HTTPError) else _unreached(error)
        msg = f"{name} could not be downloaded from {conf.archive}: {why}"
        raise SpectrumError(msg) from error
    return content


@contextmanager
def _replacing(path):
    """
    A temporary path, whose file takes its place if nothing went wrong.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix
    )
    os.close(descriptor)
    try:
        yield Path(temporary)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
