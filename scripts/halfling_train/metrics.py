"""HR@K and NDCG@K with one target a user, strict and with colliding codes counted as hits."""

from __future__ import annotations

import numpy as np

HR_AT = (1, 5, 10)
NDCG_AT = (5, 10)
MISS = 10**6


def item_ranks(lists: list[list[int]], targets: np.ndarray) -> np.ndarray:
    """0-based rank of each target among the recommended items; MISS where it is not there."""
    return np.array([first_index(row, target) for row, target in zip(lists, targets)])


def code_ranks(lists: list[list[int]], targets: np.ndarray, leaf_of: np.ndarray) -> np.ndarray:
    """The same among the distinct codes of the recommended items, so that collisions are hits."""
    rows = [list(dict.fromkeys(leaf_of[row].tolist())) for row in lists]
    return item_ranks(rows, leaf_of[targets])


def first_index(row: list[int], wanted: int) -> int:
    return row.index(wanted) if wanted in row else MISS


def gains(ranks: np.ndarray) -> dict[str, np.ndarray]:
    """What each user of `ranks` adds to each figure, such as NDCG@10: [users]."""
    discounted = 1.0 / np.log2(ranks + 2.0)
    hits = {f"HR@{k}": (ranks < k).astype(np.float64) for k in HR_AT}
    return {**hits, **{f"NDCG@{k}": np.where(ranks < k, discounted, 0) for k in NDCG_AT}}


def summarize(ranks: np.ndarray) -> dict[str, float]:
    """Means over the users of `ranks`."""
    return {name: round(float(values.mean()), 5) for name, values in gains(ranks).items()}
