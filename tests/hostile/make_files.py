#!/usr/bin/env python3
"""Writes tests/hostile/files/: tiny safetensors files that a reader must refuse.

Each is called ERROR-CODE.DESCRIPTION.safetensors; tests/hostile/container_test.cc reads them all and
requires that error.
"""

import argparse
import json
import struct
from pathlib import Path

WEIGHT = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def pack(header: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def tensors(data_size: int = 8, **entries: object) -> bytes:
    return pack(json.dumps(entries).encode(), bytes(data_size))


def make_files() -> dict[str, bytes]:
    twice = b'{"w":%(e)s,"w":%(e)s}' % {b"e": json.dumps(WEIGHT).encode()}
    return {
        "truncated-file.empty": b"",
        "truncated-file.half-a-length": b"\x08\0\0",
        "truncated-file.header-beyond-the-end": pack(b"{}", length=100),
        "truncated-file.data-cut-short": tensors(7, w=WEIGHT),
        "too-large.length-of-2-to-the-63": pack(b"{}", length=1 << 63),
        "malformed-header.length-of-zero": pack(b""),
        "malformed-header.overlap": tensors(
            12, a=WEIGHT, b={"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}
        ),
        "malformed-header.hole": tensors(
            16, w={"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}
        ),
        "malformed-header.bytes-left-over": tensors(9, w=WEIGHT),
        "malformed-header.offsets-backwards": tensors(
            8, w={"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}
        ),
        "malformed-header.shape-wraps-to-the-right-size": tensors(
            8, w={"dtype": "F32", "shape": [(1 << 62) + 2], "data_offsets": [0, 8]}
        ),
        "malformed-header.negative-shape": tensors(
            8, w={"dtype": "F32", "shape": [-2, -1], "data_offsets": [0, 8]}
        ),
        "malformed-json.invalid-utf-8": pack(b'{"w\xff":{}}'),
        "malformed-json.nested-10000-deep": pack(b"[" * 10_000),
        "malformed-json.fractional-offset": tensors(
            8, w={"dtype": "F32", "shape": [2], "data_offsets": [0, 8.0]}
        ),
        "duplicate-tensor.same-name-twice": pack(twice, bytes(8)),
        "unsupported-dtype.unknown": tensors(
            8, w={"dtype": "F31", "shape": [2], "data_offsets": [0, 8]}
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "files")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for name, content in make_files().items():
        (output / f"{name}.safetensors").write_bytes(content)


if __name__ == "__main__":
    main()
