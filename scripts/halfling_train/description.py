"""recommender.json (how items become tokens, what the page may show) and interactions.json."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from .datasets import MAX_HISTORY, Dataset

BOS = 0
FIRST_CODE_TOKEN = 1


def token_table(codes: np.ndarray, level_sizes: tuple[int, ...]) -> np.ndarray:
    """[items, levels] token ids: each level has a block of the vocabulary, after BOS."""
    firsts = FIRST_CODE_TOKEN + np.concatenate([[0], np.cumsum(level_sizes)[:-1]])
    return codes + firsts


def recommender_description(dataset: Dataset) -> dict:
    """The recommender.json of a dataset: prompt, and every item with its tokens."""
    tokens = token_table(dataset.codes, dataset.level_sizes)
    items = []
    for item, code, popularity in zip(dataset.items, tokens.tolist(), dataset.popularity.tolist()):
        entry = {"id": item.id, "tokens": code, "title": item.title, "category": item.category}
        entry = {name: value for name, value in entry.items() if value != ""}
        items.append({**entry, "popularity": popularity})
    return {
        "format": 1,
        "prompt": {"prefix": [BOS], "separator": [], "suffix": []},
        "max_history": MAX_HISTORY,
        "items": items,
    }


def interactions_of(dataset: Dataset) -> dict[str, list[str]]:
    """The interactions.json of a dataset: every user's items, oldest first."""
    return {
        user: [dataset.items[item].id for item in sequence]
        for user, sequence in zip(dataset.users, dataset.sequences)
    }


def write_json(path: Path, value: dict, indent: int | None = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
