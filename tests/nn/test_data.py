# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The store of images: what goes in comes out, in little memory.
"""

import numpy as np
import torch

from astrovae.nn import (
    ImageStore,
    build_network,
    decode_arrays,
    encode_arrays,
)


def test_what_goes_in_comes_out():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(7, 2, 5, 5)).astype("float32")
    valid = rng.random(x.shape) < 0.5
    store = ImageStore(7, (2, 5, 5))
    store.fill(0, x[:3], np.ones_like(valid[:3]))
    assert store.packed is None
    store.fill(3, x[3:], valid[3:])
    store.set_labels(np.arange(14).reshape(7, 2), np.ones((7, 2)))
    batch = store.batch([6, 0, 4])
    assert np.array_equal(batch.x.numpy(), x[[6, 0, 4]])
    assert np.array_equal(batch.valid[0].numpy(), valid[6])
    assert batch.valid[1].all()
    assert np.array_equal(batch.valid[2].numpy(), valid[4])
    assert batch.target[:, 0].tolist() == [12, 0, 8]
    assert store.packed.nbytes == 7 * 7


def test_half_precision_in_memory():
    store = ImageStore(2, (1, 4, 4), "float16")
    store.fill(0, np.full((2, 1, 4, 4), 0.1), np.ones((2, 1, 4, 4), bool))
    batch = store.batch([0])
    assert store.x.nbytes == 2 * 16 * 2
    assert batch.x.dtype == torch.float32
    assert batch.valid is None


def test_encoding_does_not_depend_on_the_chunk():
    torch.manual_seed(0)
    network = build_network("residual", 3, 6, 16).eval()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(70, 3, 16, 16)).astype("float32")
    valid = rng.random(x.shape) < 0.9
    whole = encode_arrays(network, x, valid)
    alone = encode_arrays(network, x[50:51], valid[50:51])
    assert whole.mixture is None
    assert whole.brightness is None
    for many, one in zip(whole[:3], alone[:3], strict=True):
        assert np.allclose(many[50], one[0], atol=1e-5)
    assert decode_arrays(network, whole[0]).shape == x.shape


def test_nothing_to_encode():
    network = build_network("paper", 3, 5, 21).eval()
    code = encode_arrays(network, np.zeros((0, 3, 21, 21)))
    mean, log_variance, features, mixture, brightness = code
    assert mixture is None
    assert brightness is None
    assert mean.shape == log_variance.shape == (0, 5)
    assert features.shape == (0, 10)
    assert decode_arrays(network, mean).shape == (0, 3, 21, 21)


def test_conditions_go_with_their_galaxies():
    store = ImageStore(4, (1, 2, 2))
    assert store.batch([1]).conditions is None
    store.set_conditions(np.arange(8.0).reshape(4, 2))
    batch = store.batch([3, 1])
    assert batch.conditions.tolist() == [[6, 7], [2, 3]]
    assert batch.conditions.dtype == torch.float32
