"""A language model as somebody might have pretrained it: random weights, a byte-level tokenizer."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers


def byte_level_bpe(texts: list[str], special: list[str], size: int) -> Tokenizer:
    """As SmolLM's: digits one by one, then bytes in pairs. The special tokens come first."""
    tokenizer = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def write_language_model(folder: Path, tokenizer: Tokenizer, architecture: str = "Llama") -> Path:
    """A Hugging Face directory of a model with three layers; token 0 ends a text.

    Only Mistral has a head of its own.
    """
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    torch.manual_seed(4)
    config = getattr(transformers, f"{architecture}Config")(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=architecture != "Mistral",
        bos_token_id=None,
        eos_token_id=0,
    )
    model = getattr(transformers, f"{architecture}ForCausalLM")(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):  # which start as zeros
                parameter.normal_()
    model.save_pretrained(folder, safe_serialization=True)
    return folder
