"""A halved model learns to rank like the original: knowledge distillation (Hinton et al., 2015)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from .distributed import Workers
from .semantic_model import SemanticModel


class Distillation(nn.Module):
    """The loss is KL(original || halved) over the codes that may follow, at every code's position.

    For the first `block_epochs` it is the error of every block's output instead. Only the halved
    model has parameters that a trainer sees.
    """

    def __init__(
        self, original: SemanticModel, halved: SemanticModel, block_epochs: float = 0.0
    ) -> None:
        super().__init__()
        self.original, self.halved, self.block_epochs = original, halved, block_epochs
        self.original.requires_grad_(False)

    def loss(self, sequences: list[np.ndarray], epoch: float = math.inf) -> tuple[Tensor, int]:
        """Sum over all items of the divergence of their codes, or of the error, and their number."""
        items = sum(map(len, sequences))
        self.original.eval()
        with parametrize.cached():
            if epoch < self.block_epochs:
                return self._block_error(sequences) * items, items
            return self.divergence(sequences), items

    def divergence(self, sequences: list[np.ndarray], only_last: bool = False) -> Tensor:
        with torch.no_grad():
            wanted = self.original.code_log_probs(sequences, only_last)
        given = self.halved.code_log_probs(sequences, only_last)
        return torch.stack([divergence(p, q) for p, q in zip(wanted, given)]).sum()

    def _block_error(self, sequences: list[np.ndarray]) -> Tensor:
        """The squared error of a block's output relative to its variance; the mean of the blocks."""
        with torch.no_grad():
            wanted = [output.float() for output in self.original.block_outputs(sequences)]
        given = self.halved.block_outputs(sequences)
        errors = [
            (x - y.float()).pow(2).mean() / x.var(0, unbiased=False).mean()
            for x, y in zip(wanted, given)
        ]
        return torch.stack(errors).mean()


def divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """The sum over rows of KL(p || q); -inf stands in both at the same places."""
    difference = (log_p - log_q).masked_fill(log_p == float("-inf"), 0.0)
    return (log_p.exp() * difference).sum()


@torch.no_grad()
def mean_divergence(
    model: Distillation, sequences: list[np.ndarray], workers: Workers | None = None
) -> float:
    """KL(original || halved) at the last item of each sequence, given those before; in nats."""
    model.eval()
    batches = [sequences[start : start + 256] for start in range(0, len(sequences), 256)]
    part = workers.share(batches) if workers else batches
    with parametrize.cached():
        sums = [float(model.divergence(batch, only_last=True)) for batch in part]
    return sum(workers.unshare(sums) if workers else sums) / len(sequences)
