"""recommender.json (how items become tokens, what the page may show) and interactions.json."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path

from .datasets import DataError, Dataset, Item, assemble, read_json
from .prompt import Prompt
from .replacing import new_file
from .source_data import check_items, read_interactions

RECOMMENDER = "recommender.json"
INTERACTIONS = "interactions.json"
ITEM_FIELDS = [field.name for field in fields(Item)]


def write_description(folder: Path, dataset: Dataset, prompt: Prompt = Prompt()) -> None:
    write_files(folder, recommender_description(dataset, prompt), interactions_of(dataset))


def write_files(folder: Path, description: dict, interactions: dict[str, list[str]]) -> None:
    write_json(folder / RECOMMENDER, description, indent=None)
    write_json(folder / INTERACTIONS, interactions, indent=None)


def recommender_description(dataset: Dataset, prompt: Prompt = Prompt()) -> dict:
    """The recommender.json of a dataset: prompt, and every item with its tokens."""
    ids = prompt.checkpoint_ids(dataset.level_sizes)
    tokens = ids[prompt.token_table(dataset.codes, dataset.level_sizes)]
    parts = {name: getattr(prompt, name) for name in ("prefix", "separator", "suffix")}
    items = []
    for item, code, popularity in zip(dataset.items, tokens.tolist(), dataset.popularity.tolist()):
        known = {name: value for name, value in asdict(item).items() if value != ""}
        items.append({"id": item.id, "tokens": code, **known, "popularity": popularity})
    return {
        "format": 1,
        "prompt": {name: ids[list(part)].tolist() for name, part in parts.items()},
        "max_history": prompt.max_history,
        **({"popularity_date": dataset.popularity_date} if dataset.popularity_date else {}),
        "items": items,
    }


def interactions_of(dataset: Dataset) -> dict[str, list[str]]:
    """The interactions.json of a dataset: every user's items, oldest first."""
    return {
        user: [dataset.items[item].id for item in sequence]
        for user, sequence in zip(dataset.users, dataset.sequences)
    }


def read_dataset(folder: Path) -> Dataset:
    """The data of a checkpoint directory, from the two files.

    A level's codes are numbered by their tokens, whatever these are called; a code that no item has
    is none. Raises DataError for files that are missing or broken, and for codes of several lengths.
    """
    path, events = folder / RECOMMENDER, folder / INTERACTIONS
    described = read_json(path)
    entries = read_items(described, path)
    items = [Item(**{name: entry.get(name) or "" for name in ITEM_FIELDS}) for entry in entries]
    tokens = [entry["tokens"] for entry in entries]
    numbers = []
    for level in range(max(map(len, tokens))):
        used = sorted({code[level] for code in tokens if level < len(code)})
        numbers.append({token: number for number, token in enumerate(used)})
    codes = [[number[token] for number, token in zip(numbers, code)] for code in tokens]
    users = read_interactions(events)
    check_items(users, {item.id: None for item in items}, str(events), path)
    date = described.get("popularity_date", "")
    return assemble(str(folder), items, codes, users, date if isinstance(date, str) else "")


def read_items(described: dict, path: Path) -> list[dict]:
    """The items of a recommender.json, each with an id and tokens; DataError where one has none."""
    items = described.get("items")
    if not isinstance(items, list) or not items or not all(isinstance(i, dict) for i in items):
        raise DataError(f"{path}: items: expected a list of objects, one or more")
    seen = set()
    for number, item in enumerate(items):
        where = f"{path}: items[{number}]"
        for name in ITEM_FIELDS:
            if not isinstance(item.get(name), (str, type(None))):
                raise DataError(f"{where}.{name}: expected a text, found {item[name]!r:.80}")
        if not item.get("id") or item["id"] in seen:
            raise DataError(f"{where}.id: expected one of its own, found {item.get('id')!r:.80}")
        if not item.get("tokens") or not is_tokens(item["tokens"]):
            found = f"{item.get('tokens')!r:.80}"
            raise DataError(f"{where}.tokens: expected a list of tokens, found {found}")
        seen.add(item["id"])
    return items


def is_tokens(value: object) -> bool:
    return isinstance(value, list) and all(type(token) is int and token >= 0 for token in value)


def write_json(path: Path, value: dict, indent: int | None = 2) -> None:
    """Takes the place of what stood at `path`. ValueError where a number is not finite."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    with new_file(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
