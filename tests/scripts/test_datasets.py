"""Codes, splits and batches."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from halfling_train.batches import WINDOW, epoch_batches
from halfling_train.checkpoint import load_model, save_checkpoint
from halfling_train.datasets import DataError, Dataset, load_movielens, shorten
from halfling_train.description import read_dataset, recommender_description, write_description
from halfling_train.llama_config import LlamaConfig
from halfling_train.named_datasets import (
    add_dataset_options,
    chosen_dataset,
    load_dataset,
    load_files,
    load_letter,
)
from halfling_train.prompt import Prompt
from halfling_train.semantic_model import SemanticModel
from lcrec_example import item_codes, user_items, write_lcrec_data, write_minionerec_data


def test_split_leaves_the_last_two_items_out_of_training(dataset: Dataset) -> None:
    histories, targets = dataset.evaluation("test")
    valid_histories, valid_targets = dataset.evaluation("valid")
    for number, sequence in enumerate(dataset.sequences):
        assert targets[number] == sequence[-1]
        assert valid_targets[number] == sequence[-2]
        assert histories[number].tolist() == sequence[:-1].tolist()
        assert valid_histories[number].tolist() == sequence[:-2].tolist()
    assert dataset.popularity.sum() == sum(len(sequence) - 2 for sequence in dataset.sequences)


def test_shortened_codes_stay_as_distinct_as_they_were() -> None:
    codes = [[1, 2, 3, 4], [1, 2, 3, 5], [1, 2, 4, 0], [1, 2, 3, 4], [7, 7, 7, 7]]
    short = shorten(codes)
    assert [len(code) for code in short] == [3] * 5
    assert short[0] == [1, 2, 3] and short[2] == [1, 2, 4] and short[4] == [7, 7, 7]
    assert short[3] == short[0], "items that shared a code go on sharing it"
    assert short[1][:2] == [1, 2] and short[1] not in (short[0], short[2])


def test_batches_hold_every_item_once_and_repeat_for_the_same_epoch(dataset: Dataset) -> None:
    sequences = dataset.training()
    first = [row.tolist() for batch in epoch_batches(sequences, 16, 0.0, 1, 3) for row in batch]
    again = [row.tolist() for batch in epoch_batches(sequences, 16, 0.0, 1, 3) for row in batch]
    other = [row.tolist() for batch in epoch_batches(sequences, 16, 0.0, 1, 4) for row in batch]
    assert first == again and first != other
    assert max(map(len, first)) <= WINDOW
    counts = np.bincount([item for row in first for item in row], minlength=len(dataset.items))
    assert (counts == dataset.popularity).all()


def test_a_broken_code_is_named(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text(json.dumps({"0": ["<a_1>", "b_2", "<c_3>", "<d_4>"]}))
    (tmp_path / "interactions.json").write_text('{"u": [0, 0, 0]}')
    with pytest.raises(DataError, match=r"index\.json: item 0: expected a word like <b_12>"):
        load_letter(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("interactions", {"u": 5}, r"interactions\.json: user u: expected a list of items"),
        ("interactions", {"u": ["x"]}, "user u: item x has no code; expected it in .*index.json"),
        ("index", {"0": "<a_1>"}, r"index\.json: item 0: expected a code of 1 to 8 token texts"),
        ("index", {"a": ["<a_1>"]}, r"index\.json: item a: expected a number"),
    ],
)
def test_letters_broken_files_are_named(
    name: str, value: object, message: str, tmp_path: Path
) -> None:
    files = {"index": {"0": ["<a_1>"]}, "interactions": {"u": []}, name: value}
    files["interactions"] = files["interactions"] if name != "index" else {"u": list(value)}
    for file, content in files.items():
        (tmp_path / f"{file}.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        load_letter(tmp_path)


@pytest.mark.parametrize("write", [write_lcrec_data, write_minionerec_data])
def test_own_files_keep_codes_titles_and_order(write: Callable, tmp_path: Path) -> None:
    write(tmp_path)
    dataset = load_files(tmp_path)
    words = [
        [f"<{letter}_{code}>" for letter, code in zip("abc", row)] for row in dataset.codes.tolist()
    ]
    assert dict(zip([item.id for item in dataset.items], words)) == item_codes()
    assert dataset.items[7].title == "String set \N{EN DASH} no. 7"
    assert [dataset.items[7].category, dataset.items[8].category] == ["Strings", ""]
    entry = recommender_description(dataset)["items"][7]
    assert (entry["id"], entry["image"]) == ("7", dataset.items[7].image) == ("7", "/covers/7.webp")
    chosen = sorted(tuple(sequence.tolist()) for sequence in dataset.sequences)
    assert chosen == sorted(map(tuple, user_items().values()))


def save_description(dataset: Dataset, folder: Path, first_token: int = 1) -> dict:
    """Written as checkpoints have it, under tokens that say nothing of levels; recommender.json."""
    size = sum(dataset.level_sizes)
    ids = first_token + np.random.default_rng(3).permutation(2 * size)[:size]
    write_description(folder, dataset, Prompt(code_ids=tuple(ids.tolist())))
    return json.loads((folder / "recommender.json").read_text())


def test_a_checkpoint_has_its_data_with_it(dataset: Dataset, tmp_path: Path) -> None:
    dataset.popularity_date = "1998-04-22"
    save_description(dataset, tmp_path, first_token=500)
    read = read_dataset(tmp_path)
    assert (read.items, read.users) == (dataset.items, dataset.users)
    assert read.popularity_date == dataset.popularity_date
    assert (read.popularity == dataset.popularity).all()
    for given, wanted in zip(read.sequences, dataset.sequences):
        assert (given == wanted).all()
    for level in range(3):  # the same items share a code, under whatever number
        given, wanted = read.codes[:, level], dataset.codes[:, level]
        assert len(set(zip(given, wanted))) == len(set(given)) == len(set(wanted))
        assert read.level_sizes[level] == len(set(wanted))


def test_a_checkpoint_ranks_by_its_own_data_as_by_the_original_files(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    save_checkpoint(tmp_path, SemanticModel(dataset, config).llama, dataset)
    histories, _ = dataset.evaluation("test")
    own = load_model(tmp_path, read_dataset(tmp_path))
    assert own.recommend(histories, 10) == load_model(tmp_path, dataset).recommend(histories, 10)


def test_a_checkpoint_whose_data_is_broken_is_told(dataset: Dataset, tmp_path: Path) -> None:
    described = save_description(dataset, tmp_path)
    recommender, events = tmp_path / "recommender.json", tmp_path / "interactions.json"

    def with_item(**changes: object) -> dict:
        first, *rest = described["items"]
        return {**described, "items": [{**first, **changes}, *rest]}

    for broken, message in (
        ({**described, "items": {}}, r"recommender\.json: items: expected a list of objects"),
        (with_item(id="i1"), r"items\[1\]\.id: expected one of its own, found 'i1'"),
        (with_item(title=7), r"items\[0\]\.title: expected a text, found 7"),
        (
            with_item(tokens=[1, -2]),
            r"items\[0\]\.tokens: expected a list of tokens, found \[1, -2",
        ),
        (with_item(tokens=[1]), "its code has 3 words; expected 1, as item i0 has"),
    ):
        recommender.write_text(json.dumps(broken))
        with pytest.raises(DataError, match=message):
            read_dataset(tmp_path)
    recommender.write_text(json.dumps(described))
    for broken, message in (
        ({"u": 5}, r"interactions\.json: user u: expected a list of items"),
        ({"u": ["i1", "x"]}, r"user u: item x has no code; expected it in .*recommender\.json"),
    ):
        events.write_text(json.dumps(broken))
        with pytest.raises(DataError, match=message):
            read_dataset(tmp_path)
    events.unlink()
    with pytest.raises(DataError, match=r"interactions\.json: no such file"):
        read_dataset(tmp_path)


def test_options_name_the_data_or_the_checkpoint_has_it(dataset: Dataset, tmp_path: Path) -> None:
    save_description(dataset, tmp_path)
    parser = argparse.ArgumentParser()
    add_dataset_options(parser, "--original")
    none = parser.parse_args([])
    assert len(chosen_dataset(none, tmp_path, "--original").users) == len(dataset.users)
    with pytest.raises(DataError, match="expected --dataset, or --original with recommender.json"):
        chosen_dataset(none, None, "--original")
    with pytest.raises(DataError, match="--data: expected --dataset beside it"):
        chosen_dataset(parser.parse_args(["--data", "x"]), tmp_path, "--original")


def test_own_files_that_cannot_be_trained_on(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--dataset files: expected --data"):
        load_dataset("files")
    write_lcrec_data(tmp_path)
    index = tmp_path / "Shop.index.json"
    for words, message in (
        (["<a_1>", "<c_2>"], "item 3: expected a word like <b_12>, found <c_2>"),
        (["<a_1>", "<b_2>"], "item 3: its code has 2 words; expected 3, as item 0 has"),
    ):
        index.write_text(json.dumps({**item_codes(), "3": words}))
        with pytest.raises(DataError, match=message):
            load_files(tmp_path)


def test_reversal_turns_sequences_round(dataset: Dataset) -> None:
    sequences = [np.arange(5) + index for index in range(40)]
    rows = [row for batch in epoch_batches(sequences, 8, 0.0, 1, 0, reversal=0.5) for row in batch]
    rising = [row for row in rows if (np.diff(row) == 1).all()]
    falling = [row for row in rows if (np.diff(row) == -1).all()]
    assert len(rising) + len(falling) == 40 and min(len(rising), len(falling)) >= 8
    assert sorted(min(row) for row in rows) == list(range(40))


def test_movielens_is_dated_by_its_last_event(tmp_path: Path) -> None:
    films = ["item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"]
    films += [f"{n}\tFilm\t1990\tDrama" for n in range(3)]
    (tmp_path / "ml-100k.item").write_text("\n".join(films))
    events = ["user_id:token\titem_id:token\ttimestamp:float"]
    events += [f"1\t{n}\t{893286638 - 86400 * n}" for n in range(3)]
    (tmp_path / "ml-100k.inter").write_text("\n".join(events))
    codes = tmp_path / "semantic_ids.json"
    codes.write_text(json.dumps({"codes": {str(n): [n, 0] for n in range(3)}}))
    dataset = load_movielens(tmp_path, codes)
    assert dataset.sequences[0].tolist() == [2, 1, 0]
    assert dataset.popularity_date == "1998-04-22"
    assert recommender_description(dataset)["popularity_date"] == "1998-04-22"
    for broken, message in (
        ({"0": [0, 0]}, r'semantic_ids\.json: expected \{"codes": '),
        ({"codes": {str(n): "ab" for n in range(3)}}, "item 0: expected a code such as"),
        ({"codes": {"0": [0, 0]}}, "no code for item 1 and 1 more"),
    ):
        codes.write_text(json.dumps(broken))
        with pytest.raises(DataError, match=message):
            load_movielens(tmp_path, codes)
