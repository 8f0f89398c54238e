"""Makes the models of one checkpoint and ranks with them, doing only what an earlier run has not.

WORK/CHECKPOINT/ROW/ holds model/ (the model directory), made.json (what making it took) and
evaluated.json (its figures). A record counts only where its identity, the digests of checkpoint and
programs and the arguments, is the one wanted now.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .child import StepError, run, shown
from .rows import Row, compress_arguments
from .store import checkpoint_digest, digest, kept, read_json, write_json

SCRIPTS = Path(__file__).resolve().parent.parent
PROTOCOL = ("split", "users", "beam", "exclude_seen", "torch")
STARTED = time.monotonic()


def say(text: str) -> None:
    minutes, seconds = divmod(int(time.monotonic() - STARTED), 60)
    print(f"[{minutes:4}:{seconds:02}] {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Tools:
    halfling: Path
    heal: Path = SCRIPTS / "heal.py"
    compare: Path = SCRIPTS / "compare.py"
    python: str = sys.executable
    heal_arguments: tuple[str, ...] = ()
    compress_arguments: tuple[str, ...] = ()
    users: str = "all"
    batch: int = 0  # models ranked in one run; 0: all
    torch_device: str = ""  # where `compare` ranks in place of `halfling`, such as cuda

    def halfling_digest(self) -> str:
        return digest([self.halfling])

    def heal_digest(self) -> str:
        return script_digest(self.heal)

    def compare_digest(self) -> str:
        return script_digest(self.compare)


@dataclass
class Measurement:
    """The rows of one checkpoint, as they come to be."""

    checkpoint: Path
    work: Path  # of this checkpoint
    tools: Tools
    failures: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.basis = {
            "checkpoint": checkpoint_digest(self.checkpoint),
            "tool": self.tools.halfling_digest(),
        }

    def run(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """The records of all rows that could be made and ranked; `failures` has the others."""
        made: dict[Row, dict[str, Any]] = {}
        for row in rows:
            try:
                made[row] = self.heal(row) if row.healed else self.compress(row)
            except StepError as error:
                self.fail(row.name, str(error))
        figures = self.evaluate(list(made))
        return [{**row.record(), **made[row], **figures[row]} for row in made if row in figures]

    def fail(self, what: str, message: str) -> None:
        say(f"{self.checkpoint.name}: {what} FAILED: {message}")
        self.failures.append({"row": what, "message": " ".join(message.split())})

    def folder(self, row: Row) -> Path:
        return self.work / row.name

    def compress(self, row: Row) -> dict[str, Any]:
        arguments = [*compress_arguments(row, self.budget(row)), *self.tools.compress_arguments]
        identity = {**self.basis, "arguments": arguments}
        output = self.folder(row) / "model"
        command = [str(self.tools.halfling), "compress", str(self.checkpoint), str(output)]
        return self.make(row, identity, [*command, *arguments, "--json"])

    def budget(self, row: Row) -> int | None:
        if row.bytes_of is None:
            return None
        manifest = self.folder(Row(row.bytes_of)) / "model/manifest.json"
        return size_of(read_manifest(manifest))

    def heal(self, row: Row) -> dict[str, Any]:
        start = self.compress(row.start)
        identity = {
            **self.basis,
            "heal": self.tools.heal_digest(),
            "start": start["version"],
            "arguments": list(self.tools.heal_arguments),
        }
        output = self.folder(row) / "model"
        command = [self.tools.python, str(self.tools.heal), "--original", str(self.checkpoint)]
        command += ["--halved", str(self.folder(row.start) / "model"), "--output", str(output)]
        record = self.make(row, identity, [*command, *self.tools.heal_arguments])
        # The row costs what both steps cost, one after the other; an interrupted training knows
        # its minutes better than the clock of the last start.
        minutes = record["compression"].get("healing", {}).get("minutes", 0)
        record["seconds"] = start["seconds"] + max(record["seconds"], 60 * minutes)
        record["peak_bytes"] = max(start["peak_bytes"], record["peak_bytes"])
        return record

    def make(self, row: Row, identity: dict[str, Any], command: list[str]) -> dict[str, Any]:
        folder = self.folder(row)
        manifest = folder / "model/manifest.json"
        record = kept(folder / "made.json", identity)
        if (
            record
            and manifest.is_file()
            and read_manifest(manifest)["version"] == record["version"]
        ):
            return record
        say(f"{self.checkpoint.name}: {row.name} …")
        if kept(folder / "begun.json", {"of": identity}) is None:
            shutil.rmtree(folder, ignore_errors=True)
            write_json(folder / "begun.json", {"identity": {"of": identity}})
        # Else a run was interrupted here, and heal.py goes on from the state beside its output.
        finished = run(command, folder / "made.log")
        written = read_manifest(manifest)
        record = {
            "identity": identity,
            "command": shown(command),
            "seconds": finished.seconds,
            "peak_bytes": finished.peak_bytes,
            "bytes": size_of(written),
            "linear_parameters": written["model"]["linear_parameters"],
            "version": written["version"],
            "compression": written["compression"],
        }
        write_json(folder / "made.json", record)
        say(
            f"{self.checkpoint.name}: {row.name}: {record['seconds']:.1f} s, "
            f"{record['bytes']:,} bytes, peak {record['peak_bytes'] / 1e6:.0f} MB"
        )
        return record

    def evaluation_identity(self, row: Row) -> dict[str, Any]:
        version = read_manifest(self.folder(row) / "model/manifest.json")["version"]
        identity = {**self.basis, "model": version, "users": self.tools.users}
        ranks = {"compare": self.tools.compare_digest()} if self.tools.torch_device else {}
        return {**identity, **ranks}

    def evaluate(self, rows: list[Row]) -> dict[Row, dict[str, Any]]:
        """Ranks with what has no figures yet, in as few runs as `batch` allows."""

        def known(row: Row) -> dict[str, Any] | None:
            return kept(self.folder(row) / "evaluated.json", self.evaluation_identity(row))

        missing = [row for row in rows if known(row) is None]
        batch = self.tools.batch or len(missing)
        for begin in range(0, len(missing), batch or 1):
            self.evaluate_part(missing[begin : begin + batch])
        records = {row: known(row) for row in rows}
        return {row: record["figures"] for row, record in records.items() if record}

    def evaluate_part(self, rows: list[Row]) -> None:
        """At once, or in halves where that fails: one bad model must not cost the others'."""
        try:
            self.evaluate_at_once(rows)
        except StepError as error:
            if len(rows) == 1:
                self.fail(rows[0].name, str(error))
                return
            say(f"{self.checkpoint.name}: {error}; trying halves")
            self.evaluate_part(rows[: len(rows) // 2])
            self.evaluate_part(rows[len(rows) // 2 :])

    def evaluate_at_once(self, rows: list[Row]) -> None:
        directories = [str(self.folder(row) / "model") for row in rows]
        before, after = self.ranking_command()
        command = [*before, *directories, *after]
        log = self.work / "evaluate.log"
        say(f"{self.checkpoint.name}: ranking with {len(rows)} models and the original ({log}) …")
        finished = run(command, log)
        try:
            answer = json.loads(finished.output)
        except ValueError as error:
            raise StepError(f"`{shown(command)}`: expected JSON: {error}") from error
        models = answer.get("models", [])
        if [model.get("directory") for model in models] != directories:
            raise StepError(f"`{shown(command)}`: expected the figures of each, in that order")
        # Each row's command is the shortest that gives its figures: they do not depend on the rest.
        for row, directory, model in zip(rows, directories, models, strict=True):
            own = [*before, directory, *after]
            protocol = {key: answer[key] for key in PROTOCOL if key in answer}
            del model["directory"], model["against"]["directory"]  # the command names them
            figures = {"evaluation": {**model, **protocol, "command": shown(own)}}
            record = {"identity": self.evaluation_identity(row), "figures": figures}
            write_json(self.folder(row) / "evaluated.json", record)
        say(f"{self.checkpoint.name}: ranked in {finished.seconds:.0f} s")

    def ranking_command(self) -> tuple[list[str], list[str]]:
        """What stands before the models' directories, and after them."""
        tools, against = self.tools, ["--against", str(self.checkpoint), "--json"]
        if tools.torch_device:
            users = "0" if tools.users == "all" else tools.users
            where = ["--users", users, "--device", tools.torch_device]
            return [tools.python, str(tools.compare)], [*against, *where]
        interactions = ["--interactions", str(self.checkpoint / "interactions.json")]
        return (
            [str(tools.halfling), "evaluate"],
            [*against, "--users", tools.users, *interactions],
        )


def script_digest(script: Path) -> str:
    """Of a script and of the modules that it imports."""
    return digest([script, *(script.parent / "halfling_train").glob("*.py")])


def read_manifest(path: Path) -> dict[str, Any]:
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise StepError(f"{path}: expected the manifest of a model directory: {error}") from error


def size_of(manifest: dict[str, Any]) -> int:
    """The bytes of the weights: the catalogue is the same for every row."""
    files = manifest["files"]
    return sum(file["bytes"] for file in files if file["path"].endswith(".safetensors"))
