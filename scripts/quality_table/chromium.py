"""Milliseconds of one recommendation in Chromium, by scripts/bench-page.mjs: models take turns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .child import ROOT, run, shown
from .measure import SCRIPTS, say
from .store import digest, kept, write_json

PACKAGE = ROOT / "web/dist"
RUNS = 60
# What the page might load in place of the original.
MEASURED = ({"method": "none"}, {"method": "int8"}, {"keep": 0.5}, {"keep": 0.25})


def page_is_built() -> bool:
    return (PACKAGE / "index.js").is_file()


def is_measured(row: dict[str, Any]) -> bool:
    if row["method"] not in ("none", "int8", "halfling") or row["draw"] != 1 or row["healed"]:
        return False
    return any(row.items() >= wanted.items() for wanted in MEASURED)


def measure_in_chromium(work: Path, rows: list[dict[str, Any]]) -> None:
    """Adds "chromium" to the rows that are measured: the milliseconds with each of the engines."""
    chosen = [row for row in rows if is_measured(row)]
    if not chosen:
        return
    names = [f"{row['name']}/model" for row in chosen]
    identity = {
        "versions": [row["version"] for row in chosen],
        "package": digest(path for path in PACKAGE.iterdir() if path.is_file()),
    }
    file = work / "chromium.json"
    record = kept(file, identity)
    if record is None:
        say(f"{work.name}: {len(chosen)} models in Chromium …")
        command = ["node", str(SCRIPTS / "bench-page.mjs"), "--json", "--runs", str(RUNS)]
        command += ["--folder", str(work.resolve()), "--models", ",".join(names)]
        answer = json.loads(run(command, work / "chromium.log").output)
        record = {"identity": identity, "command": shown(command), **answer}
        write_json(file, record)
    for row, name in zip(chosen, names, strict=True):
        own = {r["simd"]: r["median_ms"] for r in record["results"] if r["model"] == name}
        row["chromium"] = {
            "milliseconds": own,
            "browser": record["browser"],
            "command": record["command"],
        }
