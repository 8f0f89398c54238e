#!/usr/bin/env python3
"""Measures how the engine takes to catalogues of a thousand to a million items.

Puts synthetic catalogues of four levels into a model directory of three (see
catalogue_scale/make_model.py), loads each natively and in wasm (Node), and recommends ten items
after real histories, mapped to synthetic items: by the exact search and by a beam of 20; among all
items, among a tenth of them, and with a boost for every item. Needs the builds and a halved model:

  cmake --build --preset native --target catalogue_bench
  cmake --build --preset wasm --target halfling_wasm
  build/native/compressor/halfling compress build/checkpoints/instruments \\
      build/models/instruments-half

  .venv/bin/python scripts/catalogue_scale.py --json build/catalogue-scale.json \\
      --markdown docs/catalogue-scale.md --plot docs/images/catalogue-scale.svg
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from catalogue_scale.make_model import HISTORIES, SHARD, make_model  # noqa: E402
from catalogue_scale.page import page  # noqa: E402
from recorded.machine import cpu_name  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
SIZES = (1_000, 10_000, 100_000, 1_000_000)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", type=Path, default=ROOT / "build/models/instruments-half", help="its weights")
    interactions = ROOT / "build/checkpoints/instruments/interactions.json"
    add("--interactions", type=Path, default=interactions, help="of its items' users")
    add("--sizes", type=int, nargs="+", default=SIZES, metavar="ITEMS", help=f"{SIZES}")
    add("--requests", type=int, default=200, help="histories of each catalogue (200)")
    add("--rounds", type=int, default=3, help="the least median of so many counts (3)")
    add("--bench", type=Path, default=ROOT / "build/native/tests/bench/catalogue_bench")
    add("--module", type=Path, default=ROOT / "build/wasm/wasm/halfling.mjs")
    add("--work", type=Path, default=ROOT / "build/catalogue-scale", help="the models")
    add("--json", type=Path, help="where to write the results")
    add("--from-json", type=Path, help="measure nothing; read these results")
    add("--markdown", type=Path, help="page to write, such as docs/catalogue-scale.md")
    add("--note", default="", help="for the page: what was special about this run")
    add("--plot", type=Path, help="image to write (needs matplotlib)")
    arguments = parser.parse_args()
    if bool(arguments.json) == bool(arguments.from_json):
        parser.error("expected either --json FILE or --from-json FILE")
    return arguments


def read_sequences(model: Path, interactions: Path) -> list[list[int]]:
    """Users' items as indices in the model's catalogue; items that it lacks are left out."""
    catalogue = json.loads((model / "catalog.json").read_text(encoding="utf-8"))["items"]
    index = {str(item["id"]): number for number, item in enumerate(catalogue)}
    users = json.loads(interactions.read_text(encoding="utf-8"))
    return [[index[str(item)] for item in user if str(item) in index] for user in users.values()]


def run(command: list[str | Path]) -> dict[str, Any]:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed: {done.stderr.strip()}")
    return json.loads(done.stdout)


def least(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each time the least of the runs: other work on the machine only ever adds."""
    result = dict(runs[0])
    result["load_milliseconds"] = min(one["load_milliseconds"] for one in runs)
    result["cases"] = {}
    for name, case in runs[0]["cases"].items():
        times = {
            key: min(one["cases"][name][key] for one in runs) for key in case if "milli" in key
        }
        result["cases"][name] = {**case, **times}
    return result


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    sequences = read_sequences(arguments.model, arguments.interactions)
    engines = {"native": [arguments.bench]}
    if arguments.module.is_file():
        measure_wasm = ROOT / "scripts/catalogue_scale/measure_wasm.mjs"
        engines["wasm"] = ["node", measure_wasm, arguments.module]
    else:
        print(f"no wasm: {arguments.module} is not there", file=sys.stderr)
    catalogues = []
    for items in arguments.sizes:
        folder = arguments.work / str(items)
        make_model(arguments.model, sequences, items, folder, arguments.requests)
        files = [folder / SHARD, folder / HISTORIES]
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in engines}
        for _ in range(arguments.rounds):
            for name, command in engines.items():
                print(f"{items} items, {name}", file=sys.stderr)
                runs[name].append(run([*command, *files]))
        figures = {name: least(done) for name, done in runs.items()}
        catalogues.append({"items": items, **figures})
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "cpu": cpu_name(),
        "threads": 1,
        "model": arguments.model.name,
        "requests": arguments.requests,
        "rounds": arguments.rounds,
        "note": arguments.note,
        "catalogues": catalogues,
    }


def main() -> None:
    arguments = parse_arguments()
    if arguments.from_json:
        results = json.loads(arguments.from_json.read_text(encoding="utf-8"))
    else:
        results = measure(arguments)
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    link = None
    if arguments.plot:
        from catalogue_scale.plot import draw  # matplotlib is needed for this alone

        draw(results, arguments.plot)
        if arguments.markdown:
            link = Path(os.path.relpath(arguments.plot, arguments.markdown.parent)).as_posix()
    text = page(results, link)
    if arguments.markdown:
        arguments.markdown.parent.mkdir(parents=True, exist_ok=True)
        arguments.markdown.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
