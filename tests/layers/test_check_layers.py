"""scripts/check-layers passes the tree as it is, and reports each kind of breach."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def check(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts/check-layers"), "--root", str(root)],
        capture_output=True, text=True, check=False)


def test_this_tree_keeps_to_the_layers() -> None:
    result = check(ROOT)
    assert result.returncode == 0, result.stdout
    assert " 0 breaches" in result.stdout


@pytest.mark.parametrize(("name", "line"), [
    ("engine/recommender.cc", '#include "engine/search/beam_search.h"'),
    ("engine/recommender.cc", '#include "engine/recommender.h"'),
    ("engine/model/transformer.cc", '#include "engine/model_file/reader.h"'),
    ("engine/model/transformer.cc", "#include <vector>"),
    ("engine/kernels/avx2.cc", "#include <immintrin.h>"),
    ("engine/base/result.h", "#include <tl/expected.hpp>"),
    ("engine/base/thread_pool.h", "#include <thread>"),
    ("engine/kernels/implementation.cc", "#include <atomic>"),
    ("engine/base/result.cc", '// abort() and "printf(" in words are no calls'),
    ("engine/base/result.cc", "int x = state.exit(3) + on_exit(4);"),
    ("engine/base/result.cc", "assert(size > 0);"),
    ("compressor/main.cc", "#include <iostream>"),
    ("compressor/linalg/svd.cc", "#include <Eigen/SVD>"),
    ("wasm/bindings.cc", "#include <emscripten/bind.h>"),
    ("demo/src/app.ts", 'import { createRecommender } from "halfling";'),
    ("demo/src/app.ts", 'import { list } from "./ui/list";'),
])
def test_what_is_allowed_passes(tmp_path: Path, name: str, line: str) -> None:
    write(tmp_path, name, line)
    result = check(tmp_path)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("name", "line"), [
    ("engine/base/result.h", '#include "engine/tensor/tensor.h"'),
    ("engine/tensor/tensor.h", '#include "engine/kernels/kernels.h"'),
    ("engine/kernels/scalar.cc", '#include "engine/layers/linear.h"'),
    ("engine/layers/linear.cc", '#include "engine/model/config.h"'),
    ("engine/layers/linear.cc", '#include "engine/model_file/reader.h"'),
    ("engine/model_file/reader.cc", '#include "engine/model/config.h"'),
    ("engine/model/transformer.cc", '#include "engine/search/item_trie.h"'),
    ("engine/search/beam_search.cc", '#include "engine/model/transformer.h"'),
    ("engine/search/beam_search.cc", '#include "engine/layers/linear.h"'),
    ("engine/search/beam_search.cc", '#include "engine/recommender.h"'),
    ("engine/recommender.cc", '#include "compressor/pipeline.h"'),
    ("engine/recommender.cc", "#include <thread>"),
    ("engine/model/transformer.cc", "#include <condition_variable>"),
    ("engine/recommender.cc", '#include "engine/kernels/kernels.h"'),
    ("engine/model/config.cc", '#include "config.h"'),
    ("compressor/pipeline.cc", '#include "wasm/bindings.h"'),
    ("wasm/bindings.cc", '#include "engine/model/transformer.h"'),
    ("engine/layers/linear.cc", "#include <immintrin.h>"),
    ("engine/layers/linear.cc", "#  include <wasm_simd128.h>"),
    ("engine/recommender.cc", "#include <emscripten/bind.h>"),
    ("engine/recommender.cc", "#include <Eigen/Dense>"),
    ("engine/base/result.cc", "#include <unistd.h>"),
    ("engine/base/result.cc", "#include <iostream>"),
    ("engine/base/result.cc", "#include <filesystem>"),
    ("engine/base/result.cc", "void F() { std::abort(); }"),
    ("engine/base/result.cc", "void F() { std::cerr << 1; }"),
    ("engine/base/result.cc", 'void F() { printf("x"); }'),
    ("demo/src/app.ts", 'import { decode } from "../../web/src/decode";'),
    ("web/src/index.ts", 'const page = await import("../../demo/src/app");'),
])
def test_a_breach_is_reported(tmp_path: Path, name: str, line: str) -> None:
    write(tmp_path, name, line)
    result = check(tmp_path)
    assert result.returncode == 1, result.stdout
    assert f"{name}:2: " in result.stdout
    assert " 1 breaches" in result.stdout


def write(root: Path, name: str, line: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True)
    path.write_text(f"// The first line.\n{line}\n", encoding="utf-8")
