"""Evaluates anything that recommends, on the users of a split."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from .datasets import MAX_HISTORY, Dataset
from .distributed import Workers
from .metrics import HR_AT, NDCG_AT, code_ranks, item_ranks, summarize
from .semantic_model import SemanticModel
from .trainer import autocast

EVALUATION_BATCH = 256
Figures = dict[str, dict[str, float]]

COLUMNS = [f"HR@{k}" for k in HR_AT] + [f"NDCG@{k}" for k in NDCG_AT]


class Recommender(Protocol):
    def recommend(
        self, histories: list[np.ndarray], count: int, excluded: list[np.ndarray] | None = None
    ) -> list[list[int]]:
        """For each history its best items, best first, without those `excluded` for it."""


def evaluate(
    model: Recommender,
    dataset: Dataset,
    split: str,
    workers: Workers,
    beams: int = 20,
    users: int = 0,
    exclude_seen: bool = True,
    precision: str = "f32",
) -> Figures:
    """{'strict' and 'collision': figures} over all users, or over an evenly spread `users`.

    Histories are cut to their last 20 items, or to what a model's prompt has. With `exclude_seen`
    only what the user never chose is ranked. Products are in f32, as in `halfling evaluate`, or in
    bf16.
    """
    histories, targets = dataset.evaluation(split)
    batches = user_batches(histories, users)
    with autocast(workers.device, precision):
        lists = [
            recommend(model, [histories[index] for index in batch], beams, exclude_seen)
            for batch in workers.share(batches)
        ]
    rows = [row for batch in workers.unshare(lists) for row in batch]
    return judge(rows, targets[np.concatenate(batches)], dataset)


def spread(count: int, sample: int) -> np.ndarray:
    """The numbers below `count`, or `sample` of them, evenly spread (0: all)."""
    if 0 < sample < count:
        return np.linspace(0, count - 1, sample).astype(int)
    return np.arange(count)


def user_batches(histories: list[np.ndarray], users: int = 0) -> list[np.ndarray]:
    """All users' numbers, or those of an evenly spread sample, in batches.

    Histories of one length share a batch, and need no padding there.
    """
    chosen = spread(len(histories), users)
    lengths = [min(len(histories[user]), MAX_HISTORY) for user in chosen]
    ordered = chosen[np.argsort(lengths, kind="stable")]
    return np.split(ordered, range(EVALUATION_BATCH, len(ordered), EVALUATION_BATCH))


def validation_score(
    model: Recommender, dataset: Dataset, workers: Workers, beams: int, users: int, precision: str
) -> float:
    """NDCG@10 on the validation targets: what training watches."""
    figures = evaluate(model, dataset, "valid", workers, beams, users, precision=precision)
    return figures["strict"]["NDCG@10"]


def recommend(
    model: Recommender,
    histories: list[np.ndarray],
    beams: int,
    exclude_seen: bool,
) -> list[list[int]]:
    last = model.prompt.max_history if isinstance(model, SemanticModel) else MAX_HISTORY
    recent = [history[-last:] for history in histories]
    excluded = histories if exclude_seen else None
    if isinstance(model, torch.nn.Module):
        model.eval()
    return model.recommend(recent, beams, excluded)


def judge(lists: list[list[int]], targets: np.ndarray, dataset: Dataset) -> Figures:
    """The figures of ranked items; 'collision' counts every item with the target's code."""
    return {
        "strict": summarize(item_ranks(lists, targets)),
        "collision": summarize(code_ranks(lists, targets, dataset.leaf_of)),
    }


def print_table(figures_by_name: dict[str, Figures]) -> None:
    print(f"\n{'':32}" + "".join(f"{column:>9}" for column in COLUMNS))
    for name, figures in figures_by_name.items():
        for kind, values in figures.items():
            cells = "".join(f"{values[column]:9.4f}" for column in COLUMNS)
            print(f"{name + ', ' + kind:32}{cells}")
