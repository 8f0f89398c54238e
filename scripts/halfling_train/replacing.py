"""Files and folders that take the place of others in one step, once they are whole.

A process that is killed leaves what was there, or the new; never a part of it. A file that has
other names, as `scripts/import-lcrec` gives a model's files by hard links, keeps its contents under
those.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .datasets import DataError


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """The name under which to write the file that becomes `path`; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = beside(path, "partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """An empty folder that becomes `path`; what stood there is deleted then."""
    path = path.resolve()  # a link goes on pointing at it
    partial, old = beside(path, "partial"), beside(path, "old")
    if old.exists() and not path.exists():
        old.rename(path)  # a process was killed between the two renamings
    for left_over in (partial, old):
        if left_over.exists():
            shutil.rmtree(left_over)
    partial.mkdir(parents=True)
    try:
        yield partial
        if path.exists():
            path.rename(old)
        try:
            partial.rename(path)
        except OSError:
            if old.exists():
                old.rename(path)
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def names_in(path: Path) -> set[str]:
    """What `new_folder` would delete; DataError where there is something that it cannot replace."""
    if not path.exists():
        return set()
    if not path.is_dir():
        raise DataError(f"{path}: exists and is no folder")
    if path.resolve().is_mount():
        raise DataError(f"{path}: a mount point cannot be replaced; name a folder inside it")
    return {inside.name for inside in path.iterdir()}


def beside(path: Path, purpose: str) -> Path:
    return path.with_name(f".{path.name}.{purpose}")
