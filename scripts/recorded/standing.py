"""Where a goal stands, in sentences made from the figures alone."""

from __future__ import annotations

from dataclasses import dataclass

MET, MISSED, UNKNOWN = "met", "missed", "not measured"


@dataclass(frozen=True)
class Standing:
    goal: str
    verdict: str  # MET, MISSED or UNKNOWN
    figures: str

    def text(self) -> str:
        return f"{self.goal}: **{self.verdict}**. {self.figures}"
