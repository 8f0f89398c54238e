"""The weights of a Hugging Face directory, in one file or in shards."""

from __future__ import annotations

import hashlib
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from .datasets import DataError, read_json

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
EMBEDDING = "model.embed_tokens.weight"


def sha256_of(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None


def weight_files(folder: Path) -> list[Path]:
    """Raises DataError where there is none, or not every shard that the index names."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if not (folder / INDEX).is_file():
        raise DataError(f"{folder}: expected {WEIGHTS} or {INDEX} in it")
    names = sorted(set(read_json(folder / INDEX)["weight_map"].values()))
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise DataError(f"{folder / INDEX}: weight_map: expected the file {missing[0]} beside it")
    return [folder / name for name in names]


def load_weights(folder: Path) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for path in weight_files(folder):
        weights |= load_file(str(path))
    return weights


def weights_digest(folder: Path) -> str:
    """Tells the weights from others, wherever they lie."""
    return "".join(map(sha256_of, weight_files(folder)))
