"""What train.py, finetune.py and heal.py share: options, how a run begins, how it ends."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from torch import nn

from .checkpoint import round_to_bfloat16, save_report
from .datasets import Dataset
from .distributed import Workers
from .evaluation import evaluate, print_table, validation_score
from .options import count_from_0
from .train_options import TrainOptions, add_options, options_of
from .trainer import Loss, Trainer

STATE = "training-state.pt"


def add_run_options(parser: argparse.ArgumentParser, defaults: TrainOptions) -> None:
    """What `start_run` and a trainer take."""
    add = parser.add_argument
    add("--device", default="auto", help="auto, cpu or cuda (auto)")
    add("--threads", type=count_from_0, default=0, help="CPU threads a process; 0: torch's (0)")
    add(
        "--validation-users",
        type=count_from_0,
        default=2500,
        help="sample to choose the best epoch by; 0: all (2500)",
    )
    add_options(parser.add_argument_group("training"), defaults)


def start_run(arguments: argparse.Namespace) -> Workers:
    """Joins the workers; what is drawn from here on depends on the seed alone."""
    workers = Workers.join(arguments.device)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    return workers


def train_recommender(
    model: nn.Module,
    dataset: Dataset,
    workers: Workers,
    arguments: argparse.Namespace,
    identity: str,
    settings: dict[str, object],
    save: Callable[[], None] | None,
    loss: Loss | None = None,
    test_users: int = 0,
) -> None:
    """Trains a model, lets `save` write it, and reports what it ranks on the test split.

    `identity`, `settings` and `loss` are the trainer's. What is saved is in bf16, and the figures
    are of that; without `save` they are all that is kept. `test_users`: an evenly spread sample (0:
    all).
    """
    if workers.is_main:
        count = sum(parameter.numel() for parameter in model.parameters())
        size = f"{len(dataset.sequences)} users, {len(dataset.items)} items"
        print(f"{dataset.name}: {size}; {count} parameters on {workers.count} x {workers.device}")
    beams, users, precision = arguments.beams, arguments.validation_users, arguments.precision
    trainer = Trainer(
        model,
        dataset.training(),
        lambda current: validation_score(current, dataset, workers, beams, users, precision),
        options_of(arguments),
        workers,
        arguments.output / STATE,
        identity,
        loss=loss,
        settings={**settings, "beams": beams, "validation_users": users},
    )
    trainer.run()
    if save:
        round_to_bfloat16(model)
        if workers.is_main:
            save()
    figures = evaluate(model, dataset, "test", workers, beams, test_users)
    if workers.is_main:
        save_report(arguments.output, vars(arguments), trainer, figures)
        print_table({arguments.output.name: figures})
    workers.leave()
