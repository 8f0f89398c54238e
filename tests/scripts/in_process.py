"""Runs a script as a command would, but within the test's process: torch is imported already."""

from __future__ import annotations

import io
import runpy
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest
from conftest import SCRIPTS


@dataclass(frozen=True)
class Finished:
    status: int
    out: str
    err: str


def run(script: str, *options: object) -> Finished:
    out, err = io.StringIO(), io.StringIO()
    path = str(SCRIPTS / script)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", [path, *map(str, options)])
        try:
            runpy.run_path(path, run_name="__main__")
        except SystemExit as ended:
            return Finished(ended.code, out.getvalue(), err.getvalue())
    raise AssertionError(f"{script} did not exit")
