"""Tiny models and their tokenizers as GGUF files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import torch
from rival_models.gguf_file import describe_shape, interleave
from tokenizers import Tokenizer
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5,
    "rope_theta": 20000.0,
}
NAMES = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


@dataclass(frozen=True)
class Made:
    """What a test writes into a GGUF file; the defaults are right."""

    architecture: str = "llama"
    tokenizer_model: str = "gpt2"
    pre: str | None = "smollm"
    kind: gguf.GGMLQuantizationType = gguf.GGMLQuantizationType.F32
    bos: int | None = 0
    add_bos: bool | None = None
    scaling: gguf.RopeScalingType = gguf.RopeScalingType.NONE
    divisors: tuple[float, ...] = ()  # of the rotary frequencies
    parts: int = 1
    without: str = ""  # a tensor


def make_model(
    architecture: str, vocab_size: int, tied: bool, **settings: object
) -> PreTrainedModel:
    torch.manual_seed(2)
    kinds = {"llama": (LlamaForCausalLM, LlamaConfig), "qwen2": (Qwen2ForCausalLM, Qwen2Config)}
    kind, config = kinds[architecture]
    settings = {**SIZES, **settings}
    model = kind(config(vocab_size=vocab_size, tie_word_embeddings=tied, **settings)).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or "norm" in name:
            torch.nn.init.normal_(parameter, mean=1.0)
    return model


def write_gguf(path: Path, model: PreTrainedModel, tokenizer: Tokenizer, made: Made) -> None:
    config = model.config
    writer = gguf.GGUFWriter(path, made.architecture)
    describe_shape(writer, config)
    if made.scaling != gguf.RopeScalingType.NONE:
        writer.add_rope_scaling_type(made.scaling)
        writer.add_rope_scaling_factor(2.5)
    if made.divisors:
        writer.add_tensor("rope_freqs.weight", np.array(made.divisors, np.float32))
    if made.parts > 1:
        writer.add_uint16("split.count", made.parts)
    add_tokenizer(writer, tokenizer, made)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, parameter in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = parameter.numpy()
        for part, count in heads.items():
            if made.architecture == "llama" and part in name:
                values = interleave(values, count)
        if gguf_name(name) != made.without:
            add_tensor(writer, gguf_name(name), values, made.kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gguf_name(name: str) -> str:
    outer = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    stem, _, kind = name.rpartition(".")
    if stem in outer:
        return f"{outer[stem]}.{kind}"
    _, _, layer, part = stem.split(".", 3)
    return f"blk.{layer}.{NAMES[part]}.{kind}"


def add_tensor(
    writer: gguf.GGUFWriter, name: str, values: np.ndarray, kind: gguf.GGMLQuantizationType
) -> None:
    if values.ndim == 1:
        writer.add_tensor(name, values)
    else:
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer, made: Made) -> None:
    vocabulary = tokenizer.get_vocab()
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    types = [gguf.TokenType.CONTROL if w in SPECIAL else gguf.TokenType.NORMAL for w in words]
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model(made.tokenizer_model)
    if made.pre:
        writer.add_tokenizer_pre(made.pre)
    writer.add_token_list(words)
    writer.add_token_types(types)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    if made.bos is not None:
        writer.add_bos_token_id(made.bos)
    writer.add_eos_token_id(2)
    if made.add_bos is not None:
        writer.add_add_bos_token(made.add_bos)
