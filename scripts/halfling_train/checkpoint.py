"""Writes what training made: a Hugging Face directory, recommender.json and a report."""

from __future__ import annotations

import platform
from pathlib import Path

import torch
from safetensors.torch import save_file

from .datasets import Dataset
from .description import BOS, recommender_description, write_json
from .llama import LlamaConfig, LlamaForCausalLM


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
    weights = {name: p.detach().bfloat16().cpu().contiguous() for name, p in llama.named_parameters()}
    save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})
    write_json(folder / "config.json", hugging_face_config(llama.config))
    write_json(folder / "recommender.json", recommender_description(dataset))


def save_report(folder: Path, settings: dict, history: list[dict], summary: dict) -> None:
    """training.json: every setting, every epoch and the final figures."""
    report = {
        "settings": {name: setting_text(value) for name, value in sorted(settings.items())},
        "torch": torch.__version__,
        "python": platform.python_version(),
        **summary,
        "history": history,
    }
    write_json(folder / "training.json", report)


def setting_text(value: object) -> object:
    return value.name if isinstance(value, Path) else value
