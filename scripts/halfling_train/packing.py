"""Packs sequences of items, longest alike together, into one flat batch of tokens."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .attention import Packing
from .description import BOS


def pack(
    sequences: list[np.ndarray], width: int, device: torch.device, padded: bool | None = None
) -> tuple[Packing, list[int]]:
    """The packing of `sequences` with `width` tokens an item, and the order it puts them in.

    `padded` (by default where the device is a GPU): one padded group instead of one a length.
    """
    order = sorted(range(len(sequences)), key=lambda index: len(sequences[index]))
    lengths = np.array([len(sequences[index]) * width for index in order])
    positions = np.concatenate([np.arange(length) for length in lengths])
    there = torch.from_numpy(positions).to(device)
    if device.type == "cuda" if padded is None else padded:
        longest = int(lengths[-1])
        slots = np.repeat(np.arange(len(order)) * longest, lengths) + positions
        return Packing(
            ((0, len(order), longest),), there, torch.from_numpy(slots).to(device)
        ), order
    groups, first = [], 0
    for length, count in zip(*np.unique(lengths, return_counts=True)):
        groups.append((first, int(count), int(length)))
        first += int(count * length)
    return Packing(tuple(groups), there), order


def shift(tokens: Tensor, packing: Packing) -> Tensor:
    """The inputs that predict `tokens` [N]: each sequence moved on by one, BOS in front."""
    inputs = tokens.roll(1)
    inputs[packing.positions == 0] = BOS
    return inputs
