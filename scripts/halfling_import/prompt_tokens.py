"""A template's tokens: what stands before, between and after the history's codes.

A tokenizer may merge across the border of two texts, so the parts are cut out of whole prompts'
tokens, and then whole prompts are made of them and compared with what the tokenizer says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from halfling_train.datasets import DataError

from .prompt_template import Template

if TYPE_CHECKING:  # who has the tokens already needs no transformers
    from .code_tokenizer import CodeTokenizer


@dataclass(frozen=True)
class Code:
    text: str  # its words, joined
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class PromptTokens:
    prefix: list[int]
    separator: list[int]
    suffix: list[int]

    def of(self, history: Sequence[Code]) -> list[int]:
        tokens = list(self.prefix)
        for number, code in enumerate(history):
            tokens += [*(self.separator if number else ()), *code.tokens]
        return tokens + self.suffix

    def longest(self, max_history: int, code_length: int) -> int:
        """Tokens of a full prompt and a code after it, but for the code's last."""
        items = max_history * code_length + (max_history - 1) * len(self.separator)
        return len(self.prefix) + items + len(self.suffix) + code_length - 1


def tokenize_prompt(
    tokenizer: CodeTokenizer, template: Template, codes: Sequence[Code]
) -> PromptTokens:
    """DataError where no prefix, separator and suffix give the tokens of whole prompts.

    That is tried with every code in a history, with short and full histories, and with the code
    that follows, as in training.
    """
    parts = split_prompt(tokenizer, template, codes[0], codes[-1])
    for history, answer in sample_prompts(codes, template.max_history):
        texts = [code.text for code in history]
        expected = tokenizer.encode(template.render(texts))
        compare(tokenizer, expected, parts.of(history))
        with_answer = tokenizer.encode(template.render(texts, answer.text))
        compare(tokenizer, with_answer, [*parts.of(history), *answer.tokens])
    return parts


def split_prompt(
    tokenizer: CodeTokenizer, template: Template, first: Code, second: Code
) -> PromptTokens:
    whole = tokenizer.encode(template.render([first.text, second.text]))
    start = find_code(tokenizer, whole, first, 0)
    end = start + len(first.tokens)
    next_start = find_code(tokenizer, whole, second, end)
    suffix = whole[next_start + len(second.tokens) :]
    return PromptTokens(whole[:start], whole[end:next_start], suffix)


def find_code(tokenizer: CodeTokenizer, whole: Sequence[int], code: Code, start: int) -> int:
    width = len(code.tokens)
    for place in range(start, len(whole) - width + 1):
        if tuple(whole[place : place + width]) == code.tokens:
            return place
    split = [tokenizer.text_of([token]) for token in whole[start:]]
    raise DataError(
        f"the tokenizer does not keep {code.text} as {len(code.tokens)} tokens in a prompt: "
        f"{split!r:.200}; expected its words as added tokens, which nothing merges with"
    )


def sample_prompts(
    codes: Sequence[Code], max_history: int
) -> Iterator[tuple[Sequence[Code], Code]]:
    for size in (1, 2, 3):
        yield codes[: min(size, max_history)], codes[-1]
    for start in range(0, len(codes), max_history):
        yield codes[start : start + max_history], codes[start]


def compare(tokenizer: CodeTokenizer, expected: list[int], made: list[int]) -> None:
    if expected == made:
        return
    pairs = zip(expected, made)
    same = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(expected), len(made)))
    around = slice(max(0, same - 3), same + 4)
    raise DataError(
        "the tokenizer merges across the parts of the prompt: "
        f"around {tokenizer.text_of(expected[around])!r} a whole prompt has the tokens "
        f"{expected[around]}, its parts {made[around]}; expected the same. Give a --template and "
        "--separator that were used in training; white space beside {history} is the usual cause"
    )
