#!/usr/bin/env python3
r"""Makes semantic IDs for a catalogue: balanced residual k-means over item vectors.

A vector joins the embedding of the title and categories with the item's place in the truncated SVD
of what users of the TRAINING part consumed together; without titles it is that place alone.

  .venv/bin/python scripts/semantic_ids.py --dataset files --data my-shop \
      --output my-shop/shop.index.json

reads *.inter.json ({user: [item, ...]}, oldest first) or *.inter.csv (user_id, item_id, timestamp)
and, where there is one, *.item.json ({item: {title, categories, ...}}) or *.item.csv (item_id,
title, category), and writes the index that train.py and finetune.py look for:
{item: ["<a_12>", "<b_3>", "<c_7>"]}. For a dataset that is known by name the output is
{"codes": {item id: [code, ...]}, ...}. The report tells balance, entropy and collisions.

Exit status: 0 done, 2 on usage, 3 where data is missing or not as it should be.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from halfling_train.command import run_script  # noqa: E402
from halfling_train.datasets import (  # noqa: E402
    REPOSITORY,
    DataError,
    Item,
    code_word,
    read_movielens,
)
from halfling_train.item_vectors import collaborative_vectors, text_vectors  # noqa: E402
from halfling_train.named_datasets import FILES, PUBLISHED, load_dataset  # noqa: E402
from halfling_train.residual_kmeans import quantize, report  # noqa: E402
from halfling_train.source_data import read_details, read_users  # noqa: E402
from halfling_train.source_files import (  # noqa: E402
    find_interactions,
    find_items,
    is_index,
    is_split,
)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--dataset", choices=(*PUBLISHED, FILES), required=True, help=f"{FILES}: your own")
    add("--data", type=Path, help="folder of the data (default: where setup puts it)")
    add("--output", type=Path, required=True, help="file to write")
    add("--levels", type=int, nargs="+", default=[32, 32, 32], help="codes of each (32 32 32)")
    add("--size", type=int, default=48, help="of each half of the vectors (48)")
    add("--text-weight", type=float, default=0.6, help="0: titles do not count (0.6)")
    add("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not 3 <= len(arguments.levels) <= 4 or not all(2 <= n <= 256 for n in arguments.levels):
        parser.error("--levels: expected 3 or 4 sizes, each of 2 to 256")
    if arguments.size < 1 or arguments.seed < 0:
        parser.error("--size: expected a number from 1; --seed: expected one from 0")
    if arguments.dataset == FILES and not arguments.data:
        parser.error(f"--dataset {FILES}: expected --data, the folder they are in")
    if arguments.dataset == FILES and not is_index(arguments.output):
        parser.error("--output: expected a name such as shop.index.json, by which it is found")
    return arguments


def read_catalogue(
    name: str, data: Path | None, output: Path
) -> tuple[list[Item], list[np.ndarray]]:
    """The items, and the training part of every sequence as item indices."""
    if name == FILES:
        return with_numbers(*read_files(data, output))
    if name == "movielens":
        items, interactions, _ = read_movielens(data or REPOSITORY / "data" / name)
        return with_numbers(items, interactions)
    dataset = load_dataset(name, data)
    return dataset.items, dataset.training()


def read_files(folder: Path, output: Path) -> tuple[list[Item], dict[str, list[str]]]:
    """The catalogue, which is what *.item.json has and then what else somebody chose."""
    files = find_interactions(folder)
    if is_split(files):
        raise DataError(
            f"{files[0]}: MiniOneRec's CSVs have codes; expected *.inter.json or *.inter.csv"
        )
    for path in sorted(folder.rglob("*.json")):
        if is_index(path) and path.resolve() != output.resolve():
            raise DataError(f"{path}: is an index already; expected --output to be the only one")
    users = read_users(files, codes={})
    described = find_items(folder)
    details = read_details(described) if described else {}
    chosen = dict.fromkeys(item for items in users.values() for item in items)
    known = {**details, **{item: {} for item in chosen if item not in details}}
    if "" in known:
        raise DataError(f"{folder}: expected items, each with an id that is not empty")
    return [Item(item, **known[item]) for item in known], users


def with_numbers(items: list[Item], users: dict[str, list]) -> tuple[list[Item], list[np.ndarray]]:
    numbers = {item.id: number for number, item in enumerate(items)}
    rows = [[numbers[event] for event in events[:-2]] for events in users.values()]
    return items, [np.array(row, dtype=np.int64) for row in rows]


def item_vectors(
    items: list[Item], sequences: list[np.ndarray], arguments: argparse.Namespace
) -> np.ndarray:
    together = collaborative_vectors(sequences, len(items), arguments.size, arguments.seed)
    titled = any(item.title for item in items)
    if arguments.text_weight == 0 or not titled:
        if not titled:
            print("no item has a title: codes are of what was consumed together alone")
        return together
    text = text_vectors(items, arguments.size, arguments.seed)
    return np.hstack([together, arguments.text_weight * text])


def run(arguments: argparse.Namespace) -> None:
    items, sequences = read_catalogue(arguments.dataset, arguments.data, arguments.output)
    if len(items) < max(arguments.levels):
        raise DataError(
            f"{len(items)} items; expected {max(arguments.levels)} or more, the largest of --levels"
        )
    if max(map(len, sequences), default=0) < 2:
        raise DataError(
            "no user has two items before the last two, which are left out; expected some"
        )
    codes = quantize(item_vectors(items, sequences, arguments), arguments.levels, arguments.seed)
    summary = report(codes, arguments.levels)
    table = {item.id: code for item, code in zip(items, codes.tolist())}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(
        index_text(table) if arguments.dataset == FILES else codes_text(table, summary),
        encoding="utf-8",
    )
    print(json.dumps(summary, indent=2))
    if summary["collisions"]:
        print(
            f"{summary['collisions']} items share another's code; larger --levels keep them apart"
        )


def index_text(table: dict[str, list[int]]) -> str:
    """LC-Rec's index."""
    words = {
        item: [code_word(level, code) for level, code in enumerate(codes)]
        for item, codes in table.items()
    }
    rows = ",\n".join(f"{json.dumps(item)}: {json.dumps(code)}" for item, code in words.items())
    return "{\n" + rows + "\n}\n"


def codes_text(table: dict[str, list[int]], summary: dict) -> str:
    rows = ",\n".join(f"  {json.dumps(item)}: {json.dumps(code)}" for item, code in table.items())
    return '{"report": ' + json.dumps(summary) + ',\n"codes": {\n' + rows + "\n}}\n"


if __name__ == "__main__":
    sys.exit(run_script(run, parse_arguments()))
