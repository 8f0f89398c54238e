"""Runs docs/bring-your-own-model.md in a folder of its own, on a tiny model.

usage: guide.py FOLDER      all but the web server, which ends only when it is told to
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/bring-your-own-model.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVER = "python3 -m http.server"
LINKS = (".venv", "scripts", "web/dist", "build/native")  # what the commands use

sys.path.insert(0, str(ROOT / "scripts"))

from lcrec_example import write_lcrec_data, write_model  # noqa: E402


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCK.findall(GUIDE.read_text("utf-8")) if name == language]


def make_workspace(folder: Path) -> None:
    for name in LINKS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            (folder / name).symlink_to(ROOT / name)
        else:
            (folder / name).mkdir()  # the package may be built later; only the page needs it
    write_model(folder / "my-model")
    write_lcrec_data(folder / "my-data")


def run_commands(folder: Path) -> list[str]:
    """What each block printed; a command that fails raises CalledProcessError."""
    return [run(block, folder) for block in blocks("sh") if not block.startswith(SERVER)]


def run(commands: str, folder: Path) -> str:
    shell = ["bash", "-euo", "pipefail", "-c", commands]
    return subprocess.run(shell, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def write_page(folder: Path) -> None:
    (page,) = blocks("html")
    (folder / "build/site/index.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    workspace = Path(sys.argv[1])
    make_workspace(workspace)
    run_commands(workspace)
    write_page(workspace)
