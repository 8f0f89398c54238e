"""Runs one program to its end, with the time it took and the most memory it held."""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


class StepError(Exception):
    """A program that failed, or said what it should not: the command and the end of its log."""


ROOT = Path(__file__).resolve().parents[2]


def shown(command: list[str]) -> str:
    """As one would type it in the repository's root."""
    return shlex.join(word.removeprefix(f"{ROOT}/") for word in command)


@dataclass(frozen=True)
class Finished:
    output: str
    seconds: float  # on the clock
    # Resident, of this process alone. Linux starts a new process with its parent's figure, so
    # nothing below own_peak_bytes() can be seen.
    peak_bytes: int


def own_peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(command: list[str], log: Path) -> Finished:
    """Standard output is returned; standard error goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    output = log.with_suffix(".out")
    begin = time.monotonic()
    with log.open("wb") as errors, output.open("wb") as out:
        try:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
        except OSError as error:
            raise StepError(f"{command[0]}: {error.strerror}") from error
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:  # an interruption: leave no child behind
            child.terminate()
            child.wait()
            raise
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - begin
    if child.returncode != 0:
        tail = log.read_text(encoding="utf-8", errors="replace").strip()[-500:]
        raise StepError(f"exit status {child.returncode} of `{shown(command)}`: {tail}")
    return Finished(output.read_text(encoding="utf-8"), seconds, usage.ru_maxrss * 1024)
