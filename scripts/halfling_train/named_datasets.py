"""The datasets that the scripts know by name, and anyone's own files."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from .datasets import (
    REPOSITORY,
    DataError,
    Dataset,
    Item,
    assemble,
    load_letter,
    load_movielens,
    read_code,
)
from .source_data import read_source_data
from .source_files import find_source_files

PUBLISHED = ("movielens", "instruments", "beauty")
FILES = "files"


def add_dataset_options(parser: ArgumentParser) -> None:
    """--dataset, --data and --semantic-ids: what `load_dataset` takes."""
    add = parser.add_argument
    add(
        "--dataset",
        choices=(*PUBLISHED, FILES),
        required=True,
        help=f"{FILES}: your own, *.index.json and *.inter.json of LC-Rec's layout in --data",
    )
    add("--data", type=Path, help="folder of the data (default: where setup puts it)")
    add("--semantic-ids", type=Path, help="semantic_ids.json (movielens only)")


def load_dataset(
    name: str, folder: Path | None = None, semantic_ids: Path | None = None
) -> Dataset:
    """A dataset by name, from where setup leaves it unless `folder` says otherwise."""
    if semantic_ids and name != "movielens":
        raise DataError(f"--semantic-ids {semantic_ids}: --dataset {name} has its own codes")
    if name == FILES:
        if folder is None:
            raise DataError(f"--dataset {FILES}: expected --data, the folder they are in")
        return load_files(folder)
    if name == "movielens":
        return load_movielens(
            folder or REPOSITORY / "data" / name,
            semantic_ids or REPOSITORY / "models" / name / "semantic_ids.json",
        )
    return load_letter(folder or REPOSITORY.parent / "shared" / "data" / name)


def load_files(folder: Path) -> Dataset:
    """Index, interactions and, where there are any, titles, as `scripts/import-lcrec` reads them.

    Codes are taken as they are: <a_12> stays the twelfth code of the first level.
    """
    files = find_source_files(folder)
    data = read_source_data(files)
    items = [Item(item, **data.details.get(item, {})) for item in data.codes]
    codes = [read_code(files.index, item, words) for item, words in data.codes.items()]
    return assemble(str(folder), items, codes, data.users)
