"""How a training goes: what every training script's options of that say."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, fields
from typing import Any

from .options import (
    count_from_0,
    count_from_1,
    number_above_0,
    number_from_0,
    share,
    share_below_1,
)

PRECISIONS = ("bf16", "f32")


def option(default: object, help: str, **how: object) -> Any:
    """A field of TrainOptions; `help` and `how` are what argparse is told of its option."""
    return field(default=default, metadata={"help": f"{help} (%(default)s)", **how})


@dataclass(frozen=True)
class TrainOptions:
    epochs: int = option(30, "at most", type=count_from_1)
    minutes: float = option(0.0, "0: any; else the schedule ends by then", type=number_from_0)
    batch_size: int = option(128, "sequences of a step, over all processes", type=count_from_1)
    learning_rate: float = option(1e-3, "its peak, after the warm-up", type=number_above_0)
    weight_decay: float = option(0.05, "of matrices", type=number_from_0)
    warmup: float = option(0.05, "share of the schedule until the peak", type=share_below_1)
    final_rate: float = option(0.05, "share of the learning rate left at the end", type=share)
    average_decay: float = option(0.998, "of the weights' average, a step", type=share_below_1)
    item_drop: float = option(0.0, "share of a sequence's items left out", type=share_below_1)
    reversal: float = option(0.0, "share of sequences turned round", type=share)
    evaluate_every: int = option(1, "epochs between validations", type=count_from_1)
    save_every: int = option(1, "epochs between states to resume from", type=count_from_1)
    patience: int = option(5, "validations without a better one that end it", type=count_from_1)
    seed: int = option(1, "of weights, batches and dropout", type=count_from_0)
    precision: str = option("bf16", "of the products in training", choices=PRECISIONS)


# How long to train, when to look and when to save: a training may go on with others.
MAY_CHANGE = ("epochs", "minutes", "patience", "evaluate_every", "save_every")


def add_options(parser: argparse._ActionsContainer, defaults: TrainOptions) -> None:
    for each in fields(defaults):
        name = "--" + each.name.replace("_", "-")
        parser.add_argument(name, default=getattr(defaults, each.name), **each.metadata)


def options_of(arguments: argparse.Namespace) -> TrainOptions:
    names = [each.name for each in fields(TrainOptions)]
    return TrainOptions(**{name: getattr(arguments, name) for name in names})
