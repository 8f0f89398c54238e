"""Which rows the table has, and the command line that makes each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

DENSE = ("none", "int8", "int4")  # the methods that leave the matrices whole
METHODS = (*DENSE, "svd", "svd-llm", "od-llm", "halfling")
KEEPS = (0.75, 0.5, 0.33, 0.25, 0.125)
HEALED_KEEPS = (0.5, 0.25, 0.125)
RIVALS = ("int4", "od-llm")  # are healed too, so that the healed rows have their equals


@dataclass(frozen=True)
class Row:
    """One model. `draw` seeds the choice of the calibration users."""

    method: str
    keep: float | None = None  # None: a dense method, or a budget instead
    draw: int = 1
    bytes_of: str | None = None  # the dense method whose bytes are the budget
    healed: bool = False

    @property
    def name(self) -> str:
        """The row's folder."""
        how = "-healed" if self.healed else ""
        if self.method in DENSE:
            return f"dense-{'f16' if self.method == 'none' else self.method}{how}"
        size = f"{self.keep:g}" if self.keep else f"bytes-of-{self.bytes_of}"
        return f"{self.method}-{size}-draw{self.draw}{how}"

    @property
    def start(self) -> Row:
        """The row that a healed one begins with."""
        return Row(self.method, self.keep, self.draw, self.bytes_of)

    def record(self) -> dict[str, object]:
        return {"name": self.name, **asdict(self)}


def plan_rows(
    methods: Sequence[str] = METHODS,
    keeps: Sequence[float] = KEEPS,
    draws: int = 3,
    healed_keeps: Sequence[float] = HEALED_KEEPS,
    healed_draws: int = 1,
) -> list[Row]:
    """The rows, none before another that it needs. The baselines have one draw."""
    rows = [Row(method) for method in DENSE if method in methods]
    for method in methods:
        if method in DENSE:
            continue
        own = range(1, draws + 1) if method == "halfling" else (1,)
        rows += [Row(method, keep, draw) for keep in keeps for draw in own]
    if "halfling" in methods:
        if "int4" in methods:
            rows += [Row("halfling", None, draw, "int4") for draw in range(1, draws + 1)]
        healed = [
            Row("halfling", keep, draw, healed=True)
            for keep in healed_keeps
            for draw in range(1, healed_draws + 1)
        ]
        rows += [row.start for row in healed if row.start not in rows] + healed
    rows += [replace(row, healed=True) for row in rows if has_healed_equal(row, healed_keeps)]
    return rows


def has_healed_equal(row: Row, healed_keeps: Sequence[float]) -> bool:
    """Whether the row is a rival of healed rows: of one keep, or of all where it has none."""
    same_size = row.keep in healed_keeps or (row.keep is None and len(healed_keeps) > 0)
    return row.method in RIVALS and same_size


def compress_arguments(row: Row, budget: int | None = None) -> list[str]:
    """`budget`: the bytes that a row with `bytes_of` may have."""
    arguments = ["--method", row.method, "--seed", str(row.draw), "--evaluate-users", "0"]
    if row.method == "none":
        return [*arguments, "--dtype", "f16"]
    if row.method in DENSE:
        return arguments
    if row.keep is None:  # with a budget the tool chooses the precision too
        return [*arguments, "--budget", str(budget)]
    return [*arguments, "--keep", f"{row.keep:g}", "--dtype", "int8"]
