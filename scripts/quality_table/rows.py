"""Which rows the table has, and the command line that makes each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

DENSE = ("none", "int8", "int4")  # the methods that leave the matrices whole
METHODS = (*DENSE, "svd", "svd-llm", "od-llm", "halfling")
KEEPS = (0.75, 0.5, 0.33, 0.25, 0.125)
HEALED_KEEPS = (0.5, 0.25, 0.125)
HEALED_METHODS = ("halfling", "int4", "od-llm")  # its rivals too, so that it has its equals


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
    healed_methods: Sequence[str] = HEALED_METHODS,
) -> list[Row]:
    """The rows, none before another that it needs. The baselines have one draw."""
    rows = [Row(method) for method in DENSE if method in methods]
    for method in methods:
        if method in DENSE:
            continue
        own = range(1, draws + 1) if method == "halfling" else (1,)
        rows += [Row(method, keep, draw) for keep in keeps for draw in own]
    if "halfling" in methods and "int4" in methods:
        rows += [Row("halfling", None, draw, "int4") for draw in range(1, draws + 1)]
    healed = [
        row
        for method in healed_methods
        if method in methods
        for row in healed_rows(method, healed_keeps, healed_draws)
    ]
    rows += [row.start for row in healed if row.start not in rows]
    return rows + healed


def healed_rows(method: str, keeps: Sequence[float], draws: int) -> list[Row]:
    """Baselines are healed in one draw; a dense method at its one size, if there is anything."""
    if method in DENSE:
        return [Row(method, healed=True)] if keeps else []
    own = range(1, draws + 1) if method == "halfling" else (1,)
    return [Row(method, keep, draw, healed=True) for keep in keeps for draw in own]


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
