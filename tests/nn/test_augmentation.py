# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Augmentation: labels follow the images, bands disappear one at a time.
"""

import numpy as np
import torch

from astrovae.nn import Batch, drop_bands, flip_and_rotate


def make_ellipses(n=64, size=33):
    """
    Ellipses of known orientation, at a third of a pixel off centre.
    """
    rng = np.random.default_rng(0)
    angle = rng.uniform(-np.pi / 2, np.pi / 2, n)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    along = x * np.cos(angle)[:, None, None] + y * np.sin(angle)[:, None, None]
    across = y * np.cos(angle)[:, None, None] - x * np.sin(angle)[:, None, None]
    image = np.exp(-0.5 * ((along / 6) ** 2 + (across / 2) ** 2))
    images = np.repeat(image[:, None], 3, axis=1)
    target = np.stack([np.cos(2 * angle), np.sin(2 * angle), angle * 0 + 7], 1)
    return (
        torch.tensor(images, dtype=torch.float32),
        torch.tensor(target, dtype=torch.float32),
    )


def measure(images):
    """
    (cos, sin) of twice the orientation, from second moments.
    """
    image = images[:, 0].numpy().astype(float)
    size = image.shape[-1]
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    q = (image * (x**2 - y**2)).sum((1, 2))
    u = (image * 2 * x * y).sum((1, 2))
    return np.stack([q, u], axis=1) / np.hypot(q, u)[:, None]


def test_orientation_label_turns_with_the_image():
    images, target = make_ellipses()
    assert np.allclose(measure(images), target[:, :2], atol=1e-2)
    batch = Batch(images, None, target, torch.ones_like(target))
    batch = flip_and_rotate(batch, torch.Generator().manual_seed(1))
    assert not torch.equal(batch.x, images)
    assert np.allclose(measure(batch.x), batch.target[:, :2], atol=1e-2)
    assert torch.equal(batch.target[:, 2], target[:, 2])


def test_all_eight_symmetries_occur():
    x = torch.arange(9.0).reshape(1, 1, 3, 3).repeat(400, 1, 1, 1)
    batch = Batch(x, x > 3, torch.zeros(400, 0), torch.zeros(400, 0))
    batch = flip_and_rotate(batch, torch.Generator().manual_seed(0))
    assert len(torch.unique(batch.x.flatten(1), dim=0)) == 8
    assert torch.equal(batch.valid, batch.x > 3)


def make_batch(n=500, valid=None, n_bands=3):
    x = torch.ones(n, n_bands, 4, 4)
    return Batch(x, valid, torch.zeros(n, 0), torch.zeros(n, 0))


def test_dropped_bands_are_zero_and_masked():
    batch = drop_bands(make_batch(), torch.Generator().manual_seed(0), 0.3)
    lost = ~batch.valid.flatten(2).any(dim=2)
    assert lost.sum(dim=1).max() == 1
    assert 0.2 < lost.any(dim=1).float().mean() < 0.4
    assert (batch.x[~batch.valid] == 0).all()
    assert (batch.x[batch.valid] == 1).all()
    assert set(lost.nonzero()[:, 1].tolist()) == {0, 1, 2}
    assert torch.equal(batch.clean[0], torch.ones_like(batch.x))
    assert batch.clean[1] is None


def test_the_last_band_is_never_dropped():
    valid = torch.zeros(500, 3, 4, 4, dtype=torch.bool)
    valid[:, 1] = True
    batch = drop_bands(make_batch(valid=valid), torch.Generator().manual_seed(0), 1)
    assert batch.valid[:, 1].all()
    single = drop_bands(make_batch(n_bands=1), torch.Generator().manual_seed(0), 1)
    assert single.valid is None


def test_nothing_is_dropped_at_probability_zero():
    batch = drop_bands(make_batch(), torch.Generator().manual_seed(0), 0.0)
    assert batch.valid is None
    assert batch.clean is None
