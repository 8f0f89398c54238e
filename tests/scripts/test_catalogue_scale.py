"""Synthetic catalogues and the page of scripts/catalogue_scale.py."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from catalogue_scale.make_model import HISTORIES, SHARD, Weights, make_model, synthetic_codes
from catalogue_scale.page import page
from conftest import SCRIPTS
from halfling_train.checkpoint import load_model
from halfling_train.description import read_dataset

REAL_ITEMS = 300


def real_codes() -> np.ndarray:
    """Three levels of 16 codes, the first of them thick."""
    random = np.random.default_rng(5)
    levels = [np.minimum(random.geometric(0.3, REAL_ITEMS), 16), *random.integers(1, 17, (2, 300))]
    return np.stack([level + 16 * i for i, level in enumerate(levels)], axis=1).astype("<i2")


@pytest.fixture
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Its codes are those of `real_codes`, or what the test's parameter adds to them."""
    codes = real_codes() + getattr(request, "param", np.int16(0))
    config = {"max_position_embeddings": 30, "hidden_size": 4}
    prompt = {"prefix": [0], "separator": [], "suffix": [], "max_history": 8}
    metadata = {"format": "halfling-1", "config": json.dumps(config), "prompt": json.dumps(prompt)}
    tensors = {
        "model.norm.weight": torch.ones(4, dtype=torch.bfloat16),
        "catalog.codes": torch.from_numpy(codes),
        "catalog.popularity": torch.zeros(REAL_ITEMS, dtype=torch.int16),
    }
    folder = tmp_path / "source"
    folder.mkdir()
    Weights(metadata, tensors).write(folder / SHARD)
    return folder


def test_items_keep_to_their_levels_and_follow_the_real_ones() -> None:
    real = real_codes()
    codes, base = synthetic_codes(real, 5_000, seed=1)
    again, _ = synthetic_codes(real, 5_000, seed=1)
    assert (codes == again).all()
    for level in range(4):
        tokens = set(real[:, min(level, 2)].tolist())
        assert set(codes[:, level].tolist()) <= tokens
    kept = base >= 0
    assert 0.05 < kept.mean() < 0.95
    assert (codes[kept, :3] == real[base[kept]]).all()
    # As skewed as the real ones: the thickest first code holds about the same share.
    share = [np.bincount(c[:, 0]).max() / len(c) for c in (real, codes)]
    assert share[1] == pytest.approx(share[0], abs=0.04)


def test_a_model_directory_of_any_size(source: Path, tmp_path: Path) -> None:
    sequences = [[item, (item + 1) % REAL_ITEMS, (item + 2) % REAL_ITEMS] for item in range(200)]
    make_model(source, sequences, 2_000, tmp_path / "out", requests=20)
    made = Weights.read(tmp_path / "out")
    codes = made.codes()
    assert codes.shape == (2_000, 4)
    read, name = Weights.read(source), "model.norm.weight"
    assert made.tensors[name].dtype == torch.bfloat16
    assert torch.equal(made.tensors[name], read.tensors[name])
    assert made.tensors["catalog.popularity"].shape == (2_000,)
    # The prompt of eight items and a code fit.
    assert json.loads(made.metadata["config"])["max_position_embeddings"] == 1 + 9 * 4
    chosen = json.loads((tmp_path / "out" / HISTORIES).read_text())
    assert len(chosen) == 20
    real = real_codes()
    beginnings = {tuple(code) for code in real.tolist()}
    for history in chosen:
        assert 2 <= len(history) <= 3
        assert all(tuple(codes[item, :3].tolist()) in beginnings for item in history)


@pytest.mark.parametrize("source", [np.int32(40_000)], indirect=True)
def test_tokens_beyond_16_bits_stay_what_they_are(source: Path, tmp_path: Path) -> None:
    make_model(source, [[0, 1, 2]], 500, tmp_path / "out", requests=1)
    codes = Weights.read(tmp_path / "out").codes()
    assert set(codes.flatten().tolist()) <= set((40_000 + real_codes().astype(int)).flat)


def test_random_weights_make_a_checkpoint(tmp_path: Path) -> None:
    sizes = {"hidden": 16, "ffn": 24, "layers": 2, "heads": 4, "kv-heads": 2, "items": 50}
    options = [f"--{name}={value}" for name, value in {**sizes, "users": 9}.items()]
    command = [sys.executable, SCRIPTS / "make_random_checkpoint.py", "--output", tmp_path]
    subprocess.run([*command, *options], check=True)
    assert len(list(tmp_path.glob("model-*-of-00003.safetensors"))) == 3
    dataset = read_dataset(tmp_path)
    model = load_model(tmp_path, dataset)
    assert (len(dataset.items), len(dataset.users)) == (50, 9)
    assert len(model.recommend(dataset.training()[:1], 10)[0]) == 10


def results() -> dict[str, Any]:
    case = {"milliseconds": 1.25, "milliseconds_p99": 4.5, "nodes_run": 50.4, "exact_share": 0.975}
    extras = ("", ", mask", ", boosts")
    names = [f"{search}{more}" for search in ("exact", "beam") for more in extras]
    native = {
        "nodes": 3054,
        "file_bytes": 850_298,
        "load_milliseconds": 2.4,
        "loaded_bytes": 1_900_000,
        "load_peak_bytes": 2_700_000,
        "cases": {name: case for name in names},
    }
    wasm = {
        "load_milliseconds": 9.6,
        "peak_bytes": 16_777_216,
        "cases": {name: {**case, "milliseconds": 2.5} for name in names},
    }
    return {
        "date": "2026-01-02",
        "cpu": "A CPU",
        "model": "small",
        "requests": 20,
        "rounds": 3,
        "note": "Nothing else ran.",
        "catalogues": [{"items": 1000, "native": native, "wasm": wasm}],
    }


def test_the_page_has_every_figure() -> None:
    text = page(results(), "images/scale.svg")
    assert "![Milliseconds and memory over the catalogue's size](images/scale.svg)" in text
    assert "A CPU; weights of `small`, 20 histories, 3 rounds. Nothing else ran." in text
    assert "| 1,000 | 3,054 | 0.9 MB | 2 ms | 1.9 MB | 2.7 MB | 10 ms | 16.8 MB |" in text
    assert text.count("1.25 (4.5) ms") == 6
    assert text.count("2.50 (4.5) ms") == 6
    assert text.count("50, 98% proven") == 3
    assert "Among 1,000 items the exact search takes 2 ms and proves 98% of its answers" in text
    without = results()
    del without["catalogues"][0]["wasm"]
    assert "wasm" not in page(without, None).lower()


def test_the_script_says_what_it_needs() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPTS / "catalogue_scale.py"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "--json FILE or --from-json FILE" in done.stderr
