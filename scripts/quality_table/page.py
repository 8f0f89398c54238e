"""The results of one run or several as a page of Markdown: a pure function."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from .goals import Goal, find, goals_for, standings
from .lines import METRICS, Interval, Line, change_text, gather, short

INTRODUCTION = """# What compression costs

Written by `scripts/quality.py` from recorded runs; each section has its command, date and machine.
Figures of time are those of that machine, and of what else it was doing.

Each row is one way to shrink the same checkpoint, by `halfling compress CHECKPOINT OUT` with the
row's method and keep, and `scripts/heal.py` after it where the row says "healed"; the figures come
from the model directory, loaded as a browser would, by one `halfling evaluate` over all of them, or,
where the section says so, from PyTorch by `scripts/compare.py`, whose figures are the same. The
results JSON has the command of every row.

- **keep** is the share of the linear layers' parameters that stays. The low-rank rows hold their
  factors and embeddings in int8; "the bytes of int4" is `--budget` with dense int4's
  size, where the tool chooses the precision too.
- **HR@K, NDCG@K**: leave one out, the section's test users, the item itself among the whole
  catalogue, items already chosen left out, beam {beam}. In brackets are 95% bootstrap intervals over
  users.
- **change**: of NDCG@10 relative to the original, paired by user. Where a method was calibrated on
  several draws of users, figures and intervals are means over the draws, and **draws** gives each
  draw's change. "No loss" is said of an interval above -1%.
- **KL**: of the compressed model's probabilities from the original's, over the codes that the
  catalogue allows, at the positions of the next item's code, in nats an item. **Overlap**: the
  share of the original's first ten items that the model lists too.
- **bytes**: the weight files. **Seconds**: from the start of the program to its end; a healed row
  has those of both steps. **Peak**: the most memory that the compressor, or healing, held; some
  {floor} MB is the least that can be seen. **ms**: the median of one ranking on one
  thread{chromium}.
"""
GOALS_ARE_FOR = ("instruments", "beauty")
IN_CHROMIUM = "; in Chromium {version}, history 20, by the baseline and the relaxed-SIMD engine"


def page(
    runs: list[dict[str, Any]],
    plots: dict[str, str] | None = None,
    notes: dict[str, str] | None = None,
) -> str:
    """`plots`: the image of each dataset, by name, as the page links it; `notes`: Markdown, by the
    same names."""
    latest = latest_datasets(runs)
    datasets = [dataset for dataset, _ in latest]
    parts = [introduction(runs, datasets)]
    for dataset, run in latest:
        name = dataset["name"]
        parts.append(section(dataset, run, (plots or {}).get(name), (notes or {}).get(name, "")))
    failures = [
        f"- {dataset['name']}: {failure['row']}: {failure['message']}"
        for dataset in datasets
        for failure in dataset["failures"]
    ]
    if failures:
        parts.append("## What failed\n\n" + "\n".join(failures) + "\n")
    return "\n".join(parts)


def latest_datasets(runs: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every dataset with its run; of one in several runs the last counts."""
    named = {dataset["name"]: (dataset, run) for run in runs for dataset in run["datasets"]}
    return list(named.values())


def introduction(runs: list[dict[str, Any]], datasets: list[dict[str, Any]]) -> str:
    rows = [row for dataset in datasets for row in dataset["rows"]]
    browsers = sorted({row["chromium"]["browser"] for row in rows if "chromium" in row})
    floor = max(run["machine"]["own_peak_bytes"] for run in runs)
    return INTRODUCTION.format(
        floor=round(floor / 1e6),
        beam=", ".join(sorted({str(row["evaluation"]["beam"]) for row in rows})),
        chromium=IN_CHROMIUM.format(version=", ".join(browsers)) if browsers else "",
    )


def section(dataset: dict[str, Any], run: dict[str, Any], plot: str | None, note: str) -> str:
    lines = gather(dataset["rows"])
    title = (
        f"## {dataset['name']}\n\n{dataset['users']:,} test users; "
        f"checkpoint {dataset['checkpoint']}{ranked_by(dataset['rows'])}. Recorded by\n\n"
        f"    {run['command']}\n\n{recorded_on(run)}\n"
    )
    image = (
        f"![NDCG@10 over bytes of every method on {dataset['name']}]({PurePosixPath(plot)})\n"
        if plot
        else ""
    )
    goals = "### Where each goal stands\n\n" + goal_list(lines, goals_for(dataset["name"]))
    if not dataset["name"].startswith(GOALS_ARE_FOR):
        goals += "\nThe goals were set for instruments and beauty; here they only compare.\n"
    return "\n".join(
        part
        for part in (
            title,
            f"{note}\n" if note else "",
            image,
            quality_table(lines),
            metric_table(lines),
            cost_table(lines),
            goals,
        )
        if part
    )


def recorded_on(run: dict[str, Any]) -> str:
    machine, tool = run["machine"], run["tool"]
    return (
        f"on {run['date'][:10]}, with {machine['cores']} cores of {machine['cpu']} "
        f"(commit {tool['commit']}, tool {tool['sha256']})."
    )


def ranked_by(rows: list[dict[str, Any]]) -> str:
    versions = {row["evaluation"]["torch"] for row in rows if "torch" in row["evaluation"]}
    return f"; ranked by PyTorch {', '.join(sorted(versions))}" if versions else ""


def goal_list(lines: list[Line], goals: tuple[Goal, ...]) -> str:
    return "".join(f"- {standing.text()}\n" for standing in standings(lines, goals))


def table(header: list[str], rows: list[list[str]]) -> str:
    ruler = ["---"] + ["---:"] * (len(header) - 1)
    return "".join("| " + " | ".join(cells) + " |\n" for cells in (header, ruler, *rows))


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
