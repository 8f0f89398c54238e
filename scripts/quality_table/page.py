"""What a run found of one checkpoint, as a page of Markdown: a pure function."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from recorded.markdown import table

from .goals import Goal, find, goals_for, standings
from .lines import METRICS, Interval, Line, change_text, gather, short

GOALS_ARE_FOR = ("instruments", "beauty")


def page(dataset: dict[str, Any], run: dict[str, Any], plot: str = "", note: str = "") -> str:
    """`dataset`: of `run`'s; `plot`: the image, as the page links it; `note`: Markdown."""
    name, rows = dataset["name"], dataset["rows"]
    lines = gather(rows)
    goals = "## Where each goal stands\n\n" + goal_list(lines, goals_for(name))
    if not name.startswith(GOALS_ARE_FOR):
        goals += "\nThe goals were set for instruments and beauty; here they only compare.\n"
    failures = [f"- {failure['row']}: {failure['message']}" for failure in dataset["failures"]]
    parts = (
        f"# What compression costs: {name}\n",
        "[How it is measured, and what the columns are](../quality.md).\n",
        f"{dataset['users']:,} test users; checkpoint {dataset['checkpoint']}{ranked_by(rows)}. "
        f"Recorded by\n\n    {run['command']}\n\n{recorded_on(run, rows)}\n",
        f"{note}\n" if note else "",
        f"![NDCG@10 over bytes of every method on {name}]({PurePosixPath(plot)})\n" if plot else "",
        quality_table(lines),
        metric_table(lines),
        cost_table(lines),
        goals,
        "## What failed\n\n" + "\n".join(failures) + "\n" if failures else "",
    )
    return "\n".join(part for part in parts if part)


def recorded_on(run: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    machine, tool = run["machine"], run["tool"]
    beams = sorted({str(row["evaluation"]["beam"]) for row in rows})
    browsers = sorted({row["chromium"]["browser"] for row in rows if "chromium" in row})
    text = (
        f"on {run['date'][:10]}, with {machine['cores']} cores of {machine['cpu']} "
        f"(commit {tool['commit']}, tool {tool['sha256']}), beam {', '.join(beams)}; "
        f"{machine['own_peak_bytes'] / 1e6:.0f} MB is the least peak that can be seen."
    )
    if browsers:
        text += f" Chromium {', '.join(browsers)}: history 20, the baseline and the relaxed engine."
    return text


def ranked_by(rows: list[dict[str, Any]]) -> str:
    versions = {row["evaluation"]["torch"] for row in rows if "torch" in row["evaluation"]}
    return f"; ranked by PyTorch {', '.join(sorted(versions))}" if versions else ""


def goal_list(lines: list[Line], goals: tuple[Goal, ...]) -> str:
    return "".join(f"- {standing.text()}\n" for standing in standings(lines, goals))


def figure(value: Interval, digits: int = 4) -> str:
    """.1122 [.1083, .1161]"""
    mean, low, high = (fixed(end, digits) for end in (value.mean, value.low, value.high))
    return f"{mean} [{low}, {high}]"


def fixed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def quality_table(lines: list[Line]) -> str:
    header = ["model", "bytes", "of f16", "NDCG@10", "change", "draws", "KL", "overlap"]
    dense = find(lines, "none")
    return table(
        header,
        [
            [
                line.label,
                f"{line.bytes:,.0f}",
                f"{100 * line.bytes / dense.bytes:.1f}%" if dense else "",
                figure(line.metrics["ndcg@10"]),
                change_text(line.change),
                ", ".join(f"{100 * change.mean:+.1f}" for change in line.changes)
                if len(line.changes) > 1
                else "",
                figure(line.divergence, 3) if line.divergence else "",
                figure(line.overlap, 3),
            ]
            for line in lines
        ],
    )


def metric_table(lines: list[Line]) -> str:
    names = [name for name in METRICS if name != "ndcg@10"]
    rows = [[line.label, *(figure(line.metrics[name]) for name in names)] for line in lines]
    return table(["model", *(name.upper() for name in names)], rows)


def cost_table(lines: list[Line]) -> str:
    """The browser's columns only where something was measured in one."""
    engines = [name for name in ("baseline", "relaxed") if any(name in x.chromium for x in lines)]
    header = ["model", "linear parameters", "of all", "seconds", "peak, MB", "ms, native"]
    dense = find(lines, "none")
    rows = []
    for line in lines:
        row = [line.label, f"{line.linear_parameters:,.0f}"]
        whole = dense.linear_parameters if dense else 0
        row.append(short(line.linear_parameters / whole, 3) if whole else "")
        row += [f"{line.seconds:.1f}", f"{line.peak_bytes / 1e6:.0f}"]
        row.append(f"{line.milliseconds:.2f}" if line.milliseconds is not None else "")
        for name in engines:
            row.append(f"{line.chromium[name]:.2f}" if name in line.chromium else "")
        rows.append(row)
    return table([*header, *(f"ms, Chromium, {name}" for name in engines)], rows)
