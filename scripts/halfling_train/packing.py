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
    """A batch of sequences as tokens, each but its last: N tokens, M items to predict.

    Those are all items where the prompt asks throughout, else the last of each sequence.
    """

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
    asked = prompt.length(counts - 1, levels)  # where the last item's codes begin
    lengths = asked + levels - 1  # its last code predicts nothing here
    packing = pack(lengths, device)
    first_item, first_token = np.cumsum(counts) - counts, np.cumsum(lengths) - lengths
    start, step = len(prompt.prefix), levels + len(prompt.separator)

    def of_tokens(values: np.ndarray) -> Tensor:
        """[sequences] -> [N]."""
        return torch.from_numpy(np.repeat(values, lengths)).to(device)

    # prefix, blocks of an item's codes and the separator after them, suffix, the last item's codes.
    places, target = packing.positions, of_tokens(asked)
    suffix = (target - len(prompt.suffix)).clamp(min=start)
    block = (places - start).div(step, rounding_mode="floor")
    rest = places - start - block * step
    in_blocks, in_target = (places >= start) & (places < suffix), places >= target
    around = torch.tensor([*prompt.prefix, *prompt.separator, *prompt.suffix], device=device)
    which = torch.where(in_blocks, rest + start - levels, places)
    which = torch.where(places >= suffix, places - suffix + start + step - levels, which)
    tokens = around[which.clamp(0, len(around) - 1)]
    is_code = in_target | (in_blocks & (rest < levels))
    whose = of_tokens(first_item) + torch.where(in_target, of_tokens(counts - 1), block)
    level = torch.where(in_target, places - target, rest)
    tokens[is_code] = table[items[whose[is_code]], level[is_code]]

    if prompt.asks_throughout:
        within = np.arange(len(items)) - np.repeat(first_item, counts)
        before = np.repeat(first_token, counts) + start + within * step - 1
    else:
        items = items[torch.from_numpy(first_item + counts - 1).to(device)]
        before = first_token + asked - 1
    predictors = torch.from_numpy(before).to(device).unsqueeze(1)
    return PackedItems(packing, items, tokens, predictors + torch.arange(levels, device=device))


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
