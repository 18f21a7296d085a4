# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What turns a trained network's latents into intervals and scores.
"""

import warnings

import numpy as np

from astrovae.exceptions import AstrovaeWarning
from astrovae.nn import (
    OutlierScore,
    PITCalibration,
    QuantileCalibration,
    join_encodings,
)
from astrovae.parameters import PARAMETERS

from .frames import encode_rows
from .morphology import MorphologyAxis
from .posteriors import MixturePosterior
from .scaling import angle_difference

__all__ = ["calibrate"]

# Fewer validation labels than this cannot place a 16th percentile.
_MIN_CALIBRATION = 20


def calibrate(vae, store, data, device):
    """
    Fit what turns latents into intervals and scores.

    Sets ``morphology_``, ``outlier_score_`` and ``calibration_``.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        With a trained network and its ``scaling_``.
    store : `~astrovae.nn.ImageStore`
        All galaxies.
    data : `TrainingData`
        Their labels and splits.
    device : `~torch.device`
        Where the network is.
    """
    labels, train, validation = data.labels, data.train, data.validation
    trained = encode_rows(vae.network_, store, train, device)
    held_out = encode_rows(vae.network_, store, validation, device)
    n_physical = len(vae.scaling_.latents)
    vae.morphology_ = MorphologyAxis.fit(trained.mean, n_physical)
    vae.outlier_score_ = OutlierScore.fit(trained.features, held_out.features)
    few = [
        name
        for name, values in labels.values.items()
        if np.isfinite(values[validation]).sum() < _MIN_CALIBRATION
    ]
    if few:
        msg = (
            f"fewer than {_MIN_CALIBRATION} validation galaxies have a label "
            f"of {', '.join(few)}; the intervals are calibrated on the "
            "training split too and may be too narrow"
        )
        warnings.warn(msg, AstrovaeWarning, stacklevel=3)
    both = np.concatenate([train, validation])
    joined = join_encodings([trained, held_out])
    vae.calibration_ = {}
    for name in labels.values:
        rows, code = (both, joined) if name in few else (validation, held_out)
        vae.calibration_[name] = _calibration(vae, name, labels.take(rows), code)


def _calibration(vae, name, labels, code):
    truth, error = labels.values[name], labels.errors[name]
    if code.mixture is not None:
        posterior = MixturePosterior(code, vae.scaling_, {})
        pit = posterior.raw_cdf(name, truth[:, None], np.nan_to_num(error))[:, 0]
        return PITCalibration.fit(pit, code.brightness)
    value, sigma = vae.scaling_.to_estimates(code.mean, code.log_variance)[name]
    residual = truth - value
    if PARAMETERS[name].scale == "periodic":
        residual = angle_difference(truth, value)
    if not vae.preset_.predicts_sigma:
        return QuantileCalibration.fit(residual)
    return QuantileCalibration.fit(residual, sigma, error)
