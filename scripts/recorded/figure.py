"""Matplotlib, for images that are the same bytes whenever they are drawn from the same figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def begin(output: Path) -> Any:
    """`pyplot`, set up for the kind of file that `output` is. Needs matplotlib."""
    import matplotlib

    matplotlib.use("svg" if output.suffix == ".svg" else "agg")
    settings = {"svg.fonttype": "path", "svg.hashsalt": "halfling", "font.size": 10}
    matplotlib.rcParams.update(settings)
    from matplotlib import pyplot

    return pyplot


def save(pyplot: Any, figure: Any, output: Path) -> None:
    figure.tight_layout()
    output.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"Date": None} if output.suffix == ".svg" else None
    figure.savefig(output, metadata=metadata, dpi=110)
    pyplot.close(figure)
