"""A model directory of any storage is read and written back as the compressor laid it out."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from compressed import (
    PLANS,
    SHARD,
    move_vectors,
    replace_tensors,
    restored,
    restored_linear,
    tensors_of,
    write_halved,
    write_manifest,
)
from halfling_train.datasets import DataError, Dataset
from halfling_train.llama_config import LlamaConfig
from halfling_train.model_directory import ModelDirectory, stored_weights
from halfling_train.prompt import Prompt
from halfling_train.semantic_model import SemanticModel
from halfling_train.storage import INT4_GROUP, Quantizer
from halfling_train.weights import EMBEDDING, HEAD
from safetensors.torch import save_file

EVERY_KIND = pytest.mark.parametrize("kind", PLANS)
OPTIONS = {  # no one architecture has them all; a directory may
    "attention_bias": True,
    "output_bias": True,
    "qk_norm": True,
    "tied_embeddings": False,
    "head_dim": 12,
}


def make_original(dataset: Dataset, config: LlamaConfig) -> SemanticModel:
    torch.manual_seed(3)
    model = SemanticModel(dataset, config).eval()
    move_vectors(model.llama)
    return model


@pytest.fixture(params=[{}, OPTIONS], ids=["llama", "options"])
def any_config(request: pytest.FixtureRequest, config: LlamaConfig) -> LlamaConfig:
    return dataclasses.replace(config, **request.param)


@pytest.fixture
def halved(dataset: Dataset, config: LlamaConfig, tmp_path: Path) -> Path:
    folder = tmp_path / "halved"
    write_halved(folder, make_original(dataset, config), dataset, "mixed")
    return folder


@EVERY_KIND
def test_the_loaded_model_computes_what_its_files_stand_for(
    dataset: Dataset, any_config: LlamaConfig, tmp_path: Path, kind: str
) -> None:
    dense = make_original(dataset, any_config)
    write_halved(tmp_path / "halved", dense, dataset, kind)
    loaded = ModelDirectory(tmp_path / "halved").load(dataset)
    tensors = tensors_of(tmp_path / "halved")
    for name, parameter in dense.llama.named_parameters():
        if name.endswith("_proj.weight"):
            weight = restored_linear(tensors, name.removesuffix(".weight"), parameter.shape[1])
            parameter.data = torch.from_numpy(weight)
        elif name in (EMBEDDING, HEAD):
            rows = tensors["vocabulary.ids"].long()
            parameter.data[rows] = torch.from_numpy(restored(tensors, name, parameter.shape[1]))
    sequences = dataset.training()[:8]
    for ours, theirs in zip(loaded.code_log_probs(sequences), dense.code_log_probs(sequences)):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@EVERY_KIND
def test_what_was_not_trained_comes_back_byte_for_byte(
    dataset: Dataset, any_config: LlamaConfig, tmp_path: Path, kind: str
) -> None:
    write_halved(tmp_path / "halved", make_original(dataset, any_config), dataset, kind)
    directory = ModelDirectory(tmp_path / "halved")
    model = directory.load(dataset)
    directory.round(model)
    directory.save(model, dataset, tmp_path / "again", {})
    assert (tmp_path / "again" / SHARD).read_bytes() == (tmp_path / "halved" / SHARD).read_bytes()


@EVERY_KIND
def test_the_forward_pass_uses_the_values_that_will_be_written(
    dataset: Dataset, any_config: LlamaConfig, tmp_path: Path, kind: str
) -> None:
    write_halved(tmp_path / "halved", make_original(dataset, any_config), dataset, kind)
    directory = ModelDirectory(tmp_path / "halved")
    model = directory.load(dataset)
    torch.manual_seed(4)
    for _, parameter, quantizer in stored_weights(model):
        if quantizer:  # as training would move it, off what the integers can say
            parameter.data += 0.02 * torch.randn_like(parameter)
    sequences = dataset.training()[:8]
    training = model.code_log_probs(sequences)
    directory.round(model)
    directory.save(model, dataset, tmp_path / "healed", {})
    rounded = model.code_log_probs(sequences)
    read = ModelDirectory(tmp_path / "healed").load(dataset).code_log_probs(sequences)
    for level in range(len(training)):
        assert torch.equal(training[level], rounded[level])
        assert torch.equal(rounded[level], read[level])


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (
            Prompt((1,), text=(0, 500), code_ids=tuple(range(1, 16))),
            "prefix is not that of the ori",
        ),
        (Prompt(suffix=(0,)), "suffix is not that of the original"),
        (Prompt(max_history=7), "its prompt has 20 items; expected 7"),
    ],
)
def test_another_originals_prompt_is_refused(
    prompt: Prompt, message: str, dataset: Dataset, halved: Path
) -> None:
    assert sum(dataset.level_sizes) == 15
    with pytest.raises(DataError, match=message):
        ModelDirectory(halved).load(dataset, prompt)


@pytest.mark.parametrize("width, steps", [(50, 127), (INT4_GROUP, 7)])
def test_the_scale_is_at_least_as_good_as_the_largest_values(width: int, steps: int) -> None:
    torch.manual_seed(5)
    matrix = torch.randn(6, 50)
    quantizer = Quantizer(torch.zeros(6, -(-50 // width)), width, steps, torch.float16)
    groups = torch.nn.functional.pad(matrix, (0, -50 % width)).unflatten(1, (-1, width))
    scales = (groups.abs().amax(-1, keepdim=True) / steps).half().float()
    plain = ((groups / scales).round() * scales - groups).pow(2).sum()
    error = (quantizer(matrix) - matrix).pow(2).sum()
    assert 0 < error <= plain
    integers, _ = quantizer.fit(matrix)
    assert integers.abs().max() <= steps


def test_the_gradient_passes_the_rounding() -> None:
    matrix = torch.randn(3, 8, requires_grad=True)
    quantizer = Quantizer(torch.zeros(3, 1), 8, 7, torch.float32)
    weights = torch.arange(24.0).view(3, 8)
    (quantizer(matrix) * weights).sum().backward()
    assert torch.equal(matrix.grad, weights)
    assert torch.equal(quantizer(torch.zeros(3, 8)), torch.zeros(3, 8))


def test_an_int7_matrix_stays_one(dataset: Dataset, config: LlamaConfig, tmp_path: Path) -> None:
    halved, healed = tmp_path / "halved", tmp_path / "healed"
    write_halved(halved, make_original(dataset, config), dataset, "pivoted int7")
    directory = ModelDirectory(halved)
    model = directory.load(dataset)
    for _, parameter, quantizer in stored_weights(model):
        if quantizer:
            parameter.data[:, 0] *= 3
    directory.round(model)
    directory.save(model, dataset, healed, {})
    before, after = tensors_of(halved), tensors_of(healed)
    factors = [name for name in before if name.endswith((".left", ".right"))]
    assert len(factors) > 0
    assert any(not torch.equal(after[name], before[name]) for name in factors)
    for name in factors:
        assert after[name].dtype == torch.int8 and after[name].abs().max() <= 63


def test_the_manifest_and_the_report_follow_the_new_values(
    dataset: Dataset, halved: Path, tmp_path: Path
) -> None:
    directory = ModelDirectory(halved)
    model = directory.load(dataset)
    for _, parameter, _ in stored_weights(model):
        parameter.data *= 1.5
    directory.round(model)
    output = tmp_path / "healed"
    directory.save(model, dataset, output, {"healing": {"epochs": 6}})
    manifest = json.loads((output / "manifest.json").read_text())
    assert manifest["compression"]["healing"] == {"epochs": 6}
    assert "metrics" not in manifest
    assert (output / SHARD).stat().st_size == (halved / SHARD).stat().st_size
    digests = [
        hashlib.sha256((output / f["path"]).read_bytes()).hexdigest() for f in manifest["files"]
    ]
    assert [f["sha256"] for f in manifest["files"]] == digests
    assert manifest["version"] == hashlib.sha256("".join(digests).encode()).hexdigest()
    assert manifest["version"] != directory.manifest["version"]
    report = json.loads((output / "compression.json").read_text())
    assert report["matrices"] == [
        {"name": "q", "singular_values": [2.0, 1.0], "relative_error": None}
    ]
    assert report["layers"] == [{"layer": 0, "relative_error": None}]


def test_a_directory_without_a_report_is_saved_without_one(
    dataset: Dataset, halved: Path, tmp_path: Path
) -> None:
    (halved / "compression.json").unlink()
    directory = ModelDirectory(halved)
    directory.save(directory.load(dataset), dataset, tmp_path / "again", {})
    assert not (tmp_path / "again" / "compression.json").exists()


def test_another_catalogue_or_a_foreign_folder_is_refused(
    dataset: Dataset, halved: Path, tmp_path: Path
) -> None:
    directory = ModelDirectory(halved)
    dataset.codes[5], dataset.codes[6] = dataset.codes[6].copy(), dataset.codes[5].copy()
    with pytest.raises(DataError, match="item codes are not those"):
        directory.load(dataset)
    dataset.codes[5], dataset.codes[6] = dataset.codes[6].copy(), dataset.codes[5].copy()
    with pytest.raises(DataError, match="is the model to read"):
        directory.check_output(halved)


def test_a_model_takes_an_empty_folders_place_and_another_models(
    dataset: Dataset, halved: Path, tmp_path: Path
) -> None:
    directory = ModelDirectory(halved)
    model = directory.load(dataset)
    kept, output = tmp_path / "kept", tmp_path / "healed"
    kept.mkdir()
    output.symlink_to(kept)
    directory.save(model, dataset, output, {})
    (kept / SHARD).write_bytes(b"spoilt")
    directory.save(model, dataset, output, {})
    assert output.is_symlink() and (kept / SHARD).read_bytes() == (halved / SHARD).read_bytes()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("notes.txt", "mine", "holds files but no model"),
        ("manifest.json", '{"name": "Shop", "icons": []}', "holds files but no model"),
        ("manifest.json", '{"format": 1, "files": []}', "holds files but no model"),
        ("", "a file", "exists and is no folder"),
    ],
)
def test_what_is_no_model_is_not_replaced(
    name: str, text: str, message: str, dataset: Dataset, halved: Path, tmp_path: Path
) -> None:
    """A web app has a manifest.json, too."""
    output = tmp_path / "site"
    if name:
        output.mkdir()
    (output / name).write_text(text)
    directory = ModelDirectory(halved)
    with pytest.raises(DataError, match=message):
        directory.save(directory.load(dataset), dataset, output, {})
    assert (output / name).read_text() == text


def test_what_lies_beside_a_model_is_not_deleted_with_it(
    dataset: Dataset, halved: Path, tmp_path: Path
) -> None:
    output = Path(shutil.copytree(halved, tmp_path / "healed"))
    (output / "notes").mkdir()
    directory = ModelDirectory(halved)
    with pytest.raises(DataError, match="holds notes, which is no part of the model there"):
        directory.save(directory.load(dataset), dataset, output, {})
    assert (output / "notes").is_dir()


def test_a_broken_file_or_a_value_beyond_its_type_is_refused(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    halved = tmp_path / "halved"
    write_halved(halved, make_original(dataset, config), dataset)
    directory = ModelDirectory(halved)
    model = directory.load(dataset)
    next(p for p in model.parameters() if p.dim() > 1).data[0, 0] = 1e6
    with pytest.raises(DataError, match="beyond the range of float16"):
        directory.round(model)
    with (halved / "catalog.json").open("a") as file:
        file.write(" ")
    with pytest.raises(DataError, match=r"catalog\.json: its sha256 is not the manifest's"):
        ModelDirectory(halved)


GOOD = {"path": "a", "sha256": 64 * "0"}
WHOLE = {"format": 1, "version": "1", "files": [GOOD], "compression": {}}


@pytest.mark.parametrize(
    "manifest, message",
    [
        ({"name": "A shop", "start_url": "/"}, "format is None; expected 1"),
        ({"files": {}}, "files: expected objects with path and sha256"),
        ({"files": ["a"]}, "files: expected objects with path and sha256"),
        ({"files": [GOOD, {"path": "../a", "sha256": ""}]}, "files: .* of files beside it"),
        ({"files": [{"path": "a"}]}, "files: expected objects with path and sha256"),
        ({"version": None}, "version: expected a text"),
        ({"compression": []}, "compression: expected an object"),
    ],
)
def test_a_manifest_of_something_else_is_refused(
    manifest: dict, message: str, tmp_path: Path
) -> None:
    whole = {} if "name" in manifest else WHOLE
    (tmp_path / "manifest.json").write_text(json.dumps({**whole, **manifest}))
    with pytest.raises(DataError, match=rf"manifest\.json: {message}"):
        ModelDirectory(tmp_path)


@pytest.mark.parametrize(
    "metadata, message",
    [
        ({"config": "{}"}, "prompt of its metadata: expected a JSON object"),
        ({"config": "[", "prompt": "{}"}, "config of its metadata: expected a JSON object"),
    ],
)
def test_metadata_that_is_broken_is_named(metadata: dict, message: str, halved: Path) -> None:
    save_file(tensors_of(halved), str(halved / SHARD), metadata)
    write_manifest(halved)
    with pytest.raises(DataError, match=message):
        ModelDirectory(halved)


def test_a_shard_that_is_no_safetensors_is_named(halved: Path) -> None:
    (halved / SHARD).write_bytes(b"\x00" * 9)
    write_manifest(halved)
    with pytest.raises(DataError, match=rf"{SHARD}: not safetensors"):
        ModelDirectory(halved)


def test_codes_beyond_the_vocabulary_are_refused(dataset: Dataset, halved: Path) -> None:
    codes = tensors_of(halved)["catalog.codes"].clone()
    codes[3, 0] = 999
    replace_tensors(halved, {"catalog.codes": codes})
    with pytest.raises(DataError, match="item codes are not those"):
        ModelDirectory(halved).load(dataset)


LAYER = "model.layers.0.self_attn"  # in "mixed": q is pivoted (left int8, right int4), o is int8


def spoil(folder: Path, name: str, row: int, value: float) -> None:
    tensor = tensors_of(folder)[name].clone()
    tensor[row] = value
    replace_tensors(folder, {name: tensor})


@pytest.mark.parametrize(
    "name, row, value, message",
    [
        (f"{LAYER}.o_proj.weight", 2, -128, "o_proj.weight has a value below -127"),
        (f"{LAYER}.q_proj.right", 2, 0, "q_proj.right has a value below -7"),
        (f"{LAYER}.o_proj.weight_scale", 1, float("nan"), "weight_scale has a value .* not finite"),
        (f"{LAYER}.o_proj.weight_scale", 1, 0.0, "weight_scale has a value .* not positive"),
        (f"{LAYER}.q_proj.right_scale", 1, -1.0, "right_scale has a value .* not positive"),
        (f"{LAYER}.q_proj.pivots", 0, 31, "q_proj.pivots: expected 7 rising row numbers below 32"),
        (f"{LAYER}.q_proj.pivots", 6, 32, "q_proj.pivots: expected 7 rising row numbers below 32"),
    ],
)
def test_values_that_no_compressor_writes_are_refused(
    dataset: Dataset, halved: Path, name: str, row: int, value: float, message: str
) -> None:
    spoil(halved, name, row, value)
    with pytest.raises(DataError, match=message):
        ModelDirectory(halved).load(dataset)


@pytest.mark.parametrize(
    "name, tensor, message",
    [
        (
            f"{LAYER}.o_proj.weight_scale",
            torch.ones(32, dtype=torch.float16),
            "weight_scale is .*float16.*, expected torch.float32",
        ),
        (
            f"{LAYER}.q_proj.left",
            torch.zeros(32, 7),
            r"q_proj.left is \(32, 7\), expected \(25, 7\)",
        ),
        ("model.layers.0.input_layernorm.weight", torch.ones(31), "expected floats .*32"),
        (f"{LAYER}.q_proj.bias", torch.zeros(32), "q_proj.bias is no part of a model"),
    ],
)
def test_tensors_of_another_form_are_refused(
    dataset: Dataset, halved: Path, name: str, tensor: torch.Tensor, message: str
) -> None:
    replace_tensors(halved, {name: tensor})
    with pytest.raises(DataError, match=message):
        ModelDirectory(halved).load(dataset)
