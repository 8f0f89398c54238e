"""Milliseconds and memory over the catalogue's size, on a background of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recorded.figure import begin, save

# Dark enough on white for text; told apart by marker as well as by colour.
STYLES = {
    "exact": ("#0a66c2", "o", "-"),
    "exact, mask": ("#0a66c2", "s", "--"),
    "exact, boosts": ("#0a66c2", "^", ":"),
    "beam": ("#b26b00", "o", "-"),
    "beam, mask": ("#b26b00", "s", "--"),
    "beam, boosts": ("#b26b00", "^", ":"),
}
TITLES = {"native": "Native", "wasm": "Wasm, baseline SIMD, in Node"}


def draw(results: dict[str, Any], output: Path) -> None:
    pyplot = begin(output)
    catalogues = results["catalogues"]
    engines = [name for name in TITLES if name in catalogues[0]]
    figure, axes = pyplot.subplots(
        1, len(engines) + 1, figsize=(4.4 * (len(engines) + 1), 4.6), facecolor="white"
    )
    sizes = [one["items"] for one in catalogues]
    for part, engine in zip(axes, engines, strict=False):
        for name, (colour, marker, line) in STYLES.items():
            times = [one[engine]["cases"][name]["milliseconds"] for one in catalogues]
            part.plot(sizes, times, marker=marker, ls=line, color=colour, label=name, ms=5)
        part.axhline(16, color="#888888", lw=1)
        part.text(sizes[0], 16.6, "one frame", fontsize=8, color="#555555")
        part.set_title(f"{TITLES[engine]}: ms of one recommendation", fontsize=10)
    axes[0].legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(0, 0.95))
    memory = axes[-1]
    memory.set_title("Memory with the model loaded, MB", fontsize=10)
    for engine, key, colour in (
        ("native", "loaded_bytes", "#0b7a3b"),
        ("wasm", "peak_bytes", "#7b3fa0"),
    ):
        if engine in engines:
            values = [one[engine][key] / 1e6 for one in catalogues]
            label = "native" if engine == "native" else "wasm, its whole heap"
            memory.plot(sizes, values, marker="o", color=colour, label=label, ms=5)
    memory.legend(frameon=False, fontsize=9)
    for part in axes:
        decorate(part)
    save(pyplot, figure, output)


def decorate(axes: Any) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("items in the catalogue")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.grid(True, which="major", color="#dddddd", lw=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
