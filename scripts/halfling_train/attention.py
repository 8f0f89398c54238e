"""Causal attention over packed batches, and of many beams over one shared prompt.

Shapes: N packed tokens, D hidden size, H query heads, G key/value heads, E head size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .llama_config import Dropout, LlamaConfig, RopeScaling, drop
from .rms_norm import RmsNorm


@dataclass(frozen=True)
class Packing:
    """Where each sequence of a packed batch lies: `groups` of (first token, sequences, length).

    Sequences of one length stand together, so that attention runs on dense [sequences, length]
    blocks and every other layer on one flat list of tokens: no padding anywhere.

    With `slots` there is one group, and attention alone is padded: token i lies at slots[i] of its
    block. That is a tenth of the kernels, which is what a GPU's time goes to in models so small.
    """

    groups: tuple[tuple[int, int, int], ...]
    positions: Tensor  # [N] position of each token within its sequence
    slots: Tensor | None = None  # [N]

    def pad(self, x: Tensor) -> Tensor:
        """[N, ...] as the groups' blocks have it: the same, or [slots, ...] with zeros between."""
        if self.slots is None:
            return x
        _, count, length = self.groups[0]
        return x.new_zeros(count * length, *x.shape[1:]).index_copy(0, self.slots, x)

    def collect(self, x: Tensor) -> Tensor:
        """What `pad` made of [N, ...], back again."""
        return x if self.slots is None else x[self.slots]


class Rope(nn.Module):
    """Rotary position embedding, halves rotated against each other as in transformers."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        steps = torch.arange(0, config.head_dim, 2).float() / config.head_dim
        frequencies = stretched(config.rope_theta**-steps, config.rope_scaling)
        self.register_buffer("frequencies", frequencies, persistent=False)  # [E / 2]

    def forward(self, positions: Tensor, dtype: torch.dtype) -> Rotation:
        """The rotations of tokens at `positions` [...]: two tables [..., 1, E]."""
        angles = positions.float().unsqueeze(-1) * self.frequencies
        angles = torch.cat([angles, angles], dim=-1).unsqueeze(-2)
        return angles.cos().to(dtype), angles.sin().to(dtype)


def stretched(frequencies: Tensor, scaling: RopeScaling) -> Tensor:
    """[E / 2] radians a position; of llama3 as in transformers' `_compute_llama3_parameters`."""
    slow = frequencies / scaling.factor
    if scaling.kind != "llama3":
        return slow
    turns = scaling.original_max_position_embeddings * frequencies / (2 * math.pi)
    low, high = scaling.low_freq_factor, scaling.high_freq_factor
    share = ((turns - low) / (high - low)).clamp(0, 1)  # that keeps its frequency
    return share * frequencies + (1 - share) * slow


Rotation = tuple[Tensor, Tensor]


def rotate(x: Tensor, rotation: Rotation) -> Tensor:
    """x [..., heads, E]."""
    cos, sin = rotation
    left, right = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-right, left], dim=-1) * sin


@dataclass
class PromptCache:
    """Keys and values of one layer: those of the shared prompt and those each beam added."""

    prompt_keys: Tensor  # [B, G, T, E]
    prompt_values: Tensor
    beam_keys: Tensor | None = None  # [B, K, t, G, E]
    beam_values: Tensor | None = None

    def append(self, keys: Tensor, values: Tensor) -> None:
        """keys, values [B, K, G, E]: the newest token of every beam."""
        keys, values = keys.unsqueeze(2), values.unsqueeze(2)
        if self.beam_keys is not None:
            keys = torch.cat([self.beam_keys, keys], dim=2)
            values = torch.cat([self.beam_values, values], dim=2)
        self.beam_keys, self.beam_values = keys, values

    def reorder(self, parents: Tensor) -> None:
        """Keeps, for each new beam, the tokens of its parent; parents [B, K]."""
        if self.beam_keys is not None:
            rows = torch.arange(parents.shape[0], device=parents.device).unsqueeze(1)
            self.beam_keys = self.beam_keys[rows, parents]
            self.beam_values = self.beam_values[rows, parents]


class Attention(nn.Module):
    def __init__(self, config: LlamaConfig, dropout: Dropout) -> None:
        super().__init__()
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.head_dim, self.dropout = config.head_dim, dropout
        width, inner, kv_width = (
            config.hidden_size,
            self.heads * self.head_dim,
            self.kv_heads * self.head_dim,
        )
        self.q_proj = nn.Linear(width, inner, config.attention_bias)
        self.k_proj = nn.Linear(width, kv_width, config.attention_bias)
        self.v_proj = nn.Linear(width, kv_width, config.attention_bias)
        self.o_proj = nn.Linear(inner, width, config.output_bias)
        if config.qk_norm:
            self.q_norm = RmsNorm(self.head_dim, config.rms_norm_eps)
            self.k_norm = RmsNorm(self.head_dim, config.rms_norm_eps)
        self.qk_norm = config.qk_norm

    def project(self, x: Tensor, rotation: Rotation) -> tuple[Tensor, Tensor, Tensor]:
        """x [..., D] -> queries [..., H, E], keys and values [..., G, E]."""
        queries = self.q_proj(x).unflatten(-1, (self.heads, self.head_dim))
        keys = self.k_proj(x).unflatten(-1, (self.kv_heads, self.head_dim))
        values = self.v_proj(x).unflatten(-1, (self.kv_heads, self.head_dim))
        if self.qk_norm:
            queries, keys = self.q_norm(queries), self.k_norm(keys)
        return rotate(queries, rotation), rotate(keys, rotation), values

    def _per_query_head(self, x: Tensor, dim: int) -> Tensor:
        repeats = self.heads // self.kv_heads
        return x if repeats == 1 else x.repeat_interleave(repeats, dim=dim)

    def forward(
        self,
        x: Tensor,
        packing: Packing,
        rotation: Rotation,
        caches: list[PromptCache] | None = None,
    ) -> Tensor:
        """Causal attention within each sequence of the packed batch; x [N, D].

        With `caches`, appends this layer's keys and values, which takes a batch of one group.
        """
        queries, keys, values = map(packing.pad, self.project(x, rotation))
        outputs = []
        for first, count, length in packing.groups:
            block = slice(first, first + count * length)
            q, k, v = (  # [count, heads, length, E]
                t[block].unflatten(0, (count, length)).transpose(1, 2)
                for t in (queries, keys, values)
            )
            if caches is not None:
                caches.append(PromptCache(k, v))
            k, v = self._per_query_head(k, 1), self._per_query_head(v, 1)
            scores = q @ k.transpose(2, 3) * self.head_dim**-0.5
            future = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
            weights = scores.float().masked_fill_(future, float("-inf")).softmax(-1).to(v.dtype)
            weights = drop(weights, self.dropout.attention, self.training)
            outputs.append((weights @ v).transpose(1, 2).reshape(count * length, -1))
        whole = torch.cat(outputs) if len(outputs) > 1 else outputs[0]
        return self.o_proj(packing.collect(whole))

    def step(self, x: Tensor, rotation: Rotation, cache: PromptCache) -> Tensor:
        """One more token for each of K beams per prompt; x [B, K, D]."""
        queries, keys, values = self.project(x, rotation)  # [B, K, heads, E]
        cache.append(keys, values)
        queries = queries.transpose(1, 2)  # [B, H, K, E]
        own_keys = self._per_query_head(cache.beam_keys, 3).permute(0, 3, 1, 2, 4)
        own_values = self._per_query_head(cache.beam_values, 3).permute(0, 3, 1, 2, 4)
        shared = queries @ self._per_query_head(cache.prompt_keys, 1).transpose(2, 3)
        own = (queries.unsqueeze(3) * own_keys).sum(-1)  # [B, H, K, t]
        scores = torch.cat([shared, own], dim=-1).float() * self.head_dim**-0.5
        weights = scores.softmax(-1).to(x.dtype)
        length = shared.shape[-1]
        mixed = weights[..., :length] @ self._per_query_head(cache.prompt_values, 1)
        mixed = mixed + (weights[..., length:].unsqueeze(-1) * own_values).sum(3)
        return self.o_proj(mixed.transpose(1, 2).flatten(2))
