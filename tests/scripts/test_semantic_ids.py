"""Balanced residual k-means."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import transformers
from conftest import SCRIPTS
from halfling_train import item_vectors
from halfling_train.item_vectors import collaborative_vectors, embed
from halfling_train.named_datasets import load_files
from halfling_train.residual_kmeans import SLACK, quantize, report
from lcrec_example import ITEMS, write_lcrec_data, write_minionerec_data


def clouds(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points around 6 far-off centers, one of which holds most of them."""
    random = np.random.default_rng(seed)
    centers = 10 * random.normal(size=(6, 8))
    labels = random.choice(6, size=count, p=[0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    return centers[labels] + random.normal(size=(count, 8)), labels


def test_codes_are_unique_and_balanced() -> None:
    vectors, _ = clouds(300)
    codes = quantize(vectors, [8, 8, 16], seed=1)
    assert codes.shape == (300, 3)
    assert (codes >= 0).all() and (codes < [8, 8, 16]).all()
    assert len(np.unique(codes, axis=0)) == 300
    for level in (0, 1):
        assert np.bincount(codes[:, level]).max() <= np.ceil(SLACK * 300 / 8)


def test_near_vectors_share_their_first_code() -> None:
    vectors, labels = clouds(300)
    first = quantize(vectors, [12, 8, 16], seed=1)[:, 0]
    alike = sum(np.bincount(labels[first == code]).max() for code in np.unique(first))
    assert alike >= 0.85 * 300  # the rest had to leave a full cluster


def test_collisions_are_reported_where_the_last_level_is_too_small() -> None:
    codes = quantize(clouds(300)[0], [2, 2, 4], seed=1)  # 300 items, 16 codes
    summary = report(codes, [2, 2, 4])
    assert summary["collisions"] == 300 - len(np.unique(codes, axis=0)) > 0
    assert summary["levels"][0]["entropy_bits"] <= 1.0


def test_items_consumed_together_get_near_vectors() -> None:
    random = np.random.default_rng(0)
    sequences = [random.permutation(10) + 10 * (user % 2) for user in range(40)]
    vectors = collaborative_vectors(sequences, items=20, size=4, seed=0)
    similarity = vectors @ vectors.T
    assert similarity[:10, :10].min() > similarity[:10, 10:].max()


def test_a_long_text_is_cut_to_what_the_model_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tea", "cup"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizerFast(tmp_path / "vocab.txt").save_pretrained(tmp_path)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(len(words), max_position_embeddings=16, **sizes)
    transformers.BertModel(config).save_pretrained(tmp_path)
    monkeypatch.setattr(item_vectors, "text_model_folder", lambda: str(tmp_path))
    long, longer = embed(["tea " * 14, "tea " * 90])
    np.testing.assert_allclose(long, longer, atol=1e-6)


def semantic_ids(*options: object) -> subprocess.CompletedProcess:
    command = [
        sys.executable,
        SCRIPTS / "semantic_ids.py",
        "--dataset",
        "files",
        *map(str, options),
    ]
    return subprocess.run(command, capture_output=True, text=True)


def test_an_own_catalogue_gets_the_index_that_training_reads(tmp_path: Path) -> None:
    write_lcrec_data(tmp_path)
    (tmp_path / "Shop.index.json").unlink()
    index = tmp_path / "made.index.json"
    options = ("--data", tmp_path, "--output", index, "--text-weight", 0)
    made = semantic_ids(*options, "--levels", 8, 8, 8)
    assert made.returncode == 0, made.stderr
    dataset = load_files(tmp_path)
    assert len(dataset.items) == len(np.unique(dataset.codes, axis=0)) == ITEMS
    assert dataset.items[3].title == "String set \N{EN DASH} no. 3"
    assert '"collisions": 0' in made.stdout

    (tmp_path / "Shop.item.json").unlink()
    untitled = semantic_ids(*options[:-1], 0.6, "--levels", 8, 8, 8)
    assert "no item has a title" in untitled.stdout
    assert len(load_files(tmp_path).items) == ITEMS


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        (("--levels", "64", "64", "64"), 3, "40 items; expected 64 or more"),
        (("--levels", "8", "8"), 2, "expected 3 or 4 sizes"),
        (("--output", "codes.json"), 2, "expected a name such as shop.index.json"),
        (("--output", "model.safetensors.index.json"), 2, "expected a name such as shop.index"),
        (("--size", "0"), 2, "--size: expected a number from 1"),
        (("--data", "nowhere"), 3, "nowhere: no such folder"),
    ],
)
def test_what_cannot_be_done_is_said(
    change: tuple[str, ...], status: int, message: str, tmp_path: Path
) -> None:
    write_lcrec_data(tmp_path)
    (tmp_path / "Shop.index.json").unlink()
    options = ("--data", tmp_path, "--output", tmp_path / "made.index.json", *change)
    refused = semantic_ids(*options)
    assert refused.returncode == status
    assert message in refused.stderr


@pytest.mark.parametrize(
    ("write", "remove", "message"),
    [
        (write_lcrec_data, (), "Shop.index.json: is an index already"),
        (write_minionerec_data, ("index/Shop.index.json",), "MiniOneRec's CSVs have codes"),
    ],
)
def test_data_that_has_codes_is_left_alone(
    write: Callable, remove: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    write(tmp_path)
    for name in remove:
        (tmp_path / name).unlink()
    refused = semantic_ids("--data", tmp_path, "--output", tmp_path / "made.index.json")
    assert refused.returncode == 3
    assert message in refused.stderr


def test_events_are_needed(tmp_path: Path) -> None:
    write_lcrec_data(tmp_path)
    (tmp_path / "Shop.index.json").unlink()
    (tmp_path / "Shop.inter.json").write_text("{}")
    refused = semantic_ids("--data", tmp_path, "--output", tmp_path / "made.index.json")
    assert refused.returncode == 3
    assert "no user has two items before the last two" in refused.stderr


@pytest.mark.parametrize("spread", [1.0, 0.0])
def test_no_code_is_given_twice_while_there_are_enough(spread: float) -> None:
    """Not where most items lie in one place, nor where nothing tells them apart."""
    vectors = spread * np.random.default_rng(2).normal(size=(900, 8)) ** 5
    codes = quantize(vectors, [8, 8, 16], seed=1)  # 1,024 codes
    assert len(np.unique(codes, axis=0)) == 900
    crowded = quantize(np.concatenate([vectors, vectors]), [8, 8, 16], seed=1)
    assert np.unique(crowded, axis=0, return_counts=True)[1].max() == 2
