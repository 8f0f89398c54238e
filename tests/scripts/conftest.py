"""A small made-up catalogue whose users walk through it in order, with noise."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from halfling_train.datasets import Dataset, Item, assemble  # noqa: E402
from halfling_train.llama_config import LlamaConfig  # noqa: E402
from lcrec_example import write_lcrec_data, write_model  # noqa: E402

torch.set_num_threads(1)  # the tests' tensors are tiny; threads would only wait for each other


def make_dataset(items: int = 40, users: int = 60, seed: int = 0) -> Dataset:
    """Three levels of codes; items 0 and 1 share one."""
    random = np.random.default_rng(seed)
    numbers = random.permutation(4 * 5 * 6)[:items]
    codes = [[int(n) // 30, int(n) // 6 % 5, int(n) % 6] for n in numbers]
    codes[1] = codes[0]
    codes[2] = [3, 4, 5]  # every level's last code is in use, so that its size is known
    interactions = {}
    for user in range(users):
        length = int(random.integers(3, 30))
        start = int(random.integers(items))
        steps = start + np.cumsum(random.integers(1, 3, size=length))
        interactions[f"u{user}"] = [f"i{step % items}" for step in steps]
    interactions["long"] = [f"i{step % items}" for step in range(60)]  # more than a window holds
    catalogue = [Item(f"i{number}", f"Film {number} (1999)", "Drama") for number in range(items)]
    return assemble("synthetic", catalogue, codes, interactions)


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def config(dataset: Dataset) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=1 + sum(dataset.level_sizes),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tiny models with code tokens, by architecture."""
    folder = tmp_path_factory.mktemp("models")
    for architecture in ("Llama", "Qwen2"):
        write_model(folder / architecture, architecture)
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture
def tiny_model(tiny_models: dict[str, Path], tmp_path: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(tiny_models["Llama"], tmp_path / "model"))


@pytest.fixture
def shop_data(tmp_path: Path) -> Path:
    write_lcrec_data(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def letter(dataset: Dataset, tmp_path: Path) -> Path:
    """The dataset as files of the layout that --data names."""
    return write_letter(tmp_path / "data", dataset)


def write_letter(folder: Path, dataset: Dataset) -> Path:
    folder.mkdir()
    words = {
        str(item): [f"<{'abc'[level]}_{code}>" for level, code in enumerate(row)]
        for item, row in enumerate(dataset.codes.tolist())
    }
    users = {str(user): sequence.tolist() for user, sequence in enumerate(dataset.sequences)}
    (folder / "index.json").write_text(json.dumps(words))
    (folder / "interactions.json").write_text(json.dumps(users))
    return folder
