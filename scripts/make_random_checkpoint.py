#!/usr/bin/env python3
r"""Writes a checkpoint of random weights, of any size: to measure time and memory, not quality.

A LlamaForCausalLM in bf16, one shard a layer, with a made-up catalogue and interactions beside it.

  .venv/bin/python scripts/make_random_checkpoint.py --output build/random --hidden 2048 \
      --ffn 5632 --layers 22 --heads 32
  /usr/bin/time -v build/native/compressor/halfling compress build/random build/random-half \
      --evaluate-users 0
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

LEVELS, CODES = 3, 256
HISTORY = 20


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="directory to write")
    for name, default in {"hidden": 768, "ffn": 2048, "layers": 4, "heads": 12}.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"({default})")
    parser.add_argument("--kv-heads", type=int, help="(as many as --heads)")
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.kv_heads = arguments.kv_heads or arguments.heads
    if arguments.hidden % arguments.heads or arguments.heads % arguments.kv_heads:
        parser.error("expected --hidden to be a multiple of --heads, and that of --kv-heads")
    return arguments


class Shards:
    """Writes safetensors files, and the index over them at the end."""

    def __init__(self, folder: Path, total: int) -> None:
        self.folder, self.total = folder, total
        self.weight_map: dict[str, str] = {}

    def write(self, tensors: dict[str, Tensor]) -> None:
        written = len(set(self.weight_map.values()))
        name = f"model-{written + 1:05}-of-{self.total:05}.safetensors"
        save_file(tensors, str(self.folder / name), metadata={"format": "pt"})
        self.weight_map |= dict.fromkeys(tensors, name)

    def finish(self) -> None:
        index = {"metadata": {}, "weight_map": self.weight_map}
        (self.folder / "model.safetensors.index.json").write_text(json.dumps(index))


def write_weights(arguments: argparse.Namespace, vocab_size: int) -> None:
    random = np.random.default_rng(arguments.seed)
    hidden, ffn = arguments.hidden, arguments.ffn
    narrow = hidden // arguments.heads * arguments.kv_heads
    shards = Shards(arguments.output, arguments.layers + 1)

    def matrix(rows: int, cols: int) -> Tensor:
        """Normal values of variance 1 / cols."""
        values = random.standard_normal((rows, cols), np.float32) / np.float32(cols**0.5)
        return torch.from_numpy(values).bfloat16()

    def ones() -> Tensor:
        return torch.ones(hidden, dtype=torch.bfloat16)

    shards.write(
        {
            "model.embed_tokens.weight": matrix(vocab_size, hidden),
            "model.norm.weight": ones(),
        }
    )
    for layer in range(arguments.layers):
        prefix = f"model.layers.{layer}."
        tensors = {
            prefix + f"self_attn.{name}_proj.weight": matrix(rows, hidden)
            for name, rows in {"q": hidden, "k": narrow, "v": narrow, "o": hidden}.items()
        }
        for name in ("gate", "up"):
            tensors[prefix + f"mlp.{name}_proj.weight"] = matrix(ffn, hidden)
        tensors[prefix + "mlp.down_proj.weight"] = matrix(hidden, ffn)
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[prefix + f"{name}.weight"] = ones()
        shards.write(tensors)
    shards.finish()


def write_documents(arguments: argparse.Namespace, vocab_size: int) -> None:
    random = np.random.default_rng(arguments.seed)
    numbers = random.permutation(CODES**LEVELS)[: arguments.items]
    codes = [
        [1 + level * CODES + int(n) // CODES**level % CODES for level in range(LEVELS)]
        for n in numbers
    ]
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": vocab_size,
        "hidden_size": arguments.hidden,
        "intermediate_size": arguments.ffn,
        "num_hidden_layers": arguments.layers,
        "num_attention_heads": arguments.heads,
        "num_key_value_heads": arguments.kv_heads,
        "max_position_embeddings": 128,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
    }
    recommender = {
        "format": 1,
        "prompt": {"prefix": [0], "separator": [], "suffix": []},
        "max_history": HISTORY,
        "items": [
            {"id": str(item), "tokens": code, "popularity": 1} for item, code in enumerate(codes)
        ],
    }
    chosen = random.integers(0, arguments.items, (arguments.users, HISTORY + 3))
    interactions = {str(user): items.tolist() for user, items in enumerate(chosen)}
    for name, document in (
        ("config.json", config),
        ("recommender.json", recommender),
        ("interactions.json", interactions),
    ):
        (arguments.output / name).write_text(json.dumps(document))


def main() -> None:
    arguments = parse_arguments()
    arguments.output.mkdir(parents=True, exist_ok=True)
    vocab_size = 1 + LEVELS * CODES
    write_weights(arguments, vocab_size)
    write_documents(arguments, vocab_size)


if __name__ == "__main__":
    main()
