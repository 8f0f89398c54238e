"""From rows, one for each model, to the table's lines: the draws of one method and size together.

Everything here is a pure function of the results JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean
from typing import Any

METRICS = ("hr@1", "hr@5", "hr@10", "ndcg@5", "ndcg@10")
ORDER = ("none", "int8", "int4", "svd", "svd-llm", "od-llm", "halfling")


@dataclass(frozen=True)
class Interval:
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """Of several draws: each figure's mean, and the intervals' mean ends."""

    method: str
    keep: float | None
    bytes_of: str | None
    healed: bool
    metrics: dict[str, Interval]
    change: Interval  # of NDCG@10, relative to the original's, paired by user
    changes: tuple[Interval, ...]  # each draw's
    divergence: Interval | None  # nats an item
    overlap: Interval
    bytes: float
    linear_parameters: float
    seconds: float
    peak_bytes: float
    milliseconds: float | None  # of a ranking by the tool; None: it did not rank
    chromium: dict[str, float]  # of the engines measured: baseline, relaxed

    @property
    def label(self) -> str:
        if self.method in ("none", "int8", "int4"):
            how = ", healed" if self.healed else ""
            return f"dense, {'f16' if self.method == 'none' else self.method}{how}"
        size = f"keep {short(self.keep, 3)}" if self.keep else f"the bytes of {self.bytes_of}"
        return f"{self.method}{' healed' if self.healed else ''}, {size}"


def short(value: float | None, digits: int) -> str:
    """0.5 as .5; 12.25 as 12.25."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def gather(rows: list[dict[str, Any]]) -> list[Line]:
    groups: dict[tuple, list[dict[str, Any]]] = {}
    for row in rows:
        key = (row["method"], row["keep"], row["bytes_of"], row["healed"])
        groups.setdefault(key, []).append(row)

    def place(key: tuple) -> tuple:
        method, keep, _, healed = key
        return (ORDER.index(method), healed, -(keep or 0))

    return [line_of(groups[key]) for key in sorted(groups, key=place)]


def line_of(rows: list[dict[str, Any]]) -> Line:
    first = rows[0]
    models = [row["evaluation"] for row in rows]
    against = [model["against"] for model in models]
    changes = [interval(a["metrics_relative_change"]["ndcg@10"]) for a in against]
    divergences = [interval(a["divergence"]) for a in against if a.get("divergence")]
    times = [m["milliseconds_per_user"] for m in models if "milliseconds_per_user" in m]
    chromium = [row["chromium"]["milliseconds"] for row in rows if "chromium" in row]

    def average(name: str) -> float:
        return mean(row[name] for row in rows)

    return Line(
        method=first["method"],
        keep=first["keep"],
        bytes_of=first["bytes_of"],
        healed=first["healed"],
        metrics={m: middle([interval(model["metrics"][m]) for model in models]) for m in METRICS},
        change=middle(changes),
        changes=tuple(changes),
        divergence=middle(divergences) if len(divergences) == len(rows) else None,
        overlap=middle([interval(a["overlap@10"]) for a in against]),
        bytes=average("bytes"),
        linear_parameters=average("linear_parameters"),
        seconds=average("seconds"),
        peak_bytes=average("peak_bytes"),
        milliseconds=mean(times) if len(times) == len(rows) else None,
        chromium=chromium[0] if chromium else {},
    )


def interval(value: dict[str, float]) -> Interval:
    return Interval(value["mean"], value["low"], value["high"])


def middle(intervals: list[Interval]) -> Interval:
    ends = ([i.mean for i in intervals], [i.low for i in intervals], [i.high for i in intervals])
    return Interval(*(mean(end) for end in ends))


def percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:+.{digits}f}%"


def change_text(value: Interval) -> str:
    return f"{percent(value.mean)} [{100 * value.low:+.1f}, {100 * value.high:+.1f}]"
