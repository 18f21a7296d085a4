# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Mixtures of Gaussians against SciPy's, and what errors do to them.
"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import multivariate_normal

from astrovae.nn import MixtureParameters, mixture_nll, n_mixture_outputs

NAN = float("nan")
# What `mixture_nll` adds to the variance of every label.
SOFTENING = 1e-6


def make(n_galaxies, n_components, n_parameters, seed=0, scale=0.7):
    """
    Raw numbers in double precision, and their mixtures.
    """
    rng = np.random.default_rng(seed)
    shape = (n_galaxies, n_mixture_outputs(n_components, n_parameters))
    raw = torch.tensor(rng.normal(scale=scale, size=shape))
    return raw, MixtureParameters(raw, n_parameters)


def density(mixture, row, points, error=0.0):
    """
    The density of one galaxy's mixture at (M, D) points, by SciPy.
    """
    n = mixture.mean.shape[-1]
    noise = np.diag(np.broadcast_to(np.square(error) + SOFTENING, n))
    return sum(
        math.exp(mixture.log_weight[row, k])
        * multivariate_normal(
            mixture.mean[row, k], mixture.covariance[row, k].numpy() + noise
        ).pdf(points)
        for k in range(mixture.mean.shape[1])
    )


def nll(mixture, target, error):
    """
    Per galaxy, with the constant that `mixture_nll` leaves out.
    """
    n = mixture.mean.shape[-1]
    value = mixture_nll(mixture, target, error)
    return n * float(value) + 0.5 * n * math.log(2 * math.pi)


def test_number_of_outputs():
    assert n_mixture_outputs(1, 1) == 3
    assert n_mixture_outputs(6, 3) == 6 * (1 + 3 + 6)


def test_shapes_and_weights():
    _, mixture = make(4, 5, 3)
    assert mixture.log_weight.shape == (4, 5)
    assert mixture.mean.shape == (4, 5, 3)
    assert mixture.covariance.shape == (4, 5, 3, 3)
    assert mixture.log_weight.exp().sum(dim=1).tolist() == pytest.approx([1] * 4)
    square = mixture.factor @ mixture.factor.transpose(-1, -2)
    assert torch.allclose(square, mixture.covariance)
    assert (torch.linalg.eigvalsh(mixture.covariance) > 0).all()


@pytest.mark.parametrize("missing", [False, True])
def test_density_in_one_dimension_integrates_to_one(missing):
    # Of a joint density whose other label is missing, the marginal.
    raw, mixture = make(1, 4, 2 if missing else 1)
    grid = torch.linspace(-30, 30, 1201, dtype=torch.float64)
    many = MixtureParameters(raw, 2 if missing else 1)
    values = []
    for point in grid:
        target = torch.tensor([[point, NAN] if missing else [point]])
        error = torch.full_like(target, 0.1)
        constant = 0.5 * math.log(2 * math.pi)
        n = target.shape[1]
        values.append(math.exp(-n * float(mixture_nll(many, target, error)) - constant))
    assert np.trapezoid(values, grid) == pytest.approx(1, abs=2e-4)
    mean = np.trapezoid(values * grid.numpy(), grid)
    assert mean == pytest.approx(float(mixture.moments()[0][0, 0]), abs=2e-3)


def test_density_in_two_dimensions_integrates_to_one():
    _, mixture = make(1, 3, 2, seed=1, scale=0.5)
    # Smoothed by errors of 0.5, so that a coarse grid will do.
    axis = np.linspace(-12, 12, 41)
    points = torch.tensor(np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2))
    total = 0.0
    for point in points:
        total += math.exp(-nll(mixture, point[None], torch.full((1, 2), 0.5)))
    assert total * (axis[1] - axis[0]) ** 2 == pytest.approx(1, abs=1e-3)


@given(
    target=arrays(float, (1, 3), elements=st.floats(-5, 5)),
    error=arrays(float, (1, 3), elements=st.floats(0, 3)),
    seed=st.integers(0, 100),
)
def test_nll_is_that_of_scipy(target, error, seed):
    # With errors, the mixture convolved with their Gaussian.
    _, mixture = make(1, 4, 3, seed)
    expected = -np.log(density(mixture, 0, target, error[0]))
    found = nll(mixture, torch.tensor(target), torch.tensor(error))
    assert found == pytest.approx(float(expected), rel=1e-6, abs=1e-6)


def test_label_errors_are_a_convolution():
    # One Gaussian integrated over the label's noise, on a grid.
    _, mixture = make(1, 3, 1)
    grid = np.linspace(-25, 25, 20_001)
    inner = density(mixture, 0, grid[:, None])
    noise = np.exp(-0.5 * ((1.3 - grid) / 0.8) ** 2) / 0.8 / math.sqrt(2 * math.pi)
    expected = -math.log(np.trapezoid(inner * noise, grid))
    found = nll(mixture, torch.tensor([[1.3]]), torch.tensor([[0.8]]))
    assert found == pytest.approx(expected, abs=1e-5)


def test_mean_over_galaxies_and_parameters():
    raw, mixture = make(3, 2, 3)
    target = torch.zeros((3, 3), dtype=torch.float64)
    whole = mixture_nll(mixture, target, target + 0.1)
    rows = [
        mixture_nll(MixtureParameters(raw[[i]], 3), target[[i]], target[[i]] + 0.1)
        for i in range(3)
    ]
    assert float(whole) == pytest.approx(float(sum(rows)) / 3)


@pytest.mark.parametrize("n_missing", [1, 2, 3])
def test_missing_labels_have_no_influence(n_missing):
    raw, _ = make(2, 4, 3)
    target = torch.tensor([[0.3, -0.5, 0.9], [1.0, 0.2, -0.4]], dtype=torch.float64)
    error = torch.full_like(target, 0.2)
    for array in (target, error):
        array[1, 3 - n_missing :] = NAN
    raw.requires_grad_()
    mixture = MixtureParameters(raw, 3)
    value = mixture_nll(mixture, target, error)
    value.backward()
    assert torch.isfinite(raw.grad).all()
    # What is left is the marginal of the labels that are there.
    there = 3 - n_missing
    expected = nll(MixtureParameters(raw.detach()[:1], 3), target[:1], error[:1])
    if there:
        own = MixtureParameters(raw.detach()[1:], 3)
        own.mean = own.mean[..., :there]
        own.covariance = own.covariance[..., :there, :there]
        marginal = density(own, 0, target[1, :there], 0.2)
        constant = 0.5 * there * math.log(2 * math.pi)
        expected += -math.log(marginal) - constant
    expected -= 1.5 * math.log(2 * math.pi)
    assert value.item() == pytest.approx(float(expected) / 6, abs=1e-5)
    # No gradient reaches the means and widths of what is missing.
    gradient = raw.grad[1].reshape(4, -1)
    idle = [*range(1 + there, 4), *range(4 + there, 7)]
    assert gradient[:, idle].abs().max() < 1e-5
    if there:
        assert gradient[:, 1:there].abs().sum() + gradient[:, 0].abs().sum() > 1e-3


def test_either_nan_makes_a_label_missing():
    _, mixture = make(1, 2, 2)
    label = torch.tensor([[0.4, 0.7]], dtype=torch.float64)
    good = torch.tensor([[0.1, 0.1]], dtype=torch.float64)
    bad = torch.tensor([[NAN, 1.0]], dtype=torch.float64)
    first = mixture_nll(mixture, label * bad, good)
    second = mixture_nll(mixture, label, good * bad)
    assert float(first) == pytest.approx(float(second), abs=1e-9)


def test_moments_are_those_of_draws():
    _, mixture = make(1, 4, 2, seed=3)
    rng = np.random.default_rng(0)
    weight = mixture.log_weight[0].exp().numpy()
    chosen = rng.choice(4, p=weight / weight.sum(), size=200_000)
    draws = mixture.mean[0].numpy()[chosen] + np.einsum(
        "nij,nj->ni",
        mixture.factor[0].numpy()[chosen],
        rng.standard_normal((200_000, 2)),
    )
    mean, variance = mixture.moments()
    assert draws.mean(axis=0) == pytest.approx(mean[0].numpy(), abs=0.02)
    assert draws.var(axis=0) == pytest.approx(variance[0].numpy(), rel=0.03)


extremes = st.sampled_from([-80.0, -8.0, 0.0, 8.0, 80.0])


@given(
    raw=arrays(np.float32, (2, n_mixture_outputs(3, 3)), elements=extremes),
    target=arrays(np.float32, (2, 3), elements=st.sampled_from([-50, 0, NAN, 50])),
    error=st.sampled_from([0.0, 1e-4, 1.0, 1e3]),
)
def test_values_and_gradients_are_finite_at_extremes(raw, target, error):
    raw = torch.tensor(raw, requires_grad=True)
    value = mixture_nll(
        MixtureParameters(raw, 3), torch.tensor(target), torch.full((2, 3), error)
    )
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(raw.grad).all()
