"""Which files of a data folder are the index, the interactions and the items."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .datasets import DataError

INDEX = re.compile(r"(.*\.)?index(\..*)?\.json")
INTERACTIONS = re.compile(r"(.*\.)?inter(actions)?\.(json|csv)")
ITEMS = re.compile(r"(.*\.)?items?\.(json|csv)")
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # their *.index.json lists shards, not items
SPLITS = ("train", "valid", "test")  # MiniOneRec's folders of CSVs, in order of time


@dataclass(frozen=True)
class SourceFiles:
    index: Path
    interactions: tuple[Path, ...]  # one JSON or log, or MiniOneRec's CSVs in order of time
    items: Path | None


def find_source_files(
    folder: Path, dataset: str | None = None, index: Path | None = None
) -> SourceFiles:
    """The files of one dataset at or below `folder`; `dataset` is how their names begin.

    `index` is taken in place of one in the folder.
    """
    index = index or only_file(folder, INDEX, dataset, "*.index.json")
    if index is None:
        named = f" of {dataset}" if dataset else ""
        raise DataError(f"{folder}: expected one *.index.json{named} at or below it, found none")
    return SourceFiles(index, find_interactions(folder, dataset), find_items(folder, dataset))


def find_interactions(folder: Path, dataset: str | None = None) -> tuple[Path, ...]:
    """One JSON or log, or MiniOneRec's CSVs in order of time."""
    interactions = only_file(folder, INTERACTIONS, dataset, "*.inter.json or *.inter.csv")
    found = (interactions,) if interactions else split_tables(folder, dataset)
    if not found:
        raise DataError(
            f"{folder}: expected *.inter.json, *.inter.csv, or MiniOneRec's train/*.csv, "
            "valid/*.csv and test/*.csv, at or below it, found none"
        )
    return found


def find_items(folder: Path, dataset: str | None = None) -> Path | None:
    return only_file(folder, ITEMS, dataset, "*.item.json or *.item.csv")


def only_file(folder: Path, name: re.Pattern, dataset: str | None, kind: str) -> Path | None:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected one with {kind}")
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if name.fullmatch(path.name) and not of_weights(path) and belongs_to(path, dataset)
    ]
    return one_of(found, folder, kind)


def is_split(files: tuple[Path, ...]) -> bool:
    """Whether interactions are MiniOneRec's CSVs."""
    return not INTERACTIONS.fullmatch(files[0].name)


def is_index(path: Path) -> bool:
    """By its name, one of items' codes."""
    return INDEX.fullmatch(path.name) is not None and not of_weights(path)


def of_weights(path: Path) -> bool:
    return path.name.startswith(WEIGHTS)


def split_tables(folder: Path, dataset: str | None) -> tuple[Path, ...]:
    tables = []
    for split in SPLITS:
        found = [path for path in sorted(folder.rglob("*.csv")) if path.parent.name == split]
        found = [path for path in found if belongs_to(path, dataset)]
        tables.append(one_of(found, folder, f"{split}/*.csv"))
    return tuple(table for table in tables if table)


def belongs_to(path: Path, dataset: str | None) -> bool:
    return dataset is None or re.match(rf"{re.escape(dataset)}[._]", path.name) is not None


def one_of(found: list[Path], folder: Path, kind: str) -> Path | None:
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found[:4])
        raise DataError(
            f"{folder}: expected one {kind}, found {len(found)} ({names}); give one dataset a "
            "folder of its own (of links), or, to import-lcrec, --dataset with its name or --index"
        )
    return found[0] if found else None
