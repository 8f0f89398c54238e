"""The model files that the benchmark gives to other engines compute what the model does."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from compressed import replace_tensors, write_halved
from conftest import SCRIPTS
from halfling_train.attention import Packing
from halfling_train.datasets import DataError, Dataset
from halfling_train.llama_config import LlamaConfig
from halfling_train.semantic_model import SemanticModel
from rival_models.gguf_file import interleave
from rival_models.reference import first_level, prompt_tokens
from rival_models.weights import Weights, read_weights, torch_model

NEEDS = "only for benchmarks: scripts/requirements-bench.txt"
KINDS = ("dense int8", "low-rank f16", "pivoted f32", "mixed")


def make_directory(
    dataset: Dataset, config: LlamaConfig, folder: Path, kind: str
) -> tuple[Path, SemanticModel]:
    torch.manual_seed(5)
    model = SemanticModel(dataset, config).eval()
    write_halved(folder, model, dataset, kind)
    return folder, model


@torch.no_grad()
def logits_of(weights: Weights, tokens: list[int]) -> np.ndarray:
    """After each token, by PyTorch."""
    model = torch_model(weights)
    packing = Packing(((0, 1, len(tokens)),), torch.arange(len(tokens)))
    return model.logits(model(torch.tensor(tokens), packing)).numpy()


def test_reads_what_the_model_is(dataset: Dataset, config: LlamaConfig, tmp_path: Path) -> None:
    folder, model = make_directory(dataset, config, tmp_path / "model", "dense int8")
    weights = read_weights(folder)
    history = [3, 1, 4, 1, 5]
    tokens = prompt_tokens(weights, history)
    assert tokens == [0, *weights.codes[history].flatten().tolist()]
    ids = torch.tensor(np.append(0, model.tokens.numpy()[history].flatten()))
    with torch.no_grad():
        packing = Packing(((0, 1, len(ids)),), torch.arange(len(ids)))
        expected = model.llama.logits(model.llama(ids, packing))[-1]
    kept = np.unique(np.append(model.tokens.numpy(), 0))
    np.testing.assert_allclose(logits_of(weights, tokens)[-1], expected[kept], atol=0.05)

    best = first_level(weights, [history], 3)[0]
    assert best[0]["token"] == logits_of(weights, tokens)[-1].argmax()
    assert best[0]["log_prob"] > best[1]["log_prob"] > best[2]["log_prob"]


def test_a_tensor_that_would_be_left_out_is_an_error(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    folder, _ = make_directory(dataset, config, tmp_path / "model", "dense int8")
    replace_tensors(folder, {"model.layers.0.self_attn.q_proj.bias": torch.zeros(32)})
    with pytest.raises(DataError, match="q_proj.bias is no part of a model"):
        read_weights(folder)


class Session:
    """The graph as the page runs it: one growing cache."""

    def __init__(self, weights: Weights) -> None:
        onnxruntime = pytest.importorskip("onnxruntime", reason=NEEDS)
        pytest.importorskip("onnx", reason=NEEDS)
        from rival_models.onnx_graph import decoder

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        model = decoder(weights).SerializeToString()
        self.session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
        self.names = [output.name for output in self.session.get_outputs()]
        config = weights.config
        empty = np.zeros((1, config.num_key_value_heads, 0, config.head_dim), np.float32)
        self.cache = {f"past_{name}": empty for name in self.names[1:]}

    def run(
        self, tokens: list[int], positions: list[int], rows: list[int], bias: np.ndarray
    ) -> np.ndarray:
        feeds = {
            "tokens": np.array([tokens]),
            "positions": np.array([positions]),
            "bias": bias[None, None].astype(np.float32),
            "rows": np.array(rows),
        }
        logits, *cache = self.session.run(self.names, feeds | self.cache)
        self.cache = {
            f"past_{name}": values for name, values in zip(self.names[1:], cache, strict=True)
        }
        return logits


@pytest.mark.parametrize("kind", KINDS)
def test_the_onnx_graph_runs_prompts_events_and_beams(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path, kind: str
) -> None:
    folder, _ = make_directory(dataset, config, tmp_path / "model", kind)
    weights = read_weights(folder)
    session = Session(weights)
    prompt = prompt_tokens(weights, [3, 1, 4])
    event = weights.codes[9].tolist()
    causal = np.triu(np.full((13, 13), -1e9), 1)
    first = session.run(prompt, list(range(10)), [9], causal[:10, :10])
    np.testing.assert_allclose(first[0], logits_of(weights, prompt)[-1], atol=1e-4)
    warm = session.run(event, [10, 11, 12], [2, 0], causal[10:])
    expected = logits_of(weights, prompt + event)
    np.testing.assert_allclose(warm, expected[[-1, -3]], atol=1e-4)

    beams = [5, 6, 7]
    bias = np.zeros((3, 16))
    bias[:, 13:] = np.where(np.eye(3), 0, -1e9)
    level = session.run(beams, [13] * 3, [0, 1, 2], bias)
    for beam, row in zip(beams, level, strict=True):
        expected = logits_of(weights, [*prompt, *event, beam])
        np.testing.assert_allclose(row, expected[-1], atol=1e-4)

    parents, following = [2, 0], [8, 9]
    bias = np.full((2, 18), -1e9)
    bias[:, :13] = 0
    for row, parent in enumerate(parents):
        bias[row, [13 + parent, 16 + row]] = 0
    level = session.run(following, [14] * 2, [0, 1], bias)
    for parent, token, row in zip(parents, following, level, strict=True):
        expected = logits_of(weights, [*prompt, *event, beams[parent], token])
        np.testing.assert_allclose(row, expected[-1], atol=1e-4)


def test_rows_are_interleaved_within_each_head() -> None:
    matrix = np.arange(8, dtype=np.float32)[:, None]
    assert interleave(matrix, 2).flatten().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_the_command_writes_the_files(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    pytest.importorskip("onnx", reason=NEEDS)
    config = replace(config, intermediate_size=64)  # llama.cpp rounds 32 values together
    folder, _ = make_directory(dataset, config, tmp_path / "model", "dense int8")
    (tmp_path / "histories.json").write_text("[[1, 2], [3]]")
    command = [sys.executable, str(SCRIPTS / "make_rival_models.py"), str(folder)]
    command += [str(tmp_path / "out"), "--gguf", "f16", "q8_0"]
    command += ["--histories", str(tmp_path / "histories.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    described = json.loads((tmp_path / "out/model.json").read_text())
    assert len(described["first_level"]) == 2 and described["prompt"]["prefix"] == [0]
    assert len(described["codes"]) == len(dataset.items)
    assert (tmp_path / "out/model.onnx").stat().st_size > 10_000
    reader = gguf.GGUFReader(tmp_path / "out/model-q8_0.gguf")
    weights = read_weights(folder)
    assert len(reader.tensors) == 2 + 9 * len(weights.layers)
    query = next(t for t in reader.tensors if t.name == "blk.0.attn_q.weight")
    values = gguf.quants.dequantize(query.data, query.tensor_type)
    expected = interleave(weights.layers[0].linears["q_proj"].whole, 4)
    np.testing.assert_allclose(values, expected, atol=np.abs(expected).max() / 100)

    done = subprocess.run([*command[:2], str(tmp_path), "x"], capture_output=True, check=False)
    assert done.returncode == 1 and b"manifest.json" in done.stderr
