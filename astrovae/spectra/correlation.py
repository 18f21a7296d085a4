# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Chi squared of a template at all redshifts at once.

On a grid of log wavelength a redshift is a shift, and the sums that a
linear fit needs are correlations, which the fast Fourier transform gives
for every shift. `specutils.analysis.template_redshift` is not used: it
resamples the template anew for each redshift, takes one component with
one free scale, ignores the mask and knows no continuum beside the
template, so that flux calibration and dust would decide the redshift.
"""

from itertools import combinations

import numpy as np
from scipy import fft

__all__ = ["STEP", "LogGrid", "nonnegative_gain"]

#: The step of the grid in log10 of the wavelength: half of one of
#: SDSS's pixels, 34 km / s.
STEP = 0.5e-4


class LogGrid:
    """
    A spectrum on a grid of log wavelength.

    No pixel is interpolated, so that noise stays independent: each goes
    to the nearest point of the grid, within 17 km / s, and most points
    have none, thus no weight.

    Parameters
    ----------
    arrays : `~astrovae.spectra.arrays.SpectralArrays`
        The spectrum.
    z_range : tuple of float
        The redshifts wanted.
    degree : int
        Of the polynomial in log wavelength that is added to every
        template.

    Attributes
    ----------
    redshifts : `~numpy.ndarray`, shape (S,)
        The redshifts.
    rest_wavelength : `~numpy.ndarray`
        Where templates are to be evaluated, in AA.
    null_chi2 : float
        Chi squared of the polynomial alone.
    """

    def __init__(self, arrays, z_range, degree):
        loglam = np.log10(arrays.wavelength[arrays.good])
        first = loglam[0]
        index = np.rint((loglam - first) / STEP).astype(int)
        n = index[-1] + 1
        flux, ivar = arrays.flux[arrays.good], arrays.ivar[arrays.good]
        self._weight = np.bincount(index, ivar, n)
        self._weighted = np.bincount(index, ivar * flux, n)
        low, high = (int(np.floor(np.log10(1 + z) / STEP)) for z in z_range)
        shifts = np.arange(low, high + 1)
        self.redshifts = 10 ** (shifts * STEP) - 1
        self.rest_wavelength = 10 ** (first + STEP * np.arange(-high, n - low))
        # Orthonormal under the weights: projections are then plain products.
        x = np.linspace(-1, 1, n)
        root = np.sqrt(self._weight)
        basis, _ = np.linalg.qr(
            np.polynomial.legendre.legvander(x, degree) * root[:, None]
        )
        self._basis = (basis * root[:, None]).T
        data = np.divide(self._weighted, root, out=np.zeros(n), where=root > 0)
        projection = basis.T @ data
        # Scatter of pixels that share a point counts as well.
        self.null_chi2 = float(np.sum(ivar * flux**2) - projection @ projection)
        self._residual = self._weighted - self._basis.T @ projection
        self._size = fft.next_fast_len(len(self.rest_wavelength) + n, real=True)

    def _transform(self, values):
        return np.conj(fft.rfft(values, self._size))

    def _correlate(self, template_transform, data_transform):
        # sum_p data[p] template[p - shift], for each shift.
        full = fft.irfft(template_transform * data_transform, self._size)
        return full[: len(self.redshifts)][::-1]

    def gain(self, components):
        """
        By how much components lower chi squared, at each redshift.

        Parameters
        ----------
        components : `~numpy.ndarray`, shape (K, M)
            At `rest_wavelength`.

        Returns
        -------
        gain : `~numpy.ndarray`, shape (S,)
            Chi squared of the polynomial alone, less that of the
            polynomial and the best sum of components, none negative.
        """
        transforms = [fft.rfft(c, self._size) for c in components]
        weight = self._transform(self._weight)
        residual = self._transform(self._residual)
        basis = [self._transform(row) for row in self._basis]
        linear = np.array([self._correlate(t, residual) for t in transforms])
        overlap = np.array(
            [[self._correlate(t, row) for row in basis] for t in transforms]
        )
        k, n = len(components), len(self.redshifts)
        matrix = np.empty((k, k, n))
        for i in range(k):
            for j in range(i + 1):
                product = fft.rfft(components[i] * components[j], self._size)
                value = self._correlate(product, weight)
                value -= np.sum(overlap[i] * overlap[j], axis=0)
                matrix[i, j] = matrix[j, i] = value
        return nonnegative_gain(matrix, linear)


def nonnegative_gain(matrix, linear):
    """
    Solve small non-negative least squares problems, exactly.

    Every subset of the components is tried; there are 15 of four.

    Parameters
    ----------
    matrix : `~numpy.ndarray`, shape (K, K, S)
        Normal matrices.
    linear : `~numpy.ndarray`, shape (K, S)
        Products of components and data.

    Returns
    -------
    gain : `~numpy.ndarray`, shape (S,)
        The reduction of chi squared; 0 if no component helps.
    """
    k, n = linear.shape
    best = np.zeros(n)
    scale = np.max(np.diagonal(matrix), axis=0, initial=0.0)
    for size in range(1, k + 1):
        for chosen in combinations(range(k), size):
            part = np.moveaxis(matrix[np.ix_(chosen, chosen)], -1, 0)
            right = linear[list(chosen)].T
            # A component without a feature in range is a polynomial: it
            # has nothing left, and its equations no solution.
            diagonal = np.diagonal(part, axis1=1, axis2=2)
            usable = np.linalg.det(part) > 1e-9 * np.prod(diagonal, axis=1)
            usable &= np.all(diagonal > 1e-12 * scale[list(chosen)], axis=1)
            if not usable.any():
                continue
            solution = np.linalg.solve(part[usable], right[usable][..., None])[..., 0]
            gain = np.sum(solution * right[usable], axis=1)
            gain = np.where(np.all(solution >= 0, axis=1), gain, 0.0)
            best[usable] = np.maximum(best[usable], gain)
    return best
