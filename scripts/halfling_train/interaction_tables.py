"""MiniOneRec's CSVs as every user's items.

A row is a target with up to ten items before it: user_id, history_item_id (a Python list), item_id,
and the same items' codes in history_item_sid and item_sid. Rows of a user overlap, and lie in
train/, valid/ and test/ by time, so a user's sequence is joined from rows of all three.
"""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
        for row in read_rows(path):
            check_code(row, codes)
            sequence = users.setdefault(row.user, [])
            sequence.extend(what_follows(sequence, row.items))
    return users


def read_rows(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
            if missing:
                raise DataError(f"{path}: line 1: expected a column {missing[0]}")
            for fields in table:
                yield parse_row(fields, f"{path}: line {table.line_num}")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not CSV: {error}") from None


def parse_row(fields: dict, where: str) -> Row:
    for name in COLUMNS:
        if not fields[name]:
            raise DataError(f"{where}: {name}: expected a value")
    history = parse_list(fields["history_item_id"], f"{where}: history_item_id")
    items = [*history, fields["item_id"].strip()]
    return Row(where, fields["user_id"], items, fields.get(CODE_COLUMN))


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
