"""Checkpoints: a Hugging Face directory with its items and data, and a training's report."""

from __future__ import annotations

import platform
from dataclasses import fields
from pathlib import Path

import torch
from safetensors.torch import save_file

from .datasets import DataError, Dataset, read_json
from .description import interactions_of, recommender_description, write_json
from .evaluation import Figures
from .llama import LlamaForCausalLM
from .llama_config import LlamaConfig
from .prompt import BOS, Prompt
from .semantic_model import SemanticModel
from .trainer import Trainer
from .weights import EMBEDDING, WEIGHTS, load_weights


def hugging_face_config(config: LlamaConfig) -> dict:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        **config.as_dict(),
        "head_dim": config.head_dim,
        "hidden_act": "silu",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "mlp_bias": False,
        "rope_scaling": None,
        "tie_word_embeddings": True,
        "bos_token_id": BOS,
        "eos_token_id": None,
        "pad_token_id": None,
        "torch_dtype": "bfloat16",
        "use_cache": True,
    }


@torch.no_grad()
def round_to_bfloat16(model: torch.nn.Module) -> None:
    """Makes the model what the file will say, so that figures are those of the file."""
    for parameter in model.parameters():
        parameter.copy_(parameter.bfloat16())


def save_checkpoint(folder: Path, llama: LlamaForCausalLM, dataset: Dataset) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: p.detach().bfloat16().cpu().contiguous() for name, p in llama.named_parameters()
    }
    save_file(weights, str(folder / WEIGHTS), metadata={"format": "pt"})
    write_json(folder / "config.json", hugging_face_config(llama.config))
    write_json(folder / "recommender.json", recommender_description(dataset), indent=None)
    write_json(folder / "interactions.json", interactions_of(dataset), indent=None)


def load_model(folder: Path, dataset: Dataset) -> SemanticModel:
    """The model of a checkpoint directory, in f32, ready to recommend."""
    prompt = load_prompt(folder, dataset)
    path = folder / "config.json"
    described = read_json(path)
    ids = prompt.checkpoint_ids(dataset.level_sizes)
    if described["vocab_size"] <= ids.max():
        raise DataError(f"{path}: vocab_size {described['vocab_size']} does not fit {dataset.name}")
    model = SemanticModel(dataset, llama_config(described, len(ids), path), prompt=prompt)
    weights = load_weights(folder)
    weights[EMBEDDING] = weights[EMBEDDING][torch.from_numpy(ids)]
    model.llama.load_state_dict(weights)
    return model.eval()


def llama_config(described: dict, vocab_size: int, path: Path) -> LlamaConfig:
    """Of a config.json, for a vocabulary of another size. Raises DataError, which names `path`,
    for what differs from the model here."""
    rope = described.get("rope_parameters") or {}  # where transformers 5 keeps theta
    given = {
        "num_key_value_heads": described.get("num_attention_heads"),  # older files lack these
        "rope_theta": 10000.0,
        **described,
        **{name: value for name, value in rope.items() if name == "rope_theta"},
        "vocab_size": vocab_size,
    }
    names = [field.name for field in fields(LlamaConfig)]
    for name in names:
        if not isinstance(given.get(name), (int, float)):
            raise DataError(f"{path}: {name} is {given.get(name)}; expected a number")
    config = LlamaConfig(**{name: given[name] for name in names})
    wanted = {
        "architectures": ["LlamaForCausalLM"],
        "tie_word_embeddings": True,
        "attention_bias": False,
        "mlp_bias": False,
        "hidden_act": "silu",
        "rope_scaling": None,
        "head_dim": config.head_dim,
    }
    for name, value in wanted.items():
        if described.get(name, value) not in (value, None):
            raise DataError(f"{path}: {name} is {described[name]}; expected {value}")
    kind = rope.get("rope_type", "default")
    if kind != "default":
        raise DataError(f"{path}: rope_parameters.rope_type is {kind}; expected default")
    return config


def load_prompt(folder: Path, dataset: Dataset) -> Prompt:
    """The prompt of recommender.json; the default one where there is no such file."""
    path = folder / "recommender.json"
    if not path.is_file():
        return Prompt()
    described = read_json(path)
    parts = described["prompt"]
    if parts["suffix"] != parts["separator"]:
        raise DataError(
            f"{path}: prompt.suffix is {parts['suffix']}; expected the separator, "
            f"{parts['separator']}, as train.py and finetune.py have it"
        )
    first_code = min(min(item["tokens"]) for item in described["items"])
    prompt = Prompt.of_text(parts["prefix"], parts["separator"], first_code)
    expected = recommender_description(dataset, prompt)["items"]
    for item, entry in zip(described["items"], expected):
        if item["tokens"] != entry["tokens"]:
            raise DataError(
                f"{path}: item {item['id']}: its tokens are {item['tokens']}; "
                f"expected {entry['tokens']} for {dataset.name}"
            )
    return prompt


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
    write_json(folder / "training.json", report)


def setting_text(value: object) -> object:
    return value.name if isinstance(value, Path) else value
