"""How a script runs: its exit status, and what is wrong with the data in one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from .datasets import DataError


def run_script(work: Callable[[argparse.Namespace], None], arguments: argparse.Namespace) -> int:
    """0, or 3 where `work` raised DataError: the script's name and the message go to stderr."""
    try:
        work(arguments)
    except DataError as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        return 3
    return 0
