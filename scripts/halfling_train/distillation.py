"""A halved model learns to rank like the original: knowledge distillation (Hinton et al., 2015)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from .semantic_model import SemanticModel


class Distillation(nn.Module):
    """The loss is KL(original || halved) over the codes that may follow, at every code's position.

    Only the halved model has parameters that a trainer sees.
    """

    def __init__(self, original: SemanticModel, halved: SemanticModel) -> None:
        super().__init__()
        self.original, self.halved = original, halved
        self.original.requires_grad_(False)

    def loss(self, sequences: list[np.ndarray]) -> tuple[Tensor, int]:
        """Sum over all items of the divergence of their codes, and their number."""
        with torch.no_grad():
            self.original.eval()
            wanted = self.original.code_log_probs(sequences)
        given = self.halved.code_log_probs(sequences)
        losses = [divergence(p, q) for p, q in zip(wanted, given)]
        return torch.stack(losses).sum(), sum(map(len, sequences))


def divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """The sum over rows of KL(p || q); -inf stands in both at the same places."""
    difference = (log_p - log_q).masked_fill(log_p == float("-inf"), 0.0)
    return (log_p.exp() * difference).sum()


@torch.no_grad()
def mean_divergence(distillation: Distillation, sequences: list[np.ndarray]) -> float:
    """KL(original || halved) an item, in nats."""
    distillation.halved.eval()
    total, items = 0.0, 0
    for start in range(0, len(sequences), 256):
        loss, count = distillation.loss(sequences[start : start + 256])
        total, items = total + float(loss), items + count
    return total / items
