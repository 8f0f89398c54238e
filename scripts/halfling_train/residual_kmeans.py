"""Balanced residual k-means: vectors become short codes, near vectors get near codes."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans

SLACK = 1.25  # a cluster may hold this many times its even share


def quantize(vectors: np.ndarray, level_sizes: list[int], seed: int) -> np.ndarray:
    """[items, levels] codes. Each level clusters what the levels before left over.

    No prefix gets more items than the levels after it can tell apart, and the last one does, so
    codes are unique; where there are more items than codes, as few as possible share one.
    """
    sharing = -(-len(vectors) // int(np.prod(level_sizes)))
    residual, columns = vectors, []
    for level, size in enumerate(level_sizes):
        means = KMeans(size, n_init=4, random_state=seed + level).fit(residual)
        prefixes = numbered(columns, len(vectors))
        if level + 1 < len(level_sizes):
            most = sharing * int(np.prod(level_sizes[level + 1 :]))
            codes, centers = balance(residual, means.cluster_centers_, prefixes, most)
        else:
            centers = means.cluster_centers_
            codes = tell_apart(residual, centers, prefixes)
        columns.append(codes)
        residual = residual - centers[codes]
    return np.stack(columns, axis=1)


def numbered(columns: list[np.ndarray], items: int) -> np.ndarray:
    """[items] a number for each prefix, the codes of an item in `columns`; 0 without any."""
    if not columns:
        return np.zeros(items, dtype=np.int64)
    _, numbers = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    return numbers.reshape(-1)


def distances(vectors: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """[items, clusters] squared distances."""
    squares = (vectors**2).sum(1)[:, None] + (centers**2).sum(1)[None, :]
    return np.maximum(squares - 2 * vectors @ centers.T, 0.0)


def balance(
    vectors: np.ndarray, centers: np.ndarray, prefixes: np.ndarray, most: int, rounds: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """Codes with no cluster above SLACK times its even share, and the centers that fit them.

    prefixes [items] are numbers of what the levels before say; a cluster may have `most` of each.
    """
    capacity = int(np.ceil(SLACK * len(vectors) / len(centers)))
    for _ in range(rounds):
        codes = assign(distances(vectors, centers), capacity, prefixes, most)
        used = np.unique(codes)
        centers = centers.copy()
        centers[used] = [vectors[codes == code].mean(axis=0) for code in used]
    return codes, centers


def assign(costs: np.ndarray, capacity: int, prefixes: np.ndarray, most: int) -> np.ndarray:
    """Each row's cheapest column that has room; rows with most to lose choose first.

    A column has room for `capacity` rows, if that can be, and for `most` of one prefix.
    """
    cheapest = np.partition(costs, 1, axis=1)
    room = np.full(costs.shape[1], capacity)
    own_room = np.full((prefixes.max() + 1, costs.shape[1]), most)
    codes = np.empty(len(costs), dtype=np.int64)
    for row in np.argsort(cheapest[:, 0] - cheapest[:, 1], kind="stable"):
        own = own_room[prefixes[row]]
        allowed = (room > 0) & (own > 0)
        codes[row] = np.where(allowed if allowed.any() else own > 0, costs[row], np.inf).argmin()
        room[codes[row]] -= 1
        own[codes[row]] -= 1
    return codes


def tell_apart(vectors: np.ndarray, centers: np.ndarray, prefixes: np.ndarray) -> np.ndarray:
    """Codes that differ within each of `prefixes` [items], at the least total distance.

    Where a prefix has more items than there are codes, as few as possible share one.
    """
    costs = distances(vectors, centers)
    codes = costs.argmin(axis=1)
    ordered = np.argsort(prefixes, kind="stable")
    for members in np.split(ordered, np.bincount(prefixes).cumsum()[:-1]):
        if len(members) > 1:
            copies = -(-len(members) // len(centers))
            rows, columns = linear_sum_assignment(np.tile(costs[members], copies))
            codes[members[rows]] = columns % len(centers)
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
