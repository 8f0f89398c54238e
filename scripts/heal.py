#!/usr/bin/env python3
r"""Heals a halved model: trains its factors and norms to rank like the original.

Reads the original checkpoint and a model directory that `halfling compress` made of it, and writes
another model directory of the same size. Run the same command again after an interruption.

  .venv/bin/python scripts/heal.py --original build/checkpoints/instruments \
      --halved build/models/instruments-half --output build/models/instruments-healed

Then measure what it gained:

  build/native/compressor/halfling evaluate build/models/instruments-healed \
      --against build/checkpoints/instruments \
      --interactions build/checkpoints/instruments/interactions.json
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from halfling_train.checkpoint import load_model  # noqa: E402
from halfling_train.command import run_script  # noqa: E402
from halfling_train.datasets import DataError, Dataset, fingerprint  # noqa: E402
from halfling_train.distillation import Distillation, mean_code_loss  # noqa: E402
from halfling_train.evaluation import spread  # noqa: E402
from halfling_train.model_directory import ModelDirectory  # noqa: E402
from halfling_train.named_datasets import add_dataset_options, chosen_dataset  # noqa: E402
from halfling_train.options import number_from_0  # noqa: E402
from halfling_train.prompt import Prompt  # noqa: E402
from halfling_train.train_options import TrainOptions, options_of  # noqa: E402
from halfling_train.trainer import Trainer  # noqa: E402
from halfling_train.training_run import add_run_options, start_run  # noqa: E402
from halfling_train.weights import weights_digest  # noqa: E402

DEFAULTS = TrainOptions(
    epochs=10,
    patience=10,  # the rate that falls to the end is what brings the last of the gain
    learning_rate=1.5e-3,
    weight_decay=0.0,
    average_decay=0.99,
    item_drop=0.1,
    reversal=0.5,
)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add_dataset_options(parser, "--original")
    add("--original", type=Path, required=True, help="the checkpoint that was compressed")
    add("--halved", type=Path, required=True, help="the model directory made of it")
    add("--output", type=Path, required=True, help="model directory to write or replace")
    add("--state", type=Path, help="where to keep the training state (default: OUTPUT.state.pt)")
    add("--label-share", type=number_from_0, default=0.0, help="weight of what really followed (0)")
    add(
        "--block-epochs",
        type=number_from_0,
        default=0.0,
        help="epochs on the blocks' outputs first (0)",
    )
    add_run_options(parser, DEFAULTS)
    return parser.parse_args()


def heal(arguments: argparse.Namespace) -> None:
    dataset = chosen_dataset(arguments, arguments.original, "--original")
    workers = start_run(arguments)
    directory = ModelDirectory(arguments.halved)
    directory.check_output(arguments.output)
    original = load_model(arguments.original, dataset)
    model = Distillation(
        original,
        directory.load(dataset, original.prompt),
        arguments.block_epochs,
        arguments.label_share,
    ).to(workers.device)
    sample = validation_sample(dataset, arguments.validation_users, original.prompt)
    before = mean_code_loss(model, sample, workers)
    trainer = Trainer(
        model,
        training_sequences(dataset, original.prompt),
        lambda _: -mean_code_loss(model, sample, workers, arguments.label_share),
        options_of(arguments),
        workers,
        state_path(arguments),
        fingerprint(
            dataset,
            directory.manifest["version"],
            weights_digest(arguments.original),
        ),
        keep_start=True,
        loss=model.loss,
        count=model.halved.count,
        window=original.prompt.max_history + 1,
        settings={
            "block_epochs": arguments.block_epochs,
            "label_share": arguments.label_share,
            "validation_users": arguments.validation_users,
        },
        figure="-loss",
    )
    trainer.run()
    directory.round(model.halved)  # the figures are to be those of the files
    after = mean_code_loss(model, sample, workers)
    if workers.is_main:
        record = {
            "healing": {
                "epochs": trainer.best_epoch,
                "minutes": round(trainer.seconds / 60, 1),
                "workers": workers.count,
                "device": workers.device_name,
                "divergence_before": round(before, 5),
                "divergence_after": round(after, 5),
            }
        }
        directory.save(model.halved, dataset, arguments.output, record)
        print(f"KL(original || halved) an item: {before:.4f} before, {after:.4f} after healing")
        if trainer.best_epoch == 0:
            print(
                "no epoch came closer than the start, which is written; try a lower --learning-rate"
            )
        print(f"wrote {arguments.output}")
    workers.leave()


def training_sequences(dataset: Dataset, prompt: Prompt) -> list[np.ndarray]:
    """One that ends with each item, where the prompt has room for one question only."""
    whole = dataset.training()
    if prompt.asks_throughout:
        return whole
    window = prompt.max_history + 1
    ends = [(sequence, end) for sequence in whole for end in range(2, len(sequence) + 1)]
    if not ends:
        raise DataError(f"{dataset.name}: no user has four events; expected some to train on")
    return [sequence[max(0, end - window) : end] for sequence, end in ends]


def validation_sample(dataset: Dataset, users: int, prompt: Prompt) -> list[np.ndarray]:
    """What evenly spread users (0: all) chose up to their validation target, which no training
    sees."""
    chosen = spread(len(dataset.users), users)
    return [dataset.sequences[user][:-1][-prompt.max_history - 1 :] for user in chosen]


def state_path(arguments: argparse.Namespace) -> Path:
    return arguments.state or arguments.output.with_name(arguments.output.name + ".state.pt")


if __name__ == "__main__":
    sys.exit(run_script(heal, parse_arguments()))
