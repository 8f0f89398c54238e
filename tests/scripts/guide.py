"""Runs the commands of a guide in docs/ in a folder of their own, on tiny data.

usage: guide.py FOLDER      what leads to the page of docs/bring-your-own-model.md, ready to be served
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVER = "python3 -m http.server"
LINKS = (".venv", "scripts", "web/dist", "build/native")  # what the commands use

sys.path.insert(0, str(ROOT / "scripts"))

from lcrec_example import write_lcrec_data, write_model  # noqa: E402
from shop_example import write_shop  # noqa: E402


@dataclass(frozen=True)
class Guide:
    page: Path
    write_data: Callable[[Path], None]  # what the reader has, into the folder
    shortened: dict[str, str] = field(default_factory=dict)  # options that would take minutes

    @property
    def text(self) -> str:
        return self.page.read_text("utf-8")

    def blocks(self, language: str) -> list[str]:
        return [text for name, text in BLOCK.findall(self.text) if name == language]

    def make_workspace(self, folder: Path) -> None:
        for name in LINKS:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                (folder / name).symlink_to(ROOT / name)
            else:
                (folder / name).mkdir()  # the package may be built later; only the page needs it
        self.write_data(folder)

    def run_commands(self, folder: Path) -> list[str]:
        """What each block printed; a command that fails raises CalledProcessError."""
        return [run(self.shorten(b), folder) for b in self.blocks("sh") if not b.startswith(SERVER)]

    def shorten(self, commands: str) -> str:
        for options, shorter in self.shortened.items():
            commands = commands.replace(options, shorter)
        return commands


def run(commands: str, folder: Path) -> str:
    shell = ["bash", "-euo", "pipefail", "-c", commands]
    return subprocess.run(shell, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def write_own_model(folder: Path) -> None:
    write_model(folder / "my-model")
    write_lcrec_data(folder / "my-data")


OWN_MODEL = Guide(ROOT / "docs/bring-your-own-model.md", write_own_model)
OWN_SHOP = Guide(
    ROOT / "docs/your-own-shop.md",
    write_shop,
    {"--hidden 192 --heads 6 --layers 3 --ffn 512 --epochs 28": "--hidden 24 --epochs 4"},
)


def write_page(folder: Path) -> None:
    (page,) = OWN_MODEL.blocks("html")
    (folder / "build/site/index.html").write_text(page, encoding="utf-8")


def make_site(folder: Path) -> None:
    """Import, halve, copy; test_guide.py runs all commands."""
    OWN_MODEL.make_workspace(folder)
    for step in (
        "my-model build/checkpoints/shop ",
        "build/models/shop --keep",
        "mkdir -p build/site",
    ):
        (block,) = [block for block in OWN_MODEL.blocks("sh") if step in block]
        run(block, folder)
    write_page(folder)


if __name__ == "__main__":
    make_site(Path(sys.argv[1]))
