"""A model directory's weights with a synthetic catalogue of any size in place of its own.

The model is one whose codes have three levels. A synthetic item begins as a random real one; at
each level after the first it may part from it, and takes random tokens of the real catalogue's
levels from there on. So the trie is as skewed as a real one, and the model expects something where
items lie thick. A fourth level, which the model has not learnt, uses the third's tokens with Zipf's
frequencies.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LEVELS = 4
PARTING = (0.0, 0.5, 0.7)  # the share of items that part from their real one at each level
SHARD = "model-00001-of-00001.safetensors"
HISTORIES = "histories.json"


@dataclass
class Weights:
    """A shard as it lies in the file."""

    metadata: dict[str, str]
    tensors: dict[str, tuple[str, list[int], bytes]]  # dtype, shape, bytes

    @staticmethod
    def read(folder: Path) -> Weights:
        paths = sorted(folder.glob("model-*.safetensors"))
        if len(paths) != 1:
            raise SystemExit(f"{folder}: {len(paths)} shards; expected one")
        data = paths[0].read_bytes()
        (size,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + size])
        metadata = header.pop("__metadata__")
        body = memoryview(data)[8 + size :]
        tensors = {
            name: (entry["dtype"], entry["shape"], bytes(body[slice(*entry["data_offsets"])]))
            for name, entry in header.items()
        }
        return Weights(metadata, tensors)

    def write(self, path: Path) -> None:
        header: dict[str, object] = {"__metadata__": self.metadata}
        offset = 0
        for name, (dtype, shape, data) in self.tensors.items():
            place = [offset, offset + len(data)]
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": place}
            offset += len(data)
        encoded = json.dumps(header).encode()
        encoded += b" " * (-len(encoded) % 8)
        with path.open("wb") as file:
            file.write(struct.pack("<Q", len(encoded)) + encoded)
            for _, _, data in self.tensors.values():
                file.write(data)

    def codes(self) -> np.ndarray:
        dtype, shape, data = self.tensors["catalog.codes"]
        return np.frombuffer(data, {"I16": "<i2", "I32": "<i4"}[dtype]).reshape(shape)


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
) -> dict[str, int]:
    """Writes the directory anew; returns how many nodes each level of its trie has."""
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
    weights.tensors["catalog.codes"] = ("I16", list(codes.shape), codes.astype("<i2").tobytes())
    popularity = np.random.default_rng(1).integers(1000, size=items)
    weights.tensors["catalog.popularity"] = ("I16", [items], popularity.astype("<i2").tobytes())
    output.mkdir(parents=True, exist_ok=True)
    weights.write(output / SHARD)
    chosen = histories(interactions, base, requests, longest)
    (output / HISTORIES).write_text(json.dumps(chosen))
    return nodes_by_level(codes)


def nodes_by_level(codes: np.ndarray) -> dict[str, int]:
    prefix = np.zeros(len(codes), np.int64)
    nodes = {}
    for level, tokens in enumerate(codes.astype(np.int64).T):
        prefix = prefix * (1 << 15) + tokens
        nodes[f"level {level + 1}"] = len(np.unique(prefix))
    return nodes
