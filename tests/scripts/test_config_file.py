"""The scripts can train every kind of model that the tool takes: transformers' logits."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SCRIPTS
from halfling_train.config_file import hugging_face_config, read_config
from halfling_train.datasets import DataError
from halfling_train.llama import LlamaForCausalLM
from halfling_train.llama_config import LlamaConfig, RopeScaling
from halfling_train.packing import pack
from halfling_train.weights import HEAD, load_weights

GOLDEN = SCRIPTS.parent / "tests" / "golden"
FOLDERS = sorted(path.parent.name for path in GOLDEN.glob("*/golden.json"))
PATH = Path("config.json")
LLAMA = {
    "vocab_size": 99,
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
}


@pytest.mark.parametrize("name", FOLDERS)
def test_logits_are_those_of_transformers(name: str) -> None:
    folder = GOLDEN / name
    described = json.loads((folder / "config.json").read_text())
    config = read_config(described, described["vocab_size"], folder)
    model = LlamaForCausalLM(config).eval()
    weights = {name: value.float() for name, value in load_weights(folder).items()}
    model.load_state_dict(weights)
    assert (HEAD in weights) != config.tied_embeddings
    window = described.get("sliding_window") or described["max_position_embeddings"]
    with pytest.raises(DataError, match="config.json: (sliding_window|max_position_embeddings) is"):
        read_config(described, described["vocab_size"], folder / "config.json", window + 1)
    seen = 0
    for sequence in json.loads((folder / "golden.json").read_text())["sequences"]:
        # What reaches beyond a window that slides is refused.
        tokens = torch.tensor(sequence["tokens"][:window])
        packing = pack(np.array([len(tokens)]), tokens.device)
        with torch.no_grad():
            logits = model.logits(model(tokens, packing))
        wanted = torch.tensor(sequence["logits"])[: len(tokens)]
        torch.testing.assert_close(logits, wanted, rtol=1e-4, atol=1e-4)
        seen = max(seen, len(tokens))
    assert seen >= 5


def test_the_goldens_have_every_architecture() -> None:
    kinds = {name.split("-")[0] for name in FOLDERS}
    assert kinds == {"llama", "mistral", "qwen2", "qwen3"}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"attention_bias": True, "output_bias": True, "mlp_bias": True},
        {"attention_bias": True},
        {"qk_norm": True, "head_dim": 16},
        {"tied_embeddings": False, "rope_scaling": RopeScaling("linear", 2.0)},
        {"rope_scaling": RopeScaling("llama3", 32.0, 1.0, 4.0, 64), "rope_theta": 5e5},
    ],
)
def test_what_is_written_reads_as_it_was(options: dict) -> None:
    config = dataclasses.replace(LlamaConfig(99), **options)
    assert read_config(hugging_face_config(config), 99, PATH) == config


def test_what_older_and_newer_configurations_leave_out() -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    old, theirs = read_config(LLAMA, 99, PATH), transformers.LlamaConfig(**LLAMA)
    assert (old.num_key_value_heads, old.rope_theta) == (theirs.num_key_value_heads, 10000.0)
    assert old.tied_embeddings == theirs.tie_word_embeddings
    rope = {"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}}
    assert read_config({**LLAMA, **rope}, 99, PATH).rope_theta == 5e5
    mistral = {**LLAMA, "architectures": ["MistralForCausalLM"], "max_position_embeddings": 9999}
    window = transformers.MistralConfig().sliding_window
    read_config(mistral, 99, PATH, window)
    with pytest.raises(DataError, match="sliding_window is None; expected 4097"):
        read_config(mistral, 99, PATH, window + 1)
    read_config({**mistral, "sliding_window": None}, 99, PATH, 9999)
    nothing = {"hidden_act": None, "partial_rotary_factor": None, "max_window_layers": None}
    assert read_config({**LLAMA, **nothing}, 99, PATH) == old


def test_theta_and_stretching_are_found_wherever_they_are() -> None:
    nested = {**LLAMA, "rope_scaling": {"type": "linear", "factor": 2, "rope_theta": 5e5}}
    assert read_config(nested, 99, PATH).rope_theta == 5e5
    both = {
        **LLAMA,
        "rope_parameters": {"rope_type": "linear", "factor": 2.0},
        "rope_scaling": {"rope_type": "default"},
    }
    assert read_config(both, 99, PATH).rope_scaling == RopeScaling("linear", 2.0)
    llama3 = {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4}
    scaling = read_config({**LLAMA, "rope_scaling": llama3}, 99, PATH).rope_scaling
    assert scaling.original_max_position_embeddings == LLAMA["max_position_embeddings"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("architectures", ["GemmaForCausalLM"]),
        ("architectures", None),
        ("rope_scaling", {"rope_type": "yarn", "factor": 2.0}),
        ("rope_scaling", {"type": "linear"}),
        ("rope_parameters", {"rope_type": "llama3", "factor": 8.0}),
        ("partial_rotary_factor", 0.5),
        ("quantization_config", {"bits": 4}),
        ("hidden_act", "gelu"),
        ("hidden_size", None),
        ("hidden_size", 32.5),
        ("num_attention_heads", "4"),
        ("num_attention_heads", 0),
        ("num_key_value_heads", 3),
        ("head_dim", 7),
        ("num_hidden_layers", -1),
        ("vocab_size", "many"),
        ("rope_parameters", [1]),
        ("rope_scaling", "linear"),
        ("rope_scaling", {"rope_type": "linear", "factor": 0}),
    ],
)
def test_another_kind_of_model_is_refused(name: str, value: object) -> None:
    with pytest.raises(DataError, match=f"config.json: {name}"):
        read_config({**LLAMA, name: value}, 99, PATH)
