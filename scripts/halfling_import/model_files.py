"""A Hugging Face directory's model: whether `halfling compress` can read it, and its files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from halfling_train.config_file import read_architecture
from halfling_train.datasets import DataError, read_json
from halfling_train.weights import EMBEDDING, INDEX, WEIGHTS, weight_files, whole_safetensors
from safetensors import safe_open

from .output_folder import TOKENIZER, begin_output

PLACING = ("link", "symlink", "copy")

CONVERT = """\
.venv/bin/python -c "from transformers import AutoModelForCausalLM as M; \
M.from_pretrained('{folder}', torch_dtype='auto').save_pretrained('{folder}')\""""
MERGE = """\
pip install peft
python -c "from peft import PeftModel; from transformers import AutoModelForCausalLM, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained('{folder}')
model = AutoModelForCausalLM.from_pretrained('{base}', torch_dtype='auto')
model.resize_token_embeddings(len(tokenizer))
PeftModel.from_pretrained(model, '{folder}').merge_and_unload().save_pretrained('MERGED')
tokenizer.save_pretrained('MERGED')\""""


@dataclass(frozen=True)
class Model:
    folder: Path
    architecture: str
    vocab_size: int
    max_positions: int
    weights: tuple[str, ...]  # names of files
    embedding_rows: int


def open_model(folder: Path) -> Model:
    """DataError that names file, field and expectation where it is no model for the compressor."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected a Hugging Face directory")
    check_whole(folder)
    path = folder / "config.json"
    config = read_json(path)
    architecture = read_architecture(config, path)
    weights = files_of_weights(folder)
    return Model(
        folder,
        architecture,
        positive(path, config, "vocab_size"),
        positive(path, config, "max_position_embeddings"),
        weights,
        embedding_rows(folder, weights),
    )


def positive(path: Path, config: dict, name: str) -> int:
    value = config.get(name)
    if type(value) is not int or value < 1:
        raise DataError(f"{path}: {name} is {value!r}; expected a number above 0")
    return value


def check_whole(folder: Path) -> None:
    """Refuses adapters, which hold only the changes to another model."""
    path = folder / "adapter_config.json"
    if not path.is_file():
        return
    base = read_json(path).get("base_model_name_or_path")
    if (folder / WEIGHTS).is_file() or (folder / INDEX).is_file():
        raise DataError(
            f"{path}: a LoRA adapter beside whole weights; remove adapter_config.json and "
            "adapter_model.* if the weights are the merged ones"
        )
    raise DataError(
        f"{path}: a LoRA adapter of {base}; expected whole weights. Merge them, then import "
        f"MERGED:\n{MERGE.format(folder=folder, base=base)}"
    )


def files_of_weights(folder: Path) -> tuple[str, ...]:
    """The names of the weights' files, and of their index."""
    has_safetensors = any((folder / name).is_file() for name in (WEIGHTS, INDEX))
    if not has_safetensors and any(folder.glob("pytorch_model*.bin")):
        raise DataError(
            f"{folder}: weights in pytorch_model.bin; expected {WEIGHTS}. Convert them:\n"
            + CONVERT.format(folder=folder)
        )
    names = [path.name for path in weight_files(folder)]
    return tuple(names) if names == [WEIGHTS] else (INDEX, *names)


def embedding_rows(folder: Path, files: Sequence[str]) -> int:
    for name in files:
        if not name.endswith(".safetensors"):
            continue
        path = folder / name
        with whole_safetensors(path), safe_open(path, framework="numpy") as tensors:
            if EMBEDDING in tensors.keys():
                return int(tensors.get_slice(EMBEDDING).get_shape()[0])
    raise DataError(f"{folder}: the weights lack {EMBEDDING}; expected a causal language model")


def place_files(model: Model, output: Path, placing: str) -> None:
    """Puts configuration, weights and tokenizer into `output`, unless that is the model's own."""
    if output.resolve() == model.folder.resolve():
        return
    begin_output(output, str(model.folder))
    for name in ("config.json", *model.weights, *TOKENIZER):
        if (model.folder / name).is_file():
            place_file((model.folder / name).resolve(), output / name, placing)


def place_file(source: Path, target: Path, placing: str) -> None:
    target.unlink(missing_ok=True)  # copyfile would write through a link
    if placing == "symlink":
        target.symlink_to(source)
        return
    if placing == "link":
        try:
            os.link(source, target)
            return
        except OSError:  # another file system, or one without links
            pass
    shutil.copyfile(source, target)
