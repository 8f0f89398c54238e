"""What is kept between runs: small JSON files, each with the identity of what it was made from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def digest(files: Iterable[Path]) -> str:
    """The beginning of the SHA-256 of files, their names included."""
    sha = hashlib.sha256()
    for path in sorted(files):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        sha.update(f"{path.name} {content}\n".encode())
    return sha.hexdigest()[:16]


def checkpoint_digest(checkpoint: Path) -> str:
    """All that the tool reads of it: weights, configuration, codes, interactions."""
    files = [*checkpoint.glob("*.safetensors"), *checkpoint.glob("*.json")]
    return digest(files)


def write_json(path: Path, value: object) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def kept(path: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """The record in `path`, if it was made from just this."""
    try:
        record = read_json(path)
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("identity") == identity else None
