"""A halved model with the engine's numbers: weights as stored, and inputs rounded where it rounds.

The engine multiplies integers. What a matrix reads is rounded to 16 bits, which no ranking notices,
or to 8 bits where the matrix' own integers fit into seven: that is what is done here.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from .factors import LowRankLinear, PivotedLinear
from .semantic_model import SemanticModel
from .storage import INT7_STEPS, Quantizer

INPUT_STEPS = 127  # the largest integer of an input to a matrix of seven bits


def round_inputs(x: Tensor) -> Tensor:
    """x [..., in] as integers of -127 … 127 with one scale a row: engine/kernels/generic.h."""
    scale = x.abs().amax(-1, keepdim=True) / INPUT_STEPS
    return torch.where(scale > 0, (x / scale).round() * scale, x)


class EngineProduct(nn.Module):
    """y = weight x + bias; weight [out, in], bias [out] or None."""

    def __init__(self, weight: Tensor, bias: Tensor | None, rounds: bool) -> None:
        super().__init__()
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("bias", bias, persistent=False)
        self.rounds = rounds

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(round_inputs(x) if self.rounds else x, self.weight, self.bias)


class EngineFactors(nn.Module):
    """y = left (right x) + bias, in whose `order` the rows that right gives stand before left's."""

    def __init__(
        self, left: EngineProduct, right: EngineProduct, order: Tensor | None, bias: Tensor | None
    ) -> None:
        super().__init__()
        self.left, self.right = left, right
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("bias", bias, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.right(x)
        outer = self.left(inner)
        if self.order is not None:
            outer = torch.cat([inner, outer], -1)[..., self.order]
        return outer if self.bias is None else outer + self.bias


def with_engine_numbers(model: SemanticModel) -> SemanticModel:
    """The model, changed in place: it can rank, and is not for training any more."""
    for path, module in list(model.llama.model.named_modules(prefix="model")):
        if not isinstance(module, (LowRankLinear, nn.Linear)):
            continue
        bias = None if module.bias is None else module.bias.detach().clone()
        if isinstance(module, LowRankLinear):
            left, right = (engine_product(module, side) for side in ("left", "right"))
            order = module.order if isinstance(module, PivotedLinear) else None
            replacement: nn.Module = EngineFactors(left, right, order, bias)
        else:
            replacement = engine_product(module, "weight", bias)
        parent, _, child = path.rpartition(".")
        setattr(model.llama.get_submodule(parent), child, replacement)
    for table in model.llama.tables.values():  # of which the engine makes floats
        if parametrize.is_parametrized(table):
            parametrize.remove_parametrizations(table, "weight")
    return model.eval()


def engine_product(module: nn.Module, side: str, bias: Tensor | None = None) -> EngineProduct:
    rounds = False
    if parametrize.is_parametrized(module, side):
        quantizer = module.parametrizations[side][0]
        rounds = isinstance(quantizer, Quantizer) and quantizer.steps == INT7_STEPS
    return EngineProduct(getattr(module, side).detach().clone(), bias, rounds)
