"""The weights of a Hugging Face directory, in one file or in shards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from .datasets import DataError, read_json

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
EMBEDDING = "model.embed_tokens.weight"
HEAD = "lm_head.weight"  # where it is not the embedding


def sha256_of(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def weight_files(folder: Path) -> list[Path]:
    """Raises DataError where there is none, or not every shard that the index names."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if not (folder / INDEX).is_file():
        raise DataError(f"{folder}: expected {WEIGHTS} or {INDEX} in it")
    weight_map = read_json(folder / INDEX).get("weight_map")
    names = sorted(set(weight_map.values())) if isinstance(weight_map, dict) else []
    if not names:
        raise DataError(
            f"{folder / INDEX}: weight_map: expected an object of tensor name to file name"
        )
    for name in names:
        if Path(name).name != name or not (folder / name).is_file():
            raise DataError(f"{folder / INDEX}: weight_map: expected the file {name} beside it")
    return [folder / name for name in names]


def load_weights(folder: Path) -> dict[str, Tensor]:
    """Every tensor by its name; DataError where a file is missing or broken."""
    weights: dict[str, Tensor] = {}
    for path in weight_files(folder):
        with whole_safetensors(path):
            weights |= load_file(str(path))
    return weights


@contextmanager
def whole_safetensors(path: Path) -> Iterator[None]:
    """What reading a file raises where it is none, as DataError."""
    try:
        yield
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path}: not safetensors: {error}") from None


def matching(
    weights: dict[str, Tensor], wanted: dict[str, Tensor], folder: Path
) -> dict[str, Tensor]:
    """Those `wanted`, of their shapes; what else a file has, such as angles, is left out."""
    for name, tensor in wanted.items():
        found = tuple(weights[name].shape) if name in weights else "absent"
        if found != tuple(tensor.shape):
            raise DataError(f"{folder}: {name} is {found}; expected {tuple(tensor.shape)}")
    return {name: weights[name] for name in wanted}


def weights_digest(folder: Path) -> str:
    """Tells the weights from others, wherever they lie."""
    return "".join(map(sha256_of, weight_files(folder)))
