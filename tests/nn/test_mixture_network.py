# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The network with a joint posterior: what it looks at, and what it says.
"""

import numpy as np
import pytest
import torch

from astrovae.nn import (
    Batch,
    MixtureLoss,
    MixtureNetwork,
    MixtureParameters,
    StandardLoss,
    build_network,
    encode_arrays,
    gaussian_nll,
    mixture_nll,
    n_mixture_outputs,
)

WIDTHS = (4, 6, 8, 10)


def make_network(seed=0, **options):
    torch.manual_seed(seed)
    options = {"size": 32, "widths": WIDTHS, "n_components": 3} | options
    network = MixtureNetwork(**options)
    # Statistics of some images, so that normalisations do something.
    x = torch.randn(32, options.get("n_bands", 3), 32, 32)
    network.train().encode(x, torch.rand_like(x) < 0.9)
    return network.eval()


@pytest.fixture(scope="module")
def network():
    return make_network()


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32] - 15.5
    shape = np.exp(-0.5 * (x**2 + y**2) / 9)
    flux = rng.uniform(0, 20, (6, 3, 1, 1)) * shape + rng.normal(size=(6, 3, 32, 32))
    return torch.tensor(np.arcsinh(flux), dtype=torch.float32)


def encode(network, *arguments):
    with torch.inference_mode():
        return network.encode(*arguments)


def assert_same(first, second, tolerance=1e-5):
    for a, b in zip(first, second, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert torch.allclose(a, b, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("n_bands", [1, 3, 5])
def test_shapes(n_bands):
    network = make_network(n_bands=n_bands, n_latent=9)
    x = torch.randn(4, n_bands, 32, 32)
    code = encode(network, x)
    assert code.mean.shape == code.log_variance.shape == (4, 9)
    assert code.features.shape == (4, 256)
    assert code.mixture.shape == (4, n_mixture_outputs(3, 3))
    assert code.brightness.shape == (4,)
    with torch.inference_mode():
        assert network.decode(code.mean).shape == x.shape


@pytest.mark.parametrize(("kind", "n_features"), [("mixture", 192), ("adaptive", 256)])
def test_the_presets_have_it_built(kind, n_features):
    network = build_network(kind, 3, 10, 32, n_physical=5).eval()
    assert isinstance(network, MixtureNetwork)
    assert network.n_mixture == 3
    assert (network.adaptive is None) == (kind == "mixture")
    code = encode(network, torch.zeros(2, 3, 32, 32))
    assert code.features.shape == (2, n_features)


def test_size_must_be_a_multiple_of_16():
    with pytest.raises(ValueError, match="multiple of 16, not 69"):
        MixtureNetwork(size=69)


def test_latents_are_the_moments_of_the_mixture(network, images):
    code = encode(network, images)
    mean, variance = MixtureParameters(code.mixture, 3).moments()
    assert torch.allclose(code.mean[:, 2:5], mean)
    assert torch.allclose(code.log_variance[:, 2:5].exp(), variance, rtol=1e-4)


@pytest.mark.parametrize("garbage", [7.0, -1e6, float("nan"), float("inf")])
def test_what_is_under_a_mask_has_no_influence(network, images, garbage):
    valid = torch.ones_like(images, dtype=torch.bool)
    valid[:, 0] = False
    valid[:, 1, :10] = False
    other = torch.where(valid, images, garbage)
    expected = encode(network, images, valid)
    assert_same(encode(network, other, valid), expected, 0)
    # A mask is no black pixel: it changes what is said.
    seen = encode(network, images * valid)
    assert not torch.allclose(seen.mean, expected.mean, atol=1e-3)


def test_no_mask_is_a_mask_of_ones(network, images):
    ones = torch.ones_like(images, dtype=torch.bool)
    assert_same(encode(network, images), encode(network, images, ones), 0)


def test_no_conditions_are_unknown_ones(network, images):
    unknown = torch.zeros(6, 6)
    assert_same(encode(network, images), encode(network, images, None, unknown), 0)
    usual = torch.cat([torch.zeros(6, 3), torch.ones(6, 3)], dim=1)
    other = encode(network, images, None, usual)
    assert not torch.allclose(other.mean, encode(network, images).mean)


def test_a_galaxy_is_encoded_without_its_neighbours(network, images):
    valid = torch.rand(images.shape, generator=torch.Generator().manual_seed(0)) < 0.9
    known = torch.rand(6, 6, generator=torch.Generator().manual_seed(1))
    together = encode(network, images, valid, known)
    for i in range(6):
        row = slice(i, i + 1)
        alone = encode(network, images[row], valid[row], known[row])
        assert_same(alone, [part[row] for part in together], 1e-4)


def test_brightness_follows_the_flux_of_the_bands_that_are_there(network):
    y, x = np.mgrid[:32, :32] - 15.5
    shape = np.exp(-0.5 * (x**2 + y**2) / 4)
    flux = torch.tensor(shape * np.array([1.0, 10.0, 100.0])[:, None, None, None])
    images = torch.asinh(flux).float().expand(3, 3, 32, 32)
    whole = encode(network, images).brightness
    assert torch.all(torch.diff(whole) > 1)
    valid = torch.ones_like(images, dtype=torch.bool)
    valid[:, 2] = False
    assert torch.allclose(encode(network, images, valid).brightness, whole)
    nothing = encode(network, images, torch.zeros_like(valid))
    assert nothing.brightness.tolist() == [0, 0, 0]
    assert_same(
        [torch.isfinite(part).all() for part in nothing], [torch.tensor(True)] * 5
    )


@pytest.mark.parametrize("value", [80.0, -80.0, 0.0])
def test_absurd_pixels_give_finite_codes(network, value):
    code = encode(network, torch.full((2, 3, 32, 32), value))
    assert all(torch.isfinite(part).all() for part in code)


def test_without_physics():
    network = make_network(n_physical=0, n_latent=4)
    x = torch.randn(2, 3, 32, 32)
    code = encode(network, x)
    assert code.mixture is None
    assert code.mean.shape == (2, 4)
    none = torch.zeros(2, 0)
    terms = MixtureLoss(0)(
        network.train(), Batch(x, None, none, none), torch.zeros(2, 4)
    )
    assert terms["physics"] == 0
    terms["loss"].backward()


def test_mixed_precision_is_for_trainings(network, images):
    exact = encode(network, images)
    network.mixed_precision = True
    rough = encode(network, images)
    network.mixed_precision = False
    assert_same(encode(network, images), exact, 0)
    # Rounded where it may be, and not where fluxes are.
    assert rough.mean.dtype == torch.float32
    assert torch.equal(rough.brightness, exact.brightness)
    assert not torch.equal(rough.mean, exact.mean)
    assert torch.allclose(rough.mean, exact.mean, atol=0.1)
    assert "mixed_precision" not in network.state_dict()


def test_conditions_reach_the_network_in_chunks(network, images):
    x = images.repeat(12, 1, 1, 1).numpy()
    known = np.random.default_rng(0).normal(size=(72, 6))
    codes = encode_arrays(network, x, conditions=known)
    own = encode(network, images[:1], None, torch.tensor(known[66:67]).float())
    assert codes.mean[66] == pytest.approx(own.mean[0].numpy(), abs=1e-4)
    without = encode_arrays(network, x)
    assert not np.allclose(without.mean[66], codes.mean[66], atol=1e-4)
    empty = encode_arrays(network, x[:0], conditions=known[:0])
    assert empty.mixture.shape == (0, codes.mixture.shape[1])
    assert empty.brightness.shape == (0,)


# --- its loss


def make_batch(n=6, seed=0):
    rng = np.random.default_rng(seed)
    x = torch.tensor(rng.normal(size=(n, 3, 32, 32)), dtype=torch.float32)
    target = torch.tensor(rng.normal(size=(n, 5)), dtype=torch.float32)
    return Batch(x, None, target, torch.full((n, 5), 0.3))


def test_mixture_loss_is_the_mean_over_latents(network):
    batch = make_batch()
    code = network.encode(batch.x)
    angle = gaussian_nll(
        code.mean[:, :2],
        code.log_variance[:, :2],
        batch.target[:, :2],
        batch.error[:, :2],
    )
    joint = mixture_nll(
        MixtureParameters(code.mixture, 3), batch.target[:, 2:], batch.error[:, 2:]
    )
    terms = MixtureLoss(5)(network, batch, torch.zeros(6, 10))
    expected = (2 * angle + 3 * joint) / 5
    assert terms["physics"].item() == pytest.approx(expected.item(), rel=1e-5)
    own = StandardLoss(5)(network, batch, torch.zeros(6, 10))
    assert own["reconstruction"].item() == pytest.approx(terms["reconstruction"].item())


def test_reconstruction_does_not_bend_the_posterior():
    network = make_network().train()
    batch = make_batch()
    terms = MixtureLoss(5)(network, batch, torch.randn(6, 10))
    (terms["reconstruction"] + terms["kl"]).backward()
    for parameter in network.mixture.parameters():
        assert parameter.grad is None or parameter.grad.abs().max() == 0
    assert any(p.grad.abs().max() > 0 for p in network.decoder.parameters())


def test_a_few_steps_make_labels_more_likely():
    network = make_network().train()
    batch = make_batch(8)
    batch.x += batch.target[:, 2, None, None, None]
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    values = []
    for _ in range(8):
        terms = MixtureLoss(5)(network, batch, torch.zeros(8, 10))
        optimiser.zero_grad()
        terms["loss"].backward()
        optimiser.step()
        values.append(terms["physics"].item())
    assert values[-1] < values[0] - 0.2
