# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Simulations that go to a file as they are made.
"""

from pathlib import Path

from astropy.table import vstack
from tqdm import tqdm

from astrovae.images import HDF5Writer

from .core import iter_simulation

__all__ = ["simulate_to_file"]


def simulate_to_file(path, n, *, quantize_level=None, verbose=None, **options):
    """
    Simulate galaxies into an HDF5 set, a block in memory at a time.

    Parameters
    ----------
    path : path-like
        The file. It appears when it is complete; until then an older
        one stays as it was.
    n : int
        Number of galaxies, at least 1.
    quantize_level : float, optional
        As for `~astrovae.images.HDF5Writer`.
    verbose : bool, optional
        Show a progress bar on stderr; `None`: if that is a terminal
        and the work takes longer than two seconds.
    **options
        ``random_state``, ``selection``, ``bands``, ``size``,
        ``pixel_scale``, ``n_jobs`` and ``artefacts``, as for
        `~astrovae.simulation.simulate_galaxies`.

    Returns
    -------
    truth : `~astropy.table.QTable`
        One row per galaxy.

    Raises
    ------
    ValueError
        If ``n`` is less than 1, or as ``simulate_galaxies``.
    """
    if n < 1:
        msg = f"n must be at least 1, got {n}"
        raise ValueError(msg)
    path = Path(path)
    unfinished = path.with_name(path.name + ".unfinished")
    truths = []
    bar = tqdm(
        total=n,
        unit="galaxy",
        delay=2.0,
        desc=path.name,
        disable=None if verbose is None else not verbose,
    )
    try:
        with HDF5Writer(unfinished, mode="w", quantize_level=quantize_level) as writer:
            for images, truth in iter_simulation(n, **options):
                writer.append(images)
                truths.append(truth)
                bar.update(len(truth))
        unfinished.replace(path)
    finally:
        bar.close()
        unfinished.unlink(missing_ok=True)
    truth = vstack(truths, metadata_conflicts="silent")
    truth.meta = {
        name: options[name]
        for name in ("random_state", "selection")
        if isinstance(options.get(name), (int, str))
    }
    return truth
