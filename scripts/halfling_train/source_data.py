"""A catalogue with codes and its users' histories, as LC-Rec, LETTER and MiniOneRec keep them, or
as a shop does (shop_tables.py).

*.index.json   { item: ["<a_12>", "<b_3>", …] }   the code of every item, a token a word
*.inter.json   { user: [item, …] }                oldest first; or *.inter.csv
*.item.json    { item: { title, categories, … } } optional; or *.item.csv
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .datasets import DataError, read_json
from .interaction_tables import read_tables
from .shop_tables import read_catalogue, read_log
from .source_files import SourceFiles, is_split

MAX_CODE_WORDS = 8  # kMaxCodeLength of the engine


@dataclass
class SourceData:
    codes: dict[str, list[str]]  # of every item, in the index' order
    users: dict[str, list[str]]  # item ids, oldest first
    # Of items: title, category, image, url, as far as they are known.
    details: dict[str, dict[str, str]] = field(default_factory=dict)

    def popularity(self) -> Counter[str]:
        """Events of the training parts: all but the last two of every user."""
        return Counter(item for items in self.users.values() for item in items[:-2])


def read_source_data(files: SourceFiles) -> SourceData:
    codes = read_index(files.index)
    users = read_users(files.interactions, codes)
    check_items(users, codes, ", ".join(map(str, files.interactions)), files.index)
    details = read_details(files.items) if files.items else {}
    return SourceData(codes, users, {item: details[item] for item in codes if item in details})


def read_index(path: Path) -> dict[str, list[str]]:
    codes = read_json(path)
    for item, words in codes.items():
        fits = isinstance(words, list) and 1 <= len(words) <= MAX_CODE_WORDS
        if not fits or not all(isinstance(word, str) and word for word in words):
            raise DataError(
                f"{path}: item {item}: expected a code of 1 to {MAX_CODE_WORDS} token texts, such "
                f'as ["<a_12>", "<b_3>"], found {words!r:.80}'
            )
    if not codes or "" in codes:
        raise DataError(f"{path}: expected items, each with an id that is not empty")
    return codes


def read_users(files: Sequence[Path], codes: dict[str, list[str]]) -> dict[str, list[str]]:
    """{user: items, oldest first}; the codes that MiniOneRec's CSVs have must be the index's."""
    if is_split(files):
        return read_tables(files, codes)
    return read_log(files[0]) if files[0].suffix == ".csv" else read_interactions(files[0])


def read_interactions(path: Path) -> dict[str, list[str]]:
    users = read_json(path)
    for user, items in users.items():
        if not isinstance(items, list) or not all(type(item) in (int, str) for item in items):
            raise DataError(
                f"{path}: user {user}: expected a list of items, oldest first, found {items!r:.80}"
            )
    return {user: [str(item) for item in items] for user, items in users.items()}


def check_items(users: dict[str, list[str]], codes: dict, where: str, index: Path) -> None:
    if not any(users.values()):
        raise DataError(f"{where}: expected users with items, found none")
    for user, items in users.items():
        unknown = [item for item in items if item not in codes]
        if unknown:
            raise DataError(
                f"{where}: user {user}: item {unknown[0]} has no code; expected it in {index}"
            )


def read_details(path: Path) -> dict[str, dict[str, str]]:
    """{item: what is known of title, category, image and url}."""
    details = {}
    catalogue = read_catalogue(path) if path.suffix == ".csv" else read_json(path)
    for item, fields in catalogue.items():
        if not isinstance(fields, dict):
            raise DataError(
                f'{path}: item {item}: expected an object such as {{"title": …}}, '
                f"found {fields!r:.80}"
            )
        known = {
            "title": plain_text(fields.get("title")),
            "category": category_of(fields),
            "image": plain_text(fields.get("image")),
            "url": plain_text(fields.get("url")),
        }
        details[item] = {name: text for name, text in known.items() if text}
    return details


def category_of(fields: dict) -> str:
    """`category` as it is; of `categories`, from general to special, the second or the only one.

    The first is the same for the whole catalogue where that is a department of a shop, as in the
    Amazon sets, and tells nothing.
    """
    if isinstance(fields.get("category"), str):
        return plain_text(fields["category"])
    path = fields.get("categories")
    names = path.split(",") if isinstance(path, str) else path if isinstance(path, list) else []
    texts = [text for text in map(plain_text, names) if text]
    return texts[min(1, len(texts) - 1)] if texts else ""


def plain_text(value: object) -> str:
    """A text without HTML's entities, which the Amazon sets' titles hold, in one line."""
    return " ".join(html.unescape(value).split()) if isinstance(value, str) else ""
