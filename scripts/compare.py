#!/usr/bin/env python3
"""Ranks with models beside their original, in PyTorch: `halfling evaluate` where a GPU is at hand.

Takes what `halfling compress` and heal.py write, and checkpoint directories; prints how the figures
change, or with --json what `halfling evaluate --json` prints. Products are in f32; inputs are
rounded where the engine rounds them, so figures are the tool's but for the last digits.

  .venv/bin/python scripts/compare.py build/models/instruments-half \\
      --against build/checkpoints/instruments
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from halfling_train.checkpoint import load_model  # noqa: E402
from halfling_train.command import run_script  # noqa: E402
from halfling_train.comparison import METRICS, compare  # noqa: E402
from halfling_train.datasets import Dataset  # noqa: E402
from halfling_train.distributed import Workers  # noqa: E402
from halfling_train.engine_numbers import with_engine_numbers  # noqa: E402
from halfling_train.model_directory import ModelDirectory  # noqa: E402
from halfling_train.named_datasets import add_dataset_options, chosen_dataset  # noqa: E402
from halfling_train.options import beam_width, count_from_0  # noqa: E402
from halfling_train.prompt import Prompt  # noqa: E402
from halfling_train.semantic_model import SemanticModel  # noqa: E402


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("models", nargs="+", type=Path, metavar="MODEL", help="model or checkpoint directories")
    add("--against", type=Path, required=True, help="the original, a checkpoint directory")
    add_dataset_options(parser, "--against")
    add("--split", choices=("valid", "test"), default="test")
    add("--users", type=count_from_0, default=0, help="an evenly spread sample; 0: all (0)")
    add("--beams", type=beam_width, default=20, help="of the search, and items ranked (20)")
    add("--allow-seen", action="store_true", help="let items of the history be recommended again")
    add("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    add("--json", action="store_true", help="result as JSON on stdout, the table on stderr")
    return parser.parse_args()


def load(folder: Path, dataset: Dataset, prompt: Prompt) -> SemanticModel:
    """A model directory (which has a manifest) or a checkpoint."""
    if (folder / "manifest.json").is_file():
        return with_engine_numbers(ModelDirectory(folder).load(dataset, prompt))
    return load_model(folder, dataset)


def table(answer: dict) -> str:
    rows = [f"{'change from the original':40}" + "".join(f"{name:>22}" for name in METRICS)]
    for model in answer["models"]:
        changes = model["against"]["metrics_relative_change"]
        cells = [
            f"{100 * c['mean']:+.1f}% [{100 * c['low']:+.1f}, {100 * c['high']:+.1f}]" if c else "-"
            for c in changes.values()
        ]
        rows.append(f"{model['directory'][-40:]:40}" + "".join(f"{cell:>22}" for cell in cells))
        own = [f"{value['mean']:.4f}" for value in model["metrics"].values()]
        kl, overlap = (model["against"][name]["mean"] for name in ("divergence", "overlap@10"))
        distance = f"KL {kl:.4f} nats, overlap {overlap:.3f}"
        rows.append(f"{distance:40}" + "".join(f"{cell:>22}" for cell in own))
    return "\n".join(rows)


def run(arguments: argparse.Namespace) -> None:
    dataset = chosen_dataset(arguments, arguments.against, "--against")
    device = Workers.alone(arguments.device).device
    original = load_model(arguments.against, dataset).to(device)
    models = {
        str(folder): load(folder, dataset, original.prompt).to(device)
        for folder in arguments.models
    }
    answer = compare(
        original,
        models,
        dataset,
        arguments.split,
        arguments.beams,
        arguments.users,
        not arguments.allow_seen,
    )
    for model in answer["models"]:
        model["against"]["directory"] = str(arguments.against)
    answer["torch"] = torch.__version__
    text = f"{table(answer)}\n{answer['users']} users of {dataset.name}, {arguments.split}"
    print(text, file=sys.stderr if arguments.json else sys.stdout)
    if arguments.json:
        json.dump(answer, sys.stdout, indent=1)


if __name__ == "__main__":
    sys.exit(run_script(run, parse_arguments()))
