"""scripts/import-lcrec: other projects' models and data as checkpoint directories."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
import sentencepiece
import transformers
from conftest import SCRIPTS
from halfling_import.lcrec import import_checkpoint
from halfling_import.prompt_template import LC_REC, TEMPLATES, Template
from halfling_train.datasets import DataError
from halfling_train.interaction_tables import what_follows
from halfling_train.source_data import category_of
from halfling_train.source_files import find_source_files
from lcrec_example import (
    LAYOUTS,
    SENTENCES,
    WORDS,
    description,
    imported,
    item_codes,
    prompt_of,
    user_items,
    write_json,
    write_minionerec_data,
    write_model,
)

ARCHITECTURES = ("Llama", "Qwen2")


def history_text(history: list[int]) -> str:
    codes = item_codes()
    return ", ".join("".join(codes[str(item)]) for item in history)


HISTORIES = ([7], [3, 3], list(range(5)), list(range(20, 30)))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", ("lc-rec", "letter"))
def test_lc_rec_prompts_are_what_the_tokenizer_makes_of_them(
    tiny_models: dict[str, Path], shop_data: Path, architecture: str, name: str
) -> None:
    output = imported(tiny_models[architecture], shop_data, TEMPLATES[name])
    described, tokenizer = description(output), transformers.AutoTokenizer.from_pretrained(output)
    assert described["max_history"] == 20
    for history in HISTORIES:
        text = LC_REC.segments[0].replace("{history}", history_text(history))
        assert prompt_of(described, history) == tokenizer(text)["input_ids"]
    starts_with_bos = described["prompt"]["prefix"][0] == tokenizer.convert_tokens_to_ids("<s>")
    assert starts_with_bos == (architecture == "Llama")
    for item, code in item_codes().items():
        assert described["items"][int(item)]["tokens"] == tokenizer.convert_tokens_to_ids(code)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", ("minionerec", "minionerec-sft"))
def test_minionerec_prompts_are_tokenized_in_two_pieces(
    tiny_models: dict[str, Path], tmp_path: Path, architecture: str, name: str
) -> None:
    write_minionerec_data(tmp_path / "data")
    output = imported(tiny_models[architecture], tmp_path / "data", TEMPLATES[name])
    described, tokenizer = description(output), transformers.AutoTokenizer.from_pretrained(output)
    assert described["max_history"] == 10
    instruction, question = TEMPLATES[name].segments
    for history in HISTORIES:
        expected = [0] if architecture == "Llama" else []
        for text in (instruction, question.replace("{history}", history_text(history))):
            expected += tokenizer(text, add_special_tokens=False)["input_ids"]
        assert prompt_of(described, history) == expected


@pytest.mark.parametrize("layout", LAYOUTS)
def test_items_and_interactions(tiny_models: dict[str, Path], tmp_path: Path, layout: str) -> None:
    LAYOUTS[layout](tmp_path / "data")
    output = imported(tiny_models["Llama"], tmp_path / "data", TEMPLATES[layout])
    items = description(output)["items"]
    assert [item["id"] for item in items] == list(item_codes())
    assert items[0]["tokens"] == items[1]["tokens"]
    assert items[3]["title"] == "String set – no. 3"
    assert items[3]["category"] == "Strings" and "category" not in items[2]
    users = [list(map(str, sequence)) for sequence in user_items().values()]
    assert list(json.loads((output / "interactions.json").read_text()).values()) == users
    for item in items:
        counted = sum(sequence[:-2].count(item["id"]) for sequence in users)
        assert item["popularity"] == counted, "all but the last two of every user"


def test_codes_of_any_spelling_and_the_letter_repository_s_file_names(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    """Words of several lengths, and codes too: <c_1> alone, then two words."""
    codes = {"x": ["<c_1>"], "y": ["<a_0>", "<b_1>"], "z": ["<a_0>", "<b_2>", "<c_3>"]}
    write_json(tmp_path / "data/index.json", codes)
    write_json(tmp_path / "data/interactions.json", {"u": ["x", "y", "z", "y"]})
    template = Template(("Next after {history}:",), separator=" ", max_history=3)
    described = description(imported(tiny_models["Qwen2"], tmp_path / "data", template))
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_models["Qwen2"])
    assert [len(item["tokens"]) for item in described["items"]] == [1, 2, 3]
    whole = tokenizer("Next after <c_1> <a_0><b_1>:")["input_ids"]
    assert prompt_of(described, [0, 1]) == whole


def test_a_tokenizer_of_sentencepiece_alone(shop_data: Path, tiny_model: Path) -> None:
    """As LC-Rec saves it. The slow tokenizer splits text after an added token in its own way."""
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (tiny_model / name).unlink()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 4),
        model_prefix=str(tiny_model / "tokenizer"),
        vocab_size=300,
        model_type="bpe",
        byte_fallback=True,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    slow = transformers.LlamaTokenizer(str(tiny_model / "tokenizer.model"), legacy=True)
    slow.add_tokens(WORDS)
    slow.save_pretrained(tiny_model)
    described = description(imported(tiny_model, shop_data))
    text = LC_REC.segments[0].replace("{history}", history_text([4, 9]))
    assert prompt_of(described, [4, 9]) == slow(text)["input_ids"]


@pytest.mark.parametrize("placing", ("link", "symlink", "copy"))
def test_how_files_come_into_the_output(tiny_model: Path, shop_data: Path, placing: str) -> None:
    output = imported(tiny_model, shop_data, placing=placing)
    weights = output / "model.safetensors"
    assert weights.read_bytes() == (tiny_model / "model.safetensors").read_bytes()
    assert weights.is_symlink() == (placing == "symlink")
    assert weights.samefile(tiny_model / "model.safetensors") == (placing != "copy")
    assert transformers.AutoTokenizer.from_pretrained(output).convert_tokens_to_ids("<a_0>") > 0


def test_an_earlier_import_is_replaced_and_its_source_left_alone(
    tiny_model: Path, shop_data: Path
) -> None:
    before = {path.name: path.read_bytes() for path in tiny_model.iterdir()}
    output = imported(tiny_model, shop_data)
    sharded = shop_data.parent / "sharded"
    write_model(sharded, shard_bytes="60KB")
    assert len(list(sharded.glob("model-*.safetensors"))) > 1
    imported(sharded, shop_data)
    names = {path.name for path in output.iterdir()}
    assert "model.safetensors" not in names and "model.safetensors.index.json" in names
    assert {path.name: path.read_bytes() for path in tiny_model.iterdir()} == before


def test_an_interrupted_import_can_be_repeated(
    tiny_model: Path, shop_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", Mock(side_effect=OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            imported(tiny_model, shop_data, placing="copy")
    output = imported(tiny_model, shop_data, placing="copy")
    assert json.loads((output / "import.json").read_text()) == {"source": str(tiny_model)}
    assert transformers.AutoModelForCausalLM.from_pretrained(output)


def test_the_model_s_own_folder_can_be_the_output(tiny_model: Path, shop_data: Path) -> None:
    import_checkpoint(tiny_model, find_source_files(shop_data), LC_REC, tiny_model, "link")
    assert len(description(tiny_model)["items"]) == len(item_codes())
    assert transformers.AutoModelForCausalLM.from_pretrained(tiny_model)


def test_one_of_several_datasets(tiny_models: dict[str, Path], tmp_path: Path) -> None:
    for name in ("Shop", "Shop2"):
        write_minionerec_data(tmp_path / "data", name)
    with pytest.raises(DataError, match=r"expected one \*\.index\.json, found 2 .*--dataset"):
        find_source_files(tmp_path / "data")
    index = tmp_path / "data/index/Shop.index.json"
    with pytest.raises(
        DataError, match=r"expected one train/\*\.csv, found 2 .*a folder of its own"
    ):
        find_source_files(tmp_path / "data", index=index)
    files = find_source_files(tmp_path / "data", "Shop")
    assert [path.parent.name for path in files.interactions] == ["train", "valid", "test"]
    assert files.index.name == "Shop.index.json" and files.items.name == "Shop.item.json"


def run(*arguments: str | Path) -> subprocess.CompletedProcess:
    command = [sys.executable, str(SCRIPTS / "import-lcrec"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command(tiny_model: Path, shop_data: Path, tmp_path: Path) -> None:
    template = tmp_path / "template.txt"
    template.write_text("Bought: {history}.\nNext:\n", encoding="utf-8")
    options = ("--template", template, "--separator", " ", "--max-history", "7")
    result = run(tiny_model, tmp_path / "out", "--data", shop_data, *options)
    assert result.returncode == 0, result.stderr
    assert "LlamaForCausalLM, 40 items (40 with details), 30 users" in result.stdout
    described = description(tmp_path / "out")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_model)
    codes = item_codes()
    text = f"Bought: {''.join(codes['5'])} {''.join(codes['6'])}.\nNext:"
    assert prompt_of(described, [5, 6]) == tokenizer(text)["input_ids"]
    assert described["max_history"] == 7

    result = run(tiny_model, tmp_path / "out2", "--data", tmp_path / "nowhere")
    assert result.returncode == 3
    assert "nowhere: no such folder; expected one with *.index.json" in result.stderr
    result = run(tiny_model, tmp_path / "out2", "--data", shop_data, "--max-history", "0")
    assert result.returncode == 2
    assert not (tmp_path / "out2").exists()


def test_a_user_s_sequence_is_joined_from_overlapping_rows() -> None:
    def join(*rows: list[str]) -> list[str]:
        sequence: list[str] = []
        for row in rows:
            sequence += what_follows(sequence, row)
        return sequence

    assert join(["a", "b"], ["a", "b", "c"], ["b", "c", "d"]) == list("abcd"), "a sliding window"
    assert join(["a", "b", "c"], ["a", "b"], ["c", "d"]) == list("abcd"), "the longest row first"
    assert join(["a", "a"], ["a", "a", "a"]) == list("aaa"), "repeated items"
    assert join(["a", "b"], ["x", "y"]) == list("abxy"), "rows that were left out"


def test_categories() -> None:
    assert category_of({"category": "Drama"}) == "Drama"
    assert category_of({"categories": "Shop,Strings &amp; Keys,Sets"}) == "Strings & Keys"
    assert category_of({"categories": ["Shop"]}) == "Shop"
    assert category_of({"categories": ""}) == category_of({}) == ""
