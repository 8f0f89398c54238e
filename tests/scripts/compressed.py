"""Writes small model directories as the compressor would, in every storage.

Its storages are written anew here, so that a mistake in the scripts' own is not made twice.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from halfling_train.config_file import hugging_face_config
from halfling_train.datasets import Dataset
from halfling_train.llama import LlamaForCausalLM
from halfling_train.prompt import Prompt
from halfling_train.semantic_model import SemanticModel
from safetensors.torch import load_file, save_file

SHARD = "model-00001-of-00001.safetensors"
RANK = 7  # odd, so that rows of int4 end in half a byte


@dataclass(frozen=True)
class Plan:
    shape: str = "low-rank"  # or "pivoted", "dense"
    left: str = "f16"  # the precision of the left factor
    right: str = "f16"  # of the right factor, or of the whole weight


PLANS = {
    "low-rank f16": [Plan()],
    "low-rank int8": [Plan("low-rank", "int8", "int8")],
    "low-rank int4": [Plan("low-rank", "int4", "int4")],
    "pivoted int8": [Plan("pivoted", "int8", "int8")],
    "pivoted int7": [Plan("pivoted", "int7", "int7")],
    "pivoted f32": [Plan("pivoted", "f32", "f32")],
    "dense int8": [Plan("dense", right="int8")],
    "dense int4": [Plan("dense", right="int4")],
    "mixed": [
        Plan("pivoted", "int8", "int4"),
        Plan("dense", right="bf16"),
        Plan("low-rank", "f16", "int8"),
        Plan("dense", right="int8"),
        Plan("pivoted", "int4", "f32"),
        Plan("dense", right="f32"),
        Plan("pivoted", "int8", "int8"),
    ],
}
FLOATS = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def move_vectors(llama: LlamaForCausalLM) -> None:
    """Biases and norms away from where they start, so that one left out is noticed."""
    with torch.no_grad():
        for parameter in llama.parameters():
            if parameter.dim() == 1:
                parameter += 0.3 * torch.randn_like(parameter)


def stored(name: str, matrix: np.ndarray, precision: str) -> dict[str, torch.Tensor]:
    if precision in FLOATS:
        return {name: torch.tensor(matrix).to(FLOATS[precision])}
    if precision in ("int8", "int7"):
        steps = 127 if precision == "int8" else 63
        scales = (np.abs(matrix).max(1) / steps).astype(np.float32)
        integers = np.rint(matrix / np.where(scales > 0, scales, 1)[:, None])
        return {
            name: torch.tensor(integers.astype(np.int8)),
            name + "_scale": torch.tensor(scales),
        }
    rows, cols = matrix.shape
    groups = -(-cols // 32)
    padded = np.pad(matrix, ((0, 0), (0, groups * 32 - cols))).reshape(rows, groups, 32)
    scales = (np.abs(padded).max(-1) / 7).astype(np.float16)
    divisors = np.where(scales > 0, scales, 1).astype(np.float32)[..., None]
    integers = np.rint(padded / divisors).clip(-7, 7).astype(np.int64).reshape(rows, -1) + 8
    integers = integers[:, : cols + cols % 2]
    packed = integers[:, ::2] + 16 * integers[:, 1::2]
    return {name: torch.tensor(packed.astype(np.uint8)), name + "_scale": torch.tensor(scales)}


def restored(tensors: dict[str, torch.Tensor], name: str, cols: int) -> np.ndarray:
    """The values that the files of `stored` stand for."""
    values = tensors[name]
    if values.dtype == torch.int8:
        return values.numpy() * tensors[name + "_scale"].numpy()[:, None]
    if values.dtype != torch.uint8:
        return values.float().numpy()
    scales = tensors[name + "_scale"].float().numpy()
    matrix = np.empty((len(values), cols), np.float32)
    for col in range(cols):
        nibbles = values[:, col // 2].numpy() >> (4 * (col % 2)) & 15
        matrix[:, col] = (nibbles.astype(np.float32) - 8) * scales[:, col // 32]
    return matrix


def linear_tensors(name: str, weight: np.ndarray, plan: Plan) -> dict[str, torch.Tensor]:
    if plan.shape == "dense":
        return stored(f"{name}.weight", weight, plan.right)
    u, s, v = np.linalg.svd(weight, full_matrices=False)
    left, right = u[:, :RANK] * s[:RANK], v[:RANK]
    if plan.shape == "low-rank":
        return stored(f"{name}.left", left, plan.left) | stored(f"{name}.right", right, plan.right)
    pivots = np.sort(np.argsort(-np.abs(left).sum(1), kind="stable")[:RANK])
    others = np.setdiff1d(np.arange(len(left)), pivots)
    coefficients = np.linalg.lstsq(left[pivots].T, left[others].T, rcond=None)[0].T
    return {
        f"{name}.pivots": torch.tensor(pivots.astype(np.int32)),
        **stored(f"{name}.left", coefficients, plan.left),
        **stored(f"{name}.right", left[pivots] @ right, plan.right),
    }


def restored_linear(tensors: dict[str, torch.Tensor], name: str, cols: int) -> np.ndarray:
    if f"{name}.weight" in tensors:
        return restored(tensors, f"{name}.weight", cols)
    right = restored(tensors, f"{name}.right", cols)
    left = restored(tensors, f"{name}.left", len(right))
    if f"{name}.pivots" not in tensors:
        return left @ right
    pivots = tensors[f"{name}.pivots"].long().numpy()
    weight = np.empty((len(left) + len(right), cols), np.float32)
    weight[pivots] = right
    weight[np.setdiff1d(np.arange(len(weight)), pivots)] = left @ right
    return weight


def write_halved(
    folder: Path, model: SemanticModel, dataset: Dataset, kind: str = "low-rank f16"
) -> None:
    """What `halfling compress` would write, but for catalog.json's contents."""
    folder.mkdir()
    tokens = Prompt().token_table(dataset.codes, dataset.level_sizes)
    kept = np.unique(np.append(tokens, 0))
    tensors = {
        "catalog.codes": torch.tensor(np.searchsorted(kept, tokens).astype(np.int32)),
        "catalog.popularity": torch.tensor(dataset.popularity.astype(np.float32)),
        "vocabulary.ids": torch.tensor(kept.astype(np.int32)),
    }
    plans, linears = PLANS[kind], 0
    for name, parameter in model.llama.state_dict().items():
        value = parameter.numpy()
        if name.endswith("_proj.weight"):
            plan = plans[linears % len(plans)]
            tensors |= linear_tensors(name.removesuffix(".weight"), value, plan)
            linears += 1
        elif value.ndim == 2:
            tensors |= stored(name, value[kept], plans[0].right)
        else:
            tensors[name] = torch.tensor(value)
    config = {**hugging_face_config(model.llama.config), "vocab_size": len(kept)}
    prompt = {"prefix": [0], "separator": [], "suffix": [], "max_history": 20}
    metadata = {
        "format": "halfling-1",
        "config": json.dumps(config),
        "prompt": json.dumps(prompt),
    }
    save_file({k: v.contiguous() for k, v in tensors.items()}, str(folder / SHARD), metadata)
    (folder / "catalog.json").write_text("{}")
    report = {
        "format": 1,
        "matrices": [{"name": "q", "singular_values": [2.0, 1.0], "relative_error": 0.5}],
        "layers": [{"layer": 0, "relative_error": 0.25}],
    }
    (folder / "compression.json").write_text(json.dumps(report))
    write_manifest(folder)


def write_manifest(folder: Path) -> None:
    files = [
        {
            "path": name,
            "bytes": (folder / name).stat().st_size,
            "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
        }
        for name in (SHARD, "catalog.json")
    ]
    version = hashlib.sha256("".join(file["sha256"] for file in files).encode()).hexdigest()
    manifest = {"format": 1, "files": files, "version": version, "compression": {}, "metrics": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(str(folder / SHARD))


def replace_tensors(folder: Path, changes: dict[str, torch.Tensor]) -> None:
    """Writes the directory anew with some tensors changed or added."""
    data = (folder / SHARD).read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    tensors = tensors_of(folder) | changes
    save_file(tensors, str(folder / SHARD), header["__metadata__"])
    write_manifest(folder)
