"""The folder that an import writes.

import.json marks it as one from before its first file on, so that another import may replace what
is in it, and no import replaces anything else.
"""

from __future__ import annotations

from pathlib import Path

from halfling_train.datasets import DataError
from halfling_train.description import write_json

MARK = "import.json"  # {"source": what was imported}
TOKENIZER = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
)
WRITTEN = (
    "config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    *TOKENIZER,
    "recommender.json",
    "interactions.json",
    "test.json",
)


def check_output(output: Path, source: Path) -> None:
    """DataError where `output` is neither new nor empty, of an earlier import, nor the source."""
    if not output.exists() or (output.is_dir() and output.resolve() == source.resolve()):
        return
    names = [path.name for path in output.iterdir()] if output.is_dir() else [""]
    if names and MARK not in names:
        raise DataError(
            f"{output}: expected a new or empty folder, or one of an earlier import (with {MARK})"
        )


def begin_output(output: Path, source: str) -> None:
    """Marks a folder that check_output let pass, and removes an earlier import's files."""
    write_json(output / MARK, {"source": source})
    for pattern in WRITTEN:
        for path in output.glob(pattern):
            path.unlink()
