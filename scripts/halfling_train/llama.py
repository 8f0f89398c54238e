"""A decoder of LLaMA's kind (Mistral, Qwen2 and Qwen3 too), with transformers' parameter names.

Why not transformers' own classes: training needs dropout (they have none), packed batches without
padding, and attention of many beams over one shared prompt. tests/scripts/ holds the two equal.

Shapes: N packed tokens, D hidden size, B prompts, K beams.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .attention import Attention, Packing, PromptCache, Rope, Rotation
from .llama_config import Dropout, LlamaConfig, drop
from .rms_norm import RmsNorm
from .weights import EMBEDDING, HEAD


class FeedForward(nn.Module):
    def __init__(self, config: LlamaConfig, dropout: Dropout) -> None:
        super().__init__()
        width, inner, bias = config.hidden_size, config.intermediate_size, config.mlp_bias
        self.gate_proj = nn.Linear(width, inner, bias)
        self.up_proj = nn.Linear(width, inner, bias)
        self.down_proj = nn.Linear(inner, width, bias)
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
    def __init__(self, config: LlamaConfig, dropout: Dropout = Dropout()) -> None:
        super().__init__()
        self.config = config
        self.model = LlamaModel(config, dropout)
        if not config.tied_embeddings:
            self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.recompute = False  # layers run again for their gradients: less memory, more time
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
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)

    @property
    def tables(self) -> dict[str, nn.Module]:
        """By name, the weights with a row for each token: the embedding, and a head of its own."""
        own_head = {} if self.config.tied_embeddings else {HEAD: self.lm_head}
        return {EMBEDDING: self.model.embed_tokens, **own_head}

    def forward(
        self,
        tokens: Tensor,
        packing: Packing,
        caches: list[PromptCache] | None = None,
        outputs: list[Tensor] | None = None,
    ) -> Tensor:
        """Packed tokens [N] -> final hidden states [N, D]; `logits` turns those into scores.

        Each layer's output [N, D] is appended to `outputs`.
        """
        model = self.model
        x = self._embed(tokens)
        rotation = model.rope(packing.positions, x.dtype)
        x = drop(x, model.dropout, self.training)
        for layer in model.layers:
            if self.recompute and self.training:
                x = checkpoint(layer, x, packing, rotation, use_reentrant=False)
            else:
                x = layer(x, packing, rotation, caches)
            if outputs is not None:
                outputs.append(x)
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
        *_, head = self.tables.values()
        return F.linear(hidden, head.weight[first:last].to(hidden.dtype))
