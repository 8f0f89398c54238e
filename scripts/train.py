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
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from halfling_train.checkpoint import check_training_output, save_checkpoint  # noqa: E402
from halfling_train.command import run_script  # noqa: E402
from halfling_train.datasets import Dataset, fingerprint  # noqa: E402
from halfling_train.llama_config import Dropout, LlamaConfig  # noqa: E402
from halfling_train.named_datasets import add_dataset_options, load_dataset  # noqa: E402
from halfling_train.options import beam_width, count_from_1, share_below_1  # noqa: E402
from halfling_train.prompt import Prompt  # noqa: E402
from halfling_train.sasrec import SasRec  # noqa: E402
from halfling_train.semantic_model import SemanticModel  # noqa: E402
from halfling_train.train_options import TrainOptions  # noqa: E402
from halfling_train.training_run import (  # noqa: E402
    STATE,
    add_run_options,
    start_run,
    train_recommender,
)

LLAMA_ONLY = ("ffn", "attention_dropout", "ffn_dropout", "softmax")
SHAPE = ("hidden", "ffn", "layers", "heads", "softmax")
REGULARIZATION = ("dropout", "attention_dropout", "ffn_dropout", "label_smoothing")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add_dataset_options(parser)
    add("--output", type=Path, required=True, help="checkpoint directory to write, or to go on in")
    add(
        "--model",
        choices=("llama", "sasrec"),
        default="llama",
        help="sasrec: a baseline, of which training.json's figures are kept and no model (llama)",
    )
    add("--beams", type=beam_width, default=20, help="of the search, and items ranked (20)")
    model = parser.add_argument_group("model")
    add = model.add_argument
    add("--hidden", type=count_from_1, default=256, help="values of a token (256)")
    add("--ffn", type=count_from_1, default=512, help="inner ones of a feed-forward block (512)")
    add("--layers", type=count_from_1, default=3, help="blocks of attention and feed-forward (3)")
    add("--heads", type=count_from_1, default=4, help="of attention (4)")
    add("--dropout", type=share_below_1, default=0.2, help="on embeddings and residuals (0.2)")
    add("--attention-dropout", type=share_below_1, default=0.0, help="on its weights (0)")
    add("--ffn-dropout", type=share_below_1, default=0.0, help="on the inner values (0)")
    add("--label-smoothing", type=share_below_1, default=0.1, help="of the codes asked for (0.1)")
    add(
        "--softmax",
        choices=("trie", "level", "full"),
        default="trie",
        help="the loss is over the codes that may follow, the level's, or all tokens (trie)",
    )
    add_run_options(parser, TrainOptions())
    arguments = parser.parse_args()
    if arguments.model == "sasrec":
        for name in LLAMA_ONLY:
            if getattr(arguments, name) != parser.get_default(name):
                parser.error(f"--{name.replace('_', '-')}: --model sasrec has no such option")
            delattr(arguments, name)
    return arguments


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


def settings_of(arguments: argparse.Namespace, names: tuple[str, ...]) -> dict[str, object]:
    """Those that the model has."""
    return {name: getattr(arguments, name) for name in names if name in arguments}


def train(arguments: argparse.Namespace) -> None:
    check_training_output(arguments.output, arguments.output / STATE)
    dataset = load_dataset(arguments.dataset, arguments.data, arguments.semantic_ids)
    workers = start_run(arguments)
    model = build_model(arguments, dataset).to(workers.device)
    save = None
    if arguments.model == "llama":
        save = partial(save_checkpoint, arguments.output, model.llama, dataset)
    train_recommender(
        model,
        dataset,
        workers,
        arguments,
        identity=fingerprint(
            dataset,
            arguments.model,
            " ".join(f"{name}={value}" for name, value in settings_of(arguments, SHAPE).items()),
        ),
        settings=settings_of(arguments, REGULARIZATION),
        save=save,
    )
    if workers.is_main and not save:
        print(
            f"\nno model was written: of {arguments.model} the figures are kept, in training.json"
        )


if __name__ == "__main__":
    sys.exit(run_script(train, parse_arguments()))
