"""How far models are from their original on the same users, as `halfling evaluate` tells it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from .datasets import DataError, Dataset
from .distillation import divergences
from .evaluation import COLUMNS, user_batches
from .metrics import code_ranks, gains, item_ranks
from .semantic_model import SemanticModel

METRICS = [column.lower() for column in COLUMNS]
TOP = 10  # items whose overlap is measured
RESAMPLES = 2000
Interval = dict[str, float]


@dataclass
class Ranked:
    """What one model gave the users, in one order for all models."""

    strict: list[np.ndarray] = field(default_factory=list)  # 0-based ranks of the targets
    by_code: list[np.ndarray] = field(default_factory=list)
    top: list[list[int]] = field(default_factory=list)
    divergences: list[np.ndarray] = field(default_factory=list)  # nats an item
    seconds: float = 0.0


@torch.no_grad()
def compare(
    original: SemanticModel,
    models: dict[str, SemanticModel],
    dataset: Dataset,
    split: str,
    beams: int = 20,
    users: int = 0,
    exclude_seen: bool = True,
) -> dict:
    """Figures of `models` beside `original`, in f32: those of `halfling evaluate --json`.

    All users, or an evenly spread sample; all models on one device. 95% intervals are of the
    percentile bootstrap over users. Raises DataError where prompts have room for other numbers of
    items.
    """
    last = original.prompt.max_history
    for name, model in models.items():
        if model.prompt.max_history != last:
            raise DataError(
                f"{name}: its prompt has {model.prompt.max_history} items; expected {last}, as the "
                "original's has"
            )
    histories, targets = dataset.evaluation(split)
    before, after = Ranked(), {name: Ranked() for name in models}
    batches = user_batches(histories, users)
    for batch in tqdm(batches, desc="ranking", mininterval=5):
        own = [histories[user] for user in batch]
        wanted = targets[batch]
        recent = [history[-last:] for history in own]
        sequences = [np.append(history, target) for history, target in zip(recent, wanted)]
        original_log_probs = original.code_log_probs(sequences, only_last=True)
        for model, ranked in ((original, before), *zip(models.values(), after.values())):
            began = time.monotonic()
            rows = model.recommend(recent, beams, own if exclude_seen else None)
            ranked.strict.append(item_ranks(rows, wanted))
            ranked.by_code.append(code_ranks(rows, wanted, dataset.leaf_of))
            ranked.top += [row[:TOP] for row in rows]
            ranked.seconds += time.monotonic() - began
            if ranked is not before:
                values = last_item_divergences(original_log_probs, model, sequences)
                ranked.divergences.append(values.cpu().numpy())
    return {
        "models": [
            {"directory": name, "seconds": ranked.seconds, **figures(before, ranked)}
            for name, ranked in after.items()
        ],
        "original": own_figures(before),
        "split": split,
        "users": sum(map(len, batches)),
        "beam": beams,
        "exclude_seen": exclude_seen,
    }


def last_item_divergences(
    original_log_probs: list[Tensor], model: SemanticModel, sequences: list[np.ndarray]
) -> Tensor:
    """[sequences] KL(original || model) at the codes of each one's last item, in nats; the order
    is that of the packed batch."""
    given = model.code_log_probs(sequences, only_last=True)
    total = torch.zeros(len(sequences), dtype=torch.float64, device=model.tokens.device)
    for log_p, log_q, is_open in zip(original_log_probs, given, model.open_rows(sequences)):
        total[is_open] += divergences(log_p.double(), log_q.double())
    return total.clamp(min=0)  # below 0 it can only be by rounding


def figures(before: Ranked, after: Ranked) -> dict:
    divergence = interval(np.concatenate(after.divergences)[:, None])[0]
    overlaps = [
        len(set(first) & set(second)) / len(first) if first else 1.0
        for first, second in zip(before.top, after.top)
    ]
    changes = relative_changes(gain_table(before.strict), gain_table(after.strict))
    return {
        **own_figures(after),
        "against": {
            "metrics_relative_change": dict(zip(METRICS, changes)),
            "divergence": divergence,
            "overlap@10": interval(np.array(overlaps)[:, None])[0],
        },
    }


def own_figures(ranked: Ranked) -> dict:
    return {
        "metrics": dict(zip(METRICS, interval(gain_table(ranked.strict)))),
        "metrics_collision_counted": dict(zip(METRICS, interval(gain_table(ranked.by_code)))),
    }


def gain_table(ranks: list[np.ndarray]) -> np.ndarray:
    """[users, METRICS] what each user adds to each metric."""
    columns = gains(np.concatenate(ranks))
    return np.stack([columns[name] for name in COLUMNS], axis=1)


@lru_cache(maxsize=1)
def resamples(count: int) -> np.ndarray:
    """[RESAMPLES, count] how often each of `count` users is drawn: the same for every figure."""
    random = np.random.default_rng(1)
    draws = (random.integers(count, size=count) for _ in range(RESAMPLES))
    return np.stack([np.bincount(draw, minlength=count).astype(np.uint8) for draw in draws])


def resampled_means(values: np.ndarray) -> np.ndarray:
    """values [users, columns] -> [RESAMPLES, columns]."""
    return np.stack([times @ values for times in resamples(len(values))]) / len(values)


def interval(values: np.ndarray) -> list[Interval]:
    """Of each column of values [users, columns]."""
    return summarize(values.mean(axis=0), resampled_means(values))


def relative_changes(before: np.ndarray, after: np.ndarray) -> list[Interval | None]:
    """Of each column's mean; the users are resampled together. None where the mean before is 0; a
    resample in which it is 0 is left out."""
    columns = before.shape[1]
    both = np.concatenate([before, after], axis=1)
    means, resampled = both.mean(axis=0), resampled_means(both)

    def change(rows: np.ndarray) -> np.ndarray:
        old, new = rows[..., :columns], rows[..., columns:]
        return np.divide(new - old, old, out=np.full_like(old, np.nan), where=old > 0)

    mean, drawn = change(means), change(resampled)
    return [
        None if np.isnan(mean[i]) else summarize(mean[[i]], drawn[:, [i]])[0]
        for i in range(columns)
    ]


def summarize(means: np.ndarray, resampled: np.ndarray) -> list[Interval]:
    low, high = np.nanpercentile(resampled, [2.5, 97.5], axis=0)
    return [
        {"mean": float(m), "low": float(a), "high": float(b)} for m, a, b in zip(means, low, high)
    ]
