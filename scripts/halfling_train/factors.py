"""Linear layers of a compressed model: products of two factors, and the bias of the original."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LowRankLinear(nn.Module):
    """y = left (right x) + bias; left [out, rank], right [rank, in], bias [out] or None."""

    def __init__(self, left: Tensor, right: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.left, self.right = nn.Parameter(left), nn.Parameter(right)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.linear(x, self.right), self.left, self.bias)


class PivotedLinear(LowRankLinear):
    """right [rank, in] are the rows `pivots` of the weight, the others are left times those.

    left [out - rank, rank]; pivots [rank], rising (Zhao et al., 2025, "PIFA").
    """

    def __init__(
        self, left: Tensor, right: Tensor, pivots: Tensor, bias: Tensor | None = None
    ) -> None:
        super().__init__(left, right, bias)
        is_pivot = torch.zeros(len(left) + len(right), dtype=torch.bool)
        is_pivot[pivots] = True
        rows = torch.cat([is_pivot.nonzero(), (~is_pivot).nonzero()]).flatten()
        self.register_buffer("order", rows.argsort(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        # Ordering the weight's rows is cheaper than ordering every token's outputs.
        identity = torch.eye(len(self.order) - len(self.left), device=x.device)
        left = torch.cat([identity, self.left])[self.order]
        return F.linear(F.linear(x, self.right), left, self.bias)
