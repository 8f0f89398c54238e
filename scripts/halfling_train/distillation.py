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

    `label_share` times the negative log-likelihood of the codes that really followed is added to it.
    For the first `block_epochs` it is the error of every block's output instead. Only the halved
    model has parameters that a trainer sees.
    """

    def __init__(
        self,
        original: SemanticModel,
        halved: SemanticModel,
        block_epochs: float = 0.0,
        label_share: float = 0.0,
    ) -> None:
        super().__init__()
        self.original, self.halved = original, halved
        self.block_epochs, self.label_share = block_epochs, label_share
        self.original.requires_grad_(False)

    def loss(self, sequences: list[np.ndarray], epoch: float = math.inf) -> tuple[Tensor, int]:
        """The loss's sum over all items, and their number."""
        items = self.halved.count(sequences)
        self.original.eval()
        with parametrize.cached():
            if epoch < self.block_epochs:
                return self._block_error(sequences) * items, items
            return self.code_loss(sequences, self.label_share), items

    def code_loss(
        self, sequences: list[np.ndarray], label_share: float = 0.0, only_last: bool = False
    ) -> Tensor:
        """The sum over all items, or over the last of each sequence, of their codes' loss."""
        with torch.no_grad():
            wanted = self.original.code_log_probs(sequences, only_last)
        given = self.halved.code_log_probs(sequences, only_last)
        loss = torch.stack([divergences(p, q).sum() for p, q in zip(wanted, given)]).sum()
        if label_share:
            targets = self.halved.code_targets(sequences, only_last)
            chosen = [q.gather(1, t.unsqueeze(1)).sum() for q, t in zip(given, targets)]
            loss = loss - label_share * torch.stack(chosen).sum()
        return loss

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


def divergences(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p || q) of each row [rows, codes]; -inf stands in both at the same places."""
    difference = (log_p - log_q).masked_fill(log_p == float("-inf"), 0.0)
    return (log_p.exp() * difference).sum(1)


@torch.no_grad()
def mean_code_loss(
    model: Distillation,
    sequences: list[np.ndarray],
    workers: Workers | None = None,
    label_share: float = 0.0,
) -> float:
    """The loss at the last item of each sequence, given those before, in nats an item.

    Without labels that is KL(original || halved).
    """
    model.eval()
    batches = [sequences[start : start + 256] for start in range(0, len(sequences), 256)]
    part = workers.share(batches) if workers else batches
    with parametrize.cached():
        sums = [float(model.code_loss(batch, label_share, only_last=True)) for batch in part]
    return sum(workers.unshare(sums) if workers else sums) / len(sequences)
