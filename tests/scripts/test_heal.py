"""A model directory is read, healed and written back as the compressor laid it out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from halfling_train.checkpoint import hugging_face_config
from halfling_train.datasets import DataError, Dataset
from halfling_train.description import token_table
from halfling_train.distillation import Distillation, divergence, mean_divergence
from halfling_train.distributed import Workers
from halfling_train.llama_config import LlamaConfig
from halfling_train.model_directory import ModelDirectory, sha256_of
from halfling_train.semantic_model import SemanticModel
from halfling_train.trainer import Trainer, TrainOptions
from safetensors.numpy import load_file, save_file

ALONE = Workers(0, 1, torch.device("cpu"))
RANK = 6


def make_original(dataset: Dataset, config: LlamaConfig) -> SemanticModel:
    torch.manual_seed(3)
    return SemanticModel(dataset, config).eval()


def write_halved(folder: Path, model: SemanticModel, dataset: Dataset) -> None:
    """What `halfling compress --method svd` would write, but for catalog.json's contents."""
    folder.mkdir()
    tokens = token_table(dataset.codes, dataset.level_sizes)
    kept = np.unique(np.append(tokens, 0))
    tensors = {
        "catalog.codes": np.searchsorted(kept, tokens).astype(np.int32),
        "vocabulary.ids": kept.astype(np.int32),
    }
    for name, parameter in model.llama.state_dict().items():
        value = parameter.numpy()
        if name.endswith("_proj.weight"):
            u, s, v = np.linalg.svd(value, full_matrices=False)
            linear = name.removesuffix(".weight")
            tensors[linear + ".left"] = (u[:, :RANK] * s[:RANK]).astype(np.float16)
            tensors[linear + ".right"] = v[:RANK].astype(np.float16)
        elif value.ndim == 2:
            tensors[name] = value[kept].astype(np.float16)
        else:
            tensors[name] = value
    config = {**hugging_face_config(model.llama.config), "vocab_size": len(kept)}
    metadata = {"format": "halfling-1", "config": json.dumps(config)}
    shard = folder / "model-00001-of-00001.safetensors"
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, str(shard), metadata)
    (folder / "catalog.json").write_text("{}")
    files = [
        {"path": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in (shard, folder / "catalog.json")
    ]
    manifest = {"format": 1, "files": files, "version": "", "compression": {}, "metrics": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def halved(dataset: Dataset, config: LlamaConfig, tmp_path: Path) -> Path:
    folder = tmp_path / "halved"
    write_halved(folder, make_original(dataset, config), dataset)
    return folder


def test_the_loaded_factors_compute_their_product(
    dataset: Dataset, config: LlamaConfig, halved: Path
) -> None:
    loaded = ModelDirectory(halved).load(dataset)
    dense = make_original(dataset, config)
    tensors = load_file(str(halved / "model-00001-of-00001.safetensors"))
    for name, parameter in dense.llama.named_parameters():
        linear = name.removesuffix(".weight")
        if linear + ".left" in tensors:
            left, right = (tensors[f"{linear}.{side}"] for side in ("left", "right"))
            product = left.astype(np.float32) @ right.astype(np.float32)
            parameter.data.copy_(torch.from_numpy(product))
        else:
            parameter.data.copy_(parameter.half())
    sequences = dataset.training()[:8]
    for ours, theirs in zip(loaded.code_log_probs(sequences), dense.code_log_probs(sequences)):
        torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=0)


def test_divergence_is_torchs(dataset: Dataset, config: LlamaConfig) -> None:
    sequences = dataset.training()[:8]
    log_p = make_original(dataset, config).code_log_probs(sequences)[0]
    log_q = torch.log_softmax(log_p + torch.linspace(0, 1, log_p.shape[1]), dim=1)
    allowed = log_p > float("-inf")
    expected = torch.nn.functional.kl_div(
        log_q[allowed], log_p[allowed], log_target=True, reduction="sum"
    )
    torch.testing.assert_close(divergence(log_p, log_q), expected)


def test_healing_comes_closer_to_the_original_and_is_written_back(
    dataset: Dataset, config: LlamaConfig, halved: Path, tmp_path: Path
) -> None:
    directory = ModelDirectory(halved)
    model = Distillation(make_original(dataset, config), directory.load(dataset))
    sequences = [sequence[-21:] for sequence in dataset.training()]
    before = mean_divergence(model, sequences)
    options = TrainOptions(epochs=6, batch_size=16, learning_rate=3e-3, average_decay=0.9)
    Trainer(model, sequences, lambda _: 0.0, options, ALONE, tmp_path / "state.pt", "it").run()
    directory.round(model.halved)
    assert mean_divergence(model, sequences) < 0.8 * before

    output = tmp_path / "healed"
    directory.save(model.halved, dataset, output, {"healing": {"epochs": 6}})
    again = ModelDirectory(output)
    reloaded = Distillation(model.original, again.load(dataset))
    assert mean_divergence(reloaded, sequences) == pytest.approx(
        mean_divergence(model, sequences), rel=1e-6
    )
    assert again.manifest["compression"]["healing"] == {"epochs": 6}
    assert "metrics" not in again.manifest
    shard = output / "model-00001-of-00001.safetensors"
    assert shard.stat().st_size == (halved / shard.name).stat().st_size
    digests = [
        hashlib.sha256((output / f["path"]).read_bytes()).hexdigest()
        for f in again.manifest["files"]
    ]
    assert [f["sha256"] for f in again.manifest["files"]] == digests
    assert again.manifest["version"] == hashlib.sha256("".join(digests).encode()).hexdigest()


def test_another_catalogue_or_a_foreign_folder_is_refused(
    dataset: Dataset, halved: Path, tmp_path: Path
) -> None:
    directory = ModelDirectory(halved)
    model = directory.load(dataset)
    dataset.codes[5], dataset.codes[6] = dataset.codes[6].copy(), dataset.codes[5].copy()
    with pytest.raises(DataError, match="item codes are not those"):
        directory.load(dataset)
    dataset.codes[5], dataset.codes[6] = dataset.codes[6].copy(), dataset.codes[5].copy()
    (tmp_path / "notes").mkdir()
    with pytest.raises(DataError, match="no model directory"):
        directory.save(model, dataset, tmp_path / "notes", {})
    with pytest.raises(DataError, match="is the model to read"):
        directory.check_output(halved)


def test_a_broken_file_or_a_value_beyond_its_type_is_refused(
    dataset: Dataset, halved: Path
) -> None:
    directory = ModelDirectory(halved)
    model = directory.load(dataset)
    next(p for p in model.parameters() if p.dim() > 1).data[0, 0] = 1e6
    with pytest.raises(DataError, match="beyond the range of float16"):
        directory.round(model)
    with (halved / "catalog.json").open("a") as file:
        file.write(" ")
    with pytest.raises(DataError, match=r"catalog\.json: its sha256 is not the manifest's"):
        ModelDirectory(halved)


def test_healing_never_returns_less_than_it_got(
    dataset: Dataset, config: LlamaConfig, halved: Path, tmp_path: Path
) -> None:
    directory = ModelDirectory(halved)
    model = Distillation(make_original(dataset, config), directory.load(dataset))
    start = [p.detach().clone() for p in model.halved.parameters()]
    scores = iter([0.5, 0.4, 0.3])
    options = TrainOptions(epochs=2, batch_size=16, learning_rate=1e-2)
    trainer = Trainer(
        model,
        dataset.training(),
        lambda _: next(scores),
        options,
        ALONE,
        tmp_path / "state.pt",
        "it",
        keep_start=True,
    )
    trainer.run()
    assert trainer.best_epoch == 0
    assert all(torch.equal(a, b) for a, b in zip(start, model.halved.parameters()))
