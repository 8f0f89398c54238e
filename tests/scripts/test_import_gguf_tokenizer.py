"""Tokenizers come back out of GGUF files as the published tokenizer.json of each kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gguf_example import SPECIAL, Made, make_model, write_gguf
from halfling_import.gguf_checkpoint import convert
from halfling_import.gguf_tokenizer import KINDS
from tokenizers import Tokenizer, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerBase

TEXTS = [
    "The quick brown fox jumps over the lazy dog, 1234567 times in 2024.",
    "Größe, naïve cafe\u0301 — don't WE'LL\n\n  indented\tand tabbed  \n",
    "<|im_start|>user\nHello there, 你好 (x+=12)...<|im_end|>",
]
LAZY = "Ġlazy"  # a token that no merge makes


def byte_level(use_regex: bool) -> dict:
    return {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": use_regex,
    }


def in_turn(*parts: dict) -> dict:
    return {"type": "Sequence", "pretokenizers": list(parts)}


def split_by(pattern: str) -> dict:
    return {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }


# What SmolLM's, GPT-2's, Qwen2's and Llama 3's tokenizer.json hold beside the vocabulary.
PUBLISHED = {
    "smollm": {
        "pre_tokenizer": in_turn({"type": "Digits", "individual_digits": True}, byte_level(True))
    },
    "gpt-2": {"pre_tokenizer": byte_level(True)},
    "qwen2": {
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": in_turn(
            split_by(
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+"
                r"[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            ),
            byte_level(False),
        ),
    },
    "llama-bpe": {
        "pre_tokenizer": in_turn(
            split_by(
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
                r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            ),
            byte_level(False),
        ),
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": SPECIAL[0], "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
            ],
            "pair": [{"Sequence": {"id": name, "type_id": 0}} for name in "AB"],
            "special_tokens": {SPECIAL[0]: {"id": SPECIAL[0], "ids": [0], "tokens": [SPECIAL[0]]}},
        },
    },
}


def published_tokenizer(kind: str) -> Tokenizer:
    empty = {
        "version": "1.0",
        "added_tokens": [],
        "model": {"type": "BPE", "vocab": {}, "merges": []},
        "decoder": byte_level(True),
        **PUBLISHED[kind],
        "post_processor": None,
    }
    tokenizer = Tokenizer.from_str(json.dumps(empty))
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text.replace("lazy", "") for text in TEXTS], trainer)
    trained = json.loads(tokenizer.to_str())
    trained["model"]["vocab"][LAZY] = len(trained["model"]["vocab"])
    trained["model"]["ignore_merges"] = kind == "llama-bpe"
    trained["post_processor"] = PUBLISHED[kind].get("post_processor")
    return Tokenizer.from_str(json.dumps(trained))


def imported(published: Tokenizer, made: Made, folder: Path) -> PreTrainedTokenizerBase:
    model = make_model("llama", published.get_vocab_size(), True)
    write_gguf(folder / "model.gguf", model, published, made)
    convert(folder / "model.gguf", folder / "out")
    return AutoTokenizer.from_pretrained(folder / "out")


@pytest.mark.parametrize("kind", KINDS)
def test_texts_have_the_published_tokens(kind: str, tmp_path: Path) -> None:
    published = published_tokenizer(kind)
    tokenizer = imported(published, Made(pre=kind), tmp_path)
    for text in TEXTS:
        ids = tokenizer(text).input_ids
        assert ids == published.encode(text).ids
        plain = tokenizer(text, add_special_tokens=False).input_ids
        assert tokenizer.decode(plain) == published.decode(plain, skip_special_tokens=False)
    assert tokenizer.bos_token == "<|endoftext|>" and tokenizer.eos_token == "<|im_end|>"
    starts_with_bos = tokenizer(TEXTS[0]).input_ids[0] == tokenizer.bos_token_id
    assert starts_with_bos == (kind == "llama-bpe")
    assert (LAZY in tokenizer.tokenize(TEXTS[0])) == (kind == "llama-bpe")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("add_bos", [True, False])
def test_the_file_says_whether_a_text_starts_with_bos(
    kind: str, add_bos: bool, tmp_path: Path
) -> None:
    published = published_tokenizer(kind)
    tokenizer = imported(published, Made(pre=kind, add_bos=add_bos), tmp_path)
    plain = published.encode(TEXTS[0], add_special_tokens=False).ids
    assert tokenizer(TEXTS[0]).input_ids == [0] * add_bos + plain
