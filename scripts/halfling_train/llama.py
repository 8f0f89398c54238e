"""A LLaMA decoder with the parameter names of transformers' LlamaForCausalLM.

Why not transformers' own class: training needs dropout (LLaMA has none), packed batches without
padding, and attention of many beams over one shared prompt. tests/scripts/ holds the two equal.

Shapes: N packed tokens, D hidden size, H query heads, G key/value heads, E head size.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class LlamaConfig:
    """The part of config.json that shapes the model."""

    vocab_size: int
    hidden_size: int = 256
    intermediate_size: int = 768
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    num_key_value_heads: int = 4
    max_position_embeddings: int = 128
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_attention_heads

    def as_dict(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Dropout:
    """Shares of activations dropped in training. They leave no trace in the checkpoint."""

    embedding: float = 0.0
    residual: float = 0.0
    attention: float = 0.0
    feed_forward: float = 0.0


@dataclass(frozen=True)
class Packing:
    """Where each sequence of a packed batch lies: `groups` of (first token, sequences, length).

    Sequences of one length stand together, so that attention runs on dense [sequences, length]
    blocks and every other layer on one flat list of tokens: no padding anywhere.
    """

    groups: tuple[tuple[int, int, int], ...]
    positions: Tensor  # [N] position of each token within its sequence


def drop(x: Tensor, share: float, training: bool) -> Tensor:
    """F.dropout with the share rounded to 1/256: one random byte an element instead of one draw.

    On a CPU the generator is a fifth of a training step otherwise.
    """
    if not training or share == 0.0:
        return x
    if x.is_cuda:
        return F.dropout(x, share)
    threshold = round(share * 256)
    words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= threshold
    return x * (kept.to(x.dtype) * (256 / (256 - threshold)))


class RmsNorm(nn.Module):
    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        mean_square = x.float().pow(2).mean(-1, keepdim=True)
        return x * torch.rsqrt(mean_square + self.eps).to(x.dtype) * self.weight.to(x.dtype)


class Rope(nn.Module):
    """Rotary position embedding, halves rotated against each other as in transformers."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        steps = torch.arange(0, config.head_dim, 2).float() / config.head_dim
        angles = torch.outer(
            torch.arange(config.max_position_embeddings).float(), config.rope_theta**-steps
        )
        angles = torch.cat([angles, angles], dim=-1)  # [positions, E]
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, positions: Tensor, dtype: torch.dtype) -> Rotation:
        """The rotations of tokens at `positions` [...]: two tables [..., 1, E]."""
        return tuple(table[positions].unsqueeze(-2).to(dtype) for table in (self.cos, self.sin))


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
        width, kv_width = config.hidden_size, self.kv_heads * self.head_dim
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, kv_width, bias=False)
        self.v_proj = nn.Linear(width, kv_width, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)

    def project(self, x: Tensor, rotation: Rotation) -> tuple[Tensor, Tensor, Tensor]:
        """x [..., D] -> queries [..., H, E], keys and values [..., G, E]."""
        queries = self.q_proj(x).unflatten(-1, (self.heads, self.head_dim))
        keys = self.k_proj(x).unflatten(-1, (self.kv_heads, self.head_dim))
        values = self.v_proj(x).unflatten(-1, (self.kv_heads, self.head_dim))
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
        queries, keys, values = self.project(x, rotation)
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
        return self.o_proj(torch.cat(outputs) if len(outputs) > 1 else outputs[0])

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


class FeedForward(nn.Module):
    def __init__(self, config: LlamaConfig, dropout: Dropout) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)
        self.dropout = dropout.feed_forward

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.silu(self.gate_proj(x)) * self.up_proj(x)
        return self.down_proj(drop(hidden, self.dropout, self.training))


class Layer(nn.Module):
    def __init__(self, config: LlamaConfig, dropout: Dropout) -> None:
        super().__init__()
        self.input_layernorm = RmsNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config, dropout)
        self.post_attention_layernorm = RmsNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = FeedForward(config, dropout)
        self.dropout = dropout.residual

    def forward(
        self,
        x: Tensor,
        packing: Packing,
        rotation: Rotation,
        caches: list[PromptCache] | None = None,
    ) -> Tensor:
        attended = self.self_attn(self.input_layernorm(x), packing, rotation, caches)
        return self._feed_forward(x + drop(attended, self.dropout, self.training))

    def step(self, x: Tensor, rotation: Rotation, cache: PromptCache) -> Tensor:
        return self._feed_forward(x + self.self_attn.step(self.input_layernorm(x), rotation, cache))

    def _feed_forward(self, x: Tensor) -> Tensor:
        output = self.mlp(self.post_attention_layernorm(x))
        return x + drop(output, self.dropout, self.training)


class LlamaModel(nn.Module):
    def __init__(self, config: LlamaConfig, dropout: Dropout) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config, dropout) for _ in range(config.num_hidden_layers))
        self.norm = RmsNorm(config.hidden_size, config.rms_norm_eps)
        self.rope = Rope(config)
        self.dropout = dropout.embedding


class LlamaForCausalLM(nn.Module):
    """Embeddings are tied: the output head is the embedding table."""

    def __init__(self, config: LlamaConfig, dropout: Dropout = Dropout()) -> None:
        super().__init__()
        self.config = config
        self.model = LlamaModel(config, dropout)
        self.apply(self._initialize)
        # Keeps the variance of the residual stream independent of the depth (GPT-2, section 2.3).
        scale = (2 * config.num_hidden_layers) ** -0.5
        for layer in self.model.layers:
            layer.self_attn.o_proj.weight.data.mul_(scale)
            layer.mlp.down_proj.weight.data.mul_(scale)

    @staticmethod
    def _initialize(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)

    def forward(
        self, tokens: Tensor, packing: Packing, caches: list[PromptCache] | None = None
    ) -> Tensor:
        """Packed tokens [N] -> final hidden states [N, D]; `logits` turns those into scores."""
        model = self.model
        x = self._embed(tokens)
        rotation = model.rope(packing.positions, x.dtype)
        x = drop(x, model.dropout, self.training)
        for layer in model.layers:
            x = layer(x, packing, rotation, caches)
        return model.norm(x)

    def step(self, tokens: Tensor, position: int, caches: list[PromptCache]) -> Tensor:
        """The newest token of every beam [B, K], all at `position` -> hidden states [B, K, D]."""
        x = self._embed(tokens)
        positions = torch.full(tokens.shape, position, device=tokens.device)
        rotation = self.model.rope(positions, x.dtype)
        for layer, cache in zip(self.model.layers, caches):
            x = layer.step(x, rotation, cache)
        return self.model.norm(x)

    def _embed(self, tokens: Tensor) -> Tensor:
        x = self.model.embed_tokens(tokens)
        on_cuda = x.is_cuda
        enabled = torch.is_autocast_enabled() if on_cuda else torch.is_autocast_cpu_enabled()
        return x.bfloat16() if enabled else x

    def logits(self, hidden: Tensor, first: int = 0, count: int | None = None) -> Tensor:
        """Scores of the `count` tokens from `first` on; of the whole vocabulary by default."""
        last = self.config.vocab_size if count is None else first + count
        return F.linear(hidden, self.model.embed_tokens.weight[first:last].to(hidden.dtype))
