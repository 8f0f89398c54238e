"""Packs sequences of items, those of one length together, into one flat batch of tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .attention import Packing
from .prompt import Prompt


@dataclass(frozen=True)
class PackedItems:
    """A batch of sequences as tokens, each but its last: N tokens, M items."""

    packing: Packing
    items: Tensor  # [M]
    tokens: Tensor  # [N]
    predictors: Tensor  # [M, levels] which token's hidden state predicts each code


def pack_items(sequences: list[np.ndarray], table: Tensor, prompt: Prompt) -> PackedItems:
    """table [catalogue's items, levels] of tokens, on the device that the batch is for."""
    levels, device = table.shape[1], table.device
    order = order_by_length(list(map(len, sequences)))
    items = torch.from_numpy(np.concatenate([sequences[i] for i in order])).to(device)
    counts = np.array([len(sequences[i]) for i in order])
    start, step = len(prompt.prefix), levels + len(prompt.separator)
    # The separator after the last item and its last code predict nothing here.
    lengths = start + counts * step - len(prompt.separator) - 1
    packing = pack(lengths, device)

    # An item's block is its codes and the separator after them.
    first_item = np.cumsum(counts) - counts
    places = packing.positions - start
    blocks = places.div(step, rounding_mode="floor")
    rest = places - blocks * step
    whose = torch.from_numpy(np.repeat(first_item, lengths)).to(device) + blocks
    around = torch.tensor([*prompt.prefix, *prompt.separator], device=device)
    tokens = around[packing.positions.clamp(max=start - 1)]
    is_code = (places >= 0) & (rest < levels)
    tokens[is_code] = table[items[whose[is_code]], rest[is_code]]
    is_separator = (places >= 0) & ~is_code
    tokens[is_separator] = around[start + rest[is_separator] - levels]

    first_token = np.repeat(np.cumsum(lengths) - lengths, counts)
    within = np.arange(len(items)) - np.repeat(first_item, counts)
    before = torch.from_numpy(first_token + start + within * step - 1).to(device)
    predictors = before.unsqueeze(1) + torch.arange(levels, device=device)
    return PackedItems(packing, items, tokens, predictors)


def order_by_length(lengths: list[int]) -> list[int]:
    return sorted(range(len(lengths)), key=lengths.__getitem__)


def pack(lengths: np.ndarray, device: torch.device, padded: bool | None = None) -> Packing:
    """The packing of sequences of these lengths, which rise.

    `padded` (by default where the device is a GPU): one padded group instead of one a length.
    """
    positions = np.concatenate([np.arange(length) for length in lengths])
    there = torch.from_numpy(positions).to(device)
    if device.type == "cuda" if padded is None else padded:
        longest = int(lengths[-1])
        slots = np.repeat(np.arange(len(lengths)) * longest, lengths) + positions
        groups = ((0, len(lengths), longest),)
        return Packing(groups, there, torch.from_numpy(slots).to(device))
    groups, first = [], 0
    for length, count in zip(*np.unique(lengths, return_counts=True)):
        groups.append((first, int(count), int(length)))
        first += int(count * length)
    return Packing(tuple(groups), there)
