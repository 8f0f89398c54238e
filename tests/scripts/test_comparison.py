"""compare.py ranks as the tool does: the same figures, and scipy's intervals."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from compressed import PLANS, move_vectors, write_halved
from conftest import SCRIPTS
from halfling_train.checkpoint import save_checkpoint
from halfling_train.comparison import compare, interval, relative_changes
from halfling_train.datasets import MAX_HISTORY, DataError, Dataset
from halfling_train.distillation import divergences
from halfling_train.engine_numbers import round_inputs, with_engine_numbers
from halfling_train.llama_config import LlamaConfig
from halfling_train.model_directory import ModelDirectory
from halfling_train.named_datasets import load_letter
from halfling_train.prompt import Prompt
from halfling_train.semantic_model import SemanticModel

HALFLING = SCRIPTS.parent / "build" / "native" / "compressor" / "halfling"
needs_tool = pytest.mark.skipif(not HALFLING.exists(), reason=f"{HALFLING} is not built")

QWEN2 = {"attention_bias": True}
QWEN3 = {"qk_norm": True, "head_dim": 12, "tied_embeddings": False}


def run(*command: object) -> dict:
    words = list(map(str, command))
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


@pytest.fixture(
    params=[
        ("int8", {}),
        ("svd-llm", {}),
        ("halfling", {}),
        ("int8", QWEN2),
        ("svd-llm", QWEN2),
        ("halfling", QWEN3),
    ],
    ids=lambda param: f"{param[0]}-{'-'.join(param[1]) or 'llama'}",
)
def compressed(
    request: pytest.FixtureRequest, letter: Path, config: LlamaConfig, tmp_path: Path
) -> tuple[Path, Path]:
    """A checkpoint and the model directory that the tool made of it."""
    method, options = request.param
    torch.manual_seed(2)
    dataset = load_letter(letter)
    checkpoint, output = tmp_path / "original", tmp_path / "half"
    model = SemanticModel(dataset, dataclasses.replace(config, **options)).llama
    move_vectors(model)
    save_checkpoint(checkpoint, model, dataset)
    compress = [HALFLING, "compress", checkpoint, output, "--method", method, "--json"]
    keep = [] if method == "int8" else ["--keep", 0.5, "--dtype", "int8"]
    run(*compress, *keep, "--evaluate-users", 0)
    return checkpoint, output


@needs_tool
def test_scores_are_the_tools(compressed: tuple[Path, Path], letter: Path) -> None:
    _, output = compressed
    dataset = load_letter(letter)
    model = with_engine_numbers(ModelDirectory(output).load(dataset))
    histories, _ = dataset.evaluation("test")
    differences = []
    for history in histories[:30]:
        ids = ",".join(map(str, history))
        command = [HALFLING, "recommend", output, "--history", ids, "--search", "beam", "--json"]
        wanted = {row["index"]: row["score"] for row in run(*command)["items"]}
        leaves, scores = model.beam_search(history[None, -MAX_HISTORY:], 20, [history])
        pairs = zip(leaves[0].tolist(), scores[0].tolist())
        given = {item: s for leaf, s in pairs for item in model.trie.leaf_items[leaf] if leaf >= 0}
        differences += [abs(given[item] - score) for item, score in wanted.items()]
    assert np.median(differences) < 2e-4  # the tool's inputs of 16 bits are floats here
    assert max(differences) < 0.1  # an input half-way between two integers may go either way


@needs_tool
def test_figures_are_the_tools(compressed: tuple[Path, Path], letter: Path) -> None:
    checkpoint, output = compressed
    against = [output, "--against", checkpoint, "--json"]
    users = [HALFLING, "evaluate", *against, "--users", "all"]
    wanted = run(*users, "--interactions", checkpoint / "interactions.json")["models"][0]
    script = [sys.executable, SCRIPTS / "compare.py", *against]
    answer = run(*script, "--dataset", "files", "--data", letter)
    given, original = answer["models"][0], answer["original"]["metrics"]
    one_user = 1.001 / len(load_letter(letter).sequences)  # whose rounding went the other way
    for kind in ("metrics", "metrics_collision_counted"):
        for name, value in wanted[kind].items():
            assert given[kind][name]["mean"] == pytest.approx(value["mean"], abs=one_user)
    assert given["directory"] == wanted["directory"]
    own, tools = given["against"], wanted["against"]
    assert own["directory"] == tools["directory"]
    for name, value in tools["metrics_relative_change"].items():
        if value is None:
            assert original[name]["mean"] <= one_user
            continue
        change = own["metrics_relative_change"][name]["mean"] - value["mean"]
        assert abs(change) * original[name]["mean"] <= one_user
    assert own["overlap@10"]["mean"] == pytest.approx(tools["overlap@10"]["mean"], abs=0.01)
    assert own["divergence"]["mean"] == pytest.approx(tools["divergence"]["mean"], rel=1e-2)


def test_the_original_is_at_no_distance_from_itself(dataset: Dataset, config: LlamaConfig) -> None:
    model = SemanticModel(dataset, config).eval()
    answer = compare(model, {"itself": model}, dataset, "test", beams=10, users=30)
    against = answer["models"][0]["against"]
    assert answer["users"] == 30
    assert against["divergence"]["high"] == 0
    assert against["overlap@10"]["low"] == 1
    changes = against["metrics_relative_change"]
    assert changes["ndcg@10"] is not None
    for change in filter(None, changes.values()):
        assert (change["low"], change["high"]) == pytest.approx((0, 0), abs=1e-12)


def test_prompts_of_other_lengths_are_not_compared(dataset: Dataset, config: LlamaConfig) -> None:
    model = SemanticModel(dataset, config).eval()
    short = SemanticModel(dataset, config, prompt=Prompt(max_history=3)).eval()
    with pytest.raises(DataError, match="short: its prompt has 3 items; expected 20"):
        compare(model, {"short": short}, dataset, "test")


def test_divergence_is_that_of_the_last_items(dataset: Dataset, config: LlamaConfig) -> None:
    torch.manual_seed(1)
    first, second = (SemanticModel(dataset, config).eval() for _ in range(2))
    answer = compare(first, {"other": second}, dataset, "test")
    sequences = [sequence[-21:] for sequence in dataset.sequences]
    with torch.no_grad():
        pairs = zip(*(m.code_log_probs(sequences, only_last=True) for m in (first, second)))
        wanted = sum(float(divergences(p, q).sum()) for p, q in pairs) / len(sequences)
    assert answer["models"][0]["against"]["divergence"]["mean"] == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("kind", PLANS)
def test_without_rounded_inputs_it_is_the_trained_model(
    kind: str,
    dataset: Dataset,
    config: LlamaConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("halfling_train.engine_numbers.round_inputs", lambda x: x)
    write_halved(tmp_path / "half", SemanticModel(dataset, config), dataset, kind)
    sequences = dataset.training()[:8]
    with torch.no_grad():
        wanted = ModelDirectory(tmp_path / "half").load(dataset).code_log_probs(sequences)
        model = with_engine_numbers(ModelDirectory(tmp_path / "half").load(dataset))
        given = model.code_log_probs(sequences)
    torch.testing.assert_close(given, wanted, rtol=1e-4, atol=1e-4)


def test_inputs_become_integers_of_eight_bits() -> None:
    x = torch.tensor([[0.0, 1.0, -2.0, 0.011], [0.0, 0.0, 0.0, 0.0]])
    expected = torch.tensor([[0.0, 64.0, -127.0, 1.0], [0.0, 0.0, 0.0, 0.0]]) * 2 / 127
    torch.testing.assert_close(round_inputs(x), expected)


def test_intervals_are_scipys() -> None:
    random = np.random.default_rng(5)
    values = random.gamma(2.0, size=(400, 1))
    (given,) = interval(values)
    wanted = scipy.stats.bootstrap((values[:, 0],), np.mean, method="percentile", random_state=7)
    assert given["mean"] == pytest.approx(values.mean())
    assert given["low"] == pytest.approx(wanted.confidence_interval.low, rel=0.01)
    assert given["high"] == pytest.approx(wanted.confidence_interval.high, rel=0.01)


def test_changes_are_paired_by_user() -> None:
    random = np.random.default_rng(6)
    before = random.gamma(2.0, size=(300, 2))
    (half, none) = relative_changes(before, before * [0.5, 1.0])
    assert (half["low"], half["mean"], half["high"]) == pytest.approx((-0.5, -0.5, -0.5))
    assert (none["low"], none["high"]) == pytest.approx((0, 0))


def test_nothing_is_no_share_of_nothing() -> None:
    before, after = np.zeros((40, 2)), np.zeros((40, 2))
    before[0, 1], after[0] = 0.5, 1.0
    (first, second) = relative_changes(before, after)
    assert first is None
    assert (second["low"], second["mean"], second["high"]) == pytest.approx((1, 1, 1))
    assert relative_changes(np.zeros((9, 2)), np.ones((9, 2))) == [None, None]
