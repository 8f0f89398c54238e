"""Balanced residual k-means."""

from __future__ import annotations

import numpy as np
from halfling_train.item_vectors import collaborative_vectors
from halfling_train.residual_kmeans import SLACK, quantize, report


def clouds(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points around 6 far-off centers, one of which holds most of them."""
    random = np.random.default_rng(seed)
    centers = 10 * random.normal(size=(6, 8))
    labels = random.choice(6, size=count, p=[0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    return centers[labels] + random.normal(size=(count, 8)), labels


def test_codes_are_unique_and_balanced() -> None:
    vectors, _ = clouds(300)
    codes = quantize(vectors, [8, 8, 16], seed=1)
    assert codes.shape == (300, 3)
    assert (codes >= 0).all() and (codes < [8, 8, 16]).all()
    assert len(np.unique(codes, axis=0)) == 300
    for level in (0, 1):
        assert np.bincount(codes[:, level]).max() <= np.ceil(SLACK * 300 / 8)


def test_near_vectors_share_their_first_code() -> None:
    vectors, labels = clouds(300)
    first = quantize(vectors, [12, 8, 16], seed=1)[:, 0]
    alike = sum(np.bincount(labels[first == code]).max() for code in np.unique(first))
    assert alike >= 0.85 * 300  # the rest had to leave a full cluster


def test_collisions_are_reported_where_the_last_level_is_too_small() -> None:
    codes = quantize(clouds(300)[0], [2, 2, 4], seed=1)  # 300 items, 16 codes
    summary = report(codes, [2, 2, 4])
    assert summary["collisions"] == 300 - len(np.unique(codes, axis=0)) > 0
    assert summary["levels"][0]["entropy_bits"] <= 1.0


def test_items_consumed_together_get_near_vectors() -> None:
    random = np.random.default_rng(0)
    sequences = [random.permutation(10) + 10 * (user % 2) for user in range(40)]
    vectors = collaborative_vectors(sequences, items=20, size=4, seed=0)
    similarity = vectors @ vectors.T
    assert similarity[:10, :10].min() > similarity[:10, 10:].max()
