# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
scikit-learn's rules for estimators.
"""

import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from astrovae import PhysicsVAE
from astrovae.exceptions import ModelFileError


def test_constructor_has_no_logic():
    names = inspect.signature(PhysicsVAE).parameters
    odd = {name: object() for name in names}
    vae = PhysicsVAE(**odd)
    for name, value in odd.items():
        assert getattr(vae, name) is value


def test_parameters():
    vae = PhysicsVAE(n_latent=9, random_state=4)
    assert vae.get_params()["n_latent"] == 9
    vae.set_params(n_latent=10, preset="gagliano2023")
    assert (vae.n_latent, vae.preset) == (10, "gagliano2023")
    with pytest.raises(ValueError, match="Invalid parameter 'wings'"):
        vae.set_params(wings=2)


def test_clone_is_not_fitted(paper):
    other = clone(paper)
    assert other.get_params() == paper.get_params()
    assert not hasattr(other, "network_")


def test_fit_does_not_change_parameters(toy):
    vae = PhysicsVAE(
        "gagliano2023", max_epochs=1, validation_fraction=0.4, random_state=0
    )
    before = vae.get_params()
    assert vae.fit(toy[0][:60], toy[1]) is vae
    assert vae.get_params() == before


def test_cross_validation(toy):
    images, labels = toy[0][:120], toy[1][:120]
    vae = PhysicsVAE(
        "gagliano2023",
        max_epochs=1,
        validation_fraction=0.4,
        random_state=0,
        verbose=False,
    )
    # scikit-learn takes a table for a pandas frame; a list of rows it divides.
    scores = cross_val_score(vae, images, list(labels), cv=2, error_score="raise")
    own = vae.fit(images[60:], labels[60:]).score(images[:60], labels[:60])
    assert scores[0] == pytest.approx(own)
    assert np.isfinite(scores).all()
    assert scores.shape == (2,)


def test_tags():
    tags = get_tags(PhysicsVAE())
    assert not tags.input_tags.two_d_array
    assert not tags.target_tags.required


# These checks fit arrays of numbers of shape (n, n_features). PhysicsVAE
# refuses those, by a TypeError that says how to make a GalaxyImageSet: an
# array has no bands, no unit and no pixel scale, and guessing them would
# give wrong masses without a word. What the checks are after (parameters
# untouched by fit, order and subsets of rows, empty input, NaN, NotFitted)
# is tested with images in the other modules here.
FIT_ARRAYS = (
    "check_complex_data",
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimator_sparse_tag",
    "check_estimators_dtypes",
    "check_estimators_empty_data_messages",
    "check_estimators_fit_returns_self",
    "check_estimators_nan_inf",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit1d",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit2d_predict1d",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_transformer_data_not_an_array",
    "check_transformer_general",
    "check_transformer_preserve_dtypes",
)


class ArrayVAE(PhysicsVAE):
    """
    Pretends to take arrays, since no check runs otherwise.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


def test_check_estimator():
    reason = "fits an array, which is no GalaxyImageSet"
    results = check_estimator(
        ArrayVAE(),
        on_skip=None,
        expected_failed_checks=dict.fromkeys(FIT_ARRAYS, reason),
    )
    assert sum(r["status"] == "passed" for r in results) >= 13
    for result in results:
        if result["status"] == "xfail":
            error = result["exception"]
            texts = f"{error} {error.__cause__} {error.__context__}"
            assert "must be a GalaxyImageSet" in texts, result["check_name"]


def test_set_output(paper, unseen):
    other = clone(paper)
    for name, value in vars(paper).items():
        setattr(other, name, value)
    other.set_output(transform="pandas")
    frame = other.transform(unseen[0][:3])
    assert list(frame.columns) == list(paper.get_feature_names_out())
    assert np.array_equal(frame.to_numpy(), paper.transform(unseen[0][:3]))


def test_pickled_models_are_not_read(tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(np.arange(3)))
    with pytest.raises(ModelFileError, match="not a safetensors file"):
        PhysicsVAE.load(path)
