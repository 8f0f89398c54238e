#!/usr/bin/env python3
"""Makes tests/golden/: tiny random models of every architecture that the engine reads.

`transformers` saves them, and computes the logits that the engine is compared with.

Each folder holds what save_pretrained writes (config.json, model.safetensors or shards with their
index) and golden.json: token sequences and the logits after every position, computed in float32
from the weights as stored (rounded to the folder's dtype).
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers

ROOT = Path(__file__).resolve().parent.parent
SEQUENCE_LENGTHS = (1, 13, 32)

# Small enough to commit, and odd enough that no two sizes are equal.
BASE = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 44,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": False,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
LLAMA3_SCALING = {
    "rope_type": "llama3",
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}


@dataclass(frozen=True)
class Golden:
    """One folder of tests/golden/."""

    name: str
    architecture: str  # the prefix of transformers' class names: "Llama", …
    dtype: torch.dtype
    options: dict = field(default_factory=dict)
    shard_bytes: int | None = None  # save as shards of at most this size


GOLDENS = (
    Golden("llama-tied-bf16", "Llama", torch.bfloat16, {"tie_word_embeddings": True}),
    Golden("llama-bias-f32", "Llama", torch.float32, {"attention_bias": True, "mlp_bias": True}),
    Golden(
        "llama-llama3-rope-f16",
        "Llama",
        torch.float16,
        # head_dim is not hidden_size / num_attention_heads here.
        {"num_key_value_heads": 2, "head_dim": 16, "rope_scaling": LLAMA3_SCALING},
    ),
    Golden(
        "llama-linear-rope-f32",
        "Llama",
        torch.float32,
        {
            "num_key_value_heads": 1,
            "rope_theta": 500.0,
            "rope_scaling": {"rope_type": "linear", "factor": 2.5},
        },
    ),
    Golden(
        "llama-sharded-bf16",
        "Llama",
        torch.bfloat16,
        {"num_key_value_heads": 2},
        shard_bytes=12_000,
    ),
    Golden(
        "mistral-f16",
        "Mistral",
        torch.float16,
        {"num_key_value_heads": 2, "sliding_window": None, "rope_theta": 1e6},
    ),
    Golden(
        "mistral-window-bf16",
        "Mistral",
        torch.bfloat16,
        {"num_key_value_heads": 2, "sliding_window": 7},
    ),
    Golden(
        "qwen2-bf16",
        "Qwen2",
        torch.bfloat16,
        {"num_key_value_heads": 2, "tie_word_embeddings": True, "rope_theta": 1e6},
    ),
    Golden(
        "qwen2-window-f16",
        "Qwen2",
        torch.float16,
        {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1},
    ),
    Golden("qwen3-bf16", "Qwen3", torch.bfloat16, {"num_key_value_heads": 2, "head_dim": 12}),
    Golden(
        "qwen3-bias-f32",
        "Qwen3",
        torch.float32,
        {"head_dim": 8, "attention_bias": True, "tie_word_embeddings": True},
    ),
)


def randomize(model: torch.nn.Module) -> None:
    """Draws every parameter so that each one moves the logits; the default start hardly does."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            if name.endswith("norm.weight"):
                parameter.copy_(1.0 + 0.25 * noise)
            elif parameter.dim() == 1:
                parameter.copy_(0.3 * noise)
            elif "embed_tokens" in name:
                parameter.copy_(0.5 * noise)
            else:
                parameter.copy_(1.3 * noise / parameter.shape[1] ** 0.5)


def save_model(golden: Golden, folder: Path) -> None:
    config_class = getattr(transformers, f"{golden.architecture}Config")
    model_class = getattr(transformers, f"{golden.architecture}ForCausalLM")
    model = model_class(config_class(**{**BASE, **golden.options}))
    randomize(model)
    options = {} if golden.shard_bytes is None else {"max_shard_size": golden.shard_bytes}
    model.to(golden.dtype).save_pretrained(folder, safe_serialization=True, **options)
    (folder / "generation_config.json").unlink(missing_ok=True)


def compute_logits(folder: Path, tokens: list[int]) -> list[list[float]]:
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, torch_dtype=torch.float32, attn_implementation="eager"
    ).eval()
    with torch.no_grad():
        logits = model(torch.tensor([tokens])).logits[0]
    return [[float(f"{value:.7g}") for value in row] for row in logits.tolist()]


def make(golden: Golden, root: Path, seed: int) -> int:
    """Makes one folder and returns its size in bytes."""
    torch.manual_seed(seed)
    folder = root / golden.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    save_model(golden, folder)
    sequences = []
    for length in SEQUENCE_LENGTHS:
        tokens = torch.randint(0, BASE["vocab_size"], (length,)).tolist()
        sequences.append({"tokens": tokens, "logits": compute_logits(folder, tokens)})
    document = {
        "made_by": "scripts/make_golden.py",
        "seed": seed,
        "transformers": transformers.__version__,
        "torch": torch.__version__.split("+")[0],
        "sequences": sequences,
    }
    (folder / "golden.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
    return sum(path.stat().st_size for path in folder.iterdir())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "tests" / "golden", help="parent folder")
    parser.add_argument(
        "--seed", type=int, default=20260101, help="of the first model; the second has the next"
    )
    parser.add_argument("--only", help="make this one folder, by name")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for index, golden in enumerate(GOLDENS):
        if arguments.only in (None, golden.name):
            size = make(golden, arguments.out, arguments.seed + index)
            print(f"{golden.name}: {size:,} bytes")


if __name__ == "__main__":
    main()
