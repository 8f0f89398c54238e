"""A GGUF file (llama.cpp's) as a Hugging Face directory: weights, configuration, tokenizer.

Quantized matrices are restored to the floats that llama.cpp computes with, rounded to `dtype`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import gguf
import numpy as np
import torch
from halfling_train.datasets import DataError
from halfling_train.description import write_json
from safetensors.torch import save_file

from .gguf_tokenizer import tokenizer_of, tokenizer_settings
from .output_folder import begin_output, check_output

DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}

# Tensors by llama.cpp's name, and how transformers calls them.
OUTER = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
}
HEAD = {"output.weight": "lm_head.weight"}  # absent where it is the embedding
LAYER = {
    "attn_norm.weight": "input_layernorm.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
    "attn_q.weight": "self_attn.q_proj.weight",
    "attn_k.weight": "self_attn.k_proj.weight",
    "attn_v.weight": "self_attn.v_proj.weight",
    "attn_output.weight": "self_attn.o_proj.weight",
    "ffn_gate.weight": "mlp.gate_proj.weight",
    "ffn_up.weight": "mlp.up_proj.weight",
    "ffn_down.weight": "mlp.down_proj.weight",
}
BIASES = {
    "attn_q.bias": "self_attn.q_proj.bias",
    "attn_k.bias": "self_attn.k_proj.bias",
    "attn_v.bias": "self_attn.v_proj.bias",
}
HEAD_NORMS = {
    "attn_q_norm.weight": "self_attn.q_norm.weight",
    "attn_k_norm.weight": "self_attn.k_norm.weight",
}
ROPE_DIVISORS = "rope_freqs.weight"  # [E / 2], of each rotary frequency, where they are scaled
# What Llama 3.1, 3.2 and 3.3 have beside a factor, which alone differs and is the largest divisor.
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


@dataclass(frozen=True)
class Architecture:
    """How transformers calls an architecture, and what of it differs from the others."""

    name: str
    model_type: str
    interleaved: bool = False  # rows of query and key in llama.cpp's order for its rotation
    layer: dict[str, str] = field(default_factory=dict)  # a layer's tensors beside LAYER
    settings: tuple[tuple[str, object], ...] = ()


ARCHITECTURES = {
    "llama": Architecture(
        "LlamaForCausalLM",
        "llama",
        interleaved=True,
        settings=(("attention_bias", False), ("mlp_bias", False)),
    ),
    "qwen2": Architecture(
        "Qwen2ForCausalLM",
        "qwen2",
        layer=BIASES,
        settings=(("use_sliding_window", False),),
    ),
    "qwen3": Architecture(
        "Qwen3ForCausalLM",
        "qwen3",
        layer=HEAD_NORMS,
        settings=(("attention_bias", False), ("use_sliding_window", False)),
    ),
}


class GgufFile:
    """An open GGUF file; raises DataError for one that is not whole or not of a known kind."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise DataError(f"{path}: no such file")
        try:
            self.reader = gguf.GGUFReader(path)
        except (ValueError, IndexError, KeyError, OverflowError) as error:
            raise DataError(f"{path}: not a whole GGUF file: {error}") from None
        parts = self.field("split.count", 1)
        if parts > 1:
            raise DataError(
                f"{path}: one of {parts} parts; expected a whole file (llama-gguf-split --merge)"
            )
        self.architecture_name = self.field("general.architecture")
        if self.architecture_name not in ARCHITECTURES:
            raise DataError(
                f"{path}: its general.architecture is {self.architecture_name}; "
                f"expected {', '.join(ARCHITECTURES)}"
            )
        self.architecture = ARCHITECTURES[self.architecture_name]

    def field(self, name: str, default: object = None) -> object:
        """A value of the header. Raises DataError where it is absent and has no default."""
        field = self.reader.fields.get(name)
        if field is not None:
            return field.contents()
        if default is None:
            raise DataError(f"{self.path}: its header has no {name}")
        return default

    def setting(self, name: str, default: object = None) -> object:
        return self.field(f"{self.architecture_name}.{name}", default)

    def special_token(self, name: str) -> int | None:
        """The number of "bos", "eos", "unknown" or "padding"; None where the model has none."""
        field = self.reader.fields.get(f"tokenizer.ggml.{name}_token_id")
        return None if field is None else field.contents()

    def tensors(self) -> dict[str, gguf.ReaderTensor]:
        return {tensor.name: tensor for tensor in self.reader.tensors}


def hugging_face_config(file: GgufFile, dtype: str) -> dict:
    """The config.json that transformers reads."""
    architecture = file.architecture
    hidden, heads = file.setting("embedding_length"), file.setting("attention.head_count")
    head_dim = file.setting("attention.key_length", hidden // heads)
    # A float32 in the file: the shortest decimal is what was meant.
    rope_theta = shortest(file.setting("rope.freq_base", 10000.0))
    return {
        "architectures": [architecture.name],
        "model_type": architecture.model_type,
        "vocab_size": len(file.field("tokenizer.ggml.tokens")),
        "hidden_size": hidden,
        "intermediate_size": file.setting("feed_forward_length"),
        "num_hidden_layers": file.setting("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": file.setting("attention.head_count_kv", heads),
        "head_dim": head_dim,
        "max_position_embeddings": file.setting("context_length"),
        "rms_norm_eps": shortest(file.setting("attention.layer_norm_rms_epsilon")),
        "rope_theta": rope_theta,
        "rope_scaling": rope_scaling(file, rope_theta, head_dim),
        "hidden_act": "silu",
        "attention_dropout": 0.0,
        "tie_word_embeddings": "output.weight" not in file.tensors(),
        **{f"{name}_token_id": file.special_token(name) for name in ("bos", "eos")},
        "torch_dtype": {"bf16": "bfloat16", "f16": "float16", "f32": "float32"}[dtype],
        "use_cache": True,
        **dict(architecture.settings),
    }


def rope_scaling(file: GgufFile, theta: float, head_dim: int) -> dict | None:
    """config.json's field. DataError for a kind that the engine does not run."""
    kind = file.setting("rope.scaling.type", "none")
    if kind not in ("none", "linear"):
        raise DataError(f"{file.path}: its rope.scaling.type is {kind}; expected none or linear")
    table = file.tensors().get(ROPE_DIVISORS)
    if kind == "linear":
        if table is not None:
            raise DataError(
                f"{file.path}: its rope.scaling.type is linear, and it has {ROPE_DIVISORS} beside "
                "that; expected one of the two"
            )
        return {"type": "linear", "factor": shortest(file.setting("rope.scaling.factor"))}
    if table is None:
        return None
    scaling = {**LLAMA3_ROPE, "factor": shortest(table.data.max())}
    expected = llama3_divisors(scaling, theta, head_dim)
    if table.data.shape != expected.shape or not np.allclose(table.data, expected, rtol=1e-4):
        raise DataError(
            f"{file.path}: its {ROPE_DIVISORS} is not that of Llama 3.1 to 3.3 "
            f"at a factor of {scaling['factor']:g}; expected one of these, or none"
        )
    return scaling


def llama3_divisors(scaling: dict, theta: float, head_dim: int) -> np.ndarray:
    """[E / 2]: what `scaling` divides each rotary frequency by, as transformers computes it."""
    frequencies = theta ** -(np.arange(0, head_dim, 2) / head_dim)
    turns = scaling["original_max_position_embeddings"] * frequencies / (2 * np.pi)
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    kept = np.clip((turns - low) / (high - low), 0, 1)
    return 1 / ((1 - kept) / scaling["factor"] + kept)


def shortest(value: float) -> float:
    return float(str(np.float32(value)))


def tensor_names(architecture: Architecture, config: dict) -> Iterator[tuple[str, str]]:
    """llama.cpp's name and transformers' of every tensor that the model has."""
    yield from OUTER.items()
    if not config["tie_word_embeddings"]:
        yield from HEAD.items()
    for number in range(config["num_hidden_layers"]):
        for name, renamed in {**LAYER, **architecture.layer}.items():
            yield f"blk.{number}.{name}", f"model.layers.{number}.{renamed}"


def tensors_of(file: GgufFile, config: dict) -> dict[str, gguf.ReaderTensor]:
    """By transformers' names. DataError where one is missing, or is none of the model's."""
    stored = file.tensors()
    stored.pop(ROPE_DIVISORS, None)
    tensors = {}
    for name, renamed in tensor_names(file.architecture, config):
        if name not in stored:
            raise DataError(
                f"{file.path}: has no {name}; expected all tensors of "
                f"{config['num_hidden_layers']} layers of {config['model_type']}"
            )
        tensors[renamed] = stored.pop(name)
    if stored:
        raise DataError(f"{file.path}: {min(stored)} is no tensor of {config['model_type']}")
    return tensors


def rotate_by_halves(rows: np.ndarray, heads: int) -> np.ndarray:
    """Undoes llama.cpp's order of query and key rows [heads * E, ...], neighbours for halves."""
    split = rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:])
    return split.swapaxes(1, 2).reshape(rows.shape)


def weights_of(file: GgufFile, config: dict, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    heads = {
        "self_attn.q_proj": config["num_attention_heads"],
        "self_attn.k_proj": config["num_key_value_heads"],
    }
    weights = {}
    for name, tensor in tensors_of(file, config).items():
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        part = ".".join(name.split(".")[3:5])
        if file.architecture.interleaved and part in heads:
            values = rotate_by_halves(values, heads[part])
        weights[name] = torch.from_numpy(values.copy()).to(dtype)
    return weights


def convert(path: Path, output: Path, dtype: str = "bf16") -> dict:
    """Writes the directory, and returns its config.json; or raises a DataError before that."""
    check_output(output, path)
    file = GgufFile(path)
    config = hugging_face_config(file, dtype)
    tokenizer, settings = tokenizer_of(file), tokenizer_settings(file)
    weights = weights_of(file, config, DTYPES[dtype])
    begin_output(output, path.name)
    tokenizer.save(str(output / "tokenizer.json"))
    write_json(output / "tokenizer_config.json", settings)
    save_file(weights, str(output / "model.safetensors"), metadata={"format": "pt"})
    write_json(output / "config.json", config)
    return config
