# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Resizing as two matrix products: ``rows @ image @ columns.T``.

Each matrix has the shape (outputs, inputs) of one axis. Both grids
are square to the sky and share their centre, pixel (n - 1) / 2.
"""

import numpy as np

__all__ = [
    "apply_separable",
    "area_matrix",
    "bicubic_matrix",
    "resize_masked",
]

#: An output pixel with less than this share of its weight on valid
#: pixels is masked.
VALID_FRACTION = 0.5


def area_matrix(n_in, n_out, ratio, shift=0.0):
    """
    Share the flux of input pixels among output pixels by overlap.

    The columns of inputs that lie wholly inside the output frame sum
    to one, so flux is conserved.

    Parameters
    ----------
    n_in, n_out : int
        The number of input and output pixels.
    ratio : float
        The size of an output pixel in input pixels.
    shift : float, optional
        The centre of the output frame minus that of the input frame,
        in input pixels.

    Returns
    -------
    matrix : `~numpy.ndarray`, shape (n_out, n_in)
        The fraction of each input pixel that falls in each output
        pixel.
    """
    centre = n_in / 2 + shift
    edges = centre + ratio * (np.arange(n_out + 1) - n_out / 2)
    # Rounding must not give an outside pixel a share of 1e-16.
    nearest = np.round(edges)
    edges = np.where(np.abs(edges - nearest) < 1e-9, nearest, edges)
    left = np.arange(n_in)
    overlap = np.minimum(edges[1:, None], left + 1) - np.maximum(edges[:-1, None], left)
    return np.clip(overlap, 0.0, None)


def bicubic_matrix(n_in, n_out):
    """
    Interpolate an axis as ``torch.nn.functional.interpolate`` does with
    ``mode="bicubic", align_corners=False, antialias=False``.

    Keys's cubic convolution with a = -0.75; beyond the edge the last
    pixel is repeated. The paper brings 128 pixels to 69 by it.

    Parameters
    ----------
    n_in, n_out : int
        The number of input and output pixels.

    Returns
    -------
    matrix : `~numpy.ndarray`, shape (n_out, n_in)
        The weights; each row sums to one.
    """
    position = (np.arange(n_out) + 0.5) * n_in / n_out - 0.5
    first = np.floor(position).astype(int)
    matrix = np.zeros((n_out, n_in))
    rows = np.arange(n_out)
    for tap in range(-1, 3):
        weight = _keys(np.abs(position - (first + tap)))
        np.add.at(matrix, (rows, np.clip(first + tap, 0, n_in - 1)), weight)
    return matrix


def _keys(distance, a=-0.75):
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((distance - 5) * distance + 8) * distance * a - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


def apply_separable(rows, images, columns):
    """
    Resize images by a matrix per axis.

    Parameters
    ----------
    rows : `~numpy.ndarray`, shape (y_out, y_in)
        The matrix of the y axis.
    images : `~numpy.ndarray`, shape (..., y_in, x_in)
        The images.
    columns : `~numpy.ndarray`, shape (x_out, x_in)
        The matrix of the x axis.

    Returns
    -------
    images : `~numpy.ndarray`, shape (..., y_out, x_out)
        The resized images, in the type of the input.
    """
    dtype = images.dtype
    half = np.matmul(images, columns.T.astype(dtype))
    return np.matmul(rows.astype(dtype), half)


def resize_masked(rows, images, columns, full, mask=None, variance=None):
    """
    Resize images by weights that are not negative, leaving masked
    pixels out.

    An output pixel that is partly masked or partly outside the frame
    is scaled up to its whole weight; one with less than half of its
    weight on valid pixels is masked. Variances add with the squared
    weights; the covariance of neighbouring output pixels is not kept.

    Parameters
    ----------
    rows : `~numpy.ndarray`, shape (y_out, y_in)
        The matrix of the y axis.
    images : `~numpy.ndarray`, shape (..., y_in, x_in)
        The images.
    columns : `~numpy.ndarray`, shape (x_out, x_in)
        The matrix of the x axis.
    full : float
        The weight of an output pixel that is wholly valid.
    mask : `~numpy.ndarray` of bool, optional
        True where there is no measurement; of the images' shape.
    variance : `~numpy.ndarray`, optional
        The variance of each pixel; of the images' shape.

    Returns
    -------
    images : `~numpy.ndarray`, shape (..., y_out, x_out)
        The resized images; zero where masked.
    mask : `~numpy.ndarray` of bool or None
        True where there is no measurement.
    variance : `~numpy.ndarray` or None
        The propagated variance.
    """
    dtype = images.dtype
    if mask is None:
        share = np.outer(rows.sum(axis=1), columns.sum(axis=1)) / full
    else:
        valid = (~mask).astype(dtype)
        images = images * valid
        variance = None if variance is None else variance * valid
        share = apply_separable(rows, valid, columns) / dtype.type(full)
    out = apply_separable(rows, images, columns)
    if variance is not None:
        variance = apply_separable(rows**2, variance, columns**2)
    if np.all(share > 1 - 1e-5):
        return out, None, variance
    out_mask = share < VALID_FRACTION
    gain = np.where(out_mask, 0, 1 / np.where(out_mask, 1, share))
    gain = gain.astype(dtype)
    out *= gain
    if variance is not None:
        variance *= gain**2
    return out, np.broadcast_to(out_mask, out.shape), variance
