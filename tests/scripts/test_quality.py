"""The table is planned, measured by a made-up tool, resumed, and put into words and pictures."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from quality_table.goals import MET, MISSED, UNKNOWN, standings
from quality_table.lines import gather, short
from quality_table.measure import Measurement, Tools
from quality_table.page import page
from quality_table.rows import Row, compress_arguments, plan_rows
from quality_table.store import checkpoint_digest, kept, write_json

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/quality.py"

# Writes model directories and figures in the formats of the tool, or as compare.py those alone, and
# a line for each call to calls.txt.
# Fails at what breaks.txt beside it names.
FAKE_TOOL = """#!{python}
import hashlib, json, sys
from pathlib import Path
here = Path(sys.argv[0]).parent
arguments = sys.argv[1:]
with open(here / "calls.txt", "a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
breaks = here / "breaks.txt"
if breaks.exists() and breaks.read_text() in " ".join(arguments):
    sys.exit("broken as asked")
def interval(mean):
    return {{"mean": mean, "low": mean - 0.01, "high": mean + 0.01}}
if arguments[0] == "compress":
    output = Path(arguments[2])
    output.mkdir(parents=True, exist_ok=True)
    version = hashlib.sha256(" ".join(arguments[3:]).encode()).hexdigest()
    manifest = {{"version": version, "model": {{"linear_parameters": 500}},
        "files": [{{"path": "model-1.safetensors", "bytes": 700}},
                  {{"path": "catalog.json", "bytes": 9}}],
        "compression": {{"calibration_users": 20}}}}
    (output / "manifest.json").write_text(json.dumps(manifest))
    print(json.dumps({{"manifest": manifest}}))
else:
    models = [word for word in arguments[:arguments.index("--against")] if word != "evaluate"]
    own = {{"torch": "9.9"}} if "--device" in arguments else {{}}
    timed = {{}} if own else {{"milliseconds_per_user": 2.5}}
    names = ("hr@1", "hr@5", "hr@10", "ndcg@5", "ndcg@10")
    against = {{"directory": "original", "divergence": interval(0.2), "overlap@10": interval(0.9),
               "metrics_relative_change": {{name: interval(-0.02) for name in names}}}}
    print(json.dumps({{"split": "test", "users": 30, "beam": 20, "exclude_seen": True,
        **own, "models": [{{"directory": model, "seconds": 1.5, **timed,
            "metrics": {{name: interval(0.1) for name in names}},
            "against": against}} for model in models]}}))
"""
FAKE_HEAL = """
import json, sys
from pathlib import Path
option = dict(zip(sys.argv[1::2], sys.argv[2::2]))
state = Path(option["--output"] + ".state.pt")
stop = Path(sys.argv[0]).parent / "stop"
if stop.exists():
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text("half way")
    sys.exit("stopped")
manifest = json.loads((Path(option["--halved"]) / "manifest.json").read_text())
manifest["version"] += "-healed"
manifest["compression"]["healing"] = {"minutes": 2, "resumed": state.exists()}
Path(option["--output"]).mkdir(parents=True)
(Path(option["--output"]) / "manifest.json").write_text(json.dumps(manifest))
"""


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    path = tmp_path / "tool/halfling"
    path.parent.mkdir()
    path.write_text(FAKE_TOOL.format(python=sys.executable))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoints/movielens"
    folder.mkdir(parents=True)
    for name in ("config.json", "recommender.json", "interactions.json", "model.safetensors"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def tools(tool: Path, tmp_path: Path) -> Tools:
    heal = tmp_path / "scripts/heal.py"
    heal.parent.mkdir()
    heal.write_text(FAKE_HEAL)
    return Tools(halfling=tool, heal=heal)


def calls(tool: Path) -> list[list[str]]:
    """Those since the last time."""
    file = tool.parent / "calls.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return [json.loads(line) for line in lines]


def make_row(method: str, keep: float | None = None, **changes: Any) -> dict[str, Any]:
    """A row as the results have it: change is the mean of NDCG@10's, half its interval is width."""
    given = {"change": -0.02, "width": 0.01, "divergence": 0.1, "bytes": 1000, "ms": 2.0, **changes}
    row = Row(method, keep, given.get("draw", 1), given.get("bytes_of"), given.get("healed", False))

    def interval(mean: float, width: float) -> dict[str, float]:
        return {"mean": mean, "low": mean - width, "high": mean + width}

    names = ("hr@1", "hr@5", "hr@10", "ndcg@5", "ndcg@10")
    ndcg = 0.0884 * (1 + given["change"])
    evaluation = {
        "users": 900,
        "beam": 20,
        "milliseconds_per_user": given["ms"],
        "metrics": {name: interval(ndcg, 0.004) for name in names},
        "against": {
            "metrics_relative_change": {
                name: interval(given["change"], given["width"]) for name in names
            },
            "overlap@10": interval(0.9, 0.01),
            "divergence": given["divergence"] and interval(given["divergence"], 0.01),
        },
    }
    record = {
        "bytes": given["bytes"],
        "linear_parameters": 500,
        "seconds": 3.0,
        "peak_bytes": 50_000_000,
        "evaluation": evaluation,
    }
    return {
        **row.record(),
        **record,
        **({"chromium": given["chromium"]} if "chromium" in given else {}),
    }


def page_of(
    rows: list[dict[str, Any]], plot: str = "", note: str = "", failures: list | None = None
) -> str:
    dataset = {"name": "films", "checkpoint": "abc", "users": 900, "rows": rows}
    run = {
        "command": "scripts/quality.py --json x.json",
        "date": "2001-02-03T04:05:06+00:00",
        "machine": {"cpu": "Some CPU", "cores": 3, "own_peak_bytes": 25_000_000},
        "tool": {"sha256": "0123", "commit": "4567"},
    }
    return page({**dataset, "failures": failures or []}, run, plot, note)


def verdict(rows: list[dict[str, Any]], title: str) -> tuple[str, str]:
    (standing,) = [s for s in standings(gather(rows)) if s.goal.startswith(title)]
    return standing.verdict, standing.figures


def test_plan_has_every_row_once_and_none_before_what_it_needs() -> None:
    rows = plan_rows()
    assert len(set(rows)) == len(rows) == len({row.name for row in rows})
    assert [row.name for row in rows[:3]] == ["dense-f16", "dense-int8", "dense-int4"]
    assert {(row.keep, row.draw) for row in rows if row.method == "svd"} == {
        (keep, 1) for keep in (0.75, 0.5, 0.33, 0.25, 0.125)
    }
    own = [row for row in rows if row.method == "halfling" and row.keep and not row.healed]
    assert {(row.keep, row.draw) for row in own} == {
        (keep, draw) for keep in (0.75, 0.5, 0.33, 0.25, 0.125) for draw in (1, 2, 3)
    }
    healed = {(row.method, row.keep) for row in rows if row.healed}
    assert healed == {
        ("int4", None),
        *((method, keep) for method in ("halfling", "od-llm") for keep in (0.5, 0.25, 0.125)),
    }
    for row in rows:
        if row.healed:
            assert rows.index(row.start) < rows.index(row)


def test_a_healed_row_brings_the_one_it_starts_with() -> None:
    rows = plan_rows(["halfling"], [0.75], 1, [0.5])
    assert [row.name for row in rows] == [
        "halfling-0.75-draw1",
        "halfling-0.5-draw1",
        "halfling-0.5-draw1-healed",
    ]


def test_arguments_of_the_tool() -> None:
    assert compress_arguments(Row("none"))[-2:] == ["--dtype", "f16"]
    assert "--dtype" not in compress_arguments(Row("int4"))
    expected = "--method halfling --seed 3 --evaluate-users 0 --keep 0.33 --dtype int8"
    third = compress_arguments(Row("halfling", 0.33, draw=3))
    assert " ".join(third) == expected
    budget = compress_arguments(Row("halfling", None, bytes_of="int4"), 1234)
    assert budget[budget.index("--budget") + 1] == "1234"
    assert "--keep" not in budget and "--dtype" not in budget  # the tool refuses them together


def test_measures_every_row_and_ranks_once(tools: Tools, checkpoint: Path, tmp_path: Path) -> None:
    rows = plan_rows(keeps=[0.5], draws=2, healed_keeps=[0.5])
    measurement = Measurement(checkpoint, tmp_path / "work", tools)
    records = measurement.run(rows)
    assert measurement.failures == []
    assert [record["name"] for record in records] == [row.name for row in rows]
    made = calls(tools.halfling)
    evaluations = [call for call in made if call[0] == "evaluate"]
    assert len(evaluations) == 1 and len(made) == 1 + sum(not row.healed for row in rows)
    assert evaluations[0].count(str(checkpoint)) == 1  # the original, as what to compare with
    dense = records[0]
    assert dense["bytes"] == 700 and dense["linear_parameters"] == 500
    assert dense["peak_bytes"] > 1_000_000 and dense["seconds"] > 0
    assert dense["evaluation"]["users"] == 30
    assert "halfling-0.5" not in dense["evaluation"]["command"]
    (budget,) = [r for r in records if r["name"] == "halfling-bytes-of-int4-draw1"]
    assert "--budget 700" in budget["command"]
    own = [r for r in records if r["healed"] and r["method"] == "halfling"]
    assert [r["name"] for r in own] == ["halfling-0.5-draw1-healed"]
    (healed,) = own
    assert healed["seconds"] >= 120 and healed["compression"]["healing"]["minutes"] == 2


def test_does_again_only_what_changed(tools: Tools, checkpoint: Path, tmp_path: Path) -> None:
    rows = plan_rows(["none", "halfling"], [0.5], 1, [0.5])
    work = tmp_path / "work"
    first = Measurement(checkpoint, work, tools).run(rows)
    assert len(calls(tools.halfling)) == 3
    assert Measurement(checkpoint, work, tools).run(rows) == first
    assert calls(tools.halfling) == []

    Measurement(checkpoint, work, tools).run(plan_rows(["none", "halfling"], [0.5, 0.25], 1, []))
    new = calls(tools.halfling)
    assert [call[0] for call in new] == ["compress", "evaluate"]
    assert [Path(p).parent.name for p in new[1][1 : new[1].index("--against")]] == [
        "halfling-0.25-draw1"
    ]

    (work / "dense-f16/model/manifest.json").unlink()  # a model that is gone is made again
    Measurement(checkpoint, work, tools).run(rows)
    assert [call[0] for call in calls(tools.halfling)] == ["compress"]  # and ranks as it did

    (checkpoint / "model.safetensors").write_text("other weights")
    Measurement(checkpoint, work, tools).run(rows)
    assert len(calls(tools.halfling)) == 3

    with tools.halfling.open("a") as program:
        program.write("# another build\n")
    Measurement(checkpoint, work, tools).run(rows)
    assert len(calls(tools.halfling)) == 3


def test_another_sample_of_users_ranks_again_but_makes_nothing(
    tools: Tools, checkpoint: Path, tmp_path: Path
) -> None:
    rows = plan_rows(["none"], [], 1, [])
    Measurement(checkpoint, tmp_path / "work", tools).run(rows)
    calls(tools.halfling)
    some = Tools(halfling=tools.halfling, heal=tools.heal, users="20")
    Measurement(checkpoint, tmp_path / "work", some).run(rows)
    (call,) = calls(tools.halfling)
    assert call[0] == "evaluate" and call[call.index("--users") + 1] == "20"


def test_where_pytorch_ranks_no_time_is_told(
    tools: Tools, checkpoint: Path, tmp_path: Path
) -> None:
    compare = tmp_path / "scripts/compare.py"
    compare.write_text(FAKE_TOOL.format(python=sys.executable))
    torch = Tools(halfling=tools.halfling, heal=tools.heal, compare=compare, torch_device="cuda")
    rows = plan_rows(["int8", "halfling"], [0.5], 1, [])
    records = Measurement(checkpoint, tmp_path / "work", torch).run(rows)
    (call,) = calls(compare)
    assert call[-4:] == ["--users", "0", "--device", "cuda"] and "--dataset" not in call
    assert [line.milliseconds for line in gather(records)] == [None, None]
    assert "ranked by PyTorch 9.9" in page_of(records)
    title = "Better than dense int8"
    assert verdict(records, title) == (UNKNOWN, "The run did not time rankings.")
    again = Measurement(checkpoint, tmp_path / "work", tools).run(rows)
    assert [line.milliseconds for line in gather(again)] == [2.5, 2.5]


def test_pytorch_ranks_again_where_the_code_that_ranks_has_changed(
    tools: Tools, checkpoint: Path, tmp_path: Path
) -> None:
    compare, rows = tmp_path / "scripts/compare.py", plan_rows(["int8"], [], 1, [])
    compare.write_text(FAKE_TOOL.format(python=sys.executable))
    torch = Tools(halfling=tools.halfling, compare=compare, torch_device="cuda")

    def rankings() -> int:
        Measurement(checkpoint, tmp_path / "work", torch).run(rows)
        return len(calls(compare))

    assert (rankings(), rankings()) == (1, 0)
    module = compare.parent / "halfling_train/comparison.py"
    module.parent.mkdir()
    module.write_text("# another way to rank")
    assert (rankings(), rankings()) == (1, 0)


def test_a_checkpoint_of_any_name_brings_its_own_data(
    tools: Tools, checkpoint: Path, tmp_path: Path
) -> None:
    shop = checkpoint.rename(checkpoint.with_name("beauty-shop"))
    compare = tmp_path / "scripts/compare.py"
    compare.write_text(FAKE_TOOL.format(python=sys.executable))
    torch = Tools(halfling=tools.halfling, heal=tools.heal, compare=compare, torch_device="cpu")
    measurement = Measurement(shop, tmp_path / "work", torch)
    records = measurement.run(plan_rows(["halfling"], [0.5], 1, [0.5]))
    assert measurement.failures == [] and records[1]["healed"]
    for command in (records[1]["command"], records[1]["evaluation"]["command"]):
        assert str(shop) in command and "--dataset" not in command


def test_batches_rank_with_so_many_at_once(tools: Tools, checkpoint: Path, tmp_path: Path) -> None:
    pairs = Tools(halfling=tools.halfling, batch=2)
    rows = plan_rows(["none", "int8", "int4"], [], 1, [])
    assert len(Measurement(checkpoint, tmp_path / "work", pairs).run(rows)) == 3
    evaluations = [call for call in calls(tools.halfling) if call[0] == "evaluate"]
    assert [call.index("--against") - 1 for call in evaluations] == [2, 1]


def test_a_failed_row_is_told_and_the_others_go_on(
    tools: Tools, checkpoint: Path, tmp_path: Path
) -> None:
    (tools.halfling.parent / "breaks.txt").write_text("--method svd ")
    measurement = Measurement(checkpoint, tmp_path / "work", tools)
    records = measurement.run(plan_rows(["none", "svd"], [0.5], 1, []))
    assert [record["name"] for record in records] == ["dense-f16"]
    (failure,) = measurement.failures
    assert failure["row"] == "svd-0.5-draw1" and "broken as asked" in failure["message"]
    assert "broken as asked" in page_of([make_row("none")], failures=[failure])


def test_a_model_that_cannot_be_ranked_costs_the_others_nothing(
    tools: Tools, checkpoint: Path, tmp_path: Path
) -> None:
    rows = plan_rows(["none", "int8", "int4", "svd"], [0.5], 1, [])
    measurement = Measurement(checkpoint, tmp_path / "work", tools)
    measurement.run(rows)
    for row in rows:
        (measurement.folder(row) / "evaluated.json").unlink()
    (tools.halfling.parent / "breaks.txt").write_text("dense-int4/model")
    records = measurement.run(rows)
    assert [record["name"] for record in records] == ["dense-f16", "dense-int8", "svd-0.5-draw1"]
    assert [failure["row"] for failure in measurement.failures] == ["dense-int4"]


def test_an_interrupted_healing_goes_on(tools: Tools, checkpoint: Path, tmp_path: Path) -> None:
    rows = plan_rows(["halfling"], [0.5], 1, [0.5])
    stop = tools.heal.parent / "stop"
    stop.touch()
    assert len(Measurement(checkpoint, tmp_path / "work", tools).run(rows)) == 1
    stop.unlink()
    healed = Measurement(checkpoint, tmp_path / "work", tools).run(rows)[1]
    assert healed["compression"]["healing"]["resumed"]

    stop.touch()  # but not from the state of another start
    (checkpoint / "model.safetensors").write_text("other weights")
    Measurement(checkpoint, tmp_path / "work", tools).run(rows)
    stop.unlink()
    (checkpoint / "model.safetensors").write_text("and yet others")
    healed = Measurement(checkpoint, tmp_path / "work", tools).run(rows)[1]
    assert not healed["compression"]["healing"]["resumed"]


def test_a_record_counts_only_for_its_identity(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    assert kept(file, {"a": 1}) is None
    write_json(file, {"identity": {"a": 1}, "value": 2})
    assert kept(file, {"a": 1}) == {"identity": {"a": 1}, "value": 2}
    assert kept(file, {"a": 2}) is None
    file.write_text('{"identity": {"a"')  # cut off
    assert kept(file, {"a": 1}) is None


def test_the_digest_is_of_all_that_the_tool_reads(checkpoint: Path) -> None:
    before = checkpoint_digest(checkpoint)
    (checkpoint / "interactions.json").write_text("more")
    assert checkpoint_digest(checkpoint) != before


def test_draws_become_one_line() -> None:
    changes = (-0.01, -0.02, -0.06)
    rows = [make_row("halfling", 0.5, draw=i + 1, change=c) for i, c in enumerate(changes)]
    (line,) = gather(rows)
    assert line.change.mean == pytest.approx(-0.03)
    assert line.change.low == pytest.approx(-0.04)
    assert [change.mean for change in line.changes] == pytest.approx(changes)
    assert line.label == "halfling, keep .5"


def test_lines_are_in_order_and_one_without_divergence_has_none() -> None:
    rows = [
        make_row("halfling", 0.25, healed=True),
        make_row("halfling", 0.25),
        make_row("halfling", 0.75),
        make_row("svd", 0.5, divergence=None),
        make_row("none"),
    ]
    lines = gather(rows)
    assert [line.label for line in lines] == [
        "dense, f16",
        "svd, keep .5",
        "halfling, keep .75",
        "halfling, keep .25",
        "halfling healed, keep .25",
    ]
    assert lines[1].divergence is None and lines[0].divergence is not None


@pytest.mark.parametrize(("change", "expected"), [(-0.039, MET), (-0.041, MISSED)])
def test_a_loss_is_judged_by_the_lower_end(change: float, expected: str) -> None:
    rows = [make_row("none", bytes=2000), make_row("halfling", 0.5, change=change, bytes=500)]
    found, figures = verdict(rows, "At keep .5, closed form, lose at most 5%")
    assert found == expected
    assert "25.0% of the f16 bytes" in figures
    assert ("too low" in figures) == (expected == MISSED)


def test_goals_without_rows_are_not_measured() -> None:
    found = standings(gather([make_row("none")]))
    assert len(found) == 9 and {standing.verdict for standing in found} == {UNKNOWN}


def test_a_draw_that_alone_would_miss_is_told() -> None:
    rows = [make_row("halfling", 0.5, draw=d, change=c) for d, c in ((1, -0.01), (2, -0.05))]
    found, figures = verdict(rows, "At keep .5, closed form")
    assert found == MET and "2 draws: -5.0% to -1.0%" in figures
    assert "One draw alone would miss it: its lower end is -6.0%" in figures


def test_a_baseline_must_be_beaten_at_every_keep_by_both_figures() -> None:
    rows = [
        make_row("od-llm", 0.5, change=-0.03, divergence=0.2),
        make_row("od-llm", 0.25, change=-0.2, divergence=0.5),
        make_row("halfling", 0.5, change=-0.02, divergence=0.1),
        make_row("halfling", 0.25, change=-0.1, divergence=0.4),
    ]
    assert verdict(rows, "Better than od-llm")[0] == MET
    rows[3] = make_row("halfling", 0.25, change=-0.1, divergence=0.6)
    found, figures = verdict(rows, "Better than od-llm")
    assert found == MISSED and "Not better at keep .25 by KL." in figures
    assert "-2.0% against -3.0%" in figures
    rows[2] = make_row("halfling", 0.5, change=-0.04, divergence=0.3)
    assert "at keep .5 by NDCG@10 and KL" in verdict(rows, "Better than od-llm")[1]
    assert verdict(rows, "Better than svd-llm")[0] == UNKNOWN


def test_int4_is_compared_at_its_bytes() -> None:
    rows = [
        make_row("int4", change=-0.05, bytes=1000),
        make_row("halfling", 0.75, change=-0.01, bytes=1500),
        make_row("halfling", 0.25, change=-0.20, bytes=800),
        make_row("halfling", 0.25, change=-0.03, bytes=800, healed=True),
    ]
    # Without a row made to its bytes the largest that is no larger stands in.
    assert verdict(rows, "Better than dense int4 at its bytes, closed form")[0] == MISSED
    assert verdict(rows, "Better than dense int4 at its bytes, healed")[0] == MET
    rows.append(make_row("int4", change=-0.01, bytes=1000, healed=True))
    assert verdict(rows, "Better than dense int4 at its bytes, healed")[0] == MISSED
    rows.append(make_row("halfling", None, bytes_of="int4", change=-0.04, bytes=999))
    assert verdict(rows, "Better than dense int4 at its bytes, closed form")[0] == MET


def test_int8_is_compared_with_what_is_as_small_and_as_fast() -> None:
    rows = [
        make_row("int8", change=-0.002, bytes=1000, ms=2.0),
        make_row("halfling", 0.75, change=0.01, bytes=800, ms=2.1),
        make_row("halfling", 0.5, change=-0.01, bytes=500, ms=1.0),
    ]
    found, figures = verdict(rows, "Better than dense int8")
    assert found == MISSED and "halfling, keep .5" in figures
    rows[1]["evaluation"]["milliseconds_per_user"] = 1.9
    assert verdict(rows, "Better than dense int8")[0] == MET


def test_the_page_has_every_figure() -> None:
    timed = {"milliseconds": {"baseline": 7.25, "relaxed": 3.5}, "browser": "99.0", "command": "x"}
    rows = [make_row("none", change=0, bytes=4000), make_row("int8", chromium=timed)]
    rows += [make_row("halfling", 0.5, draw=d, change=-0.01 * d, bytes=1000) for d in (1, 2, 3)]
    text = page_of(rows, "../images/films.svg", "It was a busy day.")
    assert "It was a busy day." in text and "(../images/films.svg)" in text
    assert "900 test users" in text and "beam 20" in text
    assert "| halfling, keep .5 | 1,000 | 25.0% |" in text
    assert "| -2.0% [-3.0, -1.0] | -1.0, -2.0, -3.0 |" in text
    assert "| 7.25 | 3.50 |" in text and "Chromium 99.0" in text
    assert "{" not in text  # no field left unfilled
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")
    assert "Chromium" not in page_of(rows[:1])


def test_numbers_are_short() -> None:
    assert [short(value, 2) for value in (0.5, 0.33, 1, 12.25)] == [".5", ".33", "1", "12.25"]


def test_the_plot_names_every_method(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="only for plots: scripts/requirements-quality.txt")
    from quality_table.plot import draw

    rows = [make_row("none", bytes=4000), make_row("svd", 0.25, change=-0.9, bytes=600)]
    rows += [make_row("halfling", keep, bytes=1000 * keep) for keep in (0.5, 0.25)]
    output = tmp_path / "plot.svg"
    draw({"name": "films", "rows": rows}, output)
    first = output.read_bytes()
    assert first.startswith(b"<?xml") and first.count(b"<path") > 20
    draw({"name": "films", "rows": rows}, output)
    assert output.read_bytes() == first  # no dates, no random names


def test_the_command_measures_writes_and_reads_back(
    tool: Path, checkpoint: Path, tmp_path: Path
) -> None:
    results, pages = tmp_path / "out/results.json", tmp_path / "out/NAME.md"
    command = [sys.executable, str(SCRIPT), "--tool", str(tool)]
    command += ["--checkpoints", str(checkpoint.parent), "--work", str(tmp_path / "work")]
    command += ["--no-heal", "--draws", "1", "--json", str(results), "--markdown", str(pages)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "instruments: no checkpoint" in done.stderr
    written = json.loads(results.read_text())
    assert written["machine"]["cores"] == len(os.sched_getaffinity(0))
    assert len(written["datasets"][0]["rows"]) == 3 + 4 * 5 + 1
    markdown = tmp_path / "out/movielens.md"
    text = markdown.read_text()
    markdown.unlink()
    again = [sys.executable, str(SCRIPT), "--from-json", str(results), "--markdown", str(pages)]
    refused = subprocess.run([*again, "--note", "x"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "expected NAME=TEXT" in refused.stderr
    assert subprocess.run(again, capture_output=True, check=False).returncode == 0
    assert markdown.read_text() == text
    nameless = [*again[:-1], str(tmp_path / "page.md")]
    refused = subprocess.run(nameless, capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "--markdown: expected NAME" in refused.stderr


def test_a_missing_tool_or_checkpoint_is_named(tool: Path, tmp_path: Path) -> None:
    base = [sys.executable, str(SCRIPT), "--json", str(tmp_path / "x.json"), "--tool"]
    for arguments, message in (
        ([str(tmp_path / "absent")], "no such program"),
        ([str(tool), "--checkpoints", str(tmp_path)], "expected instruments, beauty, movielens"),
    ):
        done = subprocess.run([*base, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 1 and message in done.stderr
