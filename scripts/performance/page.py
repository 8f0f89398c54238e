"""The results JSON as a page of Markdown: a pure function."""

from __future__ import annotations

from typing import Any

from recorded.markdown import table

from .goals import standings
from .results import (
    CASES,
    OURS,
    WLLAMA,
    Contender,
    label,
    median,
    milliseconds,
    quantile,
    tokens_run,
)

INTRODUCTION = """# How fast it is

Written by `scripts/performance_page.py` from a recorded run of

    {command}

on {date}, with {cores} cores of {cpu} ({memory:.0f} GB, {system}), {browser}, commit {commit};
onnxruntime-web {ort}, wllama {wllama}. Every figure below is of that one command, unless its section
names another. The engines are loaded side by side in one page and take turns, with a pause between
turns, so that a busy machine hurts all alike.

A recommendation ranks the whole catalogue after a history: top 10, beam 20. Times are milliseconds
within the engine's worker.

- **cold**: a history of 20 items, a new one each time; the median, the 10th and the 90th
  percentile.
- **one more event**: the 11th item of a session, whose first ten were just ranked.
- **explain**: 20 recommendations, each of the history's items left out in turn. Every engine may
  reuse the tokens that a prompt has in common with the one before.
- **tokens a second**: those of the prompt and the beams over the time of a cold recommendation.
- **load**: from the bytes in memory, the engine's and the model's, to the first answer, worker and
  compilation included.
- **memory**: of the engine's WebAssembly.Memory at the end, which never shrinks, so its peak.
- **halfling** is the built npm package; with two threads its threaded build, whose threads share
  the tokens of a pass. **onnxruntime-web** (wasm) runs the same weights exported
  to ONNX in f32 with a key-value cache, its fused operators where they are faster, and the same
  beam search, whose beams share the prompt's keys and values. A halved layer is two products there
  too, where those multiply less than the whole matrix.
- **wllama** runs the dense model as GGUF. Its interface takes prompts, not beams, so its times are
  what llama.cpp says it took to decode as many tokens in as many batches: the prompt, then 20
  tokens for each further level, without search or sampling.
- A time counts only where the answer is right: **checked** tells how. Halfling must give the native
  tool's ranking to the bit, onnxruntime-web the same list with log-probabilities within {score} (of a
  model in f32: the halved one of the same ranks). wllama's probabilities of the likeliest first tokens
  must be PyTorch's, within {f16} at f16 and {q8} at q8_0.
"""
TOLERANCES = {"score": 0.001, "f16": 0.02, "q8": 0.2}


def page(results: dict[str, Any], plot: str | None = None) -> str:
    """`plot`: the image, as the page links it."""
    parts = [introduction(results)]
    if plot:
        parts.append(f"![Milliseconds of one recommendation by each engine]({plot})\n")
    goals = "".join(f"- {standing.text()}\n" for standing in standings(results))
    parts.append("## Where each goal stands\n\n" + goals)
    parts += [section(model) for model in results["models"]]
    parts.append(downloads(results))
    return "\n".join(parts)


def introduction(results: dict[str, Any]) -> str:
    machine, versions = results["machine"], results["versions"]
    return INTRODUCTION.format(
        command=results["command"],
        date=results["date"][:10],
        cores=machine["cores"],
        cpu=machine["cpu"],
        memory=machine["memory_bytes"] / 2**30,
        system=machine["system"],
        browser=results["browser"],
        commit=results["commit"],
        ort=versions["onnxruntime-web"],
        wllama=versions["wllama"],
        **TOLERANCES,
    )


def section(model: dict[str, Any]) -> str:
    parts = [f"## {model['name']}\n"]
    if run := model.get("run"):
        parts.append(f"On {run['date'][:10]}, commit {run['commit']}:\n\n    {run['command']}\n")
    parts += [engine_table(model), page_table(model), check_table(model)]
    skipped = [f"- {entry['name']}: {entry['why']}\n" for entry in model["skipped"]]
    if skipped:
        parts.append("Not measured:\n\n" + "".join(skipped))
    return "\n".join(part for part in parts if part)


def with_range(contender: Contender, case: str) -> str:
    """4.21 (3.98 – 4.60)"""
    if case not in contender["cases"]:
        return ""
    low, high = (milliseconds(quantile(contender, case, share)) for share in ("p10", "p90"))
    return f"{milliseconds(median(contender, case))} ({low} – {high})"


def engine_table(model: dict[str, Any]) -> str:
    header = ["engine", "threads", "cold", "99th percentile", "one more event", "explain", "load"]
    tokens = tokens_run(model)
    rows = []
    for one in model["contenders"]:
        load = one["load"]["page_ms"]["median"] if "load" in one else None
        rows.append(
            [
                label(one),
                str(one["threads"]),
                with_range(one, "cold"),
                milliseconds(quantile(one, "cold", "p99")),
                milliseconds(median(one, "warm")),
                milliseconds(median(one, "explain")),
                milliseconds(load),
                f"{one['memory_bytes'] / 1e6:,.0f}",
                *([per_second(tokens, median(one, "cold"))] if tokens else []),
            ]
        )
    return table([*header, "memory, MB", *(["tokens a second"] if tokens else [])], rows)


def per_second(tokens: int, cold: float | None) -> str:
    return f"{1000 * tokens / cold:,.0f}" if cold else ""


def page_table(model: dict[str, Any]) -> str:
    """What the page waits. wllama's has its sampling and JSON besides, so it has no row."""
    columns = (("cold", "median"), ("cold", "p99"), ("warm", "median"), ("explain", "median"))
    rows = [
        [
            label(one),
            str(one["threads"]),
            *(milliseconds(quantile(one, case, share, "page_ms")) for case, share in columns),
        ]
        for one in model["contenders"]
        if one["engine"] != WLLAMA
    ]
    header = ["from call to answer in the page", "threads", "cold", "99th percentile"]
    return table([*header, "one more event", "explain"], rows)


def check_table(model: dict[str, Any]) -> str:
    rows = [
        [label(one), str(one["threads"]), check_text(one), runs_text(one)]
        for one in model["contenders"]
    ]
    return table(["engine", "threads", "checked", "runs"], rows)


def check_text(contender: Contender) -> str:
    check = contender["check"]
    if contender["engine"] == OURS:
        return f"{check['histories']} rankings, all bits the same"
    if contender["engine"] == WLLAMA:
        return f"{check['histories']} first levels, within {check['difference']:.2g}"
    swaps = f", {check['swaps']} swaps of near ties" if check["swaps"] else ""
    return f"{check['histories']} rankings, scores within {check['difference']:.2g}{swaps}"


def runs_text(contender: Contender) -> str:
    counts = [
        f"{contender['cases'][case]['runs']} {case}" for case in CASES if case in contender["cases"]
    ]
    counts += [f"{contender['load']['runs']} load"] if "load" in contender else []
    return ", ".join(counts)


def downloads(results: dict[str, Any]) -> str:
    rows = [
        [
            entry["engine"],
            *(f"{entry[part][how]:,}" for part in ("wasm", "js") for how in ("raw", "gzip")),
            f"{entry['wasm']['gzip'] + entry['js']['gzip']:,}",
        ]
        for entry in results["downloads"]
    ]
    header = ["bytes", "wasm", "compressed", "scripts", "compressed", "compressed, both"]
    return "## What a page downloads before any model\n\n" + table(header, rows)
