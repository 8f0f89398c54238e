"""A model directory's weights in f32, whatever its files hold them in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from halfling_train.config_file import read_config
from halfling_train.datasets import DataError
from halfling_train.llama import LlamaForCausalLM
from halfling_train.llama_config import LlamaConfig, RopeScaling
from halfling_train.model_directory import CODES, ModelDirectory
from halfling_train.storage import read_matrix
from halfling_train.weights import EMBEDDING

POPULARITY = "catalog.popularity"
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
FEED_FORWARD = ("gate_proj", "up_proj", "down_proj")
PLAIN = {  # all that the graphs here know
    "head_dim": 0,
    "rope_scaling": RopeScaling(),
    "tied_embeddings": True,
    "attention_bias": False,
    "mlp_bias": False,
    "qk_norm": False,
}


@dataclass(frozen=True)
class Linear:
    """A linear layer [out, in]: `left` alone, or the product of two factors.

    pivots: rows of the layer that `right` holds as they are; `left` makes the others of those.
    """

    left: np.ndarray
    right: np.ndarray | None = None
    pivots: np.ndarray | None = None

    @property
    def full_left(self) -> np.ndarray:
        """[out, rank], the identity's rows at the pivots."""
        if self.pivots is None:
            return self.left
        rank = len(self.pivots)
        full = np.empty((rank + len(self.left), rank), np.float32)
        full[self.pivots] = np.eye(rank, dtype=np.float32)
        full[np.setdiff1d(np.arange(len(full)), self.pivots)] = self.left
        return full

    @property
    def whole(self) -> np.ndarray:
        return self.left if self.right is None else self.full_left @ self.right


@dataclass(frozen=True)
class Layer:
    linears: dict[str, Linear]  # by ATTENTION's and FEED_FORWARD's names
    attention_norm: np.ndarray  # [D]
    feed_forward_norm: np.ndarray


@dataclass(frozen=True)
class Weights:
    config: LlamaConfig
    prompt: dict  # prefix, separator, suffix: token ids; max_history
    codes: np.ndarray  # [items, levels] token ids, -1 after a shorter code's end
    popularity: np.ndarray  # [items]
    embedding: np.ndarray  # [vocabulary, D], the output head too
    layers: list[Layer]
    norm: np.ndarray


def read_weights(folder: Path) -> Weights:
    """Raises DataError for a directory that is broken, or of another kind than LLaMA's."""
    directory = ModelDirectory(folder)
    places, described = directory.places, directory.config
    rows = places[EMBEDDING].shape[0]
    config = read_config(described, rows, folder)
    for name, value in PLAIN.items():
        if replace(config, **{name: value}) != config:
            raise DataError(f"{folder}: {name} is {getattr(config, name)}, expected a plain LLaMA")
    width, seen = config.hidden_size, {CODES, POPULARITY, "vocabulary.ids"}

    def vector(name: str) -> np.ndarray:
        seen.add(name)
        return places[name].read().float().numpy()

    def matrix(name: str, rows: int, cols: int) -> np.ndarray:
        seen.update((name, f"{name}_scale"))
        return read_matrix(places, name, (rows, cols))[0].numpy()

    def linear(path: str, rows: int, cols: int) -> Linear:
        if f"{path}.right" not in places:
            return Linear(matrix(f"{path}.weight", rows, cols))
        rank = places[f"{path}.right"].shape[0]
        pivots = None
        if f"{path}.pivots" in places:
            seen.add(f"{path}.pivots")
            pivots, rows = places[f"{path}.pivots"].read().numpy(), rows - rank
        left = matrix(f"{path}.left", rows, rank)
        return Linear(left, matrix(f"{path}.right", rank, cols), pivots)

    def layer(number: int) -> Layer:
        path = f"model.layers.{number}"
        linears = {
            name: linear(f"{path}.{part}.{name}", *shape)
            for part, names in (("self_attn", ATTENTION), ("mlp", FEED_FORWARD))
            for name, shape in zip(names, shapes(config, part), strict=True)
        }
        norms = (f"{path}.{name}_layernorm.weight" for name in ("input", "post_attention"))
        return Layer(linears, *map(vector, norms))

    weights = Weights(
        config=config,
        prompt=directory.prompt,
        codes=places[CODES].read().numpy(),
        popularity=places[POPULARITY].read().numpy(),
        embedding=matrix(EMBEDDING, config.vocab_size, width),
        layers=[layer(number) for number in range(config.num_hidden_layers)],
        norm=vector("model.norm.weight"),
    )
    if left_over := set(places) - seen:
        raise DataError(f"{folder}: {min(left_over)} is no part of a model that can be rewritten")
    return weights


def shapes(config: LlamaConfig, part: str) -> list[tuple[int, int]]:
    """[out, in] of the linear layers of "self_attn" or "mlp", in the order of their names."""
    width, inner = config.hidden_size, config.intermediate_size
    narrow = config.num_key_value_heads * config.head_dim
    if part == "self_attn":
        return [(width, width), (narrow, width), (narrow, width), (width, width)]
    return [(inner, width), (inner, width), (width, inner)]


def torch_model(weights: Weights) -> LlamaForCausalLM:
    """The reference: the same weights, its factors multiplied out."""
    state = {EMBEDDING: weights.embedding, "model.norm.weight": weights.norm}
    for number, layer in enumerate(weights.layers):
        path = f"model.layers.{number}"
        state[f"{path}.input_layernorm.weight"] = layer.attention_norm
        state[f"{path}.post_attention_layernorm.weight"] = layer.feed_forward_norm
        for name, linear in layer.linears.items():
            part = "self_attn" if name in ATTENTION else "mlp"
            state[f"{path}.{part}.{name}.weight"] = linear.whole
    model = LlamaForCausalLM(weights.config)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    return model.eval()
