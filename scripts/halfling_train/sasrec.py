"""SASRec (Kang and McAuley, 2018) with a softmax over the whole catalogue as its loss.

The cross entropy in place of the paper's sampled binary loss is the stronger baseline
(Klenitskiy and Vasilev, "Turning dross into gold loss", 2023).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .batches import WINDOW
from .datasets import DataError, Dataset


class SasRec(nn.Module):
    """Items are embedded whole; item 0 of the table pads, item i + 1 is the catalogue's item i.

    DataError where `hidden` is no multiple of `heads`.
    """

    def __init__(
        self,
        dataset: Dataset,
        hidden: int = 64,
        layers: int = 2,
        heads: int = 2,
        dropout: float = 0.2,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        if hidden % heads:
            raise DataError(f"{hidden} hidden values; expected a multiple of the {heads} heads")
        self.items = nn.Embedding(len(dataset.items) + 1, hidden, padding_idx=0)
        self.positions = nn.Embedding(WINDOW, hidden)
        nn.init.normal_(self.items.weight, std=0.02)
        nn.init.normal_(self.positions.weight, std=0.02)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                hidden, heads, hidden * 2, dropout, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(hidden)
        self.dropout, self.label_smoothing = dropout, label_smoothing

    def encode(self, items: Tensor) -> Tensor:
        """items [B, T] padded on the right with 0 -> states [B, T, hidden]."""
        length = items.shape[1]
        x = self.items(items) + self.positions.weight[:length]
        x = F.dropout(x, self.dropout, self.training)
        future = torch.ones(length, length, dtype=torch.bool, device=items.device).triu(1)
        for layer in self.layers:
            x = layer(x, src_mask=future)
        return self.norm(x)

    def loss(self, sequences: list[np.ndarray]) -> tuple[Tensor, int]:
        """Sum of the cross entropies of every item but the first, and the number of items."""
        batch = self._pad(sequences)
        inputs, targets = batch[:, :-1], batch[:, 1:]
        states = self.encode(inputs)[targets > 0]
        logits = F.linear(states, self.items.weight[1:].to(states.dtype)).float()
        losses = F.cross_entropy(
            logits,
            targets[targets > 0] - 1,
            reduction="sum",
            label_smoothing=self.label_smoothing,
        )
        return losses, sum(map(len, sequences))

    @torch.no_grad()
    def recommend(
        self, histories: list[np.ndarray], count: int, excluded: list[np.ndarray] | None = None
    ) -> list[list[int]]:
        """For each history its best `count` items, best first, without those `excluded` for it.

        Fewer where the catalogue has no more.
        """
        batch = self._pad(histories)
        last = torch.tensor([len(history) - 1 for history in histories], device=batch.device)
        states = self.encode(batch)[torch.arange(len(histories), device=batch.device), last]
        scores = F.linear(states, self.items.weight[1:].to(states.dtype)).float()
        for row, items in zip(scores, excluded or []):
            row[torch.from_numpy(items).to(row.device)] = float("-inf")
        values, items = scores.topk(min(count, scores.shape[1]))
        return [row[kept].tolist() for row, kept in zip(items, values > float("-inf"))]

    def _pad(self, sequences: list[np.ndarray]) -> Tensor:
        length = max(map(len, sequences))
        rows = [np.pad(sequence + 1, (0, length - len(sequence))) for sequence in sequences]
        return torch.from_numpy(np.stack(rows)).to(self.items.weight.device)
