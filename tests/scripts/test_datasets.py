"""Codes, splits and batches."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from halfling_train.batches import WINDOW, epoch_batches
from halfling_train.datasets import DataError, Dataset, load_letter, load_movielens, shorten
from halfling_train.description import recommender_description
from halfling_train.named_datasets import load_dataset, load_files
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
    (tmp_path / "interactions.json").write_text("{}")
    with pytest.raises(DataError, match=r"index\.json: item 0: expected a word like <b_12>"):
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
