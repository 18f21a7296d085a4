# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
`SimilaritySearch`: galaxies like some that are known.
"""

import numpy as np
from astropy.table import QTable, Table
from scipy.spatial import cKDTree
from sklearn.base import BaseEstimator
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.validation import check_is_fitted

from .latents import (
    check_length,
    finite_rows,
    fit_latents,
    new_latents,
    usable_rows,
    warn_of_dropped,
)

__all__ = ["SimilaritySearch"]

# Networks of single precision give a galaxy latents that differ by 1e-5
# when it comes with others.
_SAME = 3e-4

# Up to this many latents a tree needs less than a full search; see
# benchmarks/similarity_search.py.
_TREE_FEATURES = 8


class SimilaritySearch(BaseEstimator):
    """
    Find the galaxies nearest to examples in standardised latents.

    Distances are exact, whatever the number of galaxies. Of the indexes
    that exist, two serve best (``benchmarks/similarity_search.py``): a
    k-d tree (`scipy.spatial.cKDTree`) for few latents, and scikit-learn's
    full search by matrix products for many, of which trees would visit
    nearly every leaf. The full search builds nothing, and its memory
    beyond the latents is bounded. Approximate indexes (hnswlib,
    faiss) need a hundred times longer to build than a full search for
    hundreds of examples takes, which pays after many searches only.

    Parameters
    ----------
    n_neighbors : int, optional
        Number of neighbours of each example.
    p : float, optional
        Of Minkowski's metric; 2: Euclidean.
    scale : bool, optional
        Whether to standardise the latents; False: distances as the
        latents are.
    method : {"auto", "tree", "brute"}, optional
        How to search; ``"auto"`` takes the tree for up to eight latents.

    Attributes
    ----------
    mean_, scale_ : `~numpy.ndarray`, shape (n_latent,)
        What the latents are standardised by.
    ids_ : `~numpy.ndarray` or None
        Names of the galaxies.
    n_features_in_ : int
        Number of latents.

    Examples
    --------
    >>> import numpy as np
    >>> from astrovae.anomaly import SimilaritySearch
    >>> latents = np.array([[0.0, 0], [0.1, 0], [0.2, 0.1], [5, 5], [6, 6]])
    >>> SimilaritySearch(n_neighbors=2).fit(latents).query(latents[:2])["row"]
    <Column name='row' dtype='int64' length=2>
    2
    3
    """

    def __init__(self, n_neighbors=10, *, p=2.0, scale=True, method="auto"):
        self.n_neighbors = n_neighbors
        self.p = p
        self.scale = scale
        self.method = method

    def fit(self, latents, y=None, *, ids=None):  # noqa: ARG002
        """
        Take the galaxies among which to search.

        Parameters
        ----------
        latents : `~astropy.table.QTable` or array_like, shape (N, n_latent)
            The latents; rows that are not finite are never found, of
            which a warning tells.
        y : object, optional
            Not used; scikit-learn's convention.
        ids : array_like, shape (N,), optional
            Names of the galaxies; by default the table's column
            ``id``.

        Returns
        -------
        self : `SimilaritySearch`
            Fitted.

        Raises
        ------
        ValueError
            If there is no finite row, or an argument is wrong.
        """
        self._check_arguments()
        values = fit_latents(self, latents)
        if ids is None and isinstance(latents, Table) and "id" in latents.colnames:
            ids = latents["id"]
        self.ids_ = None if ids is None else check_length("ids", ids, len(values))
        good = usable_rows(values, "the search")
        self._rows = np.flatnonzero(good)
        values = values if good.all() else values[good]
        self.mean_ = np.zeros(values.shape[1])
        self.scale_ = np.ones(values.shape[1])
        if self.scale:
            self.mean_ = values.mean(axis=0)
            spread = values.std(axis=0)
            self.scale_ = np.where(spread > 0, spread, 1.0)
        self._points = (values - self.mean_) / self.scale_
        few = values.shape[1] <= _TREE_FEATURES
        if self.method == "tree" or (self.method == "auto" and few):
            # Not balanced: built in a third of the time, searched as fast.
            options = {"balanced_tree": False, "compact_nodes": False}
            self._index = cKDTree(self._points, **options)
        else:
            index = NearestNeighbors(algorithm="brute", p=self.p)
            self._index = index.fit(self._points)
        return self

    def _check_arguments(self):
        if self.method not in ("auto", "tree", "brute"):
            msg = f"method must be 'auto', 'tree' or 'brute', got {self.method!r}"
            raise ValueError(msg)
        if self.n_neighbors < 1:
            msg = f"n_neighbors must be at least 1, got {self.n_neighbors}"
            raise ValueError(msg)
        if not self.p >= 1:
            msg = f"p must be at least 1, got {self.p}"
            raise ValueError(msg)

    def kneighbors(self, examples, *, exclude_examples=True):
        """
        Find the neighbours of each example.

        Parameters
        ----------
        examples : `~astropy.table.QTable` or array_like, shape (M, n_latent)
            Latents of the examples.
        exclude_examples : bool, optional
            Whether galaxies with the latents of any example are
            no neighbours.

        Returns
        -------
        distances : `~numpy.ndarray`, shape (M, n_neighbors)
            In standard deviations, rising; infinite where there are no
            more galaxies, or the example is not finite.
        rows : `~numpy.ndarray` of int, shape (M, n_neighbors)
            Rows of the fitted latents; -1 where there are none.
        """
        check_is_fitted(self, "mean_")
        values = (new_latents(self, examples) - self.mean_) / self.scale_
        good = finite_rows(values)
        distances = np.full((len(values), self.n_neighbors), np.inf)
        rows = np.full(distances.shape, -1)
        excluded = np.zeros(len(self._points), dtype=bool)
        if exclude_examples and good.any():
            excluded = _same_rows(self._points, values[good])
        found = self._neighbours(values[good], excluded)
        distances[good] = found[0]
        rows[good] = np.where(found[1] < 0, -1, self._rows[found[1]])
        return distances, rows

    def _neighbours(self, values, excluded):
        n = len(self._points)
        # As many more as can be in the way.
        k = min(self.n_neighbors + np.count_nonzero(excluded), n)
        if len(values) == 0:
            rows = np.zeros((0, k), dtype=int)
        elif isinstance(self._index, cKDTree):
            every = np.arange(1, k + 1)
            _, rows = self._index.query(values, k=every, p=self.p, workers=-1)
        else:
            rows = self._index.kneighbors(values, k, return_distance=False)
        distances = np.empty(rows.shape)
        for i, example in enumerate(values):
            # Again, since matrix products lose the digits of small ones.
            difference = self._points[rows[i]] - example
            distances[i] = np.linalg.norm(difference, ord=self.p, axis=1)
        distances = np.where(excluded[rows], np.inf, distances)
        order = np.argsort(distances, axis=1, kind="stable")[:, : self.n_neighbors]
        distances = np.take_along_axis(distances, order, axis=1)
        rows = np.take_along_axis(rows, order, axis=1)
        rows = np.where(np.isinf(distances), -1, rows)
        padding = ((0, 0), (0, self.n_neighbors - rows.shape[1]))
        return (
            np.pad(distances, padding, constant_values=np.inf),
            np.pad(rows, padding, constant_values=-1),
        )

    def query(self, examples, *, n=None):
        """
        Rank galaxies by how many examples they are near to.

        Parameters
        ----------
        examples : `~astropy.table.QTable` or array_like, shape (M, n_latent)
            Latents of the examples. Galaxies with these latents, but for
            rounding, are not in the result; examples that are not finite
            have no neighbours, of which a warning tells.
        n : int, optional
            Number of galaxies to return; by default all that are a
            neighbour of an example.

        Returns
        -------
        table : `~astropy.table.QTable`
            One row per galaxy, the best first: ``row`` of the fitted
            latents; ``id`` if there are names; ``n_examples`` of which
            it is one of the ``n_neighbors`` nearest galaxies, then
            ``distance`` to the nearest example, by which those of one
            number are sorted; ``nearest_example``, a row of
            ``examples``, and ``nearest_example_id`` if these have one.
        """
        if n is not None and n < 1:
            msg = f"n must be at least 1, not {n}"
            raise ValueError(msg)
        distances, rows = self.kneighbors(examples)
        warn_of_dropped(rows[:, 0] >= 0, "the examples") if len(rows) else None
        found = rows >= 0
        example = np.broadcast_to(np.arange(len(rows))[:, None], rows.shape)[found]
        rows, distances = rows[found], distances[found]
        # For each galaxy, the nearest example first.
        order = np.lexsort((distances, rows))
        galaxies, first, count = np.unique(
            rows[order], return_index=True, return_counts=True
        )
        nearest = order[first]
        best = np.lexsort((galaxies, distances[nearest], -count))[:n]
        table = QTable()
        table["row"] = galaxies[best]
        if self.ids_ is not None:
            table["id"] = self.ids_[galaxies[best]]
        table["n_examples"] = count[best]
        table["distance"] = distances[nearest][best]
        table["nearest_example"] = example[nearest][best]
        if isinstance(examples, Table) and "id" in examples.colnames:
            names = np.asarray(examples["id"])
            table["nearest_example_id"] = names[table["nearest_example"]]
        table.meta["n_neighbors"] = self.n_neighbors
        return table

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _same_rows(points, values):
    """
    Find the rows that are equal to any of some values, but for rounding.
    """
    # The first latent rules nearly all out.
    first = np.sort(values[:, 0])
    place = np.searchsorted(first, points[:, 0] - _SAME)
    nearest = np.append(first, np.inf)[place]
    candidates = np.flatnonzero(nearest <= points[:, 0] + _SAME)
    distance, _ = cKDTree(values).query(
        points[candidates], p=np.inf, distance_upper_bound=_SAME
    )
    same = np.zeros(len(points), dtype=bool)
    same[candidates[np.isfinite(distance)]] = True
    return same
