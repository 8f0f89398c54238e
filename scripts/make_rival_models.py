#!/usr/bin/env python3
"""Writes a model directory's weights for the engines that `npm run bench` compares with.

model.onnx for onnxruntime (f32, the factors of a low-rank layer as products of their own), on
request model-f16.gguf and model-q8_0.gguf for llama.cpp, and model.json: the codes of the items,
the prompt, and of some histories what the first token's probabilities must be.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from halfling_train.datasets import DataError  # noqa: E402
from rival_models.reference import first_level  # noqa: E402
from rival_models.weights import Weights, read_weights  # noqa: E402

FIRST_TOKENS = 10


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="model directory to read")
    parser.add_argument("output", type=Path, help="folder to write to")
    parser.add_argument("--gguf", nargs="*", choices=("f16", "q8_0"), default=[])
    parser.add_argument("--histories", type=Path, help="JSON: [[item index, …], …] to be answered")
    return parser.parse_args()


def describe(weights: Weights, histories: list[list[int]]) -> dict:
    config = weights.config
    return {
        "layers": config.num_hidden_layers,
        "kv_heads": config.num_key_value_heads,
        "head_dim": config.head_dim,
        "vocabulary": config.vocab_size,
        "prompt": weights.prompt,
        "codes": [[token for token in code if token >= 0] for code in weights.codes.tolist()],
        "popularity": weights.popularity.tolist(),
        "first_level": first_level(weights, histories, FIRST_TOKENS),
    }


def main() -> int:
    arguments = parse_arguments()
    histories = json.loads(arguments.histories.read_text()) if arguments.histories else []
    try:
        weights = read_weights(arguments.model)
    except DataError as error:
        print(f"make_rival_models.py: {error}", file=sys.stderr)
        return 1
    arguments.output.mkdir(parents=True, exist_ok=True)
    from rival_models.onnx_graph import decoder

    (arguments.output / "model.onnx").write_bytes(decoder(weights).SerializeToString())
    if arguments.gguf:
        from rival_models.gguf_file import write_gguf

        for kind in arguments.gguf:
            write_gguf(arguments.output / f"model-{kind}.gguf", weights, kind)
    description = json.dumps(describe(weights, histories))
    (arguments.output / "model.json").write_text(description)
    return 0


if __name__ == "__main__":
    sys.exit(main())
