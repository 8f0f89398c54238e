#!/usr/bin/env python3
"""Writes tests/golden/python.safetensors with the format's own library.

The engine's reader is tested against it (tests/engine/model_file/safetensors_test.cc).
Needs: pip install safetensors numpy
"""

import argparse
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(__file__).parent / "python.safetensors"
    parser.add_argument("--output", type=Path, default=default)
    tensors = {
        "single": np.arange(6, dtype=np.float32).reshape(2, 3),
        "half": np.array([-0.5, 0.25, 65504.0], dtype=np.float16),
        "zero_rows": np.zeros((0, 4), dtype=np.float32),
        "counts": np.array([1, 2], dtype=np.int64),
    }
    save_file(tensors, parser.parse_args().output, metadata={"format": "pt"})


if __name__ == "__main__":
    main()
