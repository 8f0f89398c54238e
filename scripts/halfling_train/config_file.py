"""config.json of Llama, Mistral, Qwen2 and Qwen3: read, and written for models trained here."""

from __future__ import annotations

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


def read_config(described: dict, vocab_size: int, path: Path) -> LlamaConfig:
    """Of what config.json says, for a vocabulary of another size.

    Fields that are absent have transformers' defaults. Raises DataError, which names `path`, for
    what the decoder here does not compute.
    """
    architecture = read_architecture(described, path)
    if described.get("hidden_act", "silu") not in ("silu", "swish"):
        raise DataError(f"{path}: hidden_act is {described['hidden_act']}; expected silu")
    if described.get("quantization_config"):
        raise DataError(f"{path}: quantization_config is set; expected unquantized weights")
    rope = described.get("rope_parameters") or {}  # where transformers 5 keeps theta and scaling
    attention_bias = bool(described.get("attention_bias"))
    return LlamaConfig(
        vocab_size,
        **read_sizes(described, rope, architecture, path),
        rope_scaling=read_scaling(described, path),
        tied_embeddings=bool(described.get("tie_word_embeddings")),
        attention_bias=architecture == QWEN2 or (architecture != MISTRAL and attention_bias),
        output_bias=architecture in (LLAMA, QWEN3) and attention_bias,
        mlp_bias=architecture == LLAMA and bool(described.get("mlp_bias")),
        qk_norm=architecture == QWEN3,
    )


def read_architecture(described: dict, path: Path) -> str:
    names = described.get("architectures")
    if not isinstance(names, list) or len(names) != 1 or names[0] not in ARCHITECTURES:
        raise DataError(
            f"{path}: architectures is {names!r}; expected one of {', '.join(ARCHITECTURES)}"
        )
    return names[0]


def read_sizes(described: dict, rope: dict, architecture: str, path: Path) -> dict:
    given = {
        "num_key_value_heads": described.get("num_attention_heads"),
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        **{name: value for name, value in described.items() if value is not None},
        **{name: value for name, value in rope.items() if name == "rope_theta"},
    }
    given.setdefault("head_dim", 128 if architecture == QWEN3 else 0)
    for name in SIZES:
        value = given.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise DataError(f"{path}: {name} is {value}; expected a number")
    # A model that looks back less far is one for shorter texts: no prompt may reach beyond.
    window = sliding_window(described, architecture)
    given["max_position_embeddings"] = min(given["max_position_embeddings"], window)
    return {name: given[name] for name in SIZES}


def sliding_window(described: dict, architecture: str) -> float:
    """How many tokens back a token sees in the layers where that is fewest."""
    is_qwen = architecture in (QWEN2, QWEN3)
    slides = architecture == MISTRAL or (is_qwen and described.get("use_sliding_window"))
    if is_qwen and described.get("max_window_layers", 28) >= described["num_hidden_layers"]:
        slides = False
    window = described.get("sliding_window", DEFAULT_WINDOW)
    return window if slides and window else float("inf")


def read_scaling(described: dict, path: Path) -> RopeScaling:
    """Of rope_scaling, or of rope_parameters, as transformers 5 has it."""
    field = "rope_scaling" if described.get("rope_scaling") else "rope_parameters"
    rope = described.get(field) or {}
    if {**described, **rope}.get("partial_rotary_factor", 1.0) != 1.0:
        raise DataError(f"{path}: partial_rotary_factor is set; expected all of a head to rotate")
    kind = rope.get("rope_type", rope.get("type", "default"))
    wanted = {"default": (), "linear": ("factor",), "llama3": ("factor", *LLAMA3_SCALING)}
    if kind not in wanted:
        raise DataError(f"{path}: {field}.rope_type is {kind}; expected {', '.join(wanted)}")
    for name in wanted[kind]:
        if not isinstance(rope.get(name), (int, float)):
            raise DataError(f"{path}: {field}.{name} is {rope.get(name)}; expected a number")
    return RopeScaling(kind, **{name: rope[name] for name in wanted[kind]})
