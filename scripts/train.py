#!/usr/bin/env python3
r"""Trains a sequential recommender and writes a checkpoint directory.

Examples:
  .venv/bin/python scripts/train.py --dataset movielens --output build/training/movielens
  .venv/bin/python -m torch.distributed.run --nproc_per_node 2 scripts/train.py \
      --dataset instruments --output build/training/instruments
  .venv/bin/python scripts/train.py --dataset movielens --model sasrec \
      --output build/training/sasrec

Run the same command again to go on after an interruption. See docs/training.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from halfling_train.checkpoint import round_to_bfloat16, save_checkpoint, save_report  # noqa: E402
from halfling_train.command import run_script  # noqa: E402
from halfling_train.datasets import Dataset, fingerprint  # noqa: E402
from halfling_train.distributed import Workers  # noqa: E402
from halfling_train.evaluation import evaluate, print_table, validation_score  # noqa: E402
from halfling_train.llama_config import Dropout, LlamaConfig  # noqa: E402
from halfling_train.named_datasets import add_dataset_options, load_dataset  # noqa: E402
from halfling_train.prompt import Prompt  # noqa: E402
from halfling_train.sasrec import SasRec  # noqa: E402
from halfling_train.semantic_model import SemanticModel  # noqa: E402
from halfling_train.trainer import (  # noqa: E402
    Trainer,
    TrainOptions,
    add_options,
    options_of,
)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add_dataset_options(parser)
    add("--output", type=Path, required=True, help="checkpoint directory to write")
    add("--model", choices=("llama", "sasrec"), default="llama")
    add("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    add("--threads", type=int, default=0, help="CPU threads of each process (default: torch's)")
    add("--validation-users", type=int, default=2500, help="sample for early stopping; 0: all")
    add("--beams", type=int, default=20)
    model = parser.add_argument_group("model")
    model.add_argument("--hidden", type=int, default=256)
    model.add_argument("--ffn", type=int, default=512)
    model.add_argument("--layers", type=int, default=3)
    model.add_argument("--heads", type=int, default=4)
    model.add_argument("--dropout", type=float, default=0.2, help="on embeddings and residuals")
    model.add_argument("--attention-dropout", type=float, default=0.0)
    model.add_argument("--ffn-dropout", type=float, default=0.0)
    model.add_argument("--label-smoothing", type=float, default=0.1)
    model.add_argument("--softmax", choices=("trie", "level", "full"), default="trie")
    training = parser.add_argument_group("training")
    add_options(training, TrainOptions())
    return parser.parse_args()


def build_model(arguments: argparse.Namespace, dataset: Dataset) -> torch.nn.Module:
    if arguments.model == "sasrec":
        return SasRec(
            dataset,
            hidden=arguments.hidden,
            layers=arguments.layers,
            heads=arguments.heads,
            dropout=arguments.dropout,
            label_smoothing=arguments.label_smoothing,
        )
    config = LlamaConfig(
        vocab_size=Prompt().vocabulary_size(dataset.level_sizes),
        hidden_size=arguments.hidden,
        intermediate_size=arguments.ffn,
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.heads,
        num_key_value_heads=arguments.heads,
        max_position_embeddings=max(128, Prompt().longest(len(dataset.level_sizes))),
    )
    share = arguments.dropout
    dropout = Dropout(share, share, arguments.attention_dropout, arguments.ffn_dropout)
    return SemanticModel(dataset, config, dropout, arguments.label_smoothing, arguments.softmax)


REGULARIZATION = ("dropout", "attention_dropout", "ffn_dropout", "label_smoothing")


def model_settings(arguments: argparse.Namespace) -> str:
    names = ("hidden", "ffn", "layers", "heads", "softmax")
    return " ".join(f"{name}={getattr(arguments, name)}" for name in names)


def train(arguments: argparse.Namespace) -> None:
    dataset = load_dataset(arguments.dataset, arguments.data, arguments.semantic_ids)
    workers = Workers.join(arguments.device)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    model = build_model(arguments, dataset).to(workers.device)
    if workers.is_main:
        count = sum(p.numel() for p in model.parameters())
        print(
            f"{dataset.name}: {len(dataset.sequences)} users, {len(dataset.items)} items; ", end=""
        )
        print(f"{arguments.model} of {count} parameters on {workers.count} x {workers.device}")

    trainer = Trainer(
        model,
        dataset.training(),
        lambda current: validation_score(
            current, dataset, workers, arguments.beams, arguments.validation_users
        ),
        options_of(arguments),
        workers,
        arguments.output / "training-state.pt",
        identity=fingerprint(dataset, arguments.model, model_settings(arguments)),
        settings={name: getattr(arguments, name) for name in REGULARIZATION},
    )
    trainer.run()
    round_to_bfloat16(model)  # the figures are to be those of the saved weights
    if workers.is_main and arguments.model == "llama":
        save_checkpoint(arguments.output, model.llama, dataset)
    figures = evaluate(model, dataset, "test", workers, arguments.beams)
    if workers.is_main:
        save_report(arguments.output, vars(arguments), trainer, figures)
        print_table({arguments.model: figures})
    workers.leave()


if __name__ == "__main__":
    sys.exit(run_script(train, parse_arguments()))
