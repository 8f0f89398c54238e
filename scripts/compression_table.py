#!/usr/bin/env python3
"""Measures what halving costs, and writes docs/compression-results.md.

For each checkpoint under build/checkpoints: the dense model, then `halfling compress` by each
method at the same keep, evaluated on all test users (or --users). Needs the native build and
checkpoints joined by scripts/join_checkpoint.py.

  scripts/compression_table.py
  scripts/compression_table.py --only movielens --keep 0.5 0.25 --output /tmp/table.md
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
METHODS = ("svd", "svd-llm", "od-llm", "halfling")
METRICS = ("hr@1", "hr@5", "hr@10", "ndcg@5", "ndcg@10")
HEADER = [
    "model",
    "linear parameters",
    "bytes",
    "HR@1",
    "HR@5",
    "HR@10",
    "NDCG@5",
    "NDCG@10",
    "change of NDCG@10",
    "seconds",
]


def figure(value: dict[str, float], digits: int = 4) -> str:
    """A mean with its interval: .1122 [.1083, .1161]."""
    mean, low, high = (
        f"{value[key]:.{digits}f}".replace("0.", ".", 1) for key in ("mean", "low", "high")
    )
    return f"{mean} [{low}, {high}]"


def percent(value: dict[str, float]) -> str:
    mean, low, high = (f"{100 * value[key]:+.1f}" for key in ("mean", "low", "high"))
    return f"{mean}% [{low}, {high}]"


def run_json(command: list[str]) -> dict[str, Any]:
    print("$", " ".join(command), file=sys.stderr, flush=True)
    result = subprocess.run([*command, "--json"], stdout=subprocess.PIPE, check=False)
    if result.returncode != 0:
        raise SystemExit(f"compression_table.py: failed with {result.returncode}: {command}")
    return json.loads(result.stdout)


def row(label: str, size: dict[str, int], metrics: dict[str, Any], rest: list[str]) -> list[str]:
    figures = [figure(metrics[name]) for name in METRICS]
    return [label, f"{size['linear_parameters']:,}", f"{size['bytes']:,}", *figures, *rest]


def digest(checkpoint: Path) -> str:
    """Which weights these are: the beginning of the SHA-256 of model.safetensors."""
    return hashlib.sha256((checkpoint / "model.safetensors").read_bytes()).hexdigest()[:12]


def markdown(rows: list[list[str]]) -> str:
    lines = [HEADER, ["---"] + ["---:"] * (len(HEADER) - 1), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def measure(tool: Path, checkpoint: Path, keeps: list[float], users: str) -> str:
    """The section of one checkpoint."""
    dense = run_json([str(tool), "evaluate", str(checkpoint), "--users", users])
    rows: list[list[str]] = []
    original: list[str] = []
    calibration = 0
    for keep in keeps:
        for method in METHODS:
            with tempfile.TemporaryDirectory() as folder:
                report = run_json(
                    [str(tool), "compress", str(checkpoint), f"{folder}/model", "--method", method]
                    + ["--keep", str(keep), "--evaluate-users", users]
                )
            manifest = report["manifest"]
            metrics = manifest["metrics"]
            original = row("dense", report["before"], metrics["before"], ["", ""])
            calibration = max(calibration, manifest["compression"]["calibration_users"])
            rest = [
                percent(metrics["ndcg@10_relative_change"]),
                f"{manifest['compression']['seconds']:.1f}",
            ]
            rows.append(row(f"{method}, keep {keep:g}", report["after"], metrics["after"], rest))

    counted = dense["metrics_collision_counted"]
    return (
        f"## {checkpoint.name}\n\n"
        f"Weights {digest(checkpoint)}: {dense['users']:,} test users, beam {dense['beam']}; "
        f"{calibration:,} calibration users; "
        "factors and embeddings in f16.\n\n"
        f"{markdown([original, *rows])}\n\n"
        "Dense, collisions counted as the published figures do: "
        + ", ".join(f"{name.upper()} {figure(counted[name])}" for name in METRICS)
        + ".\n"
    )


INTRODUCTION = """# What halving costs

Written by `scripts/compression_table.py`. Each row is

    halfling compress build/checkpoints/NAME OUT --method METHOD --keep KEEP --evaluate-users {users}

and the figures come from the model directory that it wrote, loaded as a browser would. HR and NDCG
count the item itself, over the whole catalogue, with items already chosen left out; in brackets are
95% bootstrap intervals over users. The change is paired by user, relative to the dense model.
`keep` is the share of the linear layers' parameters; "seconds" is the compression without the
evaluation, on {threads} threads.

"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tool", type=Path, default=ROOT / "build/native/compressor/halfling")
    parser.add_argument("--checkpoints", type=Path, default=ROOT / "build/checkpoints")
    parser.add_argument("--only", nargs="*", help="names of checkpoints")
    parser.add_argument("--keep", type=float, nargs="+", default=[0.5])
    parser.add_argument("--users", default="all", help="test users: a number or all")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/compression-results.md")
    arguments = parser.parse_args()

    if not arguments.tool.is_file():
        print(f"{arguments.tool}: no such program; build the native preset first", file=sys.stderr)
        return 1
    checkpoints = sorted(
        path.parent
        for path in arguments.checkpoints.glob("*/recommender.json")
        if not arguments.only or path.parent.name in arguments.only
    )
    missing = set(arguments.only or ()) - {checkpoint.name for checkpoint in checkpoints}
    if missing or not checkpoints:
        what = ", ".join(sorted(missing)) or "no checkpoint"
        print(
            f"{arguments.checkpoints}: {what}: not there; see join_checkpoint.py", file=sys.stderr
        )
        return 1

    machine = f"{os.cpu_count()} {platform.machine()}"
    text = INTRODUCTION.format(users=arguments.users, threads=machine)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    partial = arguments.output.with_suffix(".partial")
    for checkpoint in checkpoints:
        section = measure(arguments.tool, checkpoint, arguments.keep, arguments.users)
        print(section)
        text += "\n" + section
        partial.write_text(text, encoding="utf-8")  # kept where a later checkpoint fails
    os.replace(partial, arguments.output)
    print(f"wrote {arguments.output}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
