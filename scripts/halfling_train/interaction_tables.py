"""MiniOneRec's CSVs as every user's items.

A row is a target with up to ten items before it: user_id, history_item_id (a Python list), item_id,
and the same items' codes in history_item_sid and item_sid. Rows of a user overlap, and lie in
train/, valid/ and test/ by time, so a user's sequence is joined from rows of all three.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .csv_tables import read_rows, value_of
from .datasets import DataError

COLUMNS = ("user_id", "history_item_id", "item_id")
CODE_COLUMN = "item_sid"


@dataclass(frozen=True)
class Row:
    where: str  # file and line
    user: str
    items: list[str]  # the history and the target
    code: str | None  # of the target, its words joined


def read_tables(paths: Sequence[Path], codes: dict[str, list[str]]) -> dict[str, list[str]]:
    """{user: items, oldest first}; `codes` is the index, which must be the one of the CSVs."""
    users: dict[str, list[str]] = {}
    for path in paths:
        for where, fields in read_rows(path, COLUMNS):
            row = parse_row(fields, where)
            check_code(row, codes)
            sequence = users.setdefault(row.user, [])
            sequence.extend(what_follows(sequence, row.items))
    return users


def parse_row(fields: dict, where: str) -> Row:
    user, listed, target = (value_of(fields, name, where) for name in COLUMNS)
    history = parse_list(listed, f"{where}: history_item_id")
    return Row(where, user, [*history, target.strip()], fields.get(CODE_COLUMN))


def parse_list(text: str, where: str) -> list[str]:
    try:
        values = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        values = None
    if not isinstance(values, list) or not all(type(value) in (int, str) for value in values):
        raise DataError(f"{where}: expected a list such as [3, 14], found {text!r:.80}")
    return [str(value) for value in values]


def check_code(row: Row, codes: dict[str, list[str]]) -> None:
    words = codes.get(row.items[-1])
    if words and row.code and "".join(words) != row.code.strip():
        raise DataError(
            f"{row.where}: {CODE_COLUMN}: item {row.items[-1]} is {row.code.strip()}, but "
            f"{''.join(words)} in the index; expected CSVs and an index of one catalogue"
        )


def what_follows(sequence: list[str], items: list[str]) -> list[str]:
    """What of `items` comes after `sequence`, whose end their beginning repeats as far as it can.

    Nothing where the sequence holds them all already, in a row.
    """
    starts = range(len(sequence) - len(items) + 1)
    if any(sequence[start : start + len(items)] == items for start in starts):
        return []
    for overlap in range(min(len(sequence), len(items)), 0, -1):
        if sequence[-overlap:] == items[:overlap]:
            return items[overlap:]
    return items
