"""Packs sequences of items, longest alike together, into one flat batch of tokens."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .attention import Packing
from .description import BOS


def pack(
    sequences: list[np.ndarray], width: int, device: torch.device
) -> tuple[Packing, list[int]]:
    """The packing of `sequences` with `width` tokens an item, and the order it puts them in."""
    order = sorted(range(len(sequences)), key=lambda index: len(sequences[index]))
    lengths = np.array([len(sequences[index]) * width for index in order])
    groups, first = [], 0
    for length, count in zip(*np.unique(lengths, return_counts=True)):
        groups.append((first, int(count), int(length)))
        first += int(count * length)
    positions = np.concatenate([np.arange(length) for length in lengths])
    return Packing(tuple(groups), torch.from_numpy(positions).to(device)), order


def shift(tokens: Tensor, packing: Packing) -> Tensor:
    """The inputs that predict `tokens` [N]: each sequence moved on by one, BOS in front."""
    inputs = tokens.roll(1)
    inputs[packing.positions == 0] = BOS
    return inputs
