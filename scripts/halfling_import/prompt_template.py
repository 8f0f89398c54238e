"""Prompt templates: the text around a history, as the model was fine-tuned with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from halfling_train.datasets import DataError

HISTORY = "{history}"


@dataclass(frozen=True)
class Template:
    # Each is tokenized for itself, since the project's own code does so. One holds {history}.
    segments: tuple[str, ...]
    separator: str = ", "
    max_history: int = 20

    def render(self, history: Sequence[str], answer: str = "") -> tuple[str, ...]:
        """The segments with the history's codes, as text, and the answer's code after them."""
        text = self.separator.join(history)
        filled = [segment.replace(HISTORY, text) for segment in self.segments]
        return (*filled[:-1], filled[-1] + answer)


# Both projects' wording and white space to the letter, which the models were trained with.
LC_REC = Template(  # the first of its prompts for the sequential task, which its test uses
    (
        "Below is an instruction that describes a task. Write a response that appropriately "
        "completes the request.\n\n### Instruction:\nThe user has interacted with items {history} "
        "in chronological order. Can you predict the next possible item that the user may expect?"
        "\n\n### Response:",
    )
)
MINIONEREC_INSTRUCTION = (
    "Below is an instruction that describes a task, paired with an input that provides further "
    "context. Write a response that appropriately completes the request. \n\n### Instruction:\n"
    "Can you predict the next possible item that the user may expect?\n\n"
)
MINIONEREC_SFT = Template(
    (
        MINIONEREC_INSTRUCTION,
        "### User Input: \nThe user has interacted with items {history} in chronological order. "
        "Can you predict the next possible item that the user may expect?\n\n### Response:\n",
    ),
    max_history=10,
)
MINIONEREC = Template(
    (
        MINIONEREC_INSTRUCTION,
        "### User Input: \nCan you predict the next possible item the user may expect, given the "
        "following chronological interaction history: {history}\n\n### Response:\n",
    ),
    max_history=10,
)
TEMPLATES = {
    "lc-rec": LC_REC,
    "letter": LC_REC,
    "minionerec": MINIONEREC,  # as its evaluation asks
    "minionerec-sft": MINIONEREC_SFT,  # as its fine-tuning asks
}


def read_template(given: str, separator: str | None, max_history: int | None) -> Template:
    """A template by name, a text with {history}, or a file with such a text."""
    template = TEMPLATES.get(given) or Template((template_text(given),))
    if separator is not None:
        template = replace(template, separator=separator)
    if max_history is not None:
        template = replace(template, max_history=max_history)
    return template


def template_text(given: str) -> str:
    """The text; of a file the last line's end does not count, since editors add it."""
    text, where = given, "--template"
    if HISTORY not in given:
        if not os.path.isfile(given):  # also where a text is too long for a path
            raise DataError(
                f"--template {given!r:.80}: expected {', '.join(TEMPLATES)}, a file, or a text "
                f"with {HISTORY}"
            )
        try:
            text, where = Path(given).read_text(encoding="utf-8").removesuffix("\n"), given
        except (OSError, ValueError) as error:
            raise DataError(f"{given}: not a text in UTF-8: {error}") from None
    if text.count(HISTORY) != 1:
        raise DataError(f"{where}: expected {HISTORY} once, found {text.count(HISTORY)}")
    return text
