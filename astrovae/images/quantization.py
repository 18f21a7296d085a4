# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Rounding pixels to a fraction of their noise, so that they pack well.

As ``fpack`` does it (Pence, Seaman & White 2009): a step of noise /
level adds ``1 / (12 level**2)`` to the variance, half a percent at
level 4, and leaves about ``log2(4.1 level)`` bits per pixel.
"""

import numpy as np

__all__ = ["pack", "pixel_noise", "unpack"]


def pixel_noise(data):
    """
    Measure the noise from differences of nearby pixels.

    Parameters
    ----------
    data : `~numpy.ndarray`, shape (..., y, x)
        Images; the sky's gradient and large sources cancel.

    Returns
    -------
    sigma : `~numpy.ndarray`, shape (...)
        The standard deviation of a pixel. On grids finer than the
        original's, where neighbours share noise, it comes out lower.
    """
    if data.shape[-1] < 5:
        return np.std(data, axis=(-2, -1))
    third = 2 * data[..., 2:-2] - data[..., :-4] - data[..., 4:]
    third = np.abs(third).reshape(*data.shape[:-2], -1)
    return 0.6052697 * np.median(third, axis=-1)


def pack(data, level):
    """
    Turn pixels into small unsigned integers.

    Parameters
    ----------
    data : `~numpy.ndarray`, shape (N, bands, y, x)
        Finite pixels.
    level : float
        The steps per standard deviation of the noise.

    Returns
    -------
    codes : `~numpy.ndarray` of uint32, shape (N, bands, y, x)
        0, -1, 1, -2, ... steps as 0, 1, 2, 3, ...: the upper bytes
        are zero.
    step : `~numpy.ndarray` of float32, shape (N, bands)
        The step of each image.
    """
    data = np.asarray(data, dtype=np.float32)
    peak = np.abs(data).max(axis=(-2, -1), initial=0.0)
    # Without noise there is no natural step; and a step too small
    # for the peak would overflow.
    step = np.maximum(pixel_noise(data) / level, peak * 1e-6)
    step = np.where(step > 0, step, 1.0).astype(np.float32)
    steps = np.rint(data / step[..., None, None]).astype(np.int32)
    codes = (steps << 1) ^ (steps >> 31)
    return codes.view(np.uint32), step


def unpack(codes, step):
    """
    Undo `pack`, up to the rounding.

    Parameters
    ----------
    codes : `~numpy.ndarray` of uint32, shape (N, bands, y, x)
        The codes.
    step : `~numpy.ndarray` of float32, shape (N, bands)
        The step of each image.

    Returns
    -------
    data : `~numpy.ndarray` of float32, shape (N, bands, y, x)
        The pixels.
    """
    steps = (codes >> np.uint32(1)).view(np.int32)
    steps ^= -(codes & np.uint32(1)).view(np.int32)
    data = steps.astype(np.float32)
    data *= step[..., None, None]
    return data
