"""Training learns, stops and goes on after an interruption as if there had been none."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from halfling_train.datasets import DataError, Dataset
from halfling_train.distributed import Workers
from halfling_train.evaluation import evaluate
from halfling_train.llama_config import Dropout, LlamaConfig, drop
from halfling_train.sasrec import SasRec
from halfling_train.semantic_model import SemanticModel
from halfling_train.trainer import Trainer, TrainOptions

ALONE = Workers(0, 1, torch.device("cpu"))
OPTIONS = TrainOptions(epochs=4, batch_size=16, learning_rate=3e-3, average_decay=0.9, seed=5)


def make_trainer(
    dataset: Dataset, model: torch.nn.Module, folder: Path, options: TrainOptions = OPTIONS
) -> Trainer:
    def score(current: torch.nn.Module) -> float:
        return evaluate(current, dataset, "valid", ALONE)["strict"]["NDCG@10"]

    return Trainer(model, dataset.training(), score, options, ALONE, folder / "state.pt", "it")


def make_model(dataset: Dataset, config: LlamaConfig) -> SemanticModel:
    torch.manual_seed(1)
    return SemanticModel(dataset, config, Dropout(0.1, 0.1), label_smoothing=0.05)


def test_training_beats_chance(dataset: Dataset, config: LlamaConfig, tmp_path: Path) -> None:
    model = make_model(dataset, config)
    before = evaluate(model, dataset, "test", ALONE)["strict"]["NDCG@10"]
    make_trainer(dataset, model, tmp_path, replace(OPTIONS, epochs=15)).run()
    after = evaluate(model, dataset, "test", ALONE)["strict"]["NDCG@10"]
    assert after > before + 0.15


def test_sasrec_trains_by_the_same_loop(dataset: Dataset, tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = SasRec(dataset, hidden=32, layers=1, heads=2, dropout=0.1)
    before = evaluate(model, dataset, "test", ALONE)["strict"]["NDCG@10"]
    make_trainer(dataset, model, tmp_path, replace(OPTIONS, epochs=15)).run()
    assert evaluate(model, dataset, "test", ALONE)["strict"]["NDCG@10"] > before + 0.15


def test_resuming_gives_the_weights_of_an_uninterrupted_run(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    whole = make_model(dataset, config)
    make_trainer(dataset, whole, tmp_path / "whole").run()

    interrupted = make_trainer(dataset, make_model(dataset, config), tmp_path / "parts")
    train_epoch = interrupted._train_epoch

    def die_in_the_third_epoch(started: float) -> float:
        if interrupted.epoch == 2:
            raise KeyboardInterrupt
        return train_epoch(started)

    interrupted._train_epoch = die_in_the_third_epoch
    with pytest.raises(KeyboardInterrupt):
        interrupted.run()

    torch.manual_seed(99)  # what a new process starts from must not matter
    resumed = SemanticModel(dataset, config, Dropout(0.1, 0.1), label_smoothing=0.05)
    trainer = make_trainer(dataset, resumed, tmp_path / "parts")
    trainer.run()
    assert [entry["epoch"] for entry in trainer.history] == [1, 2, 3, 4]
    for left, right in zip(whole.parameters(), resumed.parameters()):
        assert torch.equal(left, right)


def test_what_other_options_or_another_model_began_does_not_go_on(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    make_trainer(dataset, make_model(dataset, config), tmp_path, replace(OPTIONS, epochs=1)).run()
    for change, message in (
        ({"seed": 6}, "another seed (5, not 6)"),
        ({"learning_rate": 2e-3}, "another learning rate (0.003, not 0.002)"),
        ({"item_drop": 0.5}, "another item drop (0.0, not 0.5)"),
    ):
        options = replace(OPTIONS, **change)
        other = make_trainer(dataset, make_model(dataset, config), tmp_path, options)
        with pytest.raises(DataError, match=re.escape(message)):
            other.run()
    longer = make_trainer(dataset, make_model(dataset, config), tmp_path)
    longer.run()
    assert [entry["epoch"] for entry in longer.history] == [1, 2, 3, 4]
    other = make_trainer(dataset, make_model(dataset, config), tmp_path)
    other.identity = "that"
    with pytest.raises(DataError, match="another model or data"):
        other.run()


@pytest.mark.parametrize("score", [float("nan"), float("-inf")])
def test_a_figure_that_is_no_number_ends_the_training(
    score: float, dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    trainer = make_trainer(dataset, make_model(dataset, config), tmp_path)
    trainer.evaluate = lambda _: score
    with pytest.raises(DataError, match=f"validation after epoch 1: the NDCG@10 is {score}"):
        trainer.run()


def test_weights_beyond_all_bounds_are_not_the_best(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    trainer = make_trainer(dataset, make_model(dataset, config), tmp_path)
    trainer.average[0].fill_(float("inf"))
    with pytest.raises(DataError, match="after epoch 1: a weight is infinite"):
        trainer.run()
    assert not trainer.state_path.exists()


@pytest.mark.parametrize("share", [0.998, 0.9999])
def test_nearly_all_may_be_dropped(share: float) -> None:
    assert torch.isfinite(drop(torch.ones(1000), share, training=True)).all()


def test_training_stops_when_validation_no_longer_improves(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    model = make_model(dataset, config)
    options = replace(OPTIONS, epochs=50, patience=2)
    scores = iter([0.1, 0.3, 0.2, 0.25, 0.9])
    trainer = Trainer(
        model,
        dataset.training(),
        lambda _: next(scores),
        options,
        ALONE,
        tmp_path / "state.pt",
        "it",
    )
    trainer.run()
    assert (trainer.epoch, trainer.best_epoch, trainer.best_score) == (4, 2, 0.3)
    for parameter, best in zip(model.parameters(), trainer.best):
        assert torch.equal(parameter, best)
