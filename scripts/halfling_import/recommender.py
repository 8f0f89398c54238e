"""recommender.json and interactions.json beside a model's files, and whether a prompt fits it."""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import asdict
from pathlib import Path

from halfling_train.datasets import DataError
from halfling_train.description import write_files

from .model_files import Model
from .prompt_tokens import PromptTokens

MAX_HISTORY = 10_000  # kMaxHistoryItems of the engine


def history_length(text: str) -> int:
    """An option's value."""
    length = int(text)
    if not 1 <= length <= MAX_HISTORY:
        raise ArgumentTypeError(f"{text}; expected 1 to {MAX_HISTORY}")
    return length


def check_length(
    model: Model, prompt: PromptTokens, max_history: int, code_length: int, option: str
) -> None:
    """DataError where a full prompt and a code are longer than the model's positions.

    `option` is what sets max_history.
    """
    longest = prompt.longest(max_history, code_length)
    if longest <= model.max_positions:
        return
    fitting = next(
        (
            items
            for items in range(max_history, 0, -1)
            if prompt.longest(items, code_length) <= model.max_positions
        ),
        0,
    )
    advice = f"{option} {fitting} fits" if fitting else "The prompt does not fit with one item"
    raise DataError(
        f"{model.folder}/config.json: max_position_embeddings: {model.max_positions}; "
        f"expected at least {longest} for a history of {max_history} items. {advice}"
    )


def write_recommender(
    output: Path,
    prompt: PromptTokens,
    max_history: int,
    items: list[dict],
    interactions: dict[str, list[str]],
) -> None:
    description = {
        "format": 1,
        "prompt": asdict(prompt),
        "max_history": max_history,
        "items": items,
    }
    write_files(output, description, interactions)
