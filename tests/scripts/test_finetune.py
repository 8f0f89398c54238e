"""A pretrained model learns codes as new tokens, and transformers reads what is saved."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SCRIPTS
from halfling_train.alignment import TitleAlignment
from halfling_train.checkpoint import load_model, round_to_bfloat16
from halfling_train.datasets import DataError, Dataset
from halfling_train.llama_config import Dropout
from halfling_train.pretrained import Pretrained
from halfling_train.semantic_model import SemanticModel
from halfling_train.weights import WEIGHTS
from pretrained_example import byte_level_bpe, write_language_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

HALFLING = SCRIPTS.parent / "build" / "native" / "compressor" / "halfling"
needs_tool = pytest.mark.skipif(not HALFLING.exists(), reason=f"{HALFLING} is not built")
INSTRUCTION, SEPARATOR = "Chosen so far:", ", "


def make_base(folder: Path, architecture: str = "Llama") -> Pretrained:
    words = [INSTRUCTION, "Film 1 (1999), Title: Item:"]
    tokenizer = byte_level_bpe(words, ["<|end|>"], 300)
    return Pretrained.read(write_language_model(folder, tokenizer, architecture))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Pretrained:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module", params=["Llama", "Mistral", "Qwen2"])
def any_base(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Pretrained:
    return make_base(tmp_path_factory.mktemp(request.param), request.param)


def start(base: Pretrained, dataset: Dataset, layers: int = 0) -> SemanticModel:
    torch.manual_seed(6)
    prompt = base.prompt(INSTRUCTION, SEPARATOR, dataset.level_sizes)
    return base.start(dataset, prompt, Dropout(), 0.0, layers).eval()


@pytest.mark.parametrize("layers", [0, 2])
def test_transformers_reads_the_saved_model_and_its_new_tokens(
    layers: int, any_base: Pretrained, dataset: Dataset, tmp_path: Path
) -> None:
    model = start(any_base, dataset, layers)
    round_to_bfloat16(model)
    any_base.save(model, dataset, tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path).float().eval()
    assert theirs.config.num_hidden_layers == (layers or 3)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    history = [3, 8, 5]
    words = ["".join(f"<{'abc'[i]}_{c}>" for i, c in enumerate(dataset.codes[h])) for h in history]
    ids = tokenizer(INSTRUCTION + SEPARATOR.join(words) + SEPARATOR).input_ids
    described = json.loads((tmp_path / "recommender.json").read_text())
    codes = [described["items"][item]["tokens"] for item in history]
    separator = described["prompt"]["separator"]
    expected = list(described["prompt"]["prefix"])
    for code in codes:
        expected += [*code, *separator]
    assert ids == expected and described["prompt"]["suffix"] == separator

    with torch.no_grad():
        logits = theirs(torch.tensor([ids])).logits[0, -1]
        first = model.prompt.code_ids[0]
        level = model.level_logits(0, model._prefill(np.array([history]))[0])[0]
    torch.testing.assert_close(
        level, logits[first : first + dataset.level_sizes[0]], rtol=1e-4, atol=1e-4
    )


@needs_tool
def test_the_tool_reads_fewer_layers_of_a_newer_file(dataset: Dataset, tmp_path: Path) -> None:
    base = make_base(tmp_path, "Qwen2")
    kinds = {"layer_types": ["full_attention"] * 3}  # as transformers 5 writes it
    base = dataclasses.replace(base, config={**base.config, **kinds})
    base.save(start(base, dataset, 2), dataset, tmp_path / "tuned")
    command = [HALFLING, "recommend", tmp_path / "tuned", "--history", "i3,i8", "--json"]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr


def test_what_was_pretrained_is_kept(
    any_base: Pretrained, dataset: Dataset, tmp_path: Path
) -> None:
    model = start(any_base, dataset)
    any_base.save(model, dataset, tmp_path)
    before = AutoModelForCausalLM.from_pretrained(any_base.folder).float().eval()
    after = AutoModelForCausalLM.from_pretrained(tmp_path).float().eval()
    ids = torch.tensor([any_base.encode("Title: Film 1")])
    with torch.no_grad():
        expected = before(ids).logits
        found = after(ids).logits[..., : expected.shape[-1]]
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)  # bf16


def test_a_saved_model_loads_and_ranks_the_same(
    any_base: Pretrained, dataset: Dataset, tmp_path: Path
) -> None:
    model = start(any_base, dataset)
    round_to_bfloat16(model)
    any_base.save(model, dataset, tmp_path)
    loaded = load_model(tmp_path, dataset)
    assert loaded.prompt == model.prompt
    histories = [np.array([1, 2, 3]), np.array([30])]
    assert loaded.recommend(histories, 10) == model.recommend(histories, 10)


def test_the_title_tasks_ask_for_codes_and_titles(base: Pretrained, dataset: Dataset) -> None:
    alignment = TitleAlignment(base, dataset)
    torch.manual_seed(6)
    prompt = base.prompt(INSTRUCTION, "", dataset.level_sizes, alignment.text_tokens)
    model = base.start(dataset, prompt, Dropout(), 0.0).eval()
    items = np.array([7, 20])
    with torch.no_grad():
        found = float(alignment.loss(model, items))

    text = {token: number for number, token in enumerate(prompt.text)}
    theirs = LlamaForCausalLM(
        LlamaConfig(
            **{
                **base.config,
                "vocab_size": model.llama.config.vocab_size,
            }
        )
    ).eval()
    theirs.load_state_dict(
        {**model.llama.state_dict(), "lm_head.weight": model.llama.model.embed_tokens.weight}
    )
    losses = []
    for item in items:
        title = base.encode(dataset.items[item].title)
        codes = model.tokens[item].tolist()
        asked = [
            (base.encode("Title: ") + title + base.encode("\nItem: "), None),
            (base.encode("Item: "), base.encode("\nTitle: ")),
        ]
        question = [text[t] for t in asked[0][0]]
        losses += token_losses(theirs, model, question, codes)
        question = [text[t] for t in asked[1][0]] + codes + [text[t] for t in asked[1][1]]
        losses += token_losses(theirs, model, question, [text[t] for t in [*title, 0]])
    assert found == pytest.approx(float(np.mean(losses)), rel=1e-4)


def test_items_without_a_title_are_not_in_the_title_tasks(
    base: Pretrained, dataset: Dataset
) -> None:
    whole = TitleAlignment(base, dataset)
    dataset.items[7] = dataclasses.replace(dataset.items[7], title="")
    alignment = TitleAlignment(base, dataset)
    assert sorted({*whole.items} - {*alignment.items}) == [7]
    prompt = base.prompt(INSTRUCTION, "", dataset.level_sizes, whole.text_tokens)
    model = base.start(dataset, prompt, Dropout(), 0.0).eval()
    with torch.no_grad():
        loss = float(alignment.loss(model, alignment.items))
        assert loss == pytest.approx(float(whole.loss(model, alignment.items)))


@torch.no_grad()
def token_losses(
    theirs: LlamaForCausalLM, model: SemanticModel, question: list[int], answer: list[int]
) -> list[float]:
    """Of each token of the answer, among those of its kind."""
    logits = theirs(torch.tensor([question + answer])).logits[0]
    bounds = [0, *model.firsts, model.llama.config.vocab_size]
    losses = []
    for place, token in enumerate(answer):
        block = np.searchsorted(bounds, token, side="right")
        first, last = bounds[block - 1], bounds[block]
        row = logits[len(question) + place - 1, first:last].log_softmax(-1)
        losses.append(-float(row[token - first]))
    return losses


def test_recomputed_layers_have_the_same_gradients(base: Pretrained, dataset: Dataset) -> None:
    sequences = [np.array([4, 7, 7, 20]), np.array([11, 2])]
    gradients = []
    for recompute in (False, True):
        model = start(base, dataset).train()
        model.llama.recompute = recompute
        model.loss(sequences)[0].backward()
        gradients.append([p.grad for p in model.parameters()])
    for plain, recomputed in zip(*gradients):
        torch.testing.assert_close(plain, recomputed)


def test_what_cannot_be_fine_tuned_is_refused(
    base: Pretrained, dataset: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="has 3 layers only"):
        start(base, dataset, 4)
    with pytest.raises(DataError, match="instruction is empty"):
        base.prompt("", "", dataset.level_sizes)
    base.save(start(base, dataset), dataset, tmp_path / "tuned")
    with pytest.raises(DataError, match="tokenizer.json: has <a_0> already"):
        start(Pretrained.read(tmp_path / "tuned"), dataset)
    shutil.copy(base.folder / "tokenizer.json", tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(base.config))
    with pytest.raises(DataError, match="expected model.safetensors or"):
        Pretrained.read(tmp_path)
    shutil.copy(base.folder / "model.safetensors", tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"model": 1}')
    with pytest.raises(DataError, match="tokenizer.json: not a tokenizer: "):
        Pretrained.read(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(DataError, match="tokenizer.json: no such file"):
        Pretrained.read(tmp_path)
    short = dataclasses.replace(base, config={**base.config, "max_position_embeddings": 99})
    with pytest.raises(DataError, match="config.json: max_position_embeddings is 99; expected 1"):
        start(short, dataset)
    weights = {name: base.weights[name] for name in list(base.weights)[1:]}
    with pytest.raises(DataError, match=f"{base.folder}: model.embed_tokens.weight is absent"):
        start(dataclasses.replace(base, weights=weights), dataset)


def test_shards_are_read_as_one_file(base: Pretrained, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base.folder)
    model.save_pretrained(tmp_path, max_shard_size="20KB", safe_serialization=True)
    shutil.copy(base.folder / "tokenizer.json", tmp_path)
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    sharded = Pretrained.read(tmp_path).weights
    assert set(sharded) == set(base.weights)
    assert all(torch.equal(sharded[name], base.weights[name]) for name in sharded)
    next(tmp_path.glob("model-00002*")).unlink()
    with pytest.raises(DataError, match="expected the file model-00002"):
        Pretrained.read(tmp_path)


@pytest.mark.parametrize(("given", "end"), [(7, 7), ([7, 9], 7)])
def test_the_token_that_ends_a_title(given: object, end: int, base: Pretrained) -> None:
    config = {**base.config, "eos_token_id": given}
    assert dataclasses.replace(base, config=config).end_token() == end
    with pytest.raises(DataError, match="eos_token_id is None"):
        dataclasses.replace(base, config={**config, "eos_token_id": None}).end_token()


def write_films(folder: Path) -> Path:
    """Twelve films in RecBole's layout, seen in order by every user; the last has no title."""
    folder.mkdir()
    films = [f"{n}\tFilm {n}\t{1990 + n}\tDrama" for n in range(11)]
    films.append("11\t\t\tDrama")
    header = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"
    (folder / "ml-100k.item").write_text("\n".join([header, *films]) + "\n")
    events = [
        f"{user}\t{(user + step) % 12}\t{step}"
        for user in range(16)
        for step in range(4 + user % 5)
    ]
    header = "user_id:token\titem_id:token\ttimestamp:float"
    (folder / "ml-100k.inter").write_text("\n".join([header, *events]) + "\n")
    codes = {str(n): [n // 6, n // 2 % 3, n % 2] for n in range(12)}
    (folder / "semantic_ids.json").write_text(json.dumps({"codes": codes}))
    return folder


def finetune(base: Path, data: Path, output: Path, epochs: int) -> subprocess.CompletedProcess:
    command = [sys.executable, SCRIPTS / "finetune.py", "--base", base, "--output", output]
    command += ["--dataset", "movielens", "--data", data, "--epochs", epochs, "--batch-size", 8]
    command += ["--semantic-ids", data / "semantic_ids.json", "--precision", "f32", "--recompute"]
    command += ["--alignment-items", 4, "--learning-rate", 3e-3, "--threads", 1, "--patience", 99]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def test_the_script_trains_resumes_and_writes_a_checkpoint(
    base: Pretrained, tmp_path: Path
) -> None:
    data = write_films(tmp_path / "data")
    first = finetune(base.folder, data, tmp_path / "out", 1)
    assert first.returncode == 0, first.stderr
    assert "title tasks: 11 of 12 items" in first.stdout
    moved = shutil.copytree(base.folder, tmp_path / "moved")
    again = finetune(moved, data, tmp_path / "out", 6)
    assert "resumed" in again.stdout, again.stderr
    history = json.loads((tmp_path / "out" / "training.json").read_text())["history"]
    losses = [entry["loss"] for entry in history]
    assert len(losses) == 6 and losses[-1] < losses[0]
    described = json.loads((tmp_path / "out" / "recommender.json").read_text())
    assert described["items"][3]["title"] == "Film 3 (1993)"
    AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    save_file({n: w + 1 for n, w in base.weights.items()}, str(moved / WEIGHTS))
    refused = finetune(moved, data, tmp_path / "out", 6)
    assert refused.returncode == 3 and "another model or data" in refused.stderr
    refused = finetune(moved, data, moved, 6)
    assert refused.returncode == 3 and "holds config.json without" in refused.stderr


def test_a_shard_index_that_is_no_object_is_named(base: Pretrained, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(base.folder / name, tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(DataError, match="expected a JSON object, found list"):
        Pretrained.read(tmp_path)
