"""Checkpoints: a Hugging Face directory with its items and data, and a training's report."""

from __future__ import annotations

import platform
from pathlib import Path

import torch
from safetensors.torch import save_file

from .config_file import hugging_face_config, read_config
from .datasets import DataError, Dataset, read_json
from .description import interactions_of, recommender_description, write_json
from .evaluation import Figures
from .llama import LlamaForCausalLM
from .prompt import Prompt
from .semantic_model import SemanticModel
from .trainer import Trainer
from .weights import HEAD, WEIGHTS, check_present, load_weights


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
    model = SemanticModel(dataset, read_config(described, len(ids), path), prompt=prompt)
    weights = load_weights(folder)
    check_present(weights, model.llama.state_dict(), folder)
    tables = {name: weights[name][torch.from_numpy(ids)] for name in model.llama.tables}
    weights.pop(HEAD, None)  # which some files hold beside the embedding that it is tied to
    model.llama.load_state_dict({**weights, **tables})
    return model.eval()


def load_prompt(folder: Path, dataset: Dataset) -> Prompt:
    """The prompt of recommender.json; the default one where there is no such file."""
    path = folder / "recommender.json"
    if not path.is_file():
        return Prompt()
    described = read_json(path)
    parts = described["prompt"]
    return Prompt.of_text(
        *(parts[name] for name in ("prefix", "separator", "suffix")),
        code_ids(described["items"], dataset, path),
        max_history=described["max_history"],
    )


def code_ids(items: list[dict], dataset: Dataset, path: Path) -> tuple[int, ...]:
    """The token of every code, level by level, -1 for those that no item has."""
    if [item["id"] for item in items] != [item.id for item in dataset.items]:
        raise DataError(f"{path}: its items are not those of {dataset.name}, in their order")
    starts = Prompt(text=()).first_tokens(dataset.level_sizes).tolist()
    ids = [-1] * sum(dataset.level_sizes)
    code_of: dict[int, int] = {}
    for item, row in zip(items, dataset.codes.tolist()):
        codes = [start + code for start, code in zip(starts, row)]
        for token, code in zip(item["tokens"], codes):
            if ids[code] not in (-1, token) or code_of.setdefault(token, code) != code:
                raise DataError(
                    f"{path}: item {item['id']}: its tokens are {item['tokens']}; they do not "
                    f"stand for {dataset.name}'s codes, {row}, as those of other items do"
                )
            ids[code] = token
    return tuple(ids)


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
