#!/usr/bin/env python3
"""Joins committed weights with local data into a complete checkpoint directory.

models/<name>/ holds weights and configuration, but neither items nor titles nor interactions.
This writes build/checkpoints/<name>/ with
  config.json, model.safetensors   as committed
  recommender.json                 the prompt, and every item's tokens, title, category, popularity
  interactions.json                { user: [item, ...] }, oldest first

Exit status: 0 done, 1 the committed files are missing or broken, 3 the data is not here.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from halfling_train.datasets import REPOSITORY, DataError, Dataset, read_json  # noqa: E402
from halfling_train.description import INTERACTIONS, RECOMMENDER, write_description  # noqa: E402
from halfling_train.named_datasets import PUBLISHED, load_dataset  # noqa: E402
from halfling_train.replacing import names_in, new_folder  # noqa: E402

COMMITTED = ("config.json", "model.safetensors")
DATA_IS_ABSENT = 3


def check_vocabulary(config_path: Path, dataset: Dataset) -> None:
    rows = read_json(config_path).get("vocab_size")
    wanted = 1 + sum(dataset.level_sizes)
    if rows != wanted:
        raise DataError(f"{config_path}: vocab_size is {rows}, but the item codes need {wanted}")


def check_output(output: Path) -> None:
    """DataError where there is something else than what an earlier join wrote."""
    if names_in(output) not in (set(), {*COMMITTED, RECOMMENDER, INTERACTIONS}):
        raise DataError(
            f"{output}: holds files but no checkpoint of an earlier run; choose another folder or "
            "remove it"
        )


def join(name: str, model: Path, output: Path, data: Path | None) -> int:
    """0, or 3 where the data is not here; DataError for what else is wrong."""
    missing = [file for file in COMMITTED if not (model / file).is_file()]
    if missing:
        raise DataError(f"{model / missing[0]}: no such file")
    try:
        codes = model / "semantic_ids.json"
        dataset = load_dataset(name, data, codes if codes.is_file() else None)
    except DataError as error:
        print(f"join_checkpoint.py: skipped {name}: {error}", file=sys.stderr)
        return DATA_IS_ABSENT
    check_vocabulary(model / "config.json", dataset)
    check_output(output)
    with new_folder(output) as partial:
        for file in COMMITTED:
            shutil.copyfile(model / file, partial / file)
        write_description(partial, dataset)
    print(f"{output}: {len(dataset.items)} items, {len(dataset.users)} users")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=PUBLISHED)
    parser.add_argument("--model", type=Path, help="committed weights (default: models/NAME)")
    parser.add_argument(
        "--data", type=Path, help="folder of the data (default: where setup puts it)"
    )
    parser.add_argument("--output", type=Path, help="default: build/checkpoints/NAME")
    arguments = parser.parse_args()
    model = arguments.model or REPOSITORY / "models" / arguments.name
    output = arguments.output or REPOSITORY / "build" / "checkpoints" / arguments.name
    try:
        return join(arguments.name, model, output, arguments.data)
    except DataError as error:
        print(f"join_checkpoint.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
