# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Augmentation: labels follow the images, pixels and facts get lost.
"""

import numpy as np
import pytest
import torch

from astrovae.nn import (
    Batch,
    drop_bands,
    drop_conditions,
    flip_and_rotate,
    hide_edges,
)


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


def test_what_is_compared_turns_with_what_is_seen():
    generator = torch.Generator().manual_seed(2)
    x = torch.randn((64, 3, 8, 8), generator=generator)
    seen = torch.rand((64, 3, 8, 8), generator=generator) < 0.9
    for valid in (None, seen):
        batch = Batch(
            x * (1 if valid is None else valid), valid, *torch.zeros(2, 64, 0)
        )
        batch = flip_and_rotate(hide_edges(batch, generator, 0.5), generator)
        clean, whole = batch.clean
        assert torch.equal(clean * batch.valid, batch.x)
        assert not torch.equal(clean, x)
        if valid is None:
            assert whole is None
        else:
            assert (whole | ~batch.valid).all()
            assert whole.sum() == valid.sum()


# --- sides of frames


def test_hidden_sides():
    x = torch.rand(4000, 3, 10, 20) + 1
    target, error = torch.rand(4000, 5), torch.rand(4000, 5)
    batch = Batch(x, None, target.clone(), error.clone())
    batch = hide_edges(batch, torch.Generator().manual_seed(0), 0.3)
    hidden = ~batch.valid
    some = hidden.flatten(1).any(dim=1)
    assert 0.27 < some.float().mean() < 0.33
    assert (batch.x[hidden] == 0).all()
    assert torch.equal(batch.x[~hidden], x[~hidden])
    assert torch.equal(batch.clean[0], x)
    assert batch.clean[1] is None
    assert torch.equal(batch.target, target)
    assert torch.equal(batch.error, error)
    # Whole columns from one side on, in one band or in all.
    columns = hidden.any(dim=2)
    assert torch.equal(columns, hidden.all(dim=2))
    assert (columns[..., 1:] <= columns[..., :-1]).all()
    assert columns.sum(dim=2).max() == 12
    n_bands = columns.any(dim=2).sum(dim=1)[some]
    assert set(n_bands.tolist()) == {1, 3}
    assert 0.45 < (n_bands == 3).float().mean() < 0.55
    single = columns.any(dim=2)[some][n_bands == 1].float().mean(dim=0)
    assert single.tolist() == [pytest.approx(1 / 3, abs=0.06)] * 3


def test_hidden_sides_add_to_masks():
    valid = torch.rand((200, 3, 8, 8), generator=torch.Generator().manual_seed(1)) < 0.5
    x = torch.ones(200, 3, 8, 8) * valid
    batch = Batch(x, valid, torch.zeros(200, 0), torch.zeros(200, 0))
    batch = hide_edges(batch, torch.Generator().manual_seed(0), 1.0)
    assert not (batch.valid & ~valid).any()
    assert torch.equal(batch.x, batch.valid.float())
    assert torch.equal(batch.clean[1], valid)
    # A band that is lost afterwards does not change what is compared.
    again = drop_bands(batch, torch.Generator().manual_seed(0), 1.0)
    assert torch.equal(again.clean[0], x)
    assert torch.equal(again.clean[1], valid)


def test_no_side_is_hidden_at_probability_zero():
    batch = hide_edges(make_batch(), torch.Generator().manual_seed(0), 0.0)
    assert batch.valid is None
    assert batch.clean is None


# --- conditions


def test_forgotten_conditions_are_unknown():
    batch = make_batch(2000)
    known = torch.rand(2000, 6) + 1
    batch.conditions = known
    batch = drop_conditions(batch, torch.Generator().manual_seed(0), 0.2)
    forgotten = (batch.conditions == 0).all(dim=1)
    assert 0.17 < forgotten.float().mean() < 0.23
    assert torch.equal(batch.conditions[~forgotten], known[~forgotten])
    assert (known > 0).all()
    assert batch.valid is None
    without = drop_conditions(make_batch(), torch.Generator().manual_seed(0), 1.0)
    assert without.conditions is None
