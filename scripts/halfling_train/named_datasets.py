"""The datasets that the scripts know by name, anyone's own files, and a checkpoint's data."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from .datasets import (
    REPOSITORY,
    DataError,
    Dataset,
    Item,
    assemble,
    load_movielens,
    read_code,
    shorten,
)
from .description import RECOMMENDER, read_dataset
from .source_data import read_source_data
from .source_files import find_source_files

PUBLISHED = ("movielens", "instruments", "beauty")
FILES = "files"


def add_dataset_options(parser: ArgumentParser, checkpoint: str = "") -> None:
    """--dataset, --data and --semantic-ids: what `load_dataset` takes.

    `checkpoint` is the option whose folder has the data that `chosen_dataset` reads by default.
    """
    add = parser.add_argument
    default = f" (default: the data in {checkpoint})" if checkpoint else ""
    add(
        "--dataset",
        choices=(*PUBLISHED, FILES),
        required=not checkpoint,
        help=f"{FILES}: your own, *.index.json and *.inter.json or *.inter.csv in --data{default}",
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


def load_letter(folder: Path) -> Dataset:
    """The files of the LETTER repository, whose items are numbers, with codes of three levels."""
    files = find_source_files(folder)
    data = read_source_data(files)
    strange = [name for name in data.codes if not name.isdecimal()]
    if strange:
        raise DataError(f"{files.index}: item {strange[0]}: expected a number")
    names = sorted(data.codes, key=int)
    codes = [read_code(files.index, name, data.codes[name]) for name in names]
    if len({len(code) for code in codes}) != 1:
        raise DataError(f"{files.index}: expected items with codes of one length")
    items = [Item(name, **data.details.get(name, {})) for name in names]
    return assemble(folder.name, items, shorten(codes), data.users)


def chosen_dataset(arguments: Namespace, checkpoint: Path | None, option: str) -> Dataset:
    """The dataset that the options name, or else the data of `checkpoint`, which `option` named."""
    if arguments.dataset:
        return load_dataset(arguments.dataset, arguments.data, arguments.semantic_ids)
    for name in ("data", "semantic_ids"):
        if getattr(arguments, name):
            raise DataError(f"--{name.replace('_', '-')}: expected --dataset beside it")
    if checkpoint is None:
        raise DataError(f"expected --dataset, or {option} with {RECOMMENDER} in it")
    return read_dataset(checkpoint)


def load_files(folder: Path) -> Dataset:
    """Index, interactions and, where there are any, titles, as `scripts/import-lcrec` reads them.

    Codes are taken as they are: <a_12> stays the twelfth code of the first level.
    """
    files = find_source_files(folder)
    data = read_source_data(files)
    items = [Item(item, **data.details.get(item, {})) for item in data.codes]
    codes = [read_code(files.index, item, words) for item, words in data.codes.items()]
    return assemble(str(folder), items, codes, data.users)
