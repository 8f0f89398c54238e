"""CSV files with a header line, row by row, by Python's csv module."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from .datasets import DataError


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """(file and line, {column: text}) of every row; columns may be in any order, blank lines are
    skipped.

    DataError where one of `columns` is missing, a row has more or fewer fields than the header, or
    the file cannot be read.
    """
    line = 1  # where the row that is being read begins
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, [])
            missing = [name for name in columns if name not in header]
            if missing:
                found = ", ".join(header) or "nothing"
                raise DataError(f"{path}: line 1: expected a column {missing[0]}, found {found}")
            line = rows.line_num + 1
            for fields in rows:
                if fields:
                    yield f"{path}: line {line}", row_of(header, fields, f"{path}: line {line}")
                line = rows.line_num + 1
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected CSV in UTF-8: {error}") from None
    except csv.Error as error:
        raise DataError(f"{path}: line {line}: expected CSV: {error}") from None


def row_of(header: list[str], fields: list[str], where: str) -> dict[str, str]:
    if len(fields) != len(header):
        raise DataError(f"{where}: {len(fields)} fields; expected {len(header)}, as in the header")
    return dict(zip(header, fields))


def value_of(fields: dict[str, str], name: str, where: str) -> str:
    """A field that must not be empty."""
    if not fields[name]:
        raise DataError(f"{where}: {name}: expected a value")
    return fields[name]
