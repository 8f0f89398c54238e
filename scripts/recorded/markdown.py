"""Markdown of figures."""

from __future__ import annotations


def table(header: list[str], rows: list[list[str]]) -> str:
    """The first column to the left, the others to the right; ends with its last line's end."""
    ruler = ["---"] + ["---:"] * (len(header) - 1)
    return "".join("| " + " | ".join(cells) + " |\n" for cells in (header, ruler, *rows))
