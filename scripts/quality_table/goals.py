"""Where each goal of the compression stands, in sentences made from the figures alone."""

from __future__ import annotations

from dataclasses import dataclass

from recorded.standing import MET, MISSED, UNKNOWN, Standing

from .lines import Interval, Line, change_text, percent, short


@dataclass(frozen=True)
class Goal:
    """The interval's lower end of the change of NDCG@10 is to be at least this."""

    keep: float
    healed: bool
    least: float


PAGE_SIZED = (
    Goal(0.5, False, -0.05),
    Goal(0.5, True, -0.01),
    Goal(0.25, False, -0.20),
    Goal(0.25, True, -0.05),
)
LANGUAGE_MODEL = (
    Goal(0.5, False, -0.01),
    Goal(0.5, True, 0.0),
    Goal(0.25, False, -0.05),
    Goal(0.25, True, -0.02),
)


def goals_for(checkpoint: str) -> tuple[Goal, ...]:
    """By the checkpoint's name: instruments, or instruments-smollm2."""
    return LANGUAGE_MODEL if "smollm2" in checkpoint else PAGE_SIZED


def standings(lines: list[Line], goals: tuple[Goal, ...] = PAGE_SIZED) -> list[Standing]:
    return [
        *(loss_standing(goal, lines) for goal in goals),
        *(baseline_standing(name, lines) for name in ("od-llm", "svd-llm")),
        int4_standing(lines, healed=False),
        int4_standing(lines, healed=True),
        int8_standing(lines),
    ]


def find(lines: list[Line], method: str, **wanted: object) -> Line | None:
    return next(
        (
            line
            for line in lines
            if line.method == method and all(getattr(line, k) == v for k, v in wanted.items())
        ),
        None,
    )


def points(value: float) -> str:
    """So many percentage points; two digits where one would say 0."""
    text = f"{100 * value:.1f}"
    return f"{text if float(text) else f'{100 * value:.2g}'} points"


def loss_standing(goal: Goal, lines: list[Line]) -> Standing:
    how = "healed" if goal.healed else "closed form"
    title = f"At keep {short(goal.keep, 2)}, {how}, lose at most {100 * abs(goal.least):g}%"
    line = find(lines, "halfling", keep=goal.keep, healed=goal.healed)
    if line is None:
        return Standing(title, UNKNOWN, "The run has no such row.")
    figures = (
        f"NDCG@10 changes by {change_text(line.change)}{draws_text(line)}{share(line, lines)}."
    )
    ends = [change.low for change in line.changes]
    if line.change.low < goal.least:
        short_of = points(goal.least - line.change.low)
        figures += f" The interval's lower end, {percent(line.change.low)}, is {short_of} too low."
        return Standing(title, MISSED, figures)
    if min(ends) < goal.least:
        figures += f" One draw alone would miss it: its lower end is {percent(min(ends))}."
    return Standing(title, MET, figures)


def draws_text(line: Line) -> str:
    if len(line.changes) < 2:
        return ""
    means = [change.mean for change in line.changes]
    return f" ({len(means)} draws: {percent(min(means))} to {percent(max(means))})"


def share(line: Line, lines: list[Line]) -> str:
    dense = find(lines, "none")
    return f" at {100 * line.bytes / dense.bytes:.1f}% of the f16 bytes" if dense else ""


def baseline_standing(baseline: str, lines: list[Line]) -> Standing:
    """Better by both the mean change and the divergence, at every keep."""
    title = f"Better than {baseline} at every keep"
    behind: list[str] = []
    figures: list[str] = []
    for line in lines:
        if line.method != "halfling" or line.healed or line.keep is None:
            continue
        other = find(lines, baseline, keep=line.keep)
        if other is None:
            continue
        keep = short(line.keep, 3)
        text = f"keep {keep}: {percent(line.change.mean)} against {percent(other.change.mean)}"
        worse = [] if line.change.mean > other.change.mean else ["NDCG@10"]
        if line.divergence and other.divergence:
            text += f", KL {kl(line.divergence)} against {kl(other.divergence)}"
            worse += [] if line.divergence.mean < other.divergence.mean else ["KL"]
        if worse:
            behind.append(f"at keep {keep} by {' and '.join(worse)}")
        figures.append(text)
    if not figures:
        return Standing(title, UNKNOWN, "The run has no two rows to compare.")
    text = "; ".join(figures) + "."
    if behind:
        return Standing(title, MISSED, f"Not better {', '.join(behind)}. {capital(text)}")
    return Standing(title, MET, capital(text))


def kl(value: Interval) -> str:
    return f"{value.mean:.3f}"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def against(line: Line, other: Line) -> str:
    return (
        f"{line.label} ({line.bytes / 1e6:.3f} MB): {change_text(line.change)}; "
        f"{other.label} ({other.bytes / 1e6:.3f} MB): {change_text(other.change)}."
    )


def int4_standing(lines: list[Line], healed: bool) -> Standing:
    title = f"Better than dense int4 at its bytes, {'healed' if healed else 'closed form'}"
    int4 = (find(lines, "int4", healed=True) if healed else None) or find(lines, "int4")
    if int4 is None:
        return Standing(title, UNKNOWN, "The run has no dense int4 row.")
    line = None if healed else find(lines, "halfling", bytes_of="int4", healed=False)
    if line is None:  # the largest that is no larger
        own = [x for x in lines if x.method == "halfling" and x.healed == healed]
        small = [x for x in own if x.bytes <= int4.bytes]
        line = max(small, key=lambda x: x.bytes, default=None)
        if line is None:
            return Standing(title, UNKNOWN, f"No such row within its {int4.bytes / 1e6:.3f} MB.")
    verdict = MET if line.change.mean > int4.change.mean else MISSED
    return Standing(title, verdict, against(line, int4))


def int8_standing(lines: list[Line]) -> Standing:
    title = "Better than dense int8 at its bytes and its time"
    int8 = find(lines, "int8")
    if int8 is None:
        return Standing(title, UNKNOWN, "The run has no dense int8 row.")
    own = [line for line in lines if line.method == "halfling"]
    if not own:
        return Standing(title, UNKNOWN, "The run has no halfling row.")
    if any(line.milliseconds is None for line in (int8, *own)):
        return Standing(title, UNKNOWN, "The run did not time rankings.")
    rivals = [x for x in own if x.bytes <= int8.bytes and x.milliseconds <= int8.milliseconds]
    if not rivals:
        return Standing(title, MISSED, f"None is as small and as fast as {time_of(int8)}.")
    best = max(rivals, key=lambda x: x.change.mean)
    verdict = MET if best.change.mean > int8.change.mean else MISSED
    figures = f"The best that is no larger and no slower: {against(best, int8)} "
    figures += f"A ranking takes {time_of(best)} and {time_of(int8)}."
    return Standing(title, verdict, figures)


def time_of(line: Line) -> str:
    return f"{line.label} {line.milliseconds:.2f} ms"
