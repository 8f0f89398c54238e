#!/usr/bin/env python3
"""Measures what each way to shrink a model costs and gains, and writes the table and its plots.

For every checkpoint (instruments, beauty and movielens, where they are under build/checkpoints):
dense f16, int8 and int4; svd, svd-llm, od-llm and halfling at each --keep; halfling at the bytes of
int4; and healed models. Needs the native build; `npm run quality` sees to that.

What is done is kept in --work, and a run that was stopped goes on from there. Rows are made anew
when the checkpoint, the tool's binary or the arguments change: to measure while the tool is being
worked on, give a copy of it as --tool.

  .venv/bin/python scripts/quality.py --json build/quality.json
  .venv/bin/python scripts/quality.py --only instruments --keeps 0.5 --draws 1 --no-heal \\
      --users 2000 --json /tmp/quality.json
  .venv/bin/python scripts/quality.py --from-json build/quality.json \\
      --markdown docs/quality/NAME.md --plot docs/images/quality-NAME.svg
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from halfling_train.options import count_from_1, share_above_0  # noqa: E402
from quality_table.child import StepError, own_peak_bytes  # noqa: E402
from quality_table.chromium import measure_in_chromium, page_is_built  # noqa: E402
from quality_table.measure import Measurement, Tools, say  # noqa: E402
from quality_table.page import page  # noqa: E402
from quality_table.rows import (  # noqa: E402
    HEALED_KEEPS,
    HEALED_METHODS,
    KEEPS,
    METHODS,
    plan_rows,
)
from quality_table.store import read_json, write_json  # noqa: E402
from recorded.machine import cpu_name  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--json", type=Path, help="where to write the results")
    add("--from-json", type=Path, metavar="FILE", help="measure nothing; read these results")
    add("--markdown", help="write a page for each checkpoint, such as docs/quality/NAME.md")
    add(
        "--note",
        action="append",
        type=named_text,
        default=[],
        metavar="NAME=TEXT",
        help="for the page: what was special about a checkpoint's run",
    )
    add("--plot", help="write plots, such as docs/images/quality-NAME.svg (needs matplotlib)")
    add("--only", nargs="+", metavar="NAME", help="checkpoints to measure, by their folders' names")
    add("--methods", nargs="+", choices=METHODS, default=METHODS, metavar="METHOD", help="(all)")
    add("--keeps", nargs="+", type=share_above_0, default=KEEPS, metavar="SHARE", help=f"{KEEPS}")
    add("--draws", type=count_from_1, default=3, help="calibrations of each halfling row (3)")
    add("--heal", action=argparse.BooleanOptionalAction, default=True, help="healed rows too")
    add("--heal-keeps", nargs="+", type=share_above_0, default=HEALED_KEEPS, metavar="SHARE")
    add(
        "--heal-methods",
        nargs="+",
        choices=HEALED_METHODS,
        default=HEALED_METHODS,
        metavar="METHOD",
    )
    add("--heal-draws", type=count_from_1, default=1, help="draws to heal of each keep (1)")
    add("--heal-arguments", default="", help="more for heal.py, such as '--epochs 10'")
    add("--compress-arguments", default="", help="the same for halfling compress")
    add("--users", default="all", help="test users: a number, or all (all)")
    add("--batch", type=int, default=0, help="models to rank with in one run; 0: all, the quickest")
    add(
        "--torch", metavar="DEVICE", help="rank by compare.py there, such as cuda; times no ranking"
    )
    add("--chromium", action="store_true", help="time some in Chromium (needs the built package)")
    add("--tool", type=Path, default=ROOT / "build/native/compressor/halfling")
    add("--checkpoints", type=Path, default=ROOT / "build/checkpoints")
    add("--work", type=Path, default=ROOT / "build/quality", help="keeps what is done")
    arguments = parser.parse_args()
    if bool(arguments.json) == bool(arguments.from_json):
        parser.error("expected either --json FILE or --from-json FILE")
    if arguments.users != "all" and not (arguments.users.isdigit() and int(arguments.users) > 0):
        parser.error(f"--users: expected a number from 1 or all, not '{arguments.users}'")
    for option in ("markdown", "plot"):
        if "NAME" not in (getattr(arguments, option) or "NAME"):
            parser.error(f"--{option}: expected NAME in it, in whose place each checkpoint's goes")
    return arguments


def find_checkpoints(folder: Path, only: list[str] | None) -> list[Path]:
    """Those named must be there; of the usual ones, those that are."""
    found = [folder / name for name in only or ("instruments", "beauty", "movielens")]
    missing = [path for path in found if not (path / "recommender.json").is_file()]
    for path in missing:
        document = "language-model" if "smollm2" in path.name else "training"
        print(f"quality.py: {path}: no checkpoint; see docs/{document}.md", file=sys.stderr)
    if (only and missing) or len(missing) == len(found):
        raise StepError(f"{folder}: expected {', '.join(path.name for path in missing)}")
    return [path for path in found if path not in missing]


def describe_machine() -> dict[str, Any]:
    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "own_peak_bytes": own_peak_bytes(),
    }


def describe_commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Also writes the results after each checkpoint, so that a later failure loses none."""
    if not arguments.tool.is_file():
        raise StepError(f"{arguments.tool}: no such program; build the native preset first")
    if arguments.chromium and not page_is_built():
        raise StepError("web/dist: expected the built package; `npm run quality` builds it")
    heal_arguments = tuple(shlex.split(arguments.heal_arguments))
    tools = Tools(
        halfling=arguments.tool,
        heal_arguments=heal_arguments,
        compress_arguments=tuple(shlex.split(arguments.compress_arguments)),
        users=arguments.users,
        batch=arguments.batch,
        torch_device=arguments.torch or "",
    )
    healed = tuple(arguments.heal_keeps) if arguments.heal else ()
    rows = plan_rows(
        arguments.methods,
        arguments.keeps,
        arguments.draws,
        healed,
        arguments.heal_draws,
        arguments.heal_methods,
    )
    results: dict[str, Any] = {
        "format": 1,
        "command": shlex.join(["scripts/quality.py", *sys.argv[1:]]),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "tool": {"sha256": tools.halfling_digest(), "commit": describe_commit()},
        "users": arguments.users,
        "datasets": [],
    }
    for checkpoint in find_checkpoints(arguments.checkpoints, arguments.only):
        say(f"{checkpoint.name}: {len(rows)} rows")
        work = arguments.work / checkpoint.name
        measurement = Measurement(checkpoint, work, tools)
        made = measurement.run(rows)
        if arguments.chromium:
            try:
                measure_in_chromium(work, made)
            except (StepError, ValueError) as error:
                measurement.fail("Chromium", str(error))
        users = made[0]["evaluation"]["users"] if made else 0
        results["datasets"].append(
            {
                "name": checkpoint.name,
                "checkpoint": measurement.basis["checkpoint"],
                "users": users,
                "rows": made,
                "failures": measurement.failures,
            }
        )
        write_json(arguments.json, results)
    return results


def named_text(option: str) -> tuple[str, str]:
    name, separator, text = option.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"expected NAME=TEXT, not '{option}'")
    return name, text


def write_pages(
    run: dict[str, Any], markdown: str | None, plot: str | None, notes: dict[str, str]
) -> None:
    for dataset in run["datasets"]:
        name = dataset["name"]
        image = Path(plot.replace("NAME", name)) if plot and dataset["rows"] else None
        if image:
            from quality_table.plot import draw  # matplotlib is needed for this alone

            draw(dataset, image)
            say(f"wrote {image}")
        if markdown:
            output = Path(markdown.replace("NAME", name))
            link = os.path.relpath(image, output.parent) if image else ""
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(page(dataset, run, link, notes.get(name, "")), encoding="utf-8")
            say(f"wrote {output}")


def main() -> int:
    arguments = parse_arguments()
    try:
        recorded = arguments.from_json
        run = read_json(recorded) if recorded else measure(arguments)
        write_pages(run, arguments.markdown, arguments.plot, dict(arguments.note))
    except (StepError, OSError) as error:
        print(f"quality.py: {error}", file=sys.stderr)
        return 1
    except ImportError as error:
        print(f"quality.py: {error}; see scripts/requirements-quality.txt", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("quality.py: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 1 if any(dataset["failures"] for dataset in run["datasets"]) else 0


if __name__ == "__main__":
    sys.exit(main())
