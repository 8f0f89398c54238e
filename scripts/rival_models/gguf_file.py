"""The decoder as GGUF for llama.cpp. A token's text is <ID>, so that text can name tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np

from .weights import Weights

KINDS = {
    "f16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
    "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
}
NAMES = {
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}


def write_gguf(path: Path, weights: Weights, kind: str) -> None:
    quantization, file_type = KINDS[kind]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_file_type(file_type)
    describe(writer, weights)

    def add(name: str, values: np.ndarray) -> None:
        if values.ndim == 1:
            writer.add_tensor(f"{name}.weight", values)
            return
        data = gguf.quants.quantize(values, quantization)
        writer.add_tensor(f"{name}.weight", data, raw_dtype=quantization)

    config = weights.config
    add("token_embd", weights.embedding)
    add("output_norm", weights.norm)
    for number, layer in enumerate(weights.layers):
        add(f"blk.{number}.attn_norm", layer.attention_norm)
        add(f"blk.{number}.ffn_norm", layer.feed_forward_norm)
        for name, linear in layer.linears.items():
            heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
            whole = linear.whole
            values = interleave(whole, heads[name]) if name in heads else whole
            add(f"blk.{number}.{NAMES[name]}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def interleave(matrix: np.ndarray, heads: int) -> np.ndarray:
    """Rows in the order for llama.cpp's rotation, of neighbours in place of halves."""
    rows, cols = matrix.shape
    return matrix.reshape(heads, 2, rows // heads // 2, cols).swapaxes(1, 2).reshape(rows, cols)


def describe_shape(writer: gguf.GGUFWriter, config: Any) -> None:
    """config: transformers' or ours, which name alike what shapes a model."""
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_theta)


def describe(writer: gguf.GGUFWriter, weights: Weights) -> None:
    config = weights.config
    describe_shape(writer, config)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"<{token}>" for token in range(config.vocab_size)])
    writer.add_token_scores([0.0] * config.vocab_size)
    writer.add_token_types([gguf.TokenType.USER_DEFINED] * config.vocab_size)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
