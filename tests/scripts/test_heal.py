"""Healing brings a halved model closer to its original, whatever its storage."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from compressed import SHARD, write_halved
from conftest import SCRIPTS
from halfling_train.checkpoint import load_model, save_checkpoint
from halfling_train.datasets import DataError, Dataset
from halfling_train.distillation import Distillation, divergences, mean_code_loss
from halfling_train.distributed import Workers
from halfling_train.llama_config import LlamaConfig
from halfling_train.model_directory import ModelDirectory
from halfling_train.named_datasets import load_letter
from halfling_train.semantic_model import SemanticModel
from halfling_train.trainer import Trainer, TrainOptions

ALONE = Workers(0, 1, torch.device("cpu"))
OPTIONS = TrainOptions(epochs=6, batch_size=16, learning_rate=3e-3, average_decay=0.9)
KINDS = pytest.mark.parametrize("kind", ["low-rank f16", "pivoted int8", "mixed"])


def make_original(dataset: Dataset, config: LlamaConfig) -> SemanticModel:
    torch.manual_seed(3)
    return SemanticModel(dataset, config).eval()


def make_distillation(
    dataset: Dataset, config: LlamaConfig, folder: Path, kind: str, block_epochs: float = 0.0
) -> tuple[ModelDirectory, Distillation]:
    original = make_original(dataset, config)
    if not folder.exists():
        write_halved(folder, original, dataset, kind)
    directory = ModelDirectory(folder)
    return directory, Distillation(original, directory.load(dataset), block_epochs)


def make_trainer(
    dataset: Dataset, model: Distillation, state: Path, options: TrainOptions = OPTIONS
) -> Trainer:
    sample = [sequence[-21:] for sequence in dataset.training()]
    return Trainer(
        model,
        dataset.training(),
        lambda _: -mean_code_loss(model, sample),
        options,
        ALONE,
        state,
        "it",
        keep_start=True,
        loss=model.loss,
        settings={"block_epochs": model.block_epochs},
    )


def test_divergence_is_torchs(dataset: Dataset, config: LlamaConfig) -> None:
    sequences = dataset.training()[:8]
    log_p = make_original(dataset, config).code_log_probs(sequences)[0]
    log_q = torch.log_softmax(log_p + torch.linspace(0, 1, log_p.shape[1]), dim=1)
    allowed = log_p > float("-inf")
    expected = torch.nn.functional.kl_div(
        log_q[allowed], log_p[allowed], log_target=True, reduction="sum"
    )
    torch.testing.assert_close(divergences(log_p, log_q).sum(), expected)


def test_the_last_items_rows_are_those_of_each_sequence_alone(
    dataset: Dataset, config: LlamaConfig
) -> None:
    model = make_original(dataset, config)
    sequences = [s for s in dataset.training()[:9] if len(s) > 1]
    together = model.code_log_probs(sequences, only_last=True)
    ordered = sorted(sequences, key=len)
    for level, rows in enumerate(together):
        nodes = [int(model.trie.path[s[-1], level]) for s in ordered]
        open_ones = [s for s, n in zip(ordered, nodes) if model.trie.branches(level)[n] > 1]
        alone = [model.code_log_probs([s])[level][-1] for s in open_ones]
        torch.testing.assert_close(rows, torch.stack(alone), atol=1e-5, rtol=0)


def test_labels_add_the_likelihood_that_training_maximizes(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    _, model = make_distillation(dataset, config, tmp_path / "halved", "pivoted int8")
    sequences = [s for s in dataset.training()[:9] if len(s) > 1]
    with torch.no_grad():
        added = model.code_loss(sequences, label_share=0.5) - model.code_loss(sequences)
        torch.testing.assert_close(added, 0.5 * model.halved.loss(sequences)[0])
        last = model.code_loss(sequences, 1.0, only_last=True) - model.code_loss(
            sequences, only_last=True
        )
        before = [sequence[:-1] for sequence in sequences]
        rest = model.halved.loss(before)[0]
        torch.testing.assert_close(last, model.halved.loss(sequences)[0] - rest)


@KINDS
def test_healing_comes_closer_to_the_original_and_is_written_back(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path, kind: str
) -> None:
    directory, model = make_distillation(dataset, config, tmp_path / "halved", kind)
    sequences = [sequence[-21:] for sequence in dataset.training()]
    before = mean_code_loss(model, sequences)
    make_trainer(dataset, model, tmp_path / "state.pt").run()
    trained = mean_code_loss(model, sequences)
    directory.round(model.halved)
    after = mean_code_loss(model, sequences)
    assert after < 0.8 * before
    if kind == "pivoted int8":
        assert after == trained  # the training saw the rounding
    directory.save(model.halved, dataset, tmp_path / "healed", {"healing": {"epochs": 6}})
    reloaded = Distillation(model.original, ModelDirectory(tmp_path / "healed").load(dataset))
    assert mean_code_loss(reloaded, sequences) == after


def test_the_first_epochs_bring_the_blocks_outputs_closer(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    _, model = make_distillation(dataset, config, tmp_path / "halved", "pivoted int8", 2.0)
    sequences = [sequence[-21:] for sequence in dataset.training()]

    def error() -> float:
        with torch.no_grad():
            total, items = model.loss(sequences, epoch=0.0)
        return float(total) / items

    kl, items = model.loss(sequences, epoch=2.0)
    assert items == sum(map(len, sequences))
    torch.testing.assert_close(kl, model.loss(sequences)[0])
    before = error()
    assert before != pytest.approx(float(kl) / items)
    make_trainer(dataset, model, tmp_path / "state.pt", TrainOptions(epochs=2, batch_size=8)).run()
    assert error() < 0.9 * before


def test_resuming_gives_the_weights_of_an_uninterrupted_run(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    options = TrainOptions(epochs=4, batch_size=16, learning_rate=3e-3, item_drop=0.1)

    def make(state: str) -> tuple[Distillation, Trainer]:
        _, model = make_distillation(dataset, config, tmp_path / "halved", "mixed", 1.5)
        return model, make_trainer(dataset, model, tmp_path / state, options)

    whole, trainer = make("whole.pt")
    trainer.run()
    _, trainer = make("parts.pt")
    trainer._at_end = lambda: trainer.epoch == 2
    trainer.run()
    assert [entry["epoch"] for entry in trainer.history] == [1, 2]
    resumed, trainer = make("parts.pt")
    trainer.run()
    assert [entry["epoch"] for entry in trainer.history] == [1, 2, 3, 4]
    for left, right in zip(whole.parameters(), resumed.parameters()):
        assert torch.equal(left, right)


def test_healing_never_returns_less_than_it_got(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    _, model = make_distillation(dataset, config, tmp_path / "halved", "pivoted int8")
    start = [p.detach().clone() for p in model.halved.parameters()]
    scores = iter([-0.3, -0.4, -0.5])
    options = TrainOptions(epochs=2, batch_size=16, learning_rate=1e-2)
    trainer = make_trainer(dataset, model, tmp_path / "state.pt", options)
    trainer.evaluate = lambda _: next(scores)
    trainer.run()
    assert trainer.best_epoch == 0
    assert all(torch.equal(a, b) for a, b in zip(start, model.halved.parameters()))


def test_a_state_of_other_settings_is_refused(
    dataset: Dataset, config: LlamaConfig, tmp_path: Path
) -> None:
    def run(learning_rate: float, block_epochs: float) -> None:
        _, model = make_distillation(
            dataset, config, tmp_path / "halved", "pivoted int8", block_epochs
        )
        options = TrainOptions(epochs=1, batch_size=64, learning_rate=learning_rate)
        make_trainer(dataset, model, tmp_path / "state.pt", options).run()

    run(1e-3, 0.5)
    with pytest.raises(DataError, match=r"another learning rate \(0.001, not 0.002\)"):
        run(2e-3, 0.5)
    with pytest.raises(DataError, match=r"another block epochs \(0.5, not 0\)"):
        run(1e-3, 0)


def heal(folder: Path, *options: str) -> subprocess.CompletedProcess:
    paths = ["--data", "data", "--original", "original", "--halved", "halved", "--output", "healed"]
    return subprocess.run(
        [sys.executable, SCRIPTS / "heal.py", "--dataset", "files", *paths, *options],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_the_script_heals_resumes_and_refuses_a_foreign_state(
    config: LlamaConfig, letter: Path, tmp_path: Path
) -> None:
    dataset = load_letter(letter)
    save_checkpoint(tmp_path / "original", make_original(dataset, config).llama, dataset)
    original = load_model(tmp_path / "original", dataset)
    write_halved(tmp_path / "halved", original, dataset, "pivoted int8")
    options = ("--epochs", "2", "--batch-size", "16", "--block-epochs", "0.5", "--threads", "1")
    options += ("--validation-users", "0")
    first = heal(tmp_path, *options)
    assert first.returncode == 0, first.stderr
    record = json.loads((tmp_path / "healed" / "manifest.json").read_text())["compression"]
    assert record["healing"]["divergence_after"] < record["healing"]["divergence_before"]
    written = (tmp_path / "healed" / SHARD).read_bytes()
    again = heal(tmp_path, *options)
    assert "resumed" in again.stdout
    assert (tmp_path / "healed" / SHARD).read_bytes() == written
    write_halved(tmp_path / "other", original, dataset, "mixed")
    refused = heal(tmp_path, *options, "--halved", "other")
    assert refused.returncode == 3
    assert "another model or data" in refused.stderr
    refused = heal(tmp_path, *options, "--validation-users", "9")
    assert refused.returncode == 3
    assert "another validation users (0, not 9)" in refused.stderr
    spoilt = heal(tmp_path, *options, "--learning-rate", "3", "--state", "spoilt.pt")
    assert "no epoch came closer than the start" in spoilt.stdout
    assert "no epoch" not in first.stdout
