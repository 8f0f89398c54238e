"""What ties codes to their item's title: title -> codes and codes -> title.

Zheng et al., 2024, "Adapting Large Language Models by Integrating Collaborative Semantics for
Recommendation" (LC-Rec), index-language alignment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .datasets import Dataset
from .packing import order_by_length, pack
from .pretrained import Pretrained
from .prompt import Prompt
from .semantic_model import SemanticModel

ASK_CODE, ASK_TITLE = ("Title: ", "\nItem: "), ("Item: ", "\nTitle: ")


@dataclass(frozen=True)
class Exercise:
    """A text of which the tokens from `asked` on are to be predicted."""

    tokens: list[int]
    asked: int


class TitleAlignment:
    """The two tasks over the `items` that have a title; the model's prompt must know `text_tokens`."""

    def __init__(self, pretrained: Pretrained, dataset: Dataset) -> None:
        self.titles = {
            number: pretrained.encode(item.title)
            for number, item in enumerate(dataset.items)
            if item.title
        }
        self.items = np.array(list(self.titles))
        self.ask_code = [pretrained.encode(text) for text in ASK_CODE]
        self.ask_title = [pretrained.encode(text) for text in ASK_TITLE]
        self.end = pretrained.end_token()
        self.text_tokens = {self.end}.union(*self.titles.values(), *self.ask_code, *self.ask_title)

    def loss(self, model: SemanticModel, items: np.ndarray) -> Tensor:
        """The mean negative log-likelihood of an asked token, over both tasks on each of `items`.

        A code is one among those of its level, a token of a title one among those of all titles.
        """
        exercises = [task for item in items for task in self._tasks(model, int(item))]
        order = order_by_length([len(exercise.tokens) for exercise in exercises])
        exercises = [exercises[i] for i in order]
        device = model.tokens.device
        lengths = np.array([len(exercise.tokens) - 1 for exercise in exercises])
        packing = pack(lengths, device)
        inputs = [token for exercise in exercises for token in exercise.tokens[:-1]]
        hidden = model.llama(torch.tensor(inputs, device=device), packing)
        is_asked = np.concatenate([np.arange(1, len(e.tokens)) >= e.asked for e in exercises])
        targets = [token for e in exercises for token in e.tokens[e.asked :]]
        asked = torch.tensor(targets, device=device)
        return token_loss(model, hidden[torch.from_numpy(is_asked).to(device)], asked)

    def _tasks(self, model: SemanticModel, item: int) -> tuple[Exercise, Exercise]:
        codes = model.tokens[item].tolist()
        title, end = known(model.prompt, self.titles[item]), known(model.prompt, [self.end])
        before, after = (known(model.prompt, part) for part in self.ask_code)
        question = [*before, *title, *after]
        to_code = Exercise([*question, *codes], len(question))
        before, after = (known(model.prompt, part) for part in self.ask_title)
        question = [*before, *codes, *after]
        return to_code, Exercise([*question, *title, *end], len(question))


def known(prompt: Prompt, ids: list[int]) -> list[int]:
    """The model's tokens of a checkpoint's ids."""
    return np.searchsorted(prompt.text, ids).tolist()


def token_loss(model: SemanticModel, hidden: Tensor, targets: Tensor) -> Tensor:
    """The mean over `targets` [N], each among the tokens of its block: text, or a level's codes."""
    blocks = [(0, len(model.prompt.text)), *zip(model.firsts, model.trie.level_sizes)]
    total = hidden.new_zeros((), dtype=torch.float32)
    for first, count in blocks:
        inside = (targets >= first) & (targets < first + count)
        if inside.any():
            logits = model.llama.logits(hidden[inside], first, count).float()
            total = total + F.cross_entropy(logits, targets[inside] - first, reduction="sum")
    return total / len(targets)
