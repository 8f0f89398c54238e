"""Checkpoints: a Hugging Face directory with its items and data, and a training's report."""

from __future__ import annotations

import platform
from pathlib import Path

import torch
from safetensors.torch import save_file

from .config_file import hugging_face_config, read_config
from .datasets import DataError, Dataset, read_json
from .description import (
    INTERACTIONS,
    RECOMMENDER,
    is_tokens,
    read_items,
    write_description,
    write_json,
)
from .evaluation import Figures
from .llama import LlamaForCausalLM
from .prompt import Prompt
from .replacing import new_file
from .semantic_model import SemanticModel
from .trainer import Trainer
from .weights import WEIGHTS, load_weights, matching

CONFIG, REPORT = "config.json", "training.json"


def check_training_output(output: Path, state: Path) -> None:
    """DataError where a training would write over files that are not its own.

    They are where its `state` is, which lies in `output` from its first epochs on.
    """
    if output.exists() and not output.is_dir():
        raise DataError(f"{output}: exists and is no folder; expected one to write to")
    written = (CONFIG, WEIGHTS, RECOMMENDER, INTERACTIONS, REPORT)
    for name in (*written, "tokenizer.json", "tokenizer_config.json"):
        if (output / name).exists() and not state.exists():
            raise DataError(
                f"{output}: holds {name} without a {state.name}; expected a new folder, or one of "
                "a training to go on with"
            )


@torch.no_grad()
def round_to_bfloat16(model: torch.nn.Module) -> None:
    """Makes the model what the file will say, so that figures are those of the file."""
    for parameter in model.parameters():
        parameter.copy_(parameter.bfloat16())


def save_checkpoint(folder: Path, llama: LlamaForCausalLM, dataset: Dataset) -> None:
    weights = {
        name: p.detach().bfloat16().cpu().contiguous() for name, p in llama.named_parameters()
    }
    with new_file(folder / WEIGHTS) as partial:
        save_file(weights, str(partial), metadata={"format": "pt"})
    write_json(folder / CONFIG, hugging_face_config(llama.config))
    write_description(folder, dataset)


def load_model(folder: Path, dataset: Dataset) -> SemanticModel:
    """The model of a checkpoint directory, in f32, ready to recommend."""
    prompt = load_prompt(folder, dataset)
    path = folder / CONFIG
    described, levels = read_json(path), len(dataset.level_sizes)
    ids = prompt.checkpoint_ids(dataset.level_sizes)
    if not (folder / RECOMMENDER).is_file() and described.get("vocab_size") != len(ids):
        raise DataError(f"{folder}: expected {RECOMMENDER} in it, as training and imports write it")
    config = read_config(described, len(ids), path, prompt.longest(levels))
    model = SemanticModel(dataset, config, prompt=prompt)
    weights = load_weights(folder)
    for name in weights.keys() & model.llama.tables:
        rows = len(weights[name])
        if rows <= ids.max():
            raise DataError(
                f"{folder}: {name} has {rows} rows; {dataset.name} has token {ids.max()}"
            )
        weights[name] = weights[name][torch.from_numpy(ids)]
    model.llama.load_state_dict(matching(weights, model.llama.state_dict(), folder))
    return model.eval()


def load_prompt(folder: Path, dataset: Dataset) -> Prompt:
    """The prompt of recommender.json; the default one where there is no such file."""
    path = folder / RECOMMENDER
    if not path.is_file():
        return Prompt()
    described = read_json(path)
    parts, most = described.get("prompt"), described.get("max_history")
    names = ("prefix", "separator", "suffix")
    if not isinstance(parts, dict) or not all(is_tokens(parts.get(name)) for name in names):
        raise DataError(f"{path}: prompt: expected lists of tokens, {', '.join(names)}")
    if type(most) is not int or most < 1:
        raise DataError(f"{path}: max_history is {most}; expected a number from 1")
    prefix, separator, suffix = (parts[name] for name in names)
    if not prefix and (not suffix or suffix == separator):
        raise DataError(
            f"{path}: prompt.prefix is empty; expected a token: something must stand before the "
            "first item"
        )
    ids = code_ids(read_items(described, path), dataset, path)
    return Prompt.of_text(prefix, separator, suffix, ids, max_history=most)


def code_ids(items: list[dict], dataset: Dataset, path: Path) -> tuple[int, ...]:
    """The token of every code, level by level.

    Of a code that no item has: where all others rise by one the number that it leaves out, else -1.
    """
    if [item["id"] for item in items] != [item.id for item in dataset.items]:
        raise DataError(f"{path}: its items are not those of {dataset.name}, in their order")
    starts = Prompt(text=()).first_tokens(dataset.level_sizes).tolist()
    token_of: dict[int, int] = {}
    for item, row in zip(items, dataset.codes.tolist()):
        codes, tokens = [start + code for start, code in zip(starts, row)], item["tokens"]
        fits = len(tokens) == len(codes)
        known = [token_of.setdefault(c, t) for c, t in zip(codes, tokens if fits else ())]
        if known != tokens:
            raise DataError(
                f"{path}: item {item['id']}: its tokens are {tokens}; expected those of "
                f"{dataset.name}'s code {row}, {known}"
            )
    if len(set(token_of.values())) < len(token_of):
        raise DataError(f"{path}: one token stands for several codes of {dataset.name}")
    offsets = {token - code for code, token in token_of.items()}
    if len(offsets) == 1:
        (first,) = offsets
        return tuple(range(first, first + sum(dataset.level_sizes)))
    return tuple(token_of.get(code, -1) for code in range(sum(dataset.level_sizes)))


def save_report(folder: Path, settings: dict, trainer: Trainer, figures: Figures) -> None:
    """training.json: every setting, every epoch and the final figures."""
    report = {
        "settings": {name: setting_text(value) for name, value in sorted(settings.items())},
        "torch": torch.__version__,
        "python": platform.python_version(),
        "workers": trainer.workers.count,
        "machine": trainer.workers.device_name,
        "minutes": round(trainer.seconds / 60, 1),
        "best_epoch": trainer.best_epoch,
        "validation_NDCG@10": round(trainer.best_score, 5),
        "test": figures,
        "history": trainer.history,
    }
    write_json(folder / REPORT, report)


def setting_text(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
