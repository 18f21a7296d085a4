# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Augmentation of training batches: the square's symmetries, lost pixels.
"""

import torch

__all__ = ["drop_bands", "drop_conditions", "flip_and_rotate", "hide_edges"]


def flip_and_rotate(batch, generator):
    r"""
    Apply to each galaxy one of the eight symmetries of a square.

    The orientation label turns with its image. Measured from +x
    counter-clockwise, a flip along either axis takes :math:`\phi` to
    :math:`-\phi`, and exchanging the axes takes it to
    :math:`90^\circ - \phi`.

    Parameters
    ----------
    batch : `~astrovae.nn.Batch`
        The first two labels are cos and sin of twice the orientation,
        if there are labels.
    generator : `~torch.Generator`
        On the CPU.

    Returns
    -------
    batch : `~astrovae.nn.Batch`
        The same object, changed.
    """
    n = len(batch.x)
    draws = torch.rand((3, n), generator=generator) < 0.5
    flip_x, flip_y, transpose = draws.to(batch.x.device)

    def turn(x):
        return None if x is None else _turn(x, flip_x, flip_y, transpose)

    batch.x, batch.valid = turn(batch.x), turn(batch.valid)
    if batch.clean is not None:
        batch.clean = tuple(turn(part) for part in batch.clean)
    if batch.target.shape[1] >= 2:
        target = batch.target.clone()
        mirrored = flip_x ^ flip_y
        target[:, 1] = torch.where(mirrored, -target[:, 1], target[:, 1])
        target[:, 0] = torch.where(transpose, -target[:, 0], target[:, 0])
        batch.target = target
    return batch


def drop_bands(batch, generator, probability=0.05):
    """
    Hide one band of some galaxies, as if it had not been observed.

    A galaxy's last band is never hidden. What was hidden is still
    asked of the reconstruction, through ``batch.clean``.

    Parameters
    ----------
    batch : `~astrovae.nn.Batch`
        The galaxies.
    generator : `~torch.Generator`
        On the CPU.
    probability : float, optional
        Fraction of the galaxies that lose a band.

    Returns
    -------
    batch : `~astrovae.nn.Batch`
        The same object, changed.
    """
    n, n_bands = batch.x.shape[:2]
    draws = torch.rand((2, n), generator=generator).to(batch.x.device)
    chosen = draws[0] < probability
    band = _choose_band(draws[1], n_bands)
    hidden = torch.zeros((n, n_bands), dtype=torch.bool, device=batch.x.device)
    hidden[torch.arange(n, device=band.device), band] = chosen
    if batch.valid is not None:
        seen = batch.valid.flatten(2).any(dim=2)
        hidden &= (seen & ~hidden).any(dim=1, keepdim=True)
    elif n_bands == 1:
        return batch
    if not bool(hidden.any()):
        return batch
    return _hide(batch, hidden[:, :, None, None])


def hide_edges(batch, generator, probability=0.05):
    """
    Hide one side of some galaxies' frames, as the gap of a chip does.

    The edge runs along an axis, at most a tenth of the frame past the
    middle, in one band or in all. Augmentation by `flip_and_rotate`
    makes any side of it.

    Parameters
    ----------
    batch : `~astrovae.nn.Batch`
        The galaxies.
    generator : `~torch.Generator`
        On the CPU.
    probability : float, optional
        Fraction of the galaxies that lose a side.

    Returns
    -------
    batch : `~astrovae.nn.Batch`
        The same object, changed.
    """
    n, n_bands, _, size = batch.x.shape
    draws = torch.rand((4, n), generator=generator).to(batch.x.device)
    chosen = draws[0] < probability
    if not bool(chosen.any()):
        return batch
    edge = draws[1] * 0.6 * size
    column = torch.arange(size, device=batch.x.device)
    side = (column < edge[:, None]) & chosen[:, None]
    band = torch.arange(n_bands, device=batch.x.device)
    own = _choose_band(draws[2], n_bands)
    lost = (band == own[:, None]) | (draws[3] < 0.5)[:, None]
    return _hide(batch, (lost[:, :, None] & side[:, None, :])[:, :, None, :])


def drop_conditions(batch, generator, probability=0.1):
    """
    Forget the PSF of some galaxies, as many images come without.

    Parameters
    ----------
    batch : `~astrovae.nn.Batch`
        The galaxies.
    generator : `~torch.Generator`
        On the CPU.
    probability : float, optional
        Fraction of the galaxies.

    Returns
    -------
    batch : `~astrovae.nn.Batch`
        The same object, changed.
    """
    if batch.conditions is not None:
        draws = torch.rand((len(batch.x), 1), generator=generator)
        known = (draws >= probability).to(batch.x.device)
        batch.conditions = batch.conditions * known
    return batch


def _choose_band(uniform, n_bands):
    return (uniform * n_bands).long().clamp(max=n_bands - 1)


def _hide(batch, hidden):
    valid = batch.valid
    if valid is None:
        valid = torch.ones_like(batch.x, dtype=torch.bool)
    if batch.clean is None:
        batch.clean = (batch.x, batch.valid)
    batch.valid = valid & ~hidden
    batch.x = batch.x * ~hidden
    return batch


def _turn(x, flip_x, flip_y, transpose):
    def choose(condition, changed, unchanged):
        return torch.where(condition[:, None, None, None], changed, unchanged)

    x = choose(flip_x, x.flip(3), x)
    x = choose(flip_y, x.flip(2), x)
    return choose(transpose, x.transpose(2, 3), x)
