"""What shapes the model, and what training alone adds to it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .datasets import DataError


@dataclass(frozen=True)
class RopeScaling:
    """How the rotary positions of a model were stretched to longer texts.

    `linear`: all by `factor`. `llama3`: long wavelengths by `factor`, short ones not at all.
    """

    kind: str = "default"
    factor: float = 1.0
    low_freq_factor: float = 1.0  # the rest: of llama3
    high_freq_factor: float = 4.0
    original_max_position_embeddings: int = 8192


@dataclass(frozen=True)
class LlamaConfig:
    """What shapes a decoder of LLaMA's kind; the defaults of the options below are LLaMA's.

    DataError where a head's size is odd: rotary positions turn its values in pairs.
    """

    vocab_size: int
    hidden_size: int = 256
    intermediate_size: int = 768
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    num_key_value_heads: int = 4
    max_position_embeddings: int = 128
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    head_dim: int = 0  # 0: hidden_size / num_attention_heads
    rope_scaling: RopeScaling = RopeScaling()
    tied_embeddings: bool = True  # the output head is the embedding table
    attention_bias: bool = False  # of q, k and v
    output_bias: bool = False  # of o
    mlp_bias: bool = False
    qk_norm: bool = False  # an RMS norm of each head's queries and keys (Qwen3)

    def __post_init__(self) -> None:
        if not self.head_dim:
            object.__setattr__(self, "head_dim", self.hidden_size // self.num_attention_heads)
        if self.head_dim < 2 or self.head_dim % 2:
            raise DataError(
                f"{self.num_attention_heads} heads of {self.head_dim} values, of "
                f"{self.hidden_size} hidden ones; expected an even number of values in each"
            )


@dataclass(frozen=True)
class Dropout:
    """Shares of activations dropped in training. They leave no trace in the checkpoint."""

    embedding: float = 0.0
    residual: float = 0.0
    attention: float = 0.0
    feed_forward: float = 0.0


def drop(x: Tensor, share: float, training: bool) -> Tensor:
    """F.dropout with the share rounded to 1/256: one random byte an element instead of one draw.

    On a CPU the generator is a fifth of a training step otherwise.
    """
    if not training or share == 0.0:
        return x
    if x.is_cuda:
        return F.dropout(x, share)
    threshold = min(round(share * 256), 255)
    words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= threshold
    return x * (kept.to(x.dtype) * (256 / (256 - threshold)))
