"""A shop's own tables: the log of who chose what and when, and the catalogue.

*.inter.csv   user_id, item_id, timestamp               what `halfling evaluate` reads too
*.item.csv    item_id, title; category, image and url   where they are known

Columns may be in any order; others are ignored.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from .csv_tables import read_rows, value_of
from .datasets import DataError

LOG_COLUMNS = ("user_id", "item_id", "timestamp")
ITEM_COLUMNS = ("item_id", "title")
# What std::from_chars reads, as the compressor does; float() would take 1_000 and nan, too.
NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def read_log(path: Path) -> dict[str, list[str]]:
    """{user: items, oldest first}; of equal timestamps the first in the file is the older."""
    events: dict[str, list[tuple[float, str]]] = {}
    for where, fields in read_rows(path, LOG_COLUMNS):
        user, item = (value_of(fields, name, where) for name in ("user_id", "item_id"))
        events.setdefault(user, []).append((parse_timestamp(fields["timestamp"], where), item))
    return {
        user: [item for _, item in sorted(rows, key=lambda row: row[0])]
        for user, rows in events.items()
    }


def parse_timestamp(text: str, where: str) -> float:
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise DataError(
            f"{where}: timestamp: expected a number, such as seconds since 1970, found {text!r:.80}"
        )
    return value


def read_catalogue(path: Path) -> dict[str, dict[str, str]]:
    """{item: fields by column}; an item has one row."""
    items: dict[str, dict[str, str]] = {}
    for where, fields in read_rows(path, ITEM_COLUMNS):
        item = value_of(fields, "item_id", where)
        if item in items:
            raise DataError(f"{where}: item {item}: expected one row of it, found a second")
        items[item] = fields
    return items
