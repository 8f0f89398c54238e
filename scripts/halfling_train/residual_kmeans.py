"""Balanced residual k-means: vectors become short codes, near vectors get near codes."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans

SLACK = 1.25  # a cluster may hold this many times its even share


def quantize(vectors: np.ndarray, level_sizes: list[int], seed: int) -> np.ndarray:
    """[items, levels] codes. Each level clusters what the levels before left over.

    The last level tells items with an equal prefix apart (as far as it has codes), so codes are
    unique unless a prefix has more items than the last level has codes.
    """
    residual, columns = vectors, []
    for level, size in enumerate(level_sizes):
        means = KMeans(size, n_init=4, random_state=seed + level).fit(residual)
        if level + 1 < len(level_sizes):
            codes, centers = balance(residual, means.cluster_centers_)
        else:
            centers = means.cluster_centers_
            prefixes = np.stack(columns, axis=1) if columns else np.zeros((len(vectors), 1), int)
            codes = tell_apart(residual, centers, prefixes)
        columns.append(codes)
        residual = residual - centers[codes]
    return np.stack(columns, axis=1)


def distances(vectors: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """[items, clusters] squared distances."""
    squares = (vectors**2).sum(1)[:, None] + (centers**2).sum(1)[None, :]
    return np.maximum(squares - 2 * vectors @ centers.T, 0.0)


def balance(
    vectors: np.ndarray, centers: np.ndarray, rounds: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """Codes with no cluster above SLACK times its even share, and the centers that fit them."""
    capacity = int(np.ceil(SLACK * len(vectors) / len(centers)))
    for _ in range(rounds):
        codes = assign(distances(vectors, centers), capacity)
        used = np.unique(codes)
        centers = centers.copy()
        centers[used] = [vectors[codes == code].mean(axis=0) for code in used]
    return codes, centers


def assign(costs: np.ndarray, capacity: int) -> np.ndarray:
    """Each row's cheapest column that has room; rows with most to lose choose first."""
    cheapest = np.partition(costs, 1, axis=1)
    room = np.full(costs.shape[1], capacity)
    codes = np.empty(len(costs), dtype=np.int64)
    for row in np.argsort(cheapest[:, 0] - cheapest[:, 1], kind="stable"):
        codes[row] = np.where(room > 0, costs[row], np.inf).argmin()
        room[codes[row]] -= 1
    return codes


def tell_apart(vectors: np.ndarray, centers: np.ndarray, prefixes: np.ndarray) -> np.ndarray:
    """Codes that differ within each prefix, at the least total distance."""
    costs = distances(vectors, centers)
    codes = costs.argmin(axis=1)
    _, groups = np.unique(prefixes, axis=0, return_inverse=True)
    for members in np.split(np.argsort(groups, kind="stable"), np.bincount(groups).cumsum()[:-1]):
        if 1 < len(members) <= len(centers):
            rows, columns = linear_sum_assignment(costs[members])
            codes[members[rows]] = columns
    return codes


def report(codes: np.ndarray, level_sizes: list[int]) -> dict:
    """How even and how unique the codes are; entropy in bits, at most log2 of the level's size."""
    levels = []
    for column, size in zip(codes.T, level_sizes):
        counts = np.bincount(column, minlength=size)
        shares = counts[counts > 0] / len(codes)
        levels.append(
            {
                "codes": size,
                "used": int((counts > 0).sum()),
                "largest": int(counts.max()),
                "even_share": round(len(codes) / size, 1),
                "entropy_bits": round(float(-(shares * np.log2(shares)).sum()), 3),
            }
        )
    colliding = len(codes) - len(np.unique(codes, axis=0))
    return {"items": len(codes), "collisions": colliding, "levels": levels}
