# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Eq. 2 against NumPy and against numbers worked out by hand.
"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from astrovae.nn import (
    Batch,
    Encoding,
    PaperLoss,
    PaperNetwork,
    ResidualNetwork,
    StandardLoss,
    VanillaLoss,
    gaussian_nll,
    kl_divergence,
    masked_squared_error,
    paper_kl,
    weighted_label_error,
)

NAN = float("nan")


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def make_batch(n=6, n_labels=4, size=21, seed=0, valid=None):
    rng = np.random.default_rng(seed)
    return Batch(
        torch.tensor(rng.random((n, 3, size, size)), dtype=torch.float32),
        valid,
        torch.tensor(rng.normal(size=(n, n_labels)), dtype=torch.float32),
        torch.tensor(rng.uniform(0.01, 1, (n, n_labels)), dtype=torch.float32),
    )


# --- reconstruction


def test_reconstruction_by_hand():
    x = tensor([[[[1.0, 2.0], [3.0, 4.0]]], [[[0.0, 0.0], [0.0, 1.0]]]])
    other = tensor([[[[1.0, 0.0], [3.0, 7.0]]], [[[0.0, 0.0], [0.0, 1.5]]]])
    assert masked_squared_error(x, other).tolist() == [13.0, 0.25]


def test_masked_pixels_have_no_weight():
    x, other = torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 3.0)
    valid = torch.tensor([[[[True, False], [False, False]]]])
    assert masked_squared_error(x, other, valid).tolist() == [9.0]


# --- KL


def test_paper_kl_by_hand():
    # mu 1, sigma 1: 1 + 1 - 0 - 1; mu 0, sigma e: e^2 - 1 - 1.
    mean, log_variance = tensor([[1.0], [0.0]]), tensor([[0.0], [2.0]])
    expected = [1.0, math.e**2 - 2.0]
    assert paper_kl(mean, log_variance).tolist() == pytest.approx(expected)


def test_paper_kl_is_as_printed():
    # The paper's logarithm is of sigma, so the minimum is not at 1.
    log_variance = torch.linspace(-2, 1, 3001, dtype=torch.float64)[:, None]
    values = paper_kl(torch.zeros_like(log_variance), log_variance)
    assert log_variance[values.argmin()].exp().item() == pytest.approx(0.5, rel=1e-3)


def test_kl_divergence_is_that_of_torch():
    rng = np.random.default_rng(1)
    mean, log_variance = (tensor(rng.normal(size=(5, 3))) for _ in range(2))
    own = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    unit = torch.distributions.Normal(tensor(0.0), tensor(1.0))
    expected = torch.distributions.kl_divergence(own, unit).sum(dim=1)
    assert torch.allclose(kl_divergence(mean, log_variance), expected)


# --- labels


def test_weighted_label_error_by_hand():
    mean = tensor([[0.0, 10.0], [1.0, 9.0]])
    target = tensor([[0.2, 11.0], [1.0, 9.5]])
    error = tensor([[0.1, 0.5], [0.3, 1.0]])
    # (0.2/0.1)^2 + (1/0.5)^2 + 0 + 0.5^2, over four.
    expected = (4.0 + 4.0 + 0.0 + 0.25) / 4
    assert weighted_label_error(mean, target, error).item() == pytest.approx(expected)


def test_label_errors_have_a_floor():
    one = tensor([[1.0]])
    value = weighted_label_error(one, one + 0.01, one * 1e-9)
    assert value.item() == pytest.approx((0.01 / 1e-3) ** 2)


def test_each_galaxy_has_its_own_weight():
    mean = tensor([[0.0], [0.0]])
    target = tensor([[1.0], [2.0]])
    error = tensor([[0.1], [1.0]])
    value = weighted_label_error(mean, target, error).item()
    swapped = weighted_label_error(mean, target, error.flip(0)).item()
    assert value == pytest.approx((100 + 4) / 2)
    assert swapped == pytest.approx((1 + 400) / 2)


def test_weight_of_a_galaxy_in_the_gradient():
    # With (B, B, 4) broadcasting every galaxy's gradient would have
    # the same weight.
    mean = torch.zeros((2, 4), dtype=torch.float64, requires_grad=True)
    target = torch.ones((2, 4), dtype=torch.float64)
    error = tensor([[0.1] * 4, [0.2] * 4])
    weighted_label_error(mean, target, error).backward()
    assert mean.grad[0].tolist() == pytest.approx([-2 * 100 / 8] * 4)
    assert mean.grad[1].tolist() == pytest.approx([-2 * 25 / 8] * 4)


def test_missing_labels_have_no_weight():
    mean = torch.zeros((2, 2), dtype=torch.float64, requires_grad=True)
    target, error = tensor([[1.0, NAN], [NAN, 2.0]]), tensor([[0.5, NAN], [0.1, 1.0]])
    value = weighted_label_error(mean, target, error)
    assert value.item() == pytest.approx((4 + 4) / 2)
    value.backward()
    assert mean.grad[0, 1] == 0
    assert torch.isfinite(mean.grad).all()


def test_no_label_at_all_gives_zero():
    nothing = torch.full((3, 2), NAN)
    assert weighted_label_error(torch.ones(3, 2), nothing, nothing).item() == 0
    assert gaussian_nll(torch.ones(3, 2), torch.ones(3, 2), nothing, nothing) == 0


def test_gaussian_nll_is_that_of_torch():
    rng = np.random.default_rng(2)
    mean, log_variance, target = (tensor(rng.normal(size=(4, 3))) for _ in range(3))
    error = tensor(rng.uniform(0.1, 1, (4, 3)))
    variance = log_variance.exp() + error**2
    expected = -torch.distributions.Normal(mean, variance.sqrt()).log_prob(target)
    constant = 0.5 * math.log(2 * math.pi)
    value = gaussian_nll(mean, log_variance, target, error)
    assert value.item() == pytest.approx(expected.mean().item() - constant, abs=1e-4)


def test_gaussian_nll_is_least_at_the_scatter_left_over():
    # Labels scatter by 0.5 with errors of 0.3: sigma must become 0.4.
    rng = np.random.default_rng(3)
    target = tensor(rng.normal(scale=0.5, size=(100_000, 1)))
    error = torch.full_like(target, 0.3)
    sigma = np.linspace(0.3, 0.5, 41)
    values = [
        gaussian_nll(
            torch.zeros_like(target),
            torch.full_like(target, 2 * math.log(s)),
            target,
            error,
        ).item()
        for s in sigma
    ]
    assert sigma[np.argmin(values)] == pytest.approx(0.4, abs=0.011)


# --- Eq. 2 as a whole


def eq2_in_numpy(mean, log_variance, squared_error, target, error):
    """
    Eq. 2, galaxy by galaxy and label by label.
    """
    n, n_labels = target.shape
    reconstruction, kl, physics = 0.0, 0.0, 0.0
    for i in range(n):
        reconstruction += squared_error[i] / n
        sigma = np.exp(log_variance[i, 4] / 2)
        kl += (sigma**2 + mean[i, 4] ** 2 - np.log(sigma) - 1) / n
        for j in range(n_labels):
            sigma_p = max(error[i, j], 1e-3)
            residual = (target[i, j] - mean[i, j]) ** 2
            physics += residual / sigma_p**2 / (n * n_labels)
    return 10 * reconstruction + kl + 50 * physics


values = st.floats(-3, 3)


@given(
    mean=arrays(float, (4, 5), elements=values),
    log_variance=arrays(float, (4, 5), elements=values),
    squared=arrays(float, 4, elements=st.floats(0, 1e3)),
    target=arrays(float, (4, 4), elements=values),
    error=arrays(float, (4, 4), elements=st.floats(0, 2)),
)
def test_eq2_against_numpy(mean, log_variance, squared, target, error):
    code = Encoding(tensor(mean), tensor(log_variance), None)
    terms = PaperLoss().terms(code, tensor(squared), tensor(target), tensor(error))
    expected = eq2_in_numpy(mean, log_variance, squared, target, error)
    assert terms["loss"].item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_eq2_by_hand():
    code = Encoding(
        tensor([[0.1, 0.5, 10.0, 1.0, 2.0]]), tensor([[7.0, 7.0, 7.0, 7.0, 0.0]]), None
    )
    target, error = tensor([[0.0, 0.6, 10.0, 0.0]]), tensor([[0.1, 0.1, 0.2, 0.5]])
    terms = PaperLoss().terms(code, tensor([3.0]), target, error)
    assert terms["reconstruction"].item() == 3.0
    assert terms["kl"].item() == pytest.approx(1 + 4 - 0 - 1)
    assert terms["physics"].item() == pytest.approx((1 + 1 + 0 + 4) / 4)
    assert terms["loss"].item() == pytest.approx(10 * 3 + 4 + 50 * 1.5)


def test_eq2_from_images():
    torch.manual_seed(0)
    network, batch = PaperNetwork(size=21).eval(), make_batch()
    noise = torch.randn(6, 5)
    terms = PaperLoss()(network, batch, noise)
    code = network.encode(batch.x)
    mean, log_variance = (part.detach().numpy() for part in code[:2])
    z = mean + noise.numpy() * np.exp(log_variance / 2)
    decoded = network.decode(torch.tensor(z)).detach().numpy()
    squared = ((batch.x.numpy() - decoded) ** 2).sum(axis=(1, 2, 3))
    expected = eq2_in_numpy(
        *(a.astype(float) for a in (mean, log_variance, squared)),
        batch.target.numpy().astype(float),
        batch.error.numpy().astype(float),
    )
    assert terms["loss"].item() == pytest.approx(expected, rel=1e-5)


def test_weights_scale_the_terms():
    torch.manual_seed(0)
    network, batch, noise = (
        PaperNetwork(size=21).eval(),
        make_batch(),
        torch.zeros(6, 5),
    )
    terms = PaperLoss(4, 2.0, 3.0)(network, batch, noise)
    expected = 2 * terms["reconstruction"] + terms["kl"] + 3 * terms["physics"]
    assert terms["loss"].item() == pytest.approx(expected.item())


def test_vanilla_loss():
    torch.manual_seed(0)
    network, batch = PaperNetwork(size=21).eval(), make_batch(n_labels=0)
    terms = VanillaLoss()(network, batch, torch.zeros(6, 5))
    code = network.encode(batch.x)
    expected = paper_kl(code.mean, code.log_variance).mean()
    assert terms["kl"].item() == pytest.approx(expected.item())
    assert terms["physics"].item() == 0
    total = 10 * terms["reconstruction"] + terms["kl"]
    assert terms["loss"].item() == pytest.approx(total.item())


# --- the standard loss


def test_standard_loss_terms():
    torch.manual_seed(0)
    network = ResidualNetwork(size=32).eval()
    valid = torch.rand(6, 3, 32, 32) < 0.9
    batch = make_batch(n_labels=5, size=32, valid=valid)
    terms = StandardLoss(5, 2.0, 3.0, 0.5)(network, batch, torch.zeros(6, 8))
    code = network.encode(batch.x, valid)
    error = (network.decode(code.mean) - batch.x)[valid]
    assert terms["reconstruction"].item() == pytest.approx(
        0.5 * error.square().mean().item(), rel=1e-5
    )
    kl = kl_divergence(code.mean[:, 5:], code.log_variance[:, 5:]).mean()
    assert terms["kl"].item() == pytest.approx(kl.item(), rel=1e-5)
    mean, log_variance = (part[:, :5].detach().numpy() for part in code[:2])
    target, label_error = batch.target.numpy(), batch.error.numpy()
    physics = np.mean(
        [
            (target[i, j] - mean[i, j]) ** 2 / (2 * variance) + 0.5 * np.log(variance)
            for i, j in np.ndindex(6, 5)
            for variance in [np.exp(log_variance[i, j]) + label_error[i, j] ** 2]
        ]
    )
    assert terms["physics"].item() == pytest.approx(physics, rel=1e-4, abs=1e-5)
    total = 2 * terms["reconstruction"] + 0.5 * terms["kl"] + 3 * terms["physics"]
    assert terms["loss"].item() == pytest.approx(total.item(), rel=1e-5)


def test_reconstruction_does_not_bend_physical_latents():
    network = ResidualNetwork(size=32)
    batch = make_batch(n_labels=5, size=32)
    StandardLoss(5)(network, batch, torch.zeros(6, 8))["reconstruction"].backward()
    gradient = network.latents.weight.grad
    assert torch.equal(gradient[:5], torch.zeros_like(gradient[:5]))
    assert gradient[5:8].abs().max() > 0


def test_hidden_bands_are_asked_of_the_reconstruction():
    torch.manual_seed(0)
    network = ResidualNetwork(size=32).eval()
    whole = make_batch(n_labels=5, size=32)
    hidden = make_batch(n_labels=5, size=32)
    hidden.clean = (hidden.x, None)
    hidden.valid = torch.ones_like(hidden.x, dtype=torch.bool)
    hidden.valid[:, 1] = False
    hidden.x = hidden.x * hidden.valid
    z = network.encode(hidden.x, hidden.valid).mean
    terms = StandardLoss(5)(network, hidden, torch.zeros(6, 8))
    expected = 0.5 * (network.decode(z) - whole.x).square().mean()
    assert terms["reconstruction"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_standard_loss_of_masked_images_is_finite():
    network = ResidualNetwork(size=32)
    batch = make_batch(n_labels=5, size=32, valid=torch.zeros(6, 3, 32, 32) > 1)
    batch.x = batch.x * 0
    terms = StandardLoss(5)(network, batch, torch.zeros(6, 8))
    assert terms["reconstruction"].item() == 0
    assert math.isfinite(terms["loss"].item())
