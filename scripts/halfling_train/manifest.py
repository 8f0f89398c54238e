"""manifest.json of a model directory, as the compressor writes it."""

from __future__ import annotations

import re
from pathlib import Path

from .datasets import DataError, read_json

MANIFEST = "manifest.json"
FORMAT = 1
SHA256 = re.compile("[0-9a-f]{64}")


def read_manifest(folder: Path) -> dict:
    """With `files`, each of a `path` and a `sha256`, `version` and `compression`.

    Raises DataError for what is no such manifest; a web app's has the same name.
    """
    path = folder / MANIFEST
    manifest = read_json(path)
    if manifest.get("format") != FORMAT:
        found = f"{manifest.get('format')!r:.80}"
        raise DataError(
            f"{path}: format: expected {FORMAT}, as of a model directory, found {found}"
        )
    files = manifest.get("files")
    if not isinstance(files, list) or not files:
        raise DataError(f"{path}: files: expected a list of files, found {files!r:.80}")
    for number, file in enumerate(files):
        check_file(file, f"{path}: files[{number}]")
    for name, kind in (("version", str), ("compression", dict)):
        if not isinstance(manifest.get(name), kind):
            expected = {str: "a text", dict: "an object"}[kind]
            raise DataError(
                f"{path}: {name}: expected {expected}, found {manifest.get(name)!r:.80}"
            )
    return manifest


def check_file(file: object, where: str) -> None:
    entry = file if isinstance(file, dict) else {}
    name, digest = entry.get("path"), entry.get("sha256")
    if not isinstance(name, str) or name in ("", ".", "..") or Path(name).name != name:
        raise DataError(f"{where}.path: expected the name of a file beside it, found {name!r:.80}")
    if not isinstance(digest, str) or not SHA256.fullmatch(digest):
        raise DataError(f"{where}.sha256: expected 64 hexadecimal digits, found {digest!r:.80}")
