"""Finds figures in the results JSON of `npm run bench`."""

from __future__ import annotations

from typing import Any

Contender = dict[str, Any]
CASES = ("cold", "warm", "explain")
ORT, WLLAMA, OURS = "onnxruntime-web", "wllama", "halfling"


def merge_runs(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The first run, with the models that later ones measured again or besides; such a model says
    which run it is of, as model["run"]."""
    models = {model["name"]: model for model in runs[0]["models"]}
    for run in runs[1:]:
        origin = {field: run[field] for field in ("command", "date", "commit")}
        models |= {model["name"]: {**model, "run": origin} for model in run["models"]}
    return {**runs[0], "models": list(models.values())}


def model_named(results: dict[str, Any], name: str) -> dict[str, Any]:
    """An empty one where the run has no such model."""
    found = (model for model in results["models"] if model["name"] == name)
    return next(found, {"name": name, "contenders": [], "skipped": []})


def find(model: dict[str, Any], **wanted: Any) -> Contender | None:
    return next(
        (one for one in model["contenders"] if all(one.get(k) == v for k, v in wanted.items())),
        None,
    )


def median(contender: Contender | None, case: str) -> float | None:
    """Milliseconds in the engine."""
    return quantile(contender, case, "median")


def quantile(
    contender: Contender | None, case: str, share: str, clock: str = "engine_ms"
) -> float | None:
    if contender is None or case not in contender["cases"]:
        return None
    return contender["cases"][case][clock][share]


def tokens_run(model: dict[str, Any]) -> int:
    """Of the prompt and the beams, in a cold recommendation; 0 where no engine told."""
    for one in model["contenders"]:
        counts = one["cases"].get("cold", {}).get("decoded_tokens")
        if counts:
            return sum(counts)
    return 0


def download(results: dict[str, Any], engine: str) -> int | None:
    """Bytes, compressed."""
    for entry in results["downloads"]:
        if entry["engine"] == engine:
            return entry["wasm"]["gzip"] + entry["js"]["gzip"]
    return None


def label(contender: Contender) -> str:
    """halfling, halved int8, relaxed SIMD"""
    parts = [contender["engine"], weights_text(contender)]
    if "simd" in contender:
        parts.append(f"{contender['simd']} SIMD")
    return ", ".join(parts)


def weights_text(contender: Contender) -> str:
    names = {"half": "halved", "half-f32": "halved", "quarter": "a quarter"}
    stored = "f32" if contender["directory"] in ("dense", "half-f32") else "int8"
    return f"{names.get(contender['directory'], 'dense')} {contender.get('weights', stored)}"


def threads_text(count: int) -> str:
    return f"{count} thread" if count == 1 else f"{count} threads"


def milliseconds(value: float | None) -> str:
    """Three digits, thousands apart."""
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
