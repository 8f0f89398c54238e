"""What other engines are checked against: the probabilities of the first code's tokens."""

from __future__ import annotations

import numpy as np
import torch
from halfling_train.attention import Packing

from .weights import Weights, torch_model


def prompt_tokens(weights: Weights, history: list[int]) -> list[int]:
    """Of item indices, oldest first."""
    prompt = weights.prompt
    tokens = list(prompt["prefix"])
    for number, item in enumerate(history):
        tokens += prompt["separator"] if number else []
        tokens += [token for token in weights.codes[item].tolist() if token >= 0]
    return tokens + prompt["suffix"]


@torch.no_grad()
def first_level(weights: Weights, histories: list[list[int]], count: int) -> list[list[dict]]:
    """For each history the `count` likeliest next tokens of the whole vocabulary, best first."""
    model = torch_model(weights)
    answers = []
    for history in histories:
        tokens = torch.tensor(prompt_tokens(weights, history))
        packing = Packing(((0, 1, len(tokens)),), torch.arange(len(tokens)))
        log_probs = model.logits(model(tokens, packing)[-1]).log_softmax(-1).numpy()
        best = np.argsort(-log_probs, kind="stable")[:count].tolist()
        answers.append([{"token": token, "log_prob": float(log_probs[token])} for token in best])
    return answers
