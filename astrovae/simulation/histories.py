# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Star-formation histories, as mass formed per bin of age.

A smooth history, a delayed exponential, is made uneven by noise that
is correlated in the logarithm of age; what was formed in the last
100 Myr is then scaled to the star-formation rate that was drawn.
"""

import numpy as np

__all__ = [
    "SFR_TIMESCALE",
    "concentrate_recent",
    "delayed_exponential",
    "make_uneven",
    "set_recent",
    "share_younger",
    "solve_delayed_exponential",
]

#: SFRs are averages over this time, yr.
SFR_TIMESCALE = 1e8

# Unevenness of histories: scatter in dex, and the difference in dex of
# age over which it is correlated (e.g. Iyer et al. 2020).
_SCATTER = 0.25
_CORRELATION = 0.4
_BURST = 1e7  # yr, the time for which stars ionise gas


def solve_delayed_exponential(log_ssfr, age):
    """
    Solve a delayed exponential, t exp(-t / tau), for its sSFR.

    With x = age / tau, the present rate over the mass ever formed is
    x^2 exp(-x) / (1 - exp(-x) (1 + x)) / age, at most 2 / age: a
    galaxy that must be more active than that is made younger.

    Parameters
    ----------
    log_ssfr : `~numpy.ndarray`, shape (N,)
        log10 of SFR over surviving mass, 1 / yr.
    age : `~numpy.ndarray`, shape (N,)
        Time since the first stars, Gyr.

    Returns
    -------
    age, tau : `~numpy.ndarray`, shape (N,)
        In Gyr.
    """
    surviving = 0.65  # mass in living stars and remnants / mass formed
    rate = 10**log_ssfr * 1e9 * surviving
    age = np.minimum(age, 1.8 / rate)
    x = np.geomspace(1e-2, 60, 2000)
    relation = x**2 * np.exp(-x) / -(np.expm1(-x) + x * np.exp(-x))
    solved = np.interp(np.log(rate * age), np.log(relation[::-1]), x[::-1])
    return age, age / solved


def delayed_exponential(edges, age, tau):
    """
    Mass formed per bin of age, of one solar mass in all.

    Parameters
    ----------
    edges : `~numpy.ndarray`, shape (A + 1,)
        Edges of the bins, yr.
    age, tau : `~numpy.ndarray`, shape (N,)
        Time since the first stars and time scale, Gyr.

    Returns
    -------
    mass : `~numpy.ndarray`, shape (N, A)
        Solar masses.
    """
    time = np.maximum(age[:, None] - edges * 1e-9, 0.0) / tau[:, None]
    formed = 1.0 - (1.0 + time) * np.exp(-time)
    mass = formed[:, :-1] - formed[:, 1:]
    return mass / mass.sum(axis=1, keepdims=True)


def share_younger(edges, timescale):
    """
    Part of each bin of age that is younger than a time.

    Parameters
    ----------
    edges : `~numpy.ndarray`, shape (A + 1,)
        Edges of the bins, yr.
    timescale : float
        The time, yr.

    Returns
    -------
    share : `~numpy.ndarray`, shape (A,)
        From 0 to 1.
    """
    return np.clip((timescale - edges[:-1]) / np.diff(edges), 0.0, 1.0)


def concentrate_recent(edges, mass, burst):
    """
    Move what was formed in the last 100 Myr to the last 10 Myr.

    The mean rate of 100 Myr stays, and with it the galaxy's SFR; lines
    of ionised gas grow.

    Parameters
    ----------
    edges : `~numpy.ndarray`, shape (A + 1,)
        Edges of the bins, yr.
    mass : `~numpy.ndarray`, shape (N, A)
        Mass formed per bin.
    burst : `~numpy.ndarray`, shape (N,)
        Part of the mass younger than 100 Myr that is to be younger
        than 10 Myr: 0.1 is a constant rate.

    Returns
    -------
    mass : `~numpy.ndarray`, shape (N, A)
        In the same unit.
    """
    young = mass * share_younger(edges, SFR_TIMESCALE)
    return mass - young + set_recent(edges, young, burst, timescale=_BURST)


def make_uneven(edges, mass, rng):
    """
    Multiply histories by noise, and keep their totals.

    The noise is log-normal, with a scatter of 0.25 dex and an
    exponential correlation in the logarithm of age over 0.4 dex.

    Parameters
    ----------
    edges : `~numpy.ndarray`, shape (A + 1,)
        Edges of the bins, yr.
    mass : `~numpy.ndarray`, shape (N, A)
        Mass formed per bin.
    rng : `~numpy.random.Generator`
        Source of the noise.

    Returns
    -------
    mass : `~numpy.ndarray`, shape (N, A)
        In the same unit.
    """
    log_age = np.log10(np.maximum(edges[1:], 1e6))
    distance = np.abs(log_age[:, None] - log_age)
    root = np.linalg.cholesky(_SCATTER**2 * np.exp(-distance / _CORRELATION))
    uneven = mass * 10 ** (rng.standard_normal(mass.shape) @ root.T)
    total = mass.sum(axis=1, keepdims=True)
    return uneven * total / uneven.sum(axis=1, keepdims=True)


def set_recent(edges, mass, recent, *, timescale=SFR_TIMESCALE):
    """
    Scale what was formed lately, and keep the totals.

    A bin of age across the time has the recent rate in all of it.

    Parameters
    ----------
    edges : `~numpy.ndarray`, shape (A + 1,)
        Edges of the bins, yr.
    mass : `~numpy.ndarray`, shape (N, A)
        Mass formed per bin.
    recent : `~numpy.ndarray`, shape (N,)
        Part of it that is to be younger than that; at most 0.98 of
        what the young bins can hold.
    timescale : float, optional
        How far back lately goes, yr; by default 100 Myr.

    Returns
    -------
    mass : `~numpy.ndarray`, shape (N, A)
        In the same unit.
    """
    share = share_younger(edges, timescale)
    # The bin that the time cuts has one rate, the recent one, in all of it.
    young = np.where(share > 0, mass, 0.0)
    old = mass - young
    total = mass.sum(axis=1)
    # Where nothing was formed, a constant rate.
    nothing = young.sum(axis=1) < 1e-12 * total
    young[nothing] = np.where(share > 0, np.diff(edges), 0.0)
    counted = (young * share).sum(axis=1) / young.sum(axis=1)
    wanted = np.clip(recent, 0.0, 0.98 * counted) * total / counted
    rest = np.maximum(old.sum(axis=1), 1e-30)
    young *= (wanted / young.sum(axis=1))[:, None]
    return young + old * ((total - wanted) / rest)[:, None]
