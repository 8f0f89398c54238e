"""config.json of Llama, Mistral, Qwen2 and Qwen3: read, and written for models trained here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from .datasets import DataError
from .llama_config import LlamaConfig, RopeScaling
from .prompt import BOS

LLAMA, MISTRAL, QWEN2, QWEN3 = ARCHITECTURES = (
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
)
SIZES = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
    "rms_norm_eps",
    "rope_theta",
    "head_dim",
)
DEFAULT_WINDOW = 4096  # of a sliding window: MistralConfig's and Qwen2Config's
LLAMA3_SCALING = ("low_freq_factor", "high_freq_factor", "original_max_position_embeddings")


def hugging_face_config(config: LlamaConfig) -> dict:
    """As transformers reads it. Only what the four architectures can say is kept of the options."""
    architecture = architecture_of(config)
    scaling = config.rope_scaling
    rope = {"rope_type": scaling.kind, "factor": scaling.factor}
    if scaling.kind == "llama3":
        rope |= {name: getattr(scaling, name) for name in LLAMA3_SCALING}
    return {
        "architectures": [architecture],
        "model_type": architecture.removesuffix("ForCausalLM").lower(),
        "vocab_size": config.vocab_size,
        **{name: getattr(config, name) for name in SIZES},
        "hidden_act": "silu",
        "attention_bias": config.attention_bias,
        "attention_dropout": 0.0,
        "mlp_bias": config.mlp_bias,
        "rope_scaling": None if scaling.kind == "default" else rope,
        "tie_word_embeddings": config.tied_embeddings,
        "bos_token_id": BOS,
        "eos_token_id": None,
        "pad_token_id": None,
        "torch_dtype": "bfloat16",
        "use_cache": True,
    }


def architecture_of(config: LlamaConfig) -> str:
    if config.qk_norm:
        return QWEN3
    return QWEN2 if config.attention_bias and not config.output_bias else LLAMA


def read_config(described: dict, vocab_size: int, path: Path, longest: int = 0) -> LlamaConfig:
    """Of what config.json says, for a vocabulary of another size and texts of `longest` tokens.

    Fields that are absent or null have transformers' defaults, but for num_key_value_heads, which
    is num_attention_heads as in the engine (Mistral's is 8, Qwen2's and Qwen3's 32; transformers
    writes the field always, and weights of another shape are refused). Raises DataError, which
    names `path` and the field, for what is out of range and for what the decoder here does not
    compute.
    """
    architecture = read_architecture(described, path)
    fields = Fields(described, path)
    if fields.get("hidden_act", "silu") not in ("silu", "swish"):
        raise fields.error("hidden_act", "silu")
    if fields.get("quantization_config"):
        raise fields.error("quantization_config", "unquantized weights")
    fields.size("vocab_size")
    heads, hidden = fields.size("num_attention_heads"), fields.size("hidden_size")
    kv_heads = fields.size("num_key_value_heads", heads)
    if heads % kv_heads:
        raise fields.error("num_key_value_heads", f"a divisor of {heads}, num_attention_heads")
    head_dim = fields.size("head_dim", 128 if architecture == QWEN3 else max(1, hidden // heads))
    if head_dim % 2:
        raise fields.error("head_dim", f"an even number; hidden_size / {heads} is {head_dim}")
    positions = fields.size("max_position_embeddings")
    window = sliding_window(fields, architecture)
    if longest > positions:
        raise fields.error("max_position_embeddings", f"{longest}, the longest prompt and a code")
    if longest > window:
        raise fields.error("sliding_window", f"{longest}, the longest prompt and a code, or none")
    theta, scaling = read_rope(fields, positions)
    attention_bias = architecture != MISTRAL and bool(fields.get("attention_bias"))
    return LlamaConfig(
        vocab_size,
        hidden,
        fields.size("intermediate_size"),
        fields.size("num_hidden_layers"),
        heads,
        kv_heads,
        positions,
        fields.number("rms_norm_eps", 1e-6),
        theta,
        head_dim,
        scaling,
        tied_embeddings=bool(fields.get("tie_word_embeddings")),
        attention_bias=architecture == QWEN2 or attention_bias,
        output_bias=architecture in (LLAMA, QWEN3) and attention_bias,
        mlp_bias=architecture == LLAMA and bool(fields.get("mlp_bias")),
        qk_norm=architecture == QWEN3,
    )


def read_architecture(described: dict, path: Path) -> str:
    names = described.get("architectures")
    if not isinstance(names, list) or len(names) != 1 or names[0] not in ARCHITECTURES:
        raise DataError(
            f"{path}: architectures is {names!r}; expected one of {', '.join(ARCHITECTURES)}"
        )
    return names[0]


@dataclass(frozen=True)
class Fields:
    """An object of config.json; null counts as absent. `prefix` is where it stands in the file."""

    values: dict
    path: Path
    prefix: str = ""

    def get(self, name: str, default: object = None) -> object:
        value = self.values.get(name)
        return default if value is None else value

    def size(self, name: str, default: int | None = None) -> int:
        value = self.get(name, default)
        if type(value) is not int or value < 1:
            raise self.error(name, "a whole number from 1")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        value = self.get(name, default)
        if type(value) not in (int, float) or not value > 0:
            raise self.error(name, "a number above 0")
        return value

    def object(self, name: str) -> Fields | None:
        value = self.get(name)
        if value is not None and not isinstance(value, dict):
            raise self.error(name, "an object")
        return None if value is None else Fields(value, self.path, f"{self.prefix}{name}.")

    def error(self, name: str, expected: str) -> DataError:
        found = self.values.get(name)
        return DataError(f"{self.path}: {self.prefix}{name} is {found}; expected {expected}")


def sliding_window(fields: Fields, architecture: str) -> float:
    """How many tokens back a token sees in the layers where that is fewest."""
    layers = fields.size("num_hidden_layers")
    kinds = fields.get("layer_types")
    if isinstance(kinds, list):
        slides = "sliding_attention" in kinds[:layers]
    elif architecture in (QWEN2, QWEN3):
        first = fields.get("max_window_layers", 28)
        if type(first) is not int or first < 0:
            raise fields.error("max_window_layers", "a whole number from 0")
        slides = fields.get("use_sliding_window") and first < layers
    else:  # null says that Mistral has none
        slides = architecture == MISTRAL and fields.values.get("sliding_window", 1) is not None
    return fields.size("sliding_window", DEFAULT_WINDOW) if slides else math.inf


def read_rope(fields: Fields, positions: int) -> tuple[float, RopeScaling]:
    """theta, and how positions are stretched; transformers 5 has both in rope_parameters."""
    theta, scaling = fields.number("rope_theta", 10000.0), RopeScaling()
    objects = [fields.object(name) for name in ("rope_parameters", "rope_scaling")]
    for rope in (fields, *filter(None, objects)):
        theta = rope.number("rope_theta", theta)
        if rope.get("partial_rotary_factor", 1.0) != 1.0:
            raise rope.error("partial_rotary_factor", "1: all of a head rotates")
    for rope in filter(None, objects):
        kind = rope.get("rope_type", rope.get("type", "default"))
        if kind == "linear":
            scaling = RopeScaling(kind, rope.number("factor"))
        elif kind == "llama3":
            low, high = rope.number("low_freq_factor"), rope.number("high_freq_factor")
            if low >= high:
                raise rope.error("low_freq_factor", f"less than high_freq_factor, {high}")
            original = rope.size("original_max_position_embeddings", positions)
            scaling = RopeScaling(kind, rope.number("factor"), low, high, original)
        elif kind != "default":
            raise rope.error("rope_type", "default, linear or llama3")
    return theta, scaling
