"""A checkpoint's own tokenizer, as transformers loads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import transformers
from halfling_train.datasets import DataError

SENTENCEPIECE = "tokenizer.model"
VOCABULARIES = ("tokenizer.json", SENTENCEPIECE, "vocab.json")


class CodeTokenizer:
    def __init__(self, folder: Path) -> None:
        """DataError where transformers cannot load it."""
        if not any((folder / name).is_file() for name in VOCABULARIES):
            raise DataError(
                f"{folder}: expected a tokenizer ({', '.join(VOCABULARIES[:-1])} or "
                f"{VOCABULARIES[-1]}) in it, found none"
            )
        # LC-Rec and LETTER use the slow one where they save only tokenizer.model. The fast one may
        # split text after an added token differently.
        slow = (folder / SENTENCEPIECE).is_file() and not (folder / "tokenizer.json").is_file()
        transformers.logging.set_verbosity_error()
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(
                str(folder), use_fast=not slow, local_files_only=True
            )
        except Exception as error:  # it raises what its parsers raise, of no common class
            raise DataError(f"{folder}: transformers cannot load the tokenizer: {error}") from None
        self._ids: dict[str, int] = self._tokenizer.get_vocab()  # with the added tokens

    def id_of(self, word: str) -> int | None:
        """The token that is spelled so; None where there is none."""
        return self._ids.get(word)

    def text_of(self, tokens: Sequence[int]) -> str:
        return self._tokenizer.decode(tokens)

    def encode(self, segments: Sequence[str]) -> list[int]:
        """A prompt's tokens, with BOS where the model has it and without EOS."""
        if len(segments) == 1:
            return self._without_eos(self._tokenizer(segments[0])["input_ids"])
        bos = self._tokenizer.bos_token_id
        tokens = [] if bos is None else [bos]
        for segment in segments:
            tokens += self._tokenizer(segment, add_special_tokens=False)["input_ids"]
        return tokens

    def _without_eos(self, tokens: list[int]) -> list[int]:
        """Some tokenizers end every text with EOS, after which no item would follow."""
        ends = bool(tokens) and tokens[-1] == self._tokenizer.eos_token_id
        return tokens[:-1] if ends else tokens
