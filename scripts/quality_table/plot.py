"""NDCG@10 over bytes as an SVG with a background of its own, readable on light and dark pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recorded.figure import begin, save

from .lines import Line, gather

# Dark enough on white for text; told apart by marker as well as by colour.
STYLES = {
    "svd": ("#8a8a8a", "v"),
    "svd-llm": ("#b26b00", "s"),
    "od-llm": ("#7b3fa0", "D"),
    "halfling": ("#0a66c2", "o"),
    "halfling healed": ("#0b7a3b", "^"),
    "int8": ("#222222", "P"),
    "int4": ("#222222", "X"),
    "int4 healed": ("#a01060", "X"),
    "od-llm healed": ("#b48ad0", "d"),
    "none": ("#222222", "*"),
}
NO_LOSS = 0.01  # "no loss" is an interval that lies above the original less this share
LOWEST = 0.6  # of the original's NDCG@10: what lies below is told in the label
SHIFT = 0.005  # between the series, of the bytes
GAP = 0.045  # between two labels, of the axis' height


def draw(dataset: dict[str, Any], output: Path) -> None:
    pyplot = begin(output)
    lines = gather(dataset["rows"])
    # Every row is paired with the original, whether or not it is a row of its own.
    original = lines[0].metrics["ndcg@10"].mean / (1 + lines[0].change.mean)
    figure, axes = pyplot.subplots(figsize=(9, 5.4), facecolor="white")
    bottom, top = limits(lines, original)
    axes.set_ylim(bottom, top)
    axes.set_xscale("log")
    axes.axhspan(original * (1 - NO_LOSS), original, color="#0b7a3b", alpha=0.13, lw=0)
    axes.axhline(original, color="#222222", lw=1)
    labels = [
        draw_series(axes, name, part, original, 1 + SHIFT * (number - 4))
        for number, (name, part) in enumerate(series(lines))
    ]
    arrange(axes, lines, labels)
    decorate(axes, dataset["name"], original)
    save(pyplot, figure, output)


def series(lines: list[Line]) -> list[tuple[str, list[Line]]]:
    """By method, and the smallest model first."""
    named: dict[str, list[Line]] = {}
    for line in lines:
        name = line.method + (" healed" if line.healed else "")
        named.setdefault(name, []).append(line)
    return [(name, sorted(part, key=lambda x: x.bytes)) for name, part in named.items()]


def level(value: float, original: float) -> float:
    return original * (1 + value)


def limits(lines: list[Line], original: float) -> tuple[float, float]:
    low = min(level(line.change.low, original) for line in lines)
    high = max(level(line.change.high, original) for line in lines)
    bottom = max(low, LOWEST * original)
    margin = 0.06 * (max(high, original) - bottom)
    return bottom - margin, max(high, original) + 1.5 * margin


def draw_series(
    axes: Any, name: str, lines: list[Line], original: float, shift: float
) -> tuple[str, str, float, float]:
    """Returns the label and where it belongs: text, colour, x and y of the smallest in sight.

    `shift` moves the series a little sideways, so that bars at the same bytes stay apart.
    """
    colour, marker = STYLES[name]
    for curve in (True, False):  # what was made to a budget is no point of the curve
        part = [line for line in lines if (line.bytes_of is None) == curve]
        values = [level(line.change.mean, original) for line in part]
        ends = [
            [y - level(line.change.low, original) for line, y in zip(part, values, strict=True)],
            [level(line.change.high, original) - y for line, y in zip(part, values, strict=True)],
        ]
        axes.errorbar(
            [line.bytes * shift for line in part],
            values,
            yerr=ends,
            color=colour,
            marker=marker,
            markersize=6,
            markerfacecolor=colour if curve else "white",
            linewidth=1.5 if curve else 0,
            elinewidth=1,
            capsize=3,
        )
    bottom = axes.get_ylim()[0]
    places = [(line.bytes * shift, level(line.change.mean, original)) for line in lines]
    seen = [place for place in places if place[1] >= bottom] or [(places[-1][0], bottom)]
    label = {"none": "dense f16"}.get(name, f"dense {name}" if name.startswith("int") else name)
    hidden = [f"{y:.4f}".replace("0.", ".", 1) for _, y in places if y < bottom]
    if hidden:
        label += f" (below: {', '.join(hidden)})"
    return label, colour, *seen[0]


def arrange(axes: Any, lines: list[Line], labels: list[tuple[str, str, float, float]]) -> None:
    """Labels the curves at their left ends, none over another, and the dense points beside them."""
    smallest = min(line.bytes for line in lines)
    axes.set_xlim(smallest * 0.4, max(line.bytes for line in lines) * 1.35)
    bottom, top = axes.get_ylim()
    gap = GAP * (top - bottom)
    least = bottom + gap
    for label, colour, x, y in sorted(labels, key=lambda entry: entry[3]):
        if label.startswith("dense"):
            # int4 lies among the curves; below them, to the right, is room.
            far = label.startswith("dense int4")
            offset, way = ((46, -62), "left") if far else ((0, 12), "center")
            place: dict[str, Any] = {"xytext": offset, "textcoords": "offset points", "ha": way}
        else:
            height = max(y, least)
            least = height + gap
            place = {"xytext": (smallest * 0.92, height), "ha": "right", "fontweight": "bold"}
        leader = {"arrowstyle": "-", "color": colour, "lw": 0.6, "alpha": 0.6}
        text = axes.annotate(label, (x, y), color=colour, va="center", arrowprops=leader, **place)
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.85})


def decorate(axes: Any, name: str, original: float) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 3, 5, 7)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1e6:g} MB"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:.3f}".replace("0.", ".", 1))
    )
    change = axes.secondary_yaxis(
        "right", functions=(lambda y: 100 * (y / original - 1), lambda c: original * (1 + c / 100))
    )
    change.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:+.0f}%" if round(value) else "0%")
    )
    change.set_ylabel("change from the original")
    axes.set_xlabel("bytes of the weights")
    axes.set_ylabel("NDCG@10")
    axes.set_title(f"{name}: NDCG@10 over bytes\n", loc="left", fontweight="bold")
    axes.text(
        0,
        1.015,
        "Bars: 95% of the change, paired by user. Green: within 1% of the original, no loss. "
        "Hollow: made to int4's bytes.",
        transform=axes.transAxes,
        fontsize=8,
        color="#444444",
    )
    axes.grid(True, which="major", color="#e4e4e4", lw=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
