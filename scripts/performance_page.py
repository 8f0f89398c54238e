#!/usr/bin/env python3
"""Writes the page and the plot of a run of `npm run bench`, which calls this.

  .venv/bin/python scripts/performance_page.py build/performance.json \\
      --markdown docs/performance.md --plot docs/images/performance.svg

Of several runs, the last that measured a model counts for it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from performance.goals import standings  # noqa: E402
from performance.page import page  # noqa: E402
from performance.results import merge_runs  # noqa: E402


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="+", help="the results JSON of each run")
    parser.add_argument("--markdown", type=Path, help="page to write")
    parser.add_argument("--plot", type=Path, help="image to write (needs matplotlib)")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    results = merge_runs(
        [json.loads(path.read_text(encoding="utf-8")) for path in arguments.results]
    )
    link = None
    if arguments.plot:
        from performance.plot import draw

        draw(results, arguments.plot)
        if arguments.markdown:
            link = Path(os.path.relpath(arguments.plot, arguments.markdown.parent)).as_posix()
    if arguments.markdown:
        arguments.markdown.parent.mkdir(parents=True, exist_ok=True)
        arguments.markdown.write_text(page(results, link), encoding="utf-8")
    for standing in standings(results):
        print(f"- {standing.text()}")


if __name__ == "__main__":
    main()
