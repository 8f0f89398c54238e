"""The tokenizer in a GGUF file's header as tokenizer.json: byte-level BPE, as Llama 3, Qwen and
SmolLM have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from halfling_train.datasets import DataError
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

if TYPE_CHECKING:
    from .gguf_checkpoint import GgufFile

CONTROL, USER_DEFINED = 3, 4  # of gguf's TokenType
# What llama.cpp splits text by before merging: src/llama-vocab.cpp, LLAMA_VOCAB_PRE_TYPE_*.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Kind:
    """What tokenizer.ggml.pre stands for, beside the merges."""

    pre_tokenizer: pre_tokenizers.PreTokenizer
    normalizer: normalizers.Normalizer | None = None  # as published; llama.cpp has none
    ignore_merges: bool = False  # a word that is a token is it, whatever the merges make of it
    add_bos: bool = False  # where the file does not say


def by_words(digits: str) -> pre_tokenizers.PreTokenizer:
    split = pre_tokenizers.Split(Regex(WORDS % digits), behavior="isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])


def by_digits() -> pre_tokenizers.PreTokenizer:
    digits = pre_tokenizers.Digits(individual_digits=True)
    return pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])


KINDS = {
    "smollm": Kind(by_digits()),
    "gpt-2": Kind(pre_tokenizers.ByteLevel(add_prefix_space=False)),
    "qwen2": Kind(by_words(""), normalizer=normalizers.NFC()),
    "llama-bpe": Kind(by_words("{1,3}"), ignore_merges=True, add_bos=True),
}


def tokenizer_of(file: GgufFile) -> Tokenizer:
    """The tokenizer.json. Raises DataError for another kind of tokenizer."""
    tokens, merges, kind = file.field("tokenizer.ggml.tokens"), merges_of(file), kind_of(file)
    model = models.BPE(numbered(tokens), merges, ignore_merges=kind.ignore_merges)
    tokenizer = Tokenizer(model)
    if kind.normalizer:
        tokenizer.normalizer = kind.normalizer
    tokenizer.pre_tokenizer = kind.pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    for token, token_type in zip(tokens, file.field("tokenizer.ggml.token_type")):
        if token_type == CONTROL:
            tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False)])
        elif token_type == USER_DEFINED:
            tokenizer.add_tokens([AddedToken(token, normalized=False)])
    if file.field("tokenizer.ggml.add_bos_token", kind.add_bos):
        bos = file.field("tokenizer.ggml.bos_token_id")
        tokenizer.post_processor = processors.TemplateProcessing(
            single=["bos", "$A"],
            special_tokens=[{"id": "bos", "ids": [bos], "tokens": [tokens[bos]]}],
        )
    return tokenizer


def numbered(tokens: list[str]) -> dict[str, int]:
    return {token: number for number, token in enumerate(tokens)}


def merges_of(file: GgufFile) -> list[tuple[str, str]]:
    kind = file.field("tokenizer.ggml.model")
    if kind != "gpt2":
        raise DataError(
            f"{file.path}: its tokenizer.ggml.model is {kind}; expected gpt2 (byte-level BPE)"
        )
    return [tuple(merge.split(" ", 1)) for merge in file.field("tokenizer.ggml.merges")]


def kind_of(file: GgufFile) -> Kind:
    name = file.field("tokenizer.ggml.pre")
    if name not in KINDS:
        raise DataError(
            f"{file.path}: its tokenizer.ggml.pre is {name}; expected {', '.join(KINDS)}"
        )
    return KINDS[name]


def tokenizer_settings(file: GgufFile) -> dict:
    """The tokenizer_config.json."""
    tokens = file.field("tokenizer.ggml.tokens")
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": file.setting("context_length"),
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
    }
    for name, key in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding")):
        number = file.special_token(key)
        if number is not None:
            settings[f"{name}_token"] = tokens[number]
    if "tokenizer.chat_template" in file.reader.fields:
        settings["chat_template"] = file.field("tokenizer.chat_template")
    return settings
