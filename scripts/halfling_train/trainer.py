"""The training loop: AdamW, warm-up and cosine, averaged weights, early stopping, resuming."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from .batches import WINDOW, epoch_batches
from .datasets import DataError
from .distributed import Workers
from .replacing import new_file
from .train_options import MAY_CHANGE, TrainOptions

# loss(sequences, epoch): the sum over their items, and the items' number; epoch counts from 0 and
# is a fraction within an epoch.
Loss = Callable[[list[np.ndarray], float], "tuple[torch.Tensor, int]"]


class Trainer:
    """`evaluate(model)` returns the validation figure, larger is better; every worker calls it.

    `identity` names the model and its data: a saved state of another one is refused (DataError),
    and so is one of other `options`, but for those that MAY_CHANGE, or of other `settings`.
    With `keep_start` the weights before training compete too: the best may be those of epoch 0.
    `loss` is the model's own by default, `count` the number of items that it is of in a batch.
    Sequences are cut to `window` items. `figure` names what `evaluate` returns.
    """

    def __init__(
        self,
        model: nn.Module,
        sequences: list[np.ndarray],
        evaluate: Callable[[nn.Module], float],
        options: TrainOptions,
        workers: Workers,
        state_path: Path,
        identity: str,
        keep_start: bool = False,
        loss: Loss | None = None,
        count: Callable[[list[np.ndarray]], int] = lambda sequences: sum(map(len, sequences)),
        window: int = WINDOW,
        settings: dict[str, object] | None = None,
        figure: str = "NDCG@10",
    ) -> None:
        self.identity, self.keep_start, self.figure = identity, keep_start, figure
        self.count, self.window = count, window
        self.loss = loss or (lambda sequences, _: model.loss(sequences))
        fixed = {name: value for name, value in asdict(options).items() if name not in MAY_CHANGE}
        self.fixed = {**fixed, **(settings or {})}
        self.model, self.sequences, self.evaluate = model, sequences, evaluate
        self.options, self.workers, self.state_path = options, workers, state_path
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self._parameter_groups(), betas=(0.9, 0.98))
        self.average = [p.detach().clone() for p in self.parameters]
        self.best = [p.clone() for p in self.average]
        self.best_score, self.best_epoch, self.bad_evaluations = -math.inf, 0, 0
        self.epoch, self.step, self.seconds = 0, 0, 0.0
        self.history: list[dict] = []

    def _parameter_groups(self) -> list[dict]:
        """Matrices decay; norm gains and biases do not."""
        decay = [p for p in self.parameters if p.dim() > 1]
        rest = [p for p in self.parameters if p.dim() <= 1]
        return [
            {"params": decay, "weight_decay": self.options.weight_decay},
            {"params": rest, "weight_decay": 0.0},
        ]

    def run(self) -> None:
        """Trains to the end, and leaves the best averaged weights in the model.

        DataError where a gradient, a weight or a validation's figure is no finite number; no weights
        of such an epoch are kept.
        """
        if not self._resume() and self.keep_start:
            self.best_score = self._validate()
        started = time.monotonic() - self.seconds
        while not self._at_end():
            loss = self._train_epoch(started)
            self.epoch += 1
            self.seconds = self.workers.agree(time.monotonic() - started)
            self._after_epoch(loss)
            self.seconds = self.workers.agree(time.monotonic() - started)
            if self.epoch % self.options.save_every == 0 or self._at_end():
                self._save()
        self._load_into_model(self.best)

    def _at_end(self) -> bool:
        if self.epoch >= self.options.epochs or self.bad_evaluations >= self.options.patience:
            return True
        return 0 < self.options.minutes * 60 <= self.seconds

    def _progress(self, share_of_epoch: float, seconds: float) -> float:
        """0 at the start of the schedule, 1 at its end."""
        progress = (self.epoch + share_of_epoch) / self.options.epochs
        if self.options.minutes > 0:
            progress = max(progress, seconds / (60 * self.options.minutes))
        return min(progress, 1.0)

    def _learning_rate(self, progress: float) -> float:
        options = self.options
        warm = min(1.0, progress / options.warmup) if options.warmup else 1.0
        rest = max(0.0, progress - options.warmup) / (1 - options.warmup)
        cosine = 0.5 * (1 + math.cos(math.pi * rest))
        scale = options.final_rate + (1 - options.final_rate) * cosine
        return options.learning_rate * max(warm, 1e-3) * scale

    def _train_epoch(self, started: float) -> float:
        options, workers = self.options, self.workers
        # Dropout is a function of (seed, epoch, rank), so resuming needs no generator state.
        torch.manual_seed(hash((options.seed, self.epoch, workers.rank)) % 2**31)
        self.model.train()
        batches = list(
            epoch_batches(
                self.sequences,
                options.batch_size,
                options.item_drop,
                options.seed,
                self.epoch,
                options.reversal,
                self.window,
            )
        )
        label = f"epoch {self.epoch + 1}/{options.epochs}"
        bar = tqdm(batches, desc=label, disable=not workers.is_main, mininterval=5, file=sys.stderr)
        total, count = 0.0, 0
        for index, batch in enumerate(bar):
            progress = self._progress(index / len(batches), time.monotonic() - started)
            # Workers' clocks differ, and different rates would let their weights drift apart.
            rate = self._learning_rate(workers.agree(progress) if options.minutes else progress)
            loss, items = self._train_step(batch, rate, self.epoch + index / len(batches))
            total, count = total + loss, count + items
            if index % 20 == 0:
                bar.set_postfix(loss=f"{total / max(count, 1):.3f}", refresh=False)
        total, count = workers.sum([total, count])
        return total / max(count, 1)

    def _train_step(self, batch: list[np.ndarray], rate: float, epoch: float) -> tuple[float, int]:
        """One update; returns the loss's sum over the items of this worker's part, and their
        number."""
        options, items = self.options, self.count(batch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        part, loss, count = self.workers.share(batch), torch.zeros(()), 0
        if part:
            with autocast(self.workers.device, options.precision):
                loss, count = self.loss(part, epoch)
            (loss / items).backward()
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.workers.sum_gradients(self.parameters)
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters, 1.0))
        if not math.isfinite(norm):
            raise self._ran_off(
                f"epoch {self.epoch + 1}, step {self.step + 1}: the gradient's norm is {norm}"
            )
        self.optimizer.step()
        self._update_average()
        return float(loss.detach()), count

    def _ran_off(self, found: str) -> DataError:
        advice = "" if self.options.precision == "f32" else ", or use --precision f32"
        return DataError(f"{found}; expected a finite number: lower --learning-rate{advice}")

    @torch.no_grad()
    def _update_average(self) -> None:
        self.step += 1
        decay = min(self.options.average_decay, (1 + self.step) / (10 + self.step))
        for average, parameter in zip(self.average, self.parameters):
            average.lerp_(parameter, 1 - decay)

    def _after_epoch(self, loss: float) -> None:
        entry = {
            "epoch": self.epoch,
            "loss": round(loss, 4),
            "minutes": round(self.seconds / 60, 2),
        }
        if self.epoch % self.options.evaluate_every == 0 or self._at_end():
            current = [p.detach().clone() for p in self.parameters]
            self._load_into_model(self.average)
            score = self._validate()
            self._load_into_model(current)
            entry[self.figure] = round(score, 5)
            self._note_score(score)
        self.history.append(entry)
        if self.workers.is_main:
            print("  ".join(f"{name} {value}" for name, value in entry.items()), flush=True)

    def _validate(self) -> float:
        """The figure of the model as it is, on every worker."""
        when = f"validation after epoch {self.epoch}"
        if not all(torch.isfinite(parameter).all() for parameter in self.parameters):
            raise self._ran_off(f"{when}: a weight is infinite or not a number")
        self.model.eval()
        score = self.workers.agree(self.evaluate(self.model))
        if not math.isfinite(score):
            raise self._ran_off(f"{when}: the {self.figure} is {score}")
        return score

    def _note_score(self, score: float) -> None:
        if score > self.best_score:
            self.best_score, self.best_epoch, self.bad_evaluations = score, self.epoch, 0
            self.best = [p.clone() for p in self.average]
        else:
            self.bad_evaluations += 1

    @torch.no_grad()
    def _load_into_model(self, weights: list[torch.Tensor]) -> None:
        for parameter, weight in zip(self.parameters, weights, strict=True):
            parameter.copy_(weight)

    def _save(self) -> None:
        if not self.workers.is_main:
            return
        state = {
            "identity": self.identity,
            "fixed": self.fixed,
            "weights": [p.detach() for p in self.parameters],
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "best": self.best,
            **{name: getattr(self, name) for name in COUNTERS},
        }
        with new_file(self.state_path) as partial:
            torch.save(state, partial)

    def _resume(self) -> bool:
        if not self.state_path.exists():
            return False
        state = torch.load(self.state_path, map_location=self.workers.device)
        saved = {"model or data": state["identity"], **state["fixed"]}
        wanted = {"model or data": self.identity, **self.fixed}
        for what, value in wanted.items():
            if what in saved and saved[what] != value:  # earlier releases kept fewer settings
                raise DataError(
                    f"{self.state_path}: is a training of another {what.replace('_', ' ')} "
                    f"({saved[what]}, not {value}); delete it and what it made, or write "
                    "elsewhere"
                )
        self._load_into_model(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.best = state["average"], state["best"]
        for name in COUNTERS:
            setattr(self, name, state[name])
        if self.workers.is_main:
            print(f"resumed {self.state_path} after epoch {self.epoch}", flush=True)
        return True


COUNTERS = (
    "best_score",
    "best_epoch",
    "bad_evaluations",
    "epoch",
    "step",
    "seconds",
    "history",
)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """bf16 or f32 products; the weights, the optimizer and every softmax are in f32 anyway."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")
