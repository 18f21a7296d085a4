# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The networks: the paper's layer by layer, the residual one's photometry.
"""

import numpy as np
import pytest
import torch
from torch import nn

from astrovae.nn import (
    AperturePhotometry,
    PaperNetwork,
    ResidualNetwork,
    build_network,
)

# Convolutions and their normalisations, the linear layers, bottom up:
# SCIENCE's table of the paper's network.
N_ENCODER = (3 * 16 * 9 + 16) + 32 + (16 * 32 * 9 + 32) + 64 + (10368 * 10 + 10)
N_DECODER = (5 * 10368 + 10368) + 64 + (32 * 16 * 9 + 16) + 32 + (16 * 3 * 9 + 3)


def test_paper_network_number_of_parameters():
    n = sum(p.numel() for p in PaperNetwork().parameters())
    assert n == N_ENCODER + N_DECODER == 176_237


def test_paper_network_layers():
    encoder = PaperNetwork().encoder
    kinds = [type(layer) for layer in encoder]
    block = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    assert kinds == [*block, *block, nn.Flatten, nn.Linear]
    for convolution in (encoder[0], encoder[3]):
        assert convolution.kernel_size == (3, 3)
        assert convolution.stride == (2, 2)
        assert convolution.padding == (1, 1)
    assert encoder[7].in_features == 32 * 18 * 18
    assert encoder[7].out_features == 10


def test_paper_network_shapes():
    network = PaperNetwork()
    shapes = []

    def note(_module, _inputs, output):
        shapes.append(tuple(output.shape))

    for layer in (
        network.encoder[0],
        network.encoder[3],
        network.decoder_input,
        network.deconvolution,
        network.output,
    ):
        layer.register_forward_hook(note)
    code = network.encode(torch.rand(4, 3, 69, 69))
    assert code.mean.shape == code.log_variance.shape == (4, 5)
    assert network.decode(code.mean).shape == (4, 3, 69, 69)
    assert shapes == [
        (4, 16, 35, 35),
        (4, 32, 18, 18),
        (4, 32 * 18 * 18),
        (4, 16, 35, 35),
        (4, 3, 69, 69),
    ]


def test_paper_decoder_is_between_zero_and_one():
    x = PaperNetwork().decode(100 * torch.randn(8, 5))
    assert x.min() >= 0
    assert x.max() <= 1


@pytest.mark.parametrize(
    ("kind", "size"),
    [("paper", 21), ("residual", 32), ("mixture", 32), ("adaptive", 32)],
)
@pytest.mark.parametrize("n_bands", [1, 3, 5])
def test_any_number_of_bands(kind, size, n_bands):
    network = build_network(kind, n_bands, 7, size)
    code = network.encode(torch.rand(2, n_bands, size, size))
    assert code.mean.shape == (2, 7)
    assert network.decode(code.mean).shape == (2, n_bands, size, size)


def test_residual_network_needs_a_multiple_of_16():
    with pytest.raises(ValueError, match="multiple of 16, not 69"):
        ResidualNetwork(size=69)


def test_no_mask_is_a_mask_of_ones():
    network = ResidualNetwork(size=32).eval()
    x = torch.randn(3, 3, 32, 32)
    with torch.inference_mode():
        without = network.encode(x)
        with_ones = network.encode(x, torch.ones_like(x, dtype=torch.bool))
    assert without[3:] == with_ones[3:] == (None, None)
    for a, b in zip(without[:3], with_ones[:3], strict=True):
        assert torch.equal(a, b)


def test_a_mask_changes_the_code():
    torch.manual_seed(0)
    network = ResidualNetwork(size=32).eval()
    x = torch.zeros(1, 3, 32, 32)
    valid = torch.ones_like(x, dtype=torch.bool)
    valid[:, 0] = False
    with torch.inference_mode():
        a = network.encode(x).mean
        b = network.encode(x, valid).mean
    assert not torch.allclose(a, b)


def test_aperture_photometry_sums_fluxes():
    size, sky = 64, 0.02
    photometry = AperturePhotometry(2, size, radii=(0.25, 0.9))
    axis = np.arange(size) - (size - 1) / 2
    radius = np.hypot(axis[:, None], axis[None, :])
    flux = np.exp(-0.5 * (radius / 3) ** 2) * np.array([2.0, 4.0])[:, None, None]
    x = torch.tensor(np.arcsinh(flux / sky), dtype=torch.float32)[None]
    features = photometry(x, torch.ones_like(x))[0].numpy()
    total = 2 * np.pi * 9 * np.array([2.0, 4.0])
    inside = total * (1 - np.exp(-0.5 * (8 / 3) ** 2))
    expected = np.arcsinh(np.stack([inside, total], axis=1) / sky / 2)
    assert features[:4] == pytest.approx(expected.ravel(), rel=2e-3)
    # The colour is the ratio of the bands, whatever the aperture.
    assert features[4:6] == pytest.approx(np.log(2), abs=1e-4)
    assert features[6:] == pytest.approx(1)


def test_aperture_photometry_fills_masked_pixels():
    photometry = AperturePhotometry(1, 32)
    x = torch.full((1, 1, 32, 32), 1.5)
    weight = torch.ones_like(x)
    weight[..., :10] = 0
    whole = photometry(x, torch.ones_like(x))
    part = photometry(x * weight, weight)
    n_radii = photometry.weights.shape[1]
    assert torch.allclose(whole[:, :n_radii], part[:, :n_radii], rtol=1e-5)
    assert part[0, -1] < 0.8
    nothing = photometry(x * 0, weight * 0)
    assert torch.equal(nothing, torch.zeros_like(nothing))


def test_absurd_pixels_give_finite_codes():
    network = ResidualNetwork(size=32).eval()
    x = torch.full((1, 3, 32, 32), 80.0)
    with torch.inference_mode():
        code = network.encode(x)
    assert all(torch.isfinite(part).all() for part in code[:3])
