# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Spectra of simple stellar populations, and the bands they are seen in.

The populations and their nebular emission are bagpipes' (Carnall et
al. 2018: BC03 with MILES and a Kroupa IMF; Cloudy); the filter curves
are speclite's. bagpipes computes one galaxy at a time, in about a
millisecond; its grids, taken once, give thousands by matrix products.
"""

import contextlib
import functools
import io
from dataclasses import dataclass

import numpy as np

__all__ = ["BANDS", "StellarLibrary", "load_library"]

#: The bands in which fluxes are given, always all of them.
BANDS = ("g", "r", "i", "z")

# The library covers all bands up to this redshift.
_MAX_REDSHIFT = 1.5
# Stars younger than this are in their birth clouds, and ionise them.
_BIRTH_CLOUD_AGE = 1e7  # yr
_SOLAR_LUMINOSITY = 3.826e33  # erg / s, the value of bagpipes
# Steps of wavelength per unit of its logarithm; a band spans about 25.
# The grids are sampled finer and averaged, or absorption lines that
# fall on a step would count for all of it.
_RESOLUTION = 150
_OVERSAMPLING = 10


@dataclass(frozen=True)
class StellarLibrary:  # numpydoc ignore=PR02
    """
    Grids of simple stellar populations.

    Parameters
    ----------
    wavelength : `~numpy.ndarray`, shape (W,)
        Rest wavelengths, Angstrom.
    age_edges : `~numpy.ndarray`, shape (A + 1,)
        Edges of the bins of age, yr.
    young : `~numpy.ndarray`, shape (A,)
        Part of each bin that is still in its birth clouds.
    log_metallicity : `~numpy.ndarray`, shape (Z,)
        log10(Z / Zsun).
    log_u : `~numpy.ndarray`, shape (U,)
        log10 of the ionisation parameter.
    stellar : `~numpy.ndarray`, shape (Z, A, W)
        Luminosity per solar mass formed, erg / s / Angstrom.
    nebular : `~numpy.ndarray`, shape (U, Z, A, W)
        Emission of the birth clouds; zero where there are none.
    surviving : `~numpy.ndarray`, shape (Z, A)
        Mass in living stars and remnants over mass formed.
    filters : dict of str to tuple
        Per band the wavelengths (Angstrom) and the response.
    """

    wavelength: np.ndarray
    age_edges: np.ndarray
    young: np.ndarray
    log_metallicity: np.ndarray
    log_u: np.ndarray
    stellar: np.ndarray
    nebular: np.ndarray
    surviving: np.ndarray
    filters: dict


@functools.cache
def load_library():
    """
    Take the grids of bagpipes and the curves of speclite.

    Takes some ten seconds, once per process.

    Returns
    -------
    library : `StellarLibrary`
        The grids.

    Raises
    ------
    ImportError
        Without the ``simulate`` extra.
    """
    pipes = _import_bagpipes()
    config = pipes.config
    filters = {band: _filter_curve(band) for band in BANDS}
    bluest = min(curve[0][0] for curve in filters.values()) / (1 + _MAX_REDSHIFT)
    reddest = max(curve[0][-1] for curve in filters.values())
    n = int(_RESOLUTION * np.log(reddest / bluest)) * _OVERSAMPLING
    wavelength = np.geomspace(0.99 * bluest, 1.01 * reddest, n)
    edges = config.age_bins
    young = np.clip((_BIRTH_CLOUD_AGE - edges[:-1]) / np.diff(edges), 0.0, 1.0)
    n_young = np.count_nonzero(young)
    # bagpipes' axes: stellar (W, Z, A); nebular (W, Z, U, young A).
    stellar = _rebin(pipes.models.stellar(wavelength).grid.transpose(1, 2, 0))
    clouds = pipes.models.nebular(wavelength, 0.0).combined_grid
    clouds = _rebin(clouds[..., :n_young].transpose(2, 1, 3, 0))
    nebular = np.zeros((len(config.logU), *stellar.shape))
    nebular[:, :, :n_young] = clouds
    surviving = [
        np.interp(config.age_sampling, config.raw_stellar_ages, living)
        for living in config.live_frac.T
    ]
    return StellarLibrary(
        wavelength=_rebin(wavelength),
        age_edges=edges,
        young=young,
        log_metallicity=np.log10(config.metallicities),
        log_u=config.logU,
        stellar=(stellar * _SOLAR_LUMINOSITY).astype(np.float32),
        nebular=(nebular * _SOLAR_LUMINOSITY).astype(np.float32),
        surviving=np.array(surviving),
        filters=filters,
    )


def _rebin(values):
    shape = (*values.shape[:-1], -1, _OVERSAMPLING)
    return values.reshape(shape).mean(axis=-1)


def _import_bagpipes():
    try:
        # bagpipes prints on import what it could not find.
        with contextlib.redirect_stdout(io.StringIO()):
            import bagpipes
    except ImportError as error:
        msg = "simulated spectra need bagpipes: pip install astrovae[simulate]"
        raise ImportError(msg) from error
    return bagpipes


def _filter_curve(band):
    try:
        import speclite.filters
    except ImportError as error:
        msg = "filter curves need speclite: pip install astrovae[simulate]"
        raise ImportError(msg) from error
    curve = speclite.filters.load_filter(f"decamDR1-{band}")
    return np.asarray(curve.wavelength), np.asarray(curve.response)
