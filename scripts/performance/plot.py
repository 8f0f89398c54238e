"""Milliseconds of one recommendation by each engine, on a background of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recorded.figure import begin, save

from .results import OURS, Contender, label, median, milliseconds, quantile, threads_text

COLOURS = {"halfling": "#0a66c2", "onnxruntime-web": "#b26b00", "wllama": "#7b3fa0"}
ROW, MARGIN = 0.27, 1.1  # inches


def draw(results: dict[str, Any], output: Path) -> None:
    pyplot = begin(output)
    models = [(model["name"], rows(model)) for model in results["models"]]
    models = [(name, lines) for name, lines in models if lines]
    heights = [len(lines) * ROW + MARGIN for _, lines in models]
    figure, axes = pyplot.subplots(
        len(models),
        figsize=(9, sum(heights)),
        facecolor="white",
        squeeze=False,
        gridspec_kw={"height_ratios": heights},
    )
    for part, (name, lines) in zip(axes[:, 0], models, strict=True):
        draw_model(part, name, lines)
    save(pyplot, figure, output)


def rows(model: dict[str, Any]) -> list[Contender]:
    """Those that were timed cold, the slowest first, so that the quickest is on top."""
    timed = [one for one in model["contenders"] if median(one, "cold") is not None]
    return sorted(timed, key=lambda one: -(median(one, "cold") or 0))


def duration(value: float) -> str:
    """Of milliseconds, as short as an axis wants it."""
    return f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"


def draw_model(axes: Any, name: str, lines: list[Contender]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for place, one in enumerate(lines):
        cold, low, high = (quantile(one, "cold", share) for share in ("median", "p10", "p90"))
        colour = COLOURS[one["engine"]]
        axes.barh(place, cold, color=colour, height=0.72, alpha=1 if one["engine"] == OURS else 0.8)
        axes.plot([low, high], [place, place], color="#222222", lw=1)
        warm = median(one, "warm")
        if warm is not None:
            axes.plot(warm, place, "D", color="white", markeredgecolor="#222222", markersize=5)
        axes.text(high * 1.06, place, milliseconds(cold), va="center", fontsize=9)
    axes.set_yticks(range(len(lines)))
    axes.set_yticklabels([f"{label(one)}, {threads_text(one['threads'])}" for one in lines])
    axes.set_xscale("log")
    axes.set_xlim(right=max(quantile(one, "cold", "p90") for one in lines) * 1.6)
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_title(f"{name}: one recommendation\n", loc="left", fontweight="bold")
    note = "Bars: cold, history 20 (line: 10th to 90th percentile). Diamonds: one more event."
    axes.text(0, 1.01, note, transform=axes.transAxes, fontsize=8, color="#444444")
    axes.grid(True, axis="x", which="major", color="#e4e4e4", lw=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
