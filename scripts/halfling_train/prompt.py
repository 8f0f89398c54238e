"""What stands around the codes of a history, and which tokens a checkpoint has for it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .datasets import MAX_HISTORY

BOS = 0


@dataclass(frozen=True)
class Prompt:
    """prefix, item, separator, item, separator, …, item, suffix: what follows is the next item.

    Training knows only the tokens that the prompt and the codes can use, numbered afresh: `text`
    first, then the codes level by level. The checkpoint has the former under the ids in `text`, and
    the codes under `code_ids` (empty: 1, 2, …), where a code that no item has may be -1.
    """

    prefix: tuple[int, ...] = (BOS,)
    separator: tuple[int, ...] = ()
    suffix: tuple[int, ...] = ()
    text: tuple[int, ...] = (BOS,)
    code_ids: tuple[int, ...] = ()
    max_history: int = MAX_HISTORY  # the last items of a history, which the prompt has

    @staticmethod
    def of_text(
        prefix: Sequence[int],
        separator: Sequence[int],
        suffix: Sequence[int],
        code_ids: Sequence[int] = (),
        others: set[int] = frozenset(),
        max_history: int = MAX_HISTORY,
    ) -> Prompt:
        """From a checkpoint's token ids; `others` are to be known, too."""
        parts = (prefix, separator, suffix)
        text = tuple(sorted({*prefix, *separator, *suffix, *others}))
        number = {token: index for index, token in enumerate(text)}
        numbered = (tuple(number[token] for token in part) for part in parts)
        return Prompt(*numbered, text, tuple(code_ids), max_history)

    @property
    def asks_throughout(self) -> bool:
        """Whether every item stands where the next is asked for, so that all teach at once."""
        return self.suffix == self.separator

    def length(self, items: int | np.ndarray, levels: int) -> int | np.ndarray:
        """Tokens of the prompt of so many items, each with a code of so many levels."""
        between = (items - 1) * len(self.separator)
        whole = len(self.prefix) + items * levels + between + len(self.suffix)
        # Without a history nothing ends it, unless the suffix is the question.
        empty = len(self.prefix) + (0 if self.asks_throughout else len(self.suffix))
        return np.where(np.asarray(items) > 0, whole, empty)

    def longest(self, levels: int) -> int:
        """Tokens that the model reads at most: the last code of an item is only predicted."""
        return int(self.length(self.max_history, levels)) + levels - 1

    def vocabulary_size(self, level_sizes: tuple[int, ...]) -> int:
        return len(self.text) + sum(level_sizes)

    def checkpoint_ids(self, level_sizes: tuple[int, ...]) -> np.ndarray:
        """[vocabulary_size] what the checkpoint calls each token."""
        codes = self.code_ids or range(1, 1 + sum(level_sizes))
        return np.array([*self.text, *codes], dtype=np.int64)

    def token_table(self, codes: np.ndarray, level_sizes: tuple[int, ...]) -> np.ndarray:
        """[items, levels] tokens of `codes`: each level has a block of the vocabulary."""
        return codes + self.first_tokens(level_sizes)

    def first_tokens(self, level_sizes: tuple[int, ...]) -> np.ndarray:
        """[levels] each level's token of code 0."""
        return len(self.text) + np.concatenate([[0], np.cumsum(level_sizes)[:-1]]).astype(np.int64)
