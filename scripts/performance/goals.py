"""Where each goal of speed stands, in sentences made from the figures alone."""

from __future__ import annotations

from typing import Any

from recorded.standing import MET, MISSED, UNKNOWN, Standing

from .results import (
    ORT,
    OURS,
    WLLAMA,
    Contender,
    download,
    find,
    median,
    milliseconds,
    model_named,
    quantile,
    threads_text,
)

SMALL, LARGE = "instruments", "smollm2-135m-random"
THREADS = (1, 2)
DOWNLOAD, DOWNLOAD_SHARE = 135_000, 25
FRAME = 16


def standings(results: dict[str, Any]) -> list[Standing]:
    small, large = model_named(results, SMALL), model_named(results, LARGE)
    found = []
    for threads in THREADS:
        ours = best(small, "half", threads)
        for directory, times in (("dense", 10), ("half-f32", 6)):
            rival = find(small, engine=ORT, directory=directory, threads=threads)
            what = "the dense f32 model" if directory == "dense" else "the same halved model in f32"
            title = (
                f"One recommendation, halved int8, {times} times as fast as onnxruntime-web "
                f"with {what}, {threads_text(threads)}"
            )
            found.append(faster(title, ours, rival, times))
    found.append(warm_standing(best(small, "half", 1)))
    for threads in THREADS:
        title = f"SmolLM2-135M-sized, dense int8: faster than wllama q8_0, {threads_text(threads)}"
        rival = find(large, engine=WLLAMA, weights="q8_0", threads=threads)
        found.append(faster(title, best(large, "int8", threads), rival, 1))
    return [*found, download_standing(results), frame_standing(best(small, "half", 1))]


def best(model: dict[str, Any], directory: str, threads: int) -> Contender | None:
    """What the package picks by itself, relaxed SIMD where the browser has it."""
    chosen = {"engine": OURS, "directory": directory, "threads": threads}
    return find(model, simd="relaxed", **chosen) or find(model, simd="baseline", **chosen)


def faster(title: str, ours: Contender | None, rival: Contender | None, times: float) -> Standing:
    own, other = median(ours, "cold"), median(rival, "cold")
    if own is None or other is None:
        return Standing(title, UNKNOWN, "The run lacks one of the two.")
    ratio = other / own
    figures = f"{milliseconds(own)} ms against {milliseconds(other)} ms: {ratio:.1f} times."
    return Standing(title, *judged(ratio > times if times == 1 else ratio >= times, figures, times))


def judged(met: bool, figures: str, times: float) -> tuple[str, str]:
    return (MET, figures) if met else (MISSED, f"{figures} Wanted: {times:g} times.")


def warm_standing(ours: Contender | None) -> Standing:
    title = "One more event on a warm session, 3 times as fast as cold"
    cold, warm = median(ours, "cold"), median(ours, "warm")
    if cold is None or warm is None:
        return Standing(title, UNKNOWN, "The run lacks one of the two.")
    figures = f"{milliseconds(warm)} ms against {milliseconds(cold)} ms: {cold / warm:.1f} times."
    return Standing(title, *judged(cold / warm >= 3, figures, 3))


def download_standing(results: dict[str, Any]) -> Standing:
    title = (
        f"Runtime download below {DOWNLOAD / 1000:g} KB, compressed, and a {DOWNLOAD_SHARE}th of "
        "onnxruntime-web's"
    )
    own, other = download(results, OURS), download(results, ORT)
    if own is None or other is None:
        return Standing(title, UNKNOWN, "The run lacks one of the two.")
    figures = (
        f"{own / 1000:.1f} KB; onnxruntime-web's {other / 1000:,.0f} KB is "
        f"{other / own:.1f} times that."
    )
    met = own < DOWNLOAD and other >= DOWNLOAD_SHARE * own
    return Standing(title, MET if met else MISSED, figures)


def frame_standing(ours: Contender | None) -> Standing:
    title = f"99 of 100 recommendations within {FRAME} ms, instruments halved, one thread"
    slow = quantile(ours, "cold", "p99", "page_ms")
    if ours is None or slow is None:
        return Standing(title, UNKNOWN, "The run lacks it.")
    runs = ours["cases"]["cold"]["runs"]
    figures = f"The page waits {milliseconds(slow)} ms at the 99th percentile of {runs} runs."
    if slow < FRAME:
        return Standing(title, MET, figures)
    return Standing(title, MISSED, f"{figures} That is {milliseconds(slow - FRAME)} ms too long.")
