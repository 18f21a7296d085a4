# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Exact nearest neighbours by matrix products, in bounded memory.

These functions serve `SimilaritySearch`.
"""

import itertools

import numpy as np

__all__ = []

# Rows of the set per block, queries per block, and pairs whose exact
# distance is computed at a time: 67 MB each at most.
_ROWS = 65536
_QUERIES = 256
# The first block is smaller: sorting it is slow, and any limit to begin
# with rules nearly all pairs of the next blocks out.
_FIRST = 4096
_PAIRS = 1 << 18


def brute_neighbours(queries, points, k, excluded=None):
    """
    Find the nearest rows in Euclidean distance, exactly.

    A matrix product in single precision gives, for block after block,
    a lower bound of the squared distance that holds whatever the
    rounding. Only pairs below the k-th distance found so far are
    computed in double precision, so that the result is that of a full
    search in double precision.

    Parameters
    ----------
    queries : array, shape (M, n_features)
        What to look for.
    points : array, shape (N, n_features)
        Where to look.
    k : int
        Number of neighbours; at most N less the excluded.
    excluded : array of bool, shape (N,), optional
        Rows that are no neighbours.

    Returns
    -------
    distances : `~numpy.ndarray`, shape (M, k)
        Distances, rising; infinite where there are fewer than k rows.
    rows : `~numpy.ndarray` of int, shape (M, k)
        The rows; -1 where there are none.
    """
    n = len(queries)
    distances = np.full((n, k), np.inf)
    rows = np.full((n, k), -1)
    for start in range(0, n, _QUERIES):
        stop = start + _QUERIES
        _search(
            queries[start:stop],
            points,
            distances[start:stop],
            rows[start:stop],
            excluded,
        )
    return np.sqrt(distances), rows


def _blocks(n):
    """
    List the blocks' first and last rows.
    """
    edges = [0, *range(min(_FIRST, n), n, _ROWS), n]
    return list(itertools.pairwise(edges))


def _search(queries, points, best, rows, excluded):
    """
    Fill squared distances and rows of one block of queries.
    """
    n_features = points.shape[1]
    # What single precision may lose of a sum of n products, relative
    # to |q|^2 + |p|^2: rounding of the inputs and of every addition.
    slack = 4.0 * (n_features + 8) * np.finfo(np.float32).eps
    own = np.square(queries).sum(axis=1)
    left = np.column_stack([-2.0 * queries, np.ones(len(queries))]).astype(np.float32)
    for start, stop in _blocks(len(points)):
        block = np.asarray(points[start:stop], dtype=float)
        square = np.square(block).sum(axis=1) * (1.0 - slack)
        if excluded is not None:
            square[excluded[start:stop]] = np.inf
        right = np.column_stack([block, square]).astype(np.float32)
        # Squared distance less |q|^2, from below.
        bound = left @ right.T
        if not np.isfinite(best).all():
            _seed(bound, queries, block, start, best, rows)
        limit = best[:, -1] - own * (1.0 - slack)
        limit = np.nextafter(limit.astype(np.float32), np.float32(np.inf))
        pairs = np.nonzero(bound <= limit[:, None])
        _merge(pairs, queries, block, start, best, rows)


def _seed(bound, queries, block, start, best, rows):
    """
    Take the k rows that seem nearest, to have a limit to begin with.
    """
    k = best.shape[1]
    if bound.shape[1] > k:
        near = np.argpartition(bound, k - 1, axis=1)[:, :k]
    else:
        near = np.broadcast_to(np.arange(bound.shape[1]), bound.shape)
    query = np.repeat(np.arange(len(queries)), near.shape[1])
    row = near.ravel()
    usable = np.isfinite(bound[query, row])
    _merge((query[usable], row[usable]), queries, block, start, best, rows)


def _merge(pairs, queries, block, start, best, rows):
    """
    Put the exact distances of pairs among the best.
    """
    for first in range(0, len(pairs[0]), _PAIRS):
        query = pairs[0][first : first + _PAIRS]
        row = pairs[1][first : first + _PAIRS]
        exact = np.square(queries[query] - block[row]).sum(axis=1)
        # The limit has fallen since, and the seed comes twice.
        new = (exact <= best[query, -1]) & np.isfinite(exact)
        query, row, exact = query[new], row[new] + start, exact[new]
        new = ~(rows[query] == row[:, None]).any(axis=1)
        query, row, exact = query[new], row[new], exact[new]
        if len(query) == 0:
            continue
        touched, position = np.unique(query, return_inverse=True)
        k = best.shape[1]
        owner = np.concatenate([np.repeat(np.arange(len(touched)), k), position])
        every = np.concatenate([best[touched].ravel(), exact])
        names = np.concatenate([rows[touched].ravel(), row])
        # Of equal distances the first row wins; none at all comes last.
        order = np.lexsort((names, every, owner))
        starts = np.searchsorted(owner[order], np.arange(len(touched)))
        kept = order[starts[:, None] + np.arange(k)]
        best[touched], rows[touched] = every[kept], names[kept]
