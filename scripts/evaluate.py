#!/usr/bin/env python3
"""Prints a table of HR@K and NDCG@K of the baselines, and of a trained checkpoint, on a test split.

Every row sees the same histories (the last 20 items; a checkpoint what its prompt has) and the
same targets, and ranks what the user never chose before, as `halfling evaluate` does. 'strict'
asks for the item itself, 'collision' for any item with its code. --softmax full ranks by the
probability over all that prompts and codes can use, instead of over the codes that may follow.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from halfling_train.baselines import ItemKnn, Popularity  # noqa: E402
from halfling_train.checkpoint import load_model  # noqa: E402
from halfling_train.command import run_script  # noqa: E402
from halfling_train.distributed import Workers  # noqa: E402
from halfling_train.evaluation import evaluate, print_table, spread  # noqa: E402
from halfling_train.named_datasets import add_dataset_options, chosen_dataset  # noqa: E402
from halfling_train.options import beam_width, count_from_0  # noqa: E402


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add_dataset_options(parser, "--checkpoint")
    add("--checkpoint", type=Path, help="directory with config.json and model.safetensors")
    add("--split", choices=("valid", "test"), default="test")
    add("--users", type=count_from_0, default=0, help="an evenly spread sample; 0: all (0)")
    add("--beams", type=beam_width, default=20, help="of the search, and items ranked (20)")
    add("--allow-seen", action="store_true", help="let items of the history be recommended again")
    add("--softmax", choices=("trie", "full"), default="trie")
    add("--no-baselines", action="store_true")
    add("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    add("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def run(arguments: argparse.Namespace) -> None:
    dataset = chosen_dataset(arguments, arguments.checkpoint, "--checkpoint")
    workers = Workers.join(arguments.device)
    models: dict = {}
    if not arguments.no_baselines:
        models.update({"popularity": Popularity(dataset), "item-kNN": ItemKnn(dataset)})
    if arguments.checkpoint:
        model = load_model(arguments.checkpoint, dataset).to(workers.device)
        model.full_softmax_scores = arguments.softmax == "full"
        models[arguments.checkpoint.name] = model
    figures = {
        name: evaluate(
            model,
            dataset,
            arguments.split,
            workers,
            arguments.beams,
            arguments.users,
            not arguments.allow_seen,
        )
        for name, model in models.items()
    }
    if workers.is_main:
        users = len(spread(len(dataset.users), arguments.users))
        print(f"{dataset.name}, {arguments.split}, {users} users")
        print_table(figures)
        if arguments.json:
            arguments.json.parent.mkdir(parents=True, exist_ok=True)
            arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    workers.leave()


if __name__ == "__main__":
    sys.exit(run_script(run, parse_arguments()))
