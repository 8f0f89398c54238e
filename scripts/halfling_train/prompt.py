"""What stands around the codes of a history, and which tokens a checkpoint has for it all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BOS = 0


@dataclass(frozen=True)
class Prompt:
    """prefix, item, separator, item, separator, …: what follows is the next item.

    Training knows only the tokens that the prompt and the codes can use, numbered afresh: `text`
    first, then the codes level by level. The checkpoint has the former under the ids in `text`, and
    the codes from `first_code` on.
    """

    prefix: tuple[int, ...] = (BOS,)
    separator: tuple[int, ...] = ()
    text: tuple[int, ...] = (BOS,)
    first_code: int = 1

    @staticmethod
    def of_text(
        prefix: list[int], separator: list[int], first_code: int, others: set[int] = frozenset()
    ) -> Prompt:
        """From a checkpoint's token ids; `others` are to be known, too."""
        text = tuple(sorted({*prefix, *separator, *others}))
        number = {token: index for index, token in enumerate(text)}
        return Prompt(
            tuple(number[token] for token in prefix),
            tuple(number[token] for token in separator),
            text,
            first_code,
        )

    def vocabulary_size(self, level_sizes: tuple[int, ...]) -> int:
        return len(self.text) + sum(level_sizes)

    def checkpoint_ids(self, level_sizes: tuple[int, ...]) -> np.ndarray:
        """[vocabulary_size] what the checkpoint calls each token."""
        codes = self.first_code + np.arange(sum(level_sizes))
        return np.concatenate([np.array(self.text, dtype=np.int64), codes])

    def token_table(self, codes: np.ndarray, level_sizes: tuple[int, ...]) -> np.ndarray:
        """[items, levels] tokens of `codes`: each level has a block of the vocabulary."""
        return codes + self.first_tokens(level_sizes)

    def first_tokens(self, level_sizes: tuple[int, ...]) -> np.ndarray:
        """[levels] each level's token of code 0."""
        return len(self.text) + np.concatenate([[0], np.cumsum(level_sizes)[:-1]]).astype(np.int64)
