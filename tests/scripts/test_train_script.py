"""train.py and evaluate.py as commands: what they write, print and refuse."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SCRIPTS, make_dataset, write_letter
from halfling_train.checkpoint import load_model
from halfling_train.datasets import Dataset
from halfling_train.evaluation import judge, user_batches
from halfling_train.named_datasets import load_files
from halfling_train.weights import WEIGHTS
from in_process import Finished, run
from safetensors.torch import load_file

OPTIONS = "--hidden 16 --ffn 24 --layers 1 --heads 2 --dropout 0 --batch-size 16 --seed 3"
OPTIONS += " --epochs 2 --learning-rate 0.01 --average-decay 0.9 --validation-users 30"


def train(data: Path, output: Path, *options: object) -> Finished:
    return run("train.py", *train_options(data, output), *options)


def train_options(data: Path, output: Path) -> list[object]:
    return ["--dataset", "files", "--data", data, "--output", output, *OPTIONS.split()]


def evaluate_options(data: Path, checkpoint: Path) -> list[object]:
    return ["--dataset", "files", "--data", data, "--checkpoint", checkpoint]


def report_of(folder: Path) -> dict:
    return json.loads((folder / "training.json").read_text())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_letter(tmp_path_factory.mktemp("shop") / "data", make_dataset(users=300))


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("trained") / "model"
    finished = train(data, output)
    assert finished.status == 0, finished.err
    return output


def figures_in_f32(checkpoint: Path, dataset: Dataset) -> dict:
    histories, targets = dataset.evaluation("test")
    model, lists, batches = load_model(checkpoint, dataset), [], user_batches(histories)
    for batch in batches:
        own = [histories[user] for user in batch]
        lists += model.recommend([history[-20:] for history in own], 20, own)
    return judge(lists, targets[np.concatenate(batches)], dataset)


def test_figures_are_those_of_the_saved_model_in_f32(
    data: Path, trained: Path, tmp_path: Path
) -> None:
    """As `halfling evaluate` has them, though the training's products were in bf16."""
    expected = figures_in_f32(trained, load_files(data))
    assert report_of(trained)["settings"]["precision"] == "bf16"
    assert report_of(trained)["test"] == expected
    options = evaluate_options(data, trained)
    finished = run("evaluate.py", *options, "--users", 100_000, "--json", tmp_path / "to/figures")
    assert json.loads((tmp_path / "to/figures").read_text())["model"] == expected
    assert "test, 301 users\n" in finished.out


def test_the_report_tells_where_the_data_was(data: Path, trained: Path) -> None:
    assert report_of(trained)["settings"]["data"] == str(data)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--beams", 10, "another beams (20, not 10)"),
        ("--validation-users", 0, "another validation users (30, not 0)"),
    ],
)
def test_scores_of_another_validation_are_not_compared(
    option: str, value: int, message: str, data: Path, trained: Path
) -> None:
    finished = train(data, trained, option, value)
    assert finished.status == 3 and message in finished.err


@pytest.mark.parametrize("name", ["config.json", "interactions.json"])
def test_what_no_training_wrote_is_not_written_over(name: str, data: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine"
    output.mkdir()
    (output / name).write_text("{}")
    finished = train(data, output)
    assert finished.status == 3
    assert f"mine: holds {name} without a training-state.pt" in finished.err
    assert [path.name for path in output.iterdir()] == [name]
    assert (output / name).read_text() == "{}"


def test_links_to_what_a_training_replaces_keep_what_they_had(
    data: Path, trained: Path, tmp_path: Path
) -> None:
    output = Path(shutil.copytree(trained, tmp_path / "model"))
    linked = tmp_path / "linked"
    linked.mkdir()
    for name in ("config.json", "model.safetensors", "recommender.json"):
        os.link(output / name, linked / name)
        (linked / name).write_text("mine")
    assert train(data, output).status == 0
    assert [path.read_text() for path in linked.iterdir()] == ["mine"] * 3
    assert (output / "config.json").read_text() == (trained / "config.json").read_text()


def test_a_training_that_runs_off_saves_no_model(data: Path, tmp_path: Path) -> None:
    finished = train(data, tmp_path / "out", "--learning-rate", 1e20)
    assert finished.status == 3
    assert "gradient's norm is nan" in finished.err and "lower --learning-rate" in finished.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--epochs", "0", "a whole number from 1"),
        ("--batch-size", "0", "a whole number from 1"),
        ("--evaluate-every", "0", "a whole number from 1"),
        ("--save-every", "x", "a whole number from 1"),
        ("--beams", "9", "a whole number from 10, the items that metrics are of"),
        ("--heads", "0", "a whole number from 1"),
        ("--validation-users", "-5", "a whole number from 0"),
        ("--threads", "-1", "a whole number from 0"),
        ("--learning-rate", "nan", "a number above 0"),
        ("--minutes", "inf", "a number from 0"),
        ("--warmup", "1", "a number from 0 and below 1"),
        ("--dropout", "1", "a number from 0 and below 1"),
        ("--average-decay", "2", "a number from 0 and below 1"),
        ("--final-rate", "7", "a number from 0 to 1"),
    ],
)
def test_an_option_out_of_range_is_refused(
    option: str, value: str, expected: str, data: Path, tmp_path: Path
) -> None:
    finished = train(data, tmp_path / "out", option, value)
    assert finished.status == 2
    assert f"argument {option}: expected {expected}, not {value}\n" in finished.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--hidden", 36, "--heads", 4),
            "4 heads of 9 values, of 36 hidden ones; expected an even",
        ),
        (("--device", "gpu"), "--device gpu: expected auto, cpu or cuda"),
        (("--device", "cuda:99"), "--device cuda:99: not here; PyTorch finds"),
        (
            ("--semantic-ids", "codes.json"),
            "--semantic-ids codes.json: --dataset files has its own",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    options: tuple, message: str, data: Path, tmp_path: Path
) -> None:
    finished = train(data, tmp_path / "out", *options)
    assert finished.status == 3 and message in finished.err


def test_of_sasrec_only_figures_are_kept(data: Path, tmp_path: Path) -> None:
    shape = ["--hidden", 8, "--layers", 1, "--heads", 2, "--epochs", 1]
    options = ["--dataset", "files", "--data", data, "--output", tmp_path, "--model", "sasrec"]
    finished = run("train.py", *options, *shape)
    assert finished.status == 0, finished.err
    assert "no model was written" in finished.out
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"training.json", "training-state.pt"}
    assert report_of(tmp_path)["settings"].keys() & {"hidden", "ffn", "softmax"} == {"hidden"}
    refused = run("train.py", *options, "--softmax", "level")
    assert refused.status == 2 and "--softmax: --model sasrec has no such option" in refused.err
    refused = run("train.py", *options, "--hidden", 9)
    assert refused.status == 3 and "9 hidden values; expected a multiple of the 4" in refused.err


def run_as_two(script: str, *options: object) -> tuple[str, str]:
    """What each of two processes printed, started as torchrun starts them."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = str(probe.getsockname()[1])
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": port}
    processes = [
        subprocess.Popen(
            [sys.executable, SCRIPTS / script, *map(str, options)],
            env={**os.environ, **group, "RANK": rank, "LOCAL_RANK": rank, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    ]
    try:
        printed = [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], printed
    first, second = (
        "".join(line for line in out.splitlines(True) if not line.startswith("[Gloo]"))
        for out, _ in printed
    )
    return first, second


def test_two_processes_train_and_tell_what_one_does(data: Path, tmp_path: Path) -> None:
    precision = ("--precision", "f32")
    assert train(data, tmp_path / "alone", *precision).status == 0
    _, second = run_as_two("train.py", *train_options(data, tmp_path / "both"), *precision)
    assert second == ""
    alone, both = (load_file(str(tmp_path / name / WEIGHTS)) for name in ("alone", "both"))
    for name, weight in alone.items():
        torch.testing.assert_close(both[name], weight, rtol=0.02, atol=1e-4)
    one, two = (report_of(tmp_path / name) for name in ("alone", "both"))
    assert two["workers"] == 2
    losses = [[entry["loss"] for entry in report["history"]] for report in (one, two)]
    np.testing.assert_allclose(*losses, atol=2e-3)

    options = [*evaluate_options(data, tmp_path / "both"), "--json", tmp_path / "figures"]
    first, second = run_as_two("evaluate.py", *options)
    assert first.count("item-kNN, strict") == 1 and second == ""
    assert json.loads((tmp_path / "figures").read_text())["both"] == two["test"]


def test_compare_runs_in_one_process(
    data: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    options = ["--dataset", "files", "--data", data, "--against", trained]
    finished = run("compare.py", trained, *options)
    assert finished.status == 3 and "expected one process" in finished.err
