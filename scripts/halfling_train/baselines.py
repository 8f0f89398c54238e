"""Baselines without training: popularity and item-kNN."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from .datasets import Dataset


class Popularity:
    """The items bought most often in training."""

    def __init__(self, dataset: Dataset) -> None:
        self.order = np.argsort(-dataset.popularity, kind="stable")

    def recommend(
        self, histories: list[np.ndarray], count: int, excluded: list[np.ndarray] | None = None
    ) -> list[list[int]]:
        if excluded is None:
            return [self.order[:count].tolist() for _ in histories]
        candidates = [self.order[: count + len(items)] for items in excluded]
        return [
            row[~np.isin(row, items)][:count].tolist() for row, items in zip(candidates, excluded)
        ]


class ItemKnn:
    """Item-kNN: the sum of the cosine similarities of an item's users to the history's items.

    `decay` weighs the history's items by their age, the newest 1, the one before `decay`, and on;
    `neighbours` keeps each item's nearest; `shrinkage` damps similarities that few users support.
    """

    def __init__(
        self,
        dataset: Dataset,
        neighbours: int = 100,
        shrinkage: float = 5.0,
        decay: float = 0.7,
    ) -> None:
        sequences, items = dataset.training(), len(dataset.items)
        rows = np.repeat(np.arange(len(sequences)), [len(s) for s in sequences])
        columns = np.concatenate(sequences)
        shape = (len(sequences), items)
        users = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
        users.data[:] = 1.0  # a repeated item counts once
        together = sparse.coo_matrix(users.T @ users)
        counts = np.asarray(users.sum(axis=0)).ravel()
        lengths = np.sqrt(counts[together.row] * counts[together.col])
        similarity = together.data / (lengths + shrinkage)
        similarity[together.row == together.col] = 0.0
        full = sparse.csr_matrix((similarity, (together.row, together.col)), shape=(items, items))
        self.similarity = keep_largest(full, neighbours)
        self.decay = decay
        self.popularity = dataset.popularity / (1 + dataset.popularity.max())

    def recommend(
        self, histories: list[np.ndarray], count: int, excluded: list[np.ndarray] | None = None
    ) -> list[list[int]]:
        lengths = [len(history) for history in histories]
        rows, columns = np.repeat(np.arange(len(histories)), lengths), np.concatenate(histories)
        ages = np.concatenate([np.arange(length)[::-1] for length in lengths])
        shape = (len(histories), self.similarity.shape[0])
        weights = sparse.csr_matrix((self.decay**ages, (rows, columns)), shape=shape)
        scores = (weights @ self.similarity).toarray()
        scores += 1e-9 * self.popularity  # items without any similarity: by popularity
        for row, items in zip(scores, excluded or []):
            row[items] = -1.0
        count = min(count, scores.shape[1])
        best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        best = np.take_along_axis(best, order, axis=1)
        return [items[row[items] >= 0].tolist() for items, row in zip(best, scores)]


def keep_largest(matrix: sparse.csr_matrix, count: int) -> sparse.csr_matrix:
    """Zeroes all but the `count` largest entries of every row."""
    matrix = matrix.tocsr()
    for row in range(matrix.shape[0]):
        data = matrix.data[matrix.indptr[row] : matrix.indptr[row + 1]]
        if len(data) > count:
            data[data < np.partition(data, -count)[-count]] = 0.0
    matrix.eliminate_zeros()
    return matrix
