"""Interaction data with item codes, and the leave-one-out split that every figure uses."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

MAX_HISTORY = 20
REPOSITORY = Path(__file__).resolve().parents[2]
CODE = re.compile(r"^<[a-z]_(\d+)>$")


def code_word(level: int, code: int) -> str:
    """As LC-Rec writes a code: <a_12> on the first level, <b_3> on the second, …"""
    return f"<{chr(ord('a') + level)}_{code}>"


class DataError(Exception):
    """Data that is missing or not in the expected form; the message says what and where."""


@dataclass(frozen=True)
class Item:
    """What recommender.json says of an item beside its tokens; empty where unknown."""

    id: str
    title: str = ""
    category: str = ""
    image: str = ""
    url: str = ""


@dataclass
class Dataset:
    name: str
    items: list[Item]
    codes: np.ndarray  # [items, levels] int64
    level_sizes: tuple[int, ...]
    users: list[str]
    sequences: list[np.ndarray]  # of item indices, oldest first
    popularity_date: str = ""  # as of when `popularity` is, 1998-04-22; empty: unknown

    def __post_init__(self) -> None:
        parts = [sequence[:-2] for sequence in self.sequences]
        self.popularity = np.bincount(np.concatenate(parts), minlength=len(self.items))
        _, leaf_of = np.unique(self.codes, axis=0, return_inverse=True)
        self.leaf_of = leaf_of.reshape(-1)  # [items]: the same for items that share a code

    def training(self) -> list[np.ndarray]:
        return [sequence[:-2] for sequence in self.sequences]

    def evaluation(self, split: str) -> tuple[list[np.ndarray], np.ndarray]:
        """(all items before the target, target) of every user; split is 'valid' or 'test'."""
        end = {"valid": -2, "test": -1}[split]
        histories = [sequence[:end] for sequence in self.sequences]
        return histories, np.array([sequence[end] for sequence in self.sequences])


def read_json(path: Path) -> dict:
    """A JSON file that holds an object; anything else is a DataError that names the file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except ValueError as error:  # not UTF-8, or not JSON
        raise DataError(f"{path}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected a JSON object, found {type(value).__name__}")
    return value


def fingerprint(dataset: Dataset, *rest: str) -> str:
    """Twelve digits that tell the dataset's codes and interactions, and `rest`, from others."""
    digest = hashlib.sha256(dataset.codes.tobytes())
    for part in (*(sequence.tobytes() for sequence in dataset.sequences), *map(str.encode, rest)):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:12]


def read_code(path: Path, item: str, words: list) -> list[int]:
    """["<a_12>", "<b_3>"] -> [12, 3]. The levels' letters are a, b, c, … in this order."""
    if not words:
        raise DataError(f"{path}: item {item}: expected words like <a_12>, found none")
    code = []
    for level, word in enumerate(words):
        match, expected = CODE.match(str(word)), code_word(level, 12)
        if not match or word[1] != expected[1]:
            raise DataError(f"{path}: item {item}: expected a word like {expected}, found {word}")
        code.append(int(match[1]))
    return code


def shorten(codes: list[list[int]], levels: int = 3) -> list[list[int]]:
    """Cuts codes to `levels`, and keeps apart what the cut would merge.

    Three published levels tell all but 3 in 100 of these items apart, and a quarter fewer tokens
    are a quarter less work, in training and in the browser. Where several codes share their first
    three words, the first in order keeps its third and each other gets the smallest number free
    under its first two. Items that share a whole code go on sharing one.
    """
    if len(codes[0]) <= levels:
        return codes
    size = 1 + max(max(code) for code in codes)
    taken: dict[tuple, set[int]] = {}
    for code in codes:
        taken.setdefault(tuple(code[: levels - 1]), set()).add(code[levels - 1])
    short: dict[tuple, list[int]] = {}
    kept: set[tuple] = set()
    for code in sorted(set(map(tuple, codes))):
        stem, last = code[: levels - 1], code[levels - 1]
        if code[:levels] in kept:
            last = next(number for number in range(size + 1) if number not in taken[stem])
            if last == size:
                raise DataError(f"more than {size} codes start with {stem}")
            taken[stem].add(last)
        kept.add(code[:levels])
        short[code] = [*stem, last]
    return [short[tuple(code)] for code in codes]


def load_movielens(folder: Path, semantic_ids: Path) -> Dataset:
    """data/movielens as fetch_movielens.py leaves it, with the codes of semantic_ids.py."""
    catalogue, interactions, date = read_movielens(folder)
    index = read_json(semantic_ids).get("codes")
    if not isinstance(index, dict):
        raise DataError(f'{semantic_ids}: expected {{"codes": {{item: [code, …]}}}}')
    missing = [item.id for item in catalogue if item.id not in index]
    if missing:
        raise DataError(
            f"{semantic_ids}: no code for item {missing[0]} and {len(missing) - 1} more"
        )
    codes = [index[item.id] for item in catalogue]
    for item, code in zip(catalogue, codes):
        if not isinstance(code, list) or not code or not all(is_code(number) for number in code):
            raise DataError(
                f"{semantic_ids}: item {item.id}: expected a code such as [12, 3, 7], "
                f"found {code!r:.80}"
            )
    return assemble("movielens", catalogue, codes, interactions, date)


def is_code(value: object) -> bool:
    return type(value) is int and value >= 0


def assemble(
    name: str,
    items: list[Item],
    codes: list[list[int]],
    interactions: dict[str, list],
    popularity_date: str = "",
) -> Dataset:
    """Turns item names into indices; users with fewer than three events have no split."""
    for item, code in zip(items, codes):
        if len(code) != len(codes[0]):
            raise DataError(
                f"{name}: item {item.id}: its code has {len(code)} words; expected "
                f"{len(codes[0])}, as item {items[0].id} has: training needs codes of one length"
            )
    table = np.array(codes, dtype=np.int64)
    numbers = {item.id: number for number, item in enumerate(items)}
    users, sequences = [], []
    for user, events in interactions.items():
        unknown = [event for event in events if str(event) not in numbers]
        if unknown:
            raise DataError(f"{name}: user {user} has an item without a code: {unknown[0]}")
        if len(events) >= 3:
            users.append(user)
            sequences.append(np.array([numbers[str(event)] for event in events], dtype=np.int64))
    if not users:
        raise DataError(f"{name}: no user has three events or more")
    sizes = tuple(int(size) for size in table.max(axis=0) + 1)
    return Dataset(name, items, table, sizes, users, sequences, popularity_date)


def read_movielens(folder: Path) -> tuple[list[Item], dict[str, list[str]], str]:
    """RecBole's atomic files: the films, each user's films by time (ties in file order), and the
    date of the last event."""
    films = []
    for row in read_table(folder / "ml-100k.item"):
        title, year = row["movie_title"], row["release_year"]
        title = f"{title} ({year})" if year.isdigit() else title
        films.append(Item(row["item_id"], title, row["class"].replace(" ", ", ")))
    events: dict[str, list[tuple[float, str]]] = {}
    for row in read_table(folder / "ml-100k.inter"):
        events.setdefault(row["user_id"], []).append((float(row["timestamp"]), row["item_id"]))
    interactions = {
        user: [item for _, item in sorted(rows, key=lambda row: row[0])]
        for user, rows in sorted(events.items(), key=lambda entry: int(entry[0]))
    }
    last = max(time for rows in events.values() for time, _ in rows)
    date = datetime.fromtimestamp(last, timezone.utc).date().isoformat()
    return sorted(films, key=lambda film: int(film.id)), interactions, date


def read_table(path: Path) -> list[dict[str, str]]:
    """A tab-separated table whose header reads name:type."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run scripts/fetch_movielens.py") from None
    names = [column.split(":")[0] for column in lines[0].split("\t")]
    return [dict(zip(names, line.split("\t"))) for line in lines[1:] if line]
