# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Normalisation by all that was seen.
"""

import torch

from astrovae.nn.blocks import RunningNorm


def batches(n):
    torch.manual_seed(0)
    return [torch.randn(64, 2) * torch.tensor([3.0, 0.1]) + 5.0 for _ in range(n)]


def test_mean_and_variance_of_all_batches():
    norm = RunningNorm(2).train()
    parts = batches(50)
    for part in parts:
        norm(part)
    everything = torch.cat(parts)
    assert torch.allclose(norm.running_mean, everything.mean(dim=0), atol=1e-4)
    assert torch.allclose(norm.running_var, everything.var(dim=0), rtol=0.05)


def test_a_galaxy_does_not_feel_its_batch():
    norm = RunningNorm(2).train()
    for part in batches(500):
        norm(part)
    x = torch.tensor([[4.0, 5.1]])
    ordinary = norm(torch.cat([x, batches(1)[0]]))[0]
    # A batch that is off by one sigma: after 500 it hardly counts.
    strange = norm(torch.cat([x, batches(1)[0] + torch.tensor([3.0, 0.1])]))[0]
    assert torch.allclose(ordinary, strange, atol=0.01)


def test_it_gives_the_same_when_it_no_longer_learns():
    norm = RunningNorm(2).train()
    for part in batches(5):
        last = norm(part)
    assert torch.equal(norm.eval()(part), last)
    before = norm.running_mean.clone()
    norm(part + 1)
    assert torch.equal(norm.running_mean, before)


def test_its_scale_and_shift_are_learnt():
    norm = RunningNorm(2).train()
    norm(batches(1)[0]).square().sum().backward()
    assert norm.weight.grad.abs().min() > 0
