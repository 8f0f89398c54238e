"""What scripts/import-lcrec refuses, and how it says so."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from halfling_import.lcrec import import_checkpoint
from halfling_import.prompt_template import LC_REC, MINIONEREC, Template, read_template
from halfling_train.datasets import DataError
from halfling_train.source_files import find_source_files
from lcrec_example import WORDS, imported, item_codes, write_json, write_minionerec_data


def change_config(**changes: object) -> Callable[[Path, Path], None]:
    def change(model: Path, _: Path) -> None:
        config = json.loads((model / "config.json").read_text())
        write_json(model / "config.json", {**config, **changes})

    return change


def write_data(name: str, text: str) -> Callable[[Path, Path], None]:
    return lambda _, data: (data / f"Shop.{name}.json").write_text(text) and None


def change_index(item: str, code: object) -> Callable[[Path, Path], None]:
    return lambda _, data: write_json(data / "Shop.index.json", {**item_codes(), item: code})


def add_adapter(model: Path, _: Path) -> None:
    write_json(model / "adapter_config.json", {"base_model_name_or_path": "llama-7b"})


def only_adapter(model: Path, data: Path) -> None:
    add_adapter(model, data)
    (model / "model.safetensors").unlink()


def cut_weights(model: Path, _: Path) -> None:
    (model / "model.safetensors").write_bytes(b"\x00" * 7)


def name_missing_shard(model: Path, _: Path) -> None:
    (model / "model.safetensors").unlink()
    index = {"weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors"}}
    write_json(model / "model.safetensors.index.json", index)


def remove(name: str) -> Callable[[Path, Path], None]:
    return lambda model, data: ((model if (model / name).exists() else data) / name).unlink()


def break_tokenizer(model: Path, _: Path) -> None:
    (model / "tokenizer.json").write_text('{"model": 1}')


def resize_nothing(model: Path, data: Path) -> None:
    """The tokens were added, and the configuration says so, but the embedding is as before."""
    grown = transformers.AutoTokenizer.from_pretrained(model)
    grown.add_tokens(["<d_9>"])
    grown.save_pretrained(model)
    change_config(vocab_size=len(grown))(model, data)
    change_index("5", ["<a_1>", "<b_1>", "<d_9>"])(model, data)


ERRORS = {
    "no configuration": (remove("config.json"), r"config\.json: no such file"),
    "architecture": (
        change_config(architectures=["T5ForConditionalGeneration"]),
        r"config\.json: architectures is \['T5ForCond.*expected one of LlamaForCausalLM, Mistral",
    ),
    "no architecture": (change_config(architectures=None), "architectures is None; expected one"),
    "vocabulary size": (change_config(vocab_size="x"), r"vocab_size is 'x'; expected a number"),
    "small vocabulary": (
        change_config(vocab_size=405),
        r"config\.json: vocab_size: 405; expected at least 412, since <c_3> is token 411",
    ),
    "embedding of before": (
        resize_nothing,
        r"the embedding's rows: 412; expected at least 413, since <d_9> is token 412",
    ),
    "positions": (
        change_config(max_position_embeddings=128),
        r"max_position_embeddings: 128; expected at least 178 .* --max-history 10 fits",
    ),
    "positions of no prompt": (
        change_config(max_position_embeddings=40),
        r"max_position_embeddings: 40; expected at least 178 .* does not fit with one item",
    ),
    "no weights": (remove("model.safetensors"), r"expected model\.safetensors or"),
    "broken weights": (cut_weights, r"model\.safetensors: not safetensors"),
    "missing shard": (name_missing_shard, "expected the file model-00001-of-00002.safetensors"),
    "adapter": (only_adapter, r"a LoRA adapter of llama-7b; [\s\S]*merge_and_unload"),
    "adapter beside weights": (add_adapter, r"beside whole weights; remove adapter_config\.json"),
    "no tokenizer": (remove("tokenizer.json"), r"expected a tokenizer \(tokenizer\.json, "),
    "broken tokenizer": (break_tokenizer, "transformers cannot load the tokenizer: "),
    "no index": (remove("Shop.index.json"), r"expected one \*\.index\.json at or below it"),
    "no interactions": (remove("Shop.inter.json"), r"expected \*\.inter\.json, \*\.inter\.csv, or"),
    "index no JSON": (write_data("index", "{"), r"Shop\.index\.json: not JSON"),
    "index no object": (write_data("index", "[1]"), "expected a JSON object, found list"),
    "empty index": (write_data("index", "{}"), r"Shop\.index\.json: expected items"),
    "code no list": (change_index("5", "<a_1>"), r"item 5: expected a code .* found '<a_1>'"),
    "empty code": (change_index("5", []), r"item 5: expected a code of 1 to 8 token texts"),
    "long code": (change_index("5", ["<a_1>"] * 9), "item 5: expected a code of 1 to 8"),
    "word without token": (
        change_index("5", ["<a_1>", "<b_77>"]),
        r"index\.json: item 5: <b_77> is no token of .*, 1 are missing",
    ),
    "item without code": (
        write_data("inter", '{"u": [1, 99]}'),
        r"inter\.json: user u: item 99 has no code; expected it in .*index\.json",
    ),
    "items no list": (write_data("inter", '{"u": 3}'), "user u: expected a list of items"),
    "items no ids": (write_data("inter", '{"u": [1.5]}'), "user u: expected a list of items"),
    "no events": (write_data("inter", '{"u": []}'), "expected users with items, found none"),
    "details no object": (write_data("item", '{"1": "x"}'), "item 1: expected an object"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_file_field_and_expectation(
    tiny_model: Path, shop_data: Path, name: str
) -> None:
    spoil, message = ERRORS[name]
    spoil(tiny_model, shop_data)
    with pytest.raises(DataError, match=message):
        imported(tiny_model, shop_data)
    assert not (shop_data.parent / "imported").exists(), "nothing is written"


TABLE = "user_id,history_item_id,item_id,item_sid\n"


@pytest.mark.parametrize(
    ("text", "message"),
    (
        ("user_id,item_id\nA1,3\n", "line 1: expected a column history_item_id"),
        (TABLE + "A1,,3,x\n", "line 2: history_item_id: expected a value"),
        (TABLE + "A1,[2,3,x\n", r"line 2: history_item_id: expected a list such as"),
        (TABLE + "A1,[2],3,<a_0>\n", r"item_sid: item 3 is <a_0>, but <a_\d.* in the index"),
        (TABLE + "A1,[2],99,<a_0>\n", "user A1: item 99 has no code"),
        (TABLE + "A1\n", "line 2: 1 fields; expected 4, as in the header"),
    ),
)
def test_errors_in_tables(tiny_model: Path, tmp_path: Path, text: str, message: str) -> None:
    write_minionerec_data(tmp_path / "data")
    (tmp_path / "data/valid/Shop_5_2016-10-2018-11.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        imported(tiny_model, tmp_path / "data", MINIONEREC)


@pytest.mark.parametrize(
    ("given", "message"),
    (
        ("nowhere.txt", "--template 'nowhere.txt': expected lc-rec, .*, a file, or a text with"),
        ("Bought before: " * 40, "--template 'Bought before: .*: expected lc-rec, .*a text with"),
        ("{history} and {history}", r"--template: expected \{history\} once, found 2"),
    ),
)
def test_errors_in_templates(given: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_template(given, None, None)


def test_a_prompt_that_its_parts_do_not_make_is_refused(tiny_model: Path, shop_data: Path) -> None:
    """Tokens that swallow the space before them: training's prompts end otherwise than these."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_model)
    words = [transformers.AddedToken(word.replace("<", "["), lstrip=True) for word in WORDS]
    tokenizer.add_tokens(words)
    tokenizer.save_pretrained(tiny_model)
    codes = {i: [word.replace("<", "[") for word in code] for i, code in item_codes().items()}
    write_json(shop_data / "Shop.index.json", codes)
    with pytest.raises(DataError, match="merges across the parts of the prompt.*--separator"):
        imported(tiny_model, shop_data, Template(("Bought {history} and then ",)))
    change_config(vocab_size=len(tokenizer))(tiny_model, shop_data)
    with pytest.raises(DataError, match="the embedding's rows"):  # the prompt itself is fine
        imported(tiny_model, shop_data, Template(("Bought {history} and then",)))


def test_words_that_merge_with_their_neighbours_are_refused(
    tiny_model: Path, shop_data: Path
) -> None:
    write_json(shop_data / "Shop.index.json", {item: ["t", "h"] for item in item_codes()})
    with pytest.raises(DataError, match="does not keep th as 2 tokens in a prompt"):
        imported(tiny_model, shop_data)


@pytest.mark.parametrize("name", ("notes.json", "recommender.json"))
def test_another_folder_is_not_written_into(tiny_model: Path, shop_data: Path, name: str) -> None:
    """Nor is a checkpoint that somebody trained."""
    write_json(shop_data.parent / "imported" / name, {})
    with pytest.raises(DataError, match=r"imported: expected a new or empty .*import\.json"):
        imported(tiny_model, shop_data)


def test_the_model_s_own_folder_is_no_earlier_import(tiny_model: Path, shop_data: Path) -> None:
    files = find_source_files(shop_data)
    import_checkpoint(tiny_model, files, LC_REC, tiny_model, "link")
    import_checkpoint(tiny_model, files, LC_REC, tiny_model, "link")
    other = Path(shutil.copytree(tiny_model, shop_data.parent / "other"))
    with pytest.raises(DataError, match="model: expected a new or empty folder"):
        import_checkpoint(other, files, LC_REC, tiny_model, "link")


def test_the_printed_command_converts_pytorch_weights(tiny_model: Path, shop_data: Path) -> None:
    state = transformers.AutoModelForCausalLM.from_pretrained(tiny_model).state_dict()
    torch.save(state, tiny_model / "pytorch_model.bin")
    (tiny_model / "model.safetensors").unlink()
    with pytest.raises(DataError, match=r"weights in pytorch_model\.bin; .* Convert") as caught:
        imported(tiny_model, shop_data)
    command = str(caught.value).splitlines()[-1].replace(".venv/bin/python", sys.executable)
    subprocess.run(command, shell=True, check=True)
    assert (imported(tiny_model, shop_data) / "model.safetensors").is_file()
