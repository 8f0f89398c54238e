"""recommender.json (how items become tokens, what the page may show) and interactions.json."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from .datasets import Dataset
from .prompt import Prompt
from .replacing import new_file

RECOMMENDER = "recommender.json"
INTERACTIONS = "interactions.json"


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


def write_json(path: Path, value: dict, indent: int | None = 2) -> None:
    """Takes the place of what stood at `path`. ValueError where a number is not finite."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    with new_file(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
