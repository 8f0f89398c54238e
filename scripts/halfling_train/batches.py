"""One epoch's batches: windows of a history and a target, 21 items unless a prompt has others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .datasets import MAX_HISTORY

WINDOW = MAX_HISTORY + 1


def windows(sequence: np.ndarray, random: np.random.Generator, most: int) -> list[np.ndarray]:
    """The sequence, or its pieces from a random first cut on, so that cuts move between epochs."""
    if len(sequence) <= most:
        return [sequence]
    cuts = np.arange(random.integers(1, most + 1), len(sequence), most)
    return np.split(sequence, cuts)


def drop_items(sequence: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """Leaves out each item with probability `share`, but never all."""
    kept = sequence[random.random(len(sequence)) >= share]
    return kept if len(kept) else sequence


def epoch_batches(
    sequences: list[np.ndarray],
    batch_size: int,
    item_drop: float,
    seed: int,
    epoch: int,
    reversal: float = 0.0,
    window: int = WINDOW,
) -> Iterator[list[np.ndarray]]:
    """Every sequence once, shuffled; a function of (seed, epoch), so resuming needs no state.

    With probability `reversal` a sequence is turned round: what was bought together often has no
    order, and item-kNN, which knows none, is a strong baseline.
    """
    random = np.random.default_rng([seed, epoch])
    pieces = [
        drop_items(piece, item_drop, random)
        for sequence in sequences
        for piece in windows(sequence, random, window)
    ]
    order = random.permutation(len(pieces))
    turned = np.random.default_rng([seed, epoch, 1]).random(len(pieces)) < reversal
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        yield [pieces[i][::-1].copy() if turned[i] else pieces[i] for i in chosen]
