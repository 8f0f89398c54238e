"""A model directory's weights with a synthetic catalogue of any size in place of its own.

The model is one whose codes have three levels. A synthetic item begins as a random real one; at
each level after the first it may part from it, and takes random tokens of the real catalogue's
levels from there on. So the trie is as skewed as a real one, and the model expects something where
items lie thick. A fourth level, which the model has not learnt, uses the third's tokens with Zipf's
frequencies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

CODES, POPULARITY = "catalog.codes", "catalog.popularity"
LEVELS = 4
PARTING = (0.0, 0.5, 0.7)  # the share of items that part from their real one at each level
SHARD = "model-00001-of-00001.safetensors"
HISTORIES = "histories.json"


@dataclass
class Weights:
    """A shard of a model directory."""

    metadata: dict[str, str]
    tensors: dict[str, Tensor]

    @staticmethod
    def read(folder: Path) -> Weights:
        paths = sorted(folder.glob("model-*.safetensors"))
        if len(paths) != 1:
            raise SystemExit(f"{folder}: {len(paths)} shards; expected one")
        with safe_open(paths[0], framework="pt") as file:
            return Weights(file.metadata(), {name: file.get_tensor(name) for name in file.keys()})

    def write(self, path: Path) -> None:
        save_file(self.tensors, str(path), self.metadata)

    def codes(self) -> np.ndarray:
        """[items, levels] tokens, in 16 bits or 32."""
        return self.tensors[CODES].numpy()


def synthetic_codes(real: np.ndarray, items: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes [items, LEVELS], and the real item that each begins as, or -1 if it parted from it."""
    random = np.random.default_rng(seed)
    base = random.integers(len(real), size=items)
    codes = np.empty((items, LEVELS), real.dtype)
    parted = np.zeros(items, bool)
    for level, share in enumerate(PARTING):
        parted |= random.random(items) < share
        strange = real[random.integers(len(real), size=items), level]
        codes[:, level] = np.where(parted, strange, real[base, level])
    tokens = np.unique(real[:, -1])
    weights = 1.0 / np.arange(1, len(tokens) + 1)
    codes[:, -1] = random.choice(random.permutation(tokens), items, p=weights / weights.sum())
    return codes, np.where(parted, -1, base)


def histories(
    interactions: Iterable[list[int]], base: np.ndarray, count: int, longest: int
) -> list[list[int]]:
    """Real histories, each item replaced by a synthetic one that begins as it."""
    stand_in = {int(real): item for item, real in enumerate(base) if real >= 0}
    result = []
    for sequence in interactions:
        history = [stand_in[item] for item in sequence[-longest:] if item in stand_in]
        if len(history) >= 2:
            result.append(history)
        if len(result) == count:
            break
    return result


def make_model(
    source: Path, interactions: list[list[int]], items: int, output: Path, requests: int
) -> None:
    """Writes the directory anew."""
    weights = Weights.read(source)
    codes, base = synthetic_codes(weights.codes(), items, seed=items)
    config = json.loads(weights.metadata["config"])
    prompt = json.loads(weights.metadata["prompt"])
    longest = prompt["max_history"]
    parts = (len(prompt["prefix"]), len(prompt["suffix"]), longest * len(prompt["separator"]))
    config["max_position_embeddings"] = max(
        config["max_position_embeddings"], sum(parts) + (longest + 1) * LEVELS
    )
    weights.metadata["config"] = json.dumps(config)
    weights.tensors[CODES] = torch.from_numpy(codes)
    popularity = np.random.default_rng(1).integers(1000, size=items, dtype=np.int16)
    weights.tensors[POPULARITY] = torch.from_numpy(popularity)
    output.mkdir(parents=True, exist_ok=True)
    weights.write(output / SHARD)
    chosen = histories(interactions, base, requests, longest)
    (output / HISTORIES).write_text(json.dumps(chosen))
