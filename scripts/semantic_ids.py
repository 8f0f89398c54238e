#!/usr/bin/env python3
"""Makes semantic IDs for a catalogue: balanced residual k-means over item vectors.

A vector joins the embedding of the title and categories with the item's place in the truncated SVD
of what users of the TRAINING part consumed together. Writes {"codes": {item id: [code, ...]}, ...}
with a report of balance, entropy and collisions.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from halfling_train.datasets import REPOSITORY, DataError, Item, read_movielens  # noqa: E402
from halfling_train.item_vectors import collaborative_vectors, text_vectors  # noqa: E402
from halfling_train.named_datasets import PUBLISHED, load_dataset  # noqa: E402
from halfling_train.residual_kmeans import quantize, report  # noqa: E402


def read_catalogue(name: str, data: Path | None) -> tuple[list[Item], list[np.ndarray]]:
    """The items, and the training part of every sequence as item indices."""
    if name != "movielens":
        dataset = load_dataset(name, data)
        return dataset.items, dataset.training()
    items, interactions, _ = read_movielens(data or REPOSITORY / "data" / name)
    numbers = {item.id: number for number, item in enumerate(items)}
    sequences = [
        np.array([numbers[event] for event in events[:-2]]) for events in interactions.values()
    ]
    return items, sequences


def item_vectors(
    items: list[Item], sequences: list[np.ndarray], arguments: argparse.Namespace
) -> np.ndarray:
    together = collaborative_vectors(sequences, len(items), arguments.size, arguments.seed)
    if arguments.text_weight == 0:
        return together
    text = text_vectors(items, arguments.size, arguments.seed)
    return np.hstack([together, arguments.text_weight * text])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", choices=PUBLISHED, required=True)
    parser.add_argument(
        "--data", type=Path, help="folder of the data (default: where setup puts it)"
    )
    parser.add_argument("--output", type=Path, required=True, help="semantic_ids.json to write")
    parser.add_argument("--levels", type=int, nargs="+", default=[32, 32, 32])
    parser.add_argument("--size", type=int, default=48, help="of each half of the vectors")
    parser.add_argument(
        "--text-weight", type=float, default=0.6, help="0: no text, for catalogues without titles"
    )
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not 3 <= len(arguments.levels) <= 4 or max(arguments.levels) > 256:
        parser.error("--levels takes 3 or 4 sizes of at most 256")
    try:
        items, sequences = read_catalogue(arguments.dataset, arguments.data)
        codes = quantize(
            item_vectors(items, sequences, arguments), arguments.levels, arguments.seed
        )
    except DataError as error:
        print(f"semantic_ids.py: {error}", file=sys.stderr)
        return 3
    summary = report(codes, arguments.levels)
    table = {item.id: code for item, code in zip(items, codes.tolist())}
    rows = ",\n".join(f'  "{name}": {json.dumps(code)}' for name, code in table.items())
    text = '{"report": ' + json.dumps(summary) + ',\n"codes": {\n' + rows + "\n}}\n"
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text, encoding="utf-8")
    print(json.dumps(summary, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
