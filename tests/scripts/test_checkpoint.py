"""What training writes: transformers reads it, and join_checkpoint.py completes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SCRIPTS
from halfling_train.attention import Packing
from halfling_train.checkpoint import load_model, round_to_bfloat16, save_checkpoint
from halfling_train.datasets import DataError, Dataset
from halfling_train.description import write_json
from halfling_train.llama_config import LlamaConfig
from halfling_train.named_datasets import load_letter
from halfling_train.semantic_model import SemanticModel
from halfling_train.weights import EMBEDDING, WEIGHTS
from safetensors.torch import load_file, save_file


def save_random_model(dataset: Dataset, config: LlamaConfig, folder: Path) -> SemanticModel:
    torch.manual_seed(2)
    model = SemanticModel(dataset, config).eval()
    round_to_bfloat16(model)
    save_checkpoint(folder, model.llama, dataset)
    return model


def test_logits_equal_those_of_transformers(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    model = save_random_model(dataset, config, tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).float().eval()
    assert type(theirs).__name__ == "LlamaForCausalLM"
    tokens = torch.tensor([[0, *model.tokens[[3, 8, 5]].flatten().tolist()]])
    packing = Packing(((0, 1, tokens.shape[1]),), torch.arange(tokens.shape[1]))
    with torch.no_grad():
        ours = model.llama.logits(model.llama(tokens[0], packing))
        torch.testing.assert_close(ours, theirs(tokens).logits[0], rtol=1e-4, atol=1e-4)


def test_a_saved_model_loads_and_ranks_the_same(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    model = save_random_model(dataset, config, tmp_path)
    histories = [np.array([1, 2, 3]), np.array([30])]
    assert load_model(tmp_path, dataset).recommend(histories, 10) == model.recommend(histories, 10)


def test_tokens_of_codes_may_have_any_order(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    """LC-Rec adds them to the tokenizer as text is sorted: <a_1>, <a_10>, <a_2>."""
    model = save_random_model(dataset, config, tmp_path)
    weights = load_file(str(tmp_path / WEIGHTS))
    shuffled = np.random.default_rng(8).permutation(np.arange(1, config.vocab_size))
    token_of = np.concatenate([[0], shuffled])
    moved = torch.empty_like(weights[EMBEDDING])
    moved[torch.from_numpy(token_of)] = weights[EMBEDDING]
    save_file({**weights, EMBEDDING: moved}, str(tmp_path / WEIGHTS))
    described = json.loads((tmp_path / "recommender.json").read_text())
    for item in described["items"]:
        item["tokens"] = token_of[item["tokens"]].tolist()
    write_json(tmp_path / "recommender.json", described)
    histories = [np.array([1, 2, 3]), np.array([30])]
    assert load_model(tmp_path, dataset).recommend(histories, 10) == model.recommend(histories, 10)

    described["items"][7]["tokens"] = described["items"][8]["tokens"]
    write_json(tmp_path / "recommender.json", described)
    with pytest.raises(DataError, match="item i[78]: its tokens are .*; expected those of"):
        load_model(tmp_path, dataset)
    described["items"].reverse()
    write_json(tmp_path / "recommender.json", described)
    with pytest.raises(DataError, match="its items are not those of synthetic"):
        load_model(tmp_path, dataset)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("max_history", 0, "max_history is 0; expected a number from 1"),
        ("prompt", None, "prompt: expected lists of tokens"),
        ("prompt", {"prefix": [], "separator": [], "suffix": []}, "prompt.prefix is empty"),
        ("items", [{"id": "i0", "tokens": [1, 5, 9]}], "its items are not those of synthetic"),
        ("items", [{"id": "i0"}], r"items\[0\]\.tokens: expected a list of tokens, found None"),
    ],
)
def test_a_broken_description_is_named(
    name: str, value: object, message: str, dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    save_random_model(dataset, config, tmp_path)
    described = json.loads((tmp_path / "recommender.json").read_text())
    write_json(tmp_path / "recommender.json", {**described, name: value})
    with pytest.raises(DataError, match=f"recommender.json: {message}"):
        load_model(tmp_path, dataset)


def test_a_directory_without_a_description_is_named(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    """But for one with the tokens that train.py gives, which needs none."""
    model = save_random_model(dataset, config, tmp_path)
    (tmp_path / "recommender.json").unlink()
    histories = [np.array([1, 2, 3])]
    assert load_model(tmp_path, dataset).recommend(histories, 5) == model.recommend(histories, 5)
    described = json.loads((tmp_path / "config.json").read_text())
    write_json(tmp_path / "config.json", {**described, "vocab_size": 500})
    with pytest.raises(DataError, match="expected recommender.json in it"):
        load_model(tmp_path, dataset)


def test_tensors_of_another_shape_are_named(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    model = save_random_model(dataset, config, tmp_path)
    weights = load_file(str(tmp_path / WEIGHTS))
    more = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}  # as older files have
    save_file({**weights, **more}, str(tmp_path / WEIGHTS))
    histories = [np.array([1, 2, 3])]
    assert load_model(tmp_path, dataset).recommend(histories, 5) == model.recommend(histories, 5)
    save_file({**weights, "model.norm.weight": torch.ones(7)}, str(tmp_path / WEIGHTS))
    with pytest.raises(DataError, match=r"model.norm.weight is \(7,\); expected \(32,\)"):
        load_model(tmp_path, dataset)


def test_weights_that_are_none_are_named(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    save_random_model(dataset, config, tmp_path)
    (tmp_path / WEIGHTS).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(DataError, match=r"model\.safetensors: not safetensors"):
        load_model(tmp_path, dataset)


def test_a_number_that_json_has_not_is_not_written(tmp_path: Path) -> None:
    write_json(tmp_path / "training.json", {"loss": 2.5})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "training.json", {"loss": float("nan")})
    assert json.loads((tmp_path / "training.json").read_text()) == {"loss": 2.5}


def test_scores_that_are_not_numbers_rank_nothing(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    model = save_random_model(dataset, config, tmp_path)
    model.llama.model.norm.weight.data[0] = float("nan")
    with pytest.raises(DataError, match="scores that are not numbers"):
        model.recommend([np.array([1, 2, 3])], 10)


def write_letter_data(folder: Path) -> Dataset:
    """Five items with four-word codes, two of which need telling apart after three words."""
    folder.mkdir()
    codes = {"0": [1, 2, 3, 4], "1": [1, 2, 3, 5], "2": [0, 1, 1, 1], "3": [2, 0, 0, 0]}
    codes["4"] = codes["3"]
    words = {
        item: [f"<{'abcd'[i]}_{c}>" for i, c in enumerate(code)] for item, code in codes.items()
    }
    (folder / "index.json").write_text(json.dumps(words))
    events = {"7": [0, 1, 2, 3], "9": [2, 1, 0], "11": [4, 1]}
    (folder / "interactions.json").write_text(json.dumps(events))
    return load_letter(folder)


def join(model: Path, data: Path, output: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, str(SCRIPTS / "join_checkpoint.py"), "instruments"]
    command += ["--model", str(model), "--data", str(data), "--output", str(output)]
    return subprocess.run(command, capture_output=True, text=True)


def test_join_completes_a_checkpoint(tmp_path: Path) -> None:
    dataset = write_letter_data(tmp_path / "data")
    config = LlamaConfig(1 + sum(dataset.level_sizes), 16, 16, 1, 2, 2)
    save_random_model(dataset, config, tmp_path / "model")
    (tmp_path / "model" / "recommender.json").unlink()

    result = join(tmp_path / "model", tmp_path / "data", tmp_path / "joined")
    assert result.returncode == 0, result.stderr
    names = {path.name for path in (tmp_path / "joined").iterdir()}
    assert names == {"config.json", "model.safetensors", "recommender.json", "interactions.json"}

    description = json.loads((tmp_path / "joined" / "recommender.json").read_text())
    assert description["format"] == 1
    assert description["prompt"] == {"prefix": [0], "separator": [], "suffix": []}
    assert description["max_history"] == 20
    items = {item["id"]: item for item in description["items"]}
    assert list(items) == ["0", "1", "2", "3", "4"]
    assert items["0"]["tokens"] != items["1"]["tokens"]
    assert items["3"]["tokens"] == items["4"]["tokens"]
    used = sorted({token for item in items.values() for token in item["tokens"]})
    assert used[0] >= 1 and used[-1] < config.vocab_size, "0 is the prompt's"
    assert [items[i]["popularity"] for i in "01234"] == [1, 1, 1, 0, 0], "the training part only"

    interactions = json.loads((tmp_path / "joined" / "interactions.json").read_text())
    assert interactions == {"7": ["0", "1", "2", "3"], "9": ["2", "1", "0"]}


def test_join_replaces_only_what_it_wrote(tmp_path: Path) -> None:
    dataset = write_letter_data(tmp_path / "data")
    config = LlamaConfig(1 + sum(dataset.level_sizes), 16, 16, 1, 2, 2)
    save_random_model(dataset, config, tmp_path / "model")
    output = tmp_path / "joined"
    for _ in range(2):
        assert join(tmp_path / "model", tmp_path / "data", output).returncode == 0
    (output / "tokenizer.json").write_text("mine")
    refused = join(tmp_path / "model", tmp_path / "data", output)
    assert refused.returncode == 1 and "holds files but no checkpoint" in refused.stderr
    assert (output / "tokenizer.json").read_text() == "mine"


def test_join_says_where_the_data_is_absent(tmp_path: Path) -> None:
    dataset = write_letter_data(tmp_path / "data")
    config = LlamaConfig(1 + sum(dataset.level_sizes), 16, 16, 1, 2, 2)
    save_random_model(dataset, config, tmp_path / "model")
    result = join(tmp_path / "model", tmp_path / "nowhere", tmp_path / "joined")
    assert result.returncode == 3
    assert "skipped instruments: " in result.stderr and "nowhere: no such folder" in result.stderr
    assert not (tmp_path / "joined").exists()


def test_join_refuses_weights_of_another_catalogue(tmp_path: Path) -> None:
    dataset = write_letter_data(tmp_path / "data")
    config = LlamaConfig(99, 16, 16, 1, 2, 2)
    save_random_model(dataset, config, tmp_path / "model")
    result = join(tmp_path / "model", tmp_path / "data", tmp_path / "joined")
    assert result.returncode == 1
    assert "vocab_size is 99" in result.stderr

    (tmp_path / "model" / "config.json").write_text("[]")
    result = join(tmp_path / "model", tmp_path / "data", tmp_path / "joined")
    assert result.returncode == 1
    assert result.stderr.startswith("join_checkpoint.py: ") and "JSON object" in result.stderr
