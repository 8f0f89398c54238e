"""Beam search against brute force, the loss against the ranking's own probabilities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from halfling_train.attention import Packing
from halfling_train.datasets import Dataset
from halfling_train.llama_config import LlamaConfig
from halfling_train.packing import order_by_length, pack
from halfling_train.prompt import Prompt
from halfling_train.semantic_model import SemanticModel


PROMPTS = {
    "of a beginning": Prompt(),
    "of an instruction": Prompt.of_text([90, 70, 80], [], []),
    "with separators": Prompt.of_text([90, 70], [80, 75], [80, 75], others={60}),
    "with a question": Prompt.of_text([90, 70], [80], [75, 80, 60]),
    "with a question alone": Prompt.of_text([90], [], [75]),
}


@pytest.fixture(params=PROMPTS)
def model(dataset: Dataset, config: LlamaConfig, request: pytest.FixtureRequest) -> SemanticModel:
    torch.manual_seed(3)
    prompt = PROMPTS[request.param]
    config = replace(config, vocab_size=prompt.vocabulary_size(dataset.level_sizes))
    return SemanticModel(dataset, config, prompt=prompt).eval()


def item_log_probs(model: SemanticModel, history: list[int]) -> torch.Tensor:
    """[items] by a plain forward pass for every item, with no cache and no beam."""
    prefix = list(model.prompt.prefix)
    for number, code in enumerate(model.tokens[history].tolist()):
        prefix += [*(model.prompt.separator if number else ()), *code]
    if history or not model.prompt.asks_throughout:
        prefix += model.prompt.suffix
    scores = []
    for item, code in enumerate(model.tokens.tolist()):
        tokens = torch.tensor(prefix + code[:-1])
        packing = Packing(((0, 1, len(tokens)),), torch.arange(len(tokens)))
        hidden = model.llama(tokens, packing)[len(prefix) - 1 :]
        total = torch.zeros(())
        for level in range(model.levels):
            allowed = model.trie.successors(level)[model.trie.path[item, level]] >= 0
            logits = model.level_logits(level, hidden[level])
            logits[~allowed] = float("-inf")
            total = total + logits.log_softmax(-1)[code[level] - model.firsts[level]]
        scores.append(total)
    return torch.stack(scores).detach()


def test_a_wide_beam_ranks_like_brute_force(model: SemanticModel, dataset: Dataset) -> None:
    history = [5, 9, 3, 3, 17]
    expected = item_log_probs(model, history)
    leaves, scores = model.beam_search(np.array([history]), beams=1000)
    found = leaves[0][leaves[0] >= 0].tolist()
    assert sorted(found) == list(range(model.trie.leaves)), "every code is found"
    first_items = [model.trie.leaf_items[leaf][0] for leaf in found]
    torch.testing.assert_close(scores[0, : len(found)], expected[first_items])
    assert (scores[0, 1 : len(found)] <= scores[0, : len(found) - 1]).all()


def test_probabilities_of_the_catalogue_sum_to_one(model: SemanticModel) -> None:
    log_probs = item_log_probs(model, [2, 30])
    distinct = [items[0] for items in model.trie.leaf_items]
    assert float(log_probs[distinct].exp().sum()) == pytest.approx(1.0, abs=1e-5)


def test_a_narrow_beam_finds_no_better_score_than_a_wide_one(model: SemanticModel) -> None:
    histories = np.array([[5, 9, 3], [8, 8, 1]])
    _, wide = model.beam_search(histories, beams=1000)
    _, narrow = model.beam_search(histories, beams=4)
    assert narrow.shape == (2, 4)
    assert (narrow <= wide[:, :4] + 1e-5).all()


def test_the_loss_is_the_likelihood_that_ranking_uses(model: SemanticModel) -> None:
    sequences = [np.array([4, 7, 7, 20]), np.array([11, 2])]
    loss, count = model.loss(sequences)
    throughout = model.prompt.asks_throughout
    expected = -sum(
        item_log_probs(model, sequence[:end].tolist())[sequence[end]]
        for sequence in sequences
        for end in (range(len(sequence)) if throughout else [len(sequence) - 1])
    )
    assert count == model.count(sequences) == (6 if throughout else 2)
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)


def test_a_padded_batch_computes_what_one_without_padding_does(model: SemanticModel) -> None:
    sequences = [np.array([4, 7, 7, 20]), np.array([11, 2]), np.array([8]), np.array([1, 6])]
    states = []
    for padded in (False, True):
        order = order_by_length(list(map(len, sequences)))
        lengths = np.array([len(sequences[i]) * model.levels for i in order])
        packing = pack(lengths, torch.device("cpu"), padded)
        assert len(packing.groups) == (1 if padded else 3)
        tokens = model.tokens[torch.from_numpy(np.concatenate([sequences[i] for i in order]))]
        states.append(model.llama(tokens.flatten(), packing))
    torch.testing.assert_close(*states)


def test_the_more_popular_of_two_items_with_one_code_ranks_first(
    model: SemanticModel, dataset: Dataset
) -> None:
    shared = model.trie.leaf_items[int(model.trie.path[0, -1])]
    assert sorted(shared) == [0, 1]
    assert dataset.popularity[shared[0]] >= dataset.popularity[shared[1]]
    row = model.recommend([np.array([3, 4])], 1000)[0]
    assert row.index(shared[1]) == row.index(shared[0]) + 1
    assert sorted(row) == list(range(len(dataset.items)))


def test_a_batch_ranks_as_its_rows_do_alone(model: SemanticModel) -> None:
    histories = [np.array([3, 4]), np.array([9]), np.array([10, 12]), np.arange(20)]
    together = model.recommend(histories, 5)
    assert together == [model.recommend([history], 5)[0] for history in histories]


def test_excluded_items_leave_the_ranking_as_it_was_without_them(
    model: SemanticModel, dataset: Dataset
) -> None:
    histories = [np.array([3, 4]), np.array([7, 8])]
    # One of two items with one code, a whole level-one branch, and an item alone.
    branch = np.flatnonzero(dataset.codes[:, 0] == dataset.codes[9, 0])
    excluded = [np.append(branch, 0), np.array([5])]
    rows = model.recommend(histories, 1000, excluded)
    for row, whole, left_out in zip(rows, model.recommend(histories, 1000), excluded):
        assert row == [item for item in whole if item not in left_out]
    narrow = model.recommend(histories, 3, excluded)
    assert all(not set(row) & set(left_out) for row, left_out in zip(narrow, excluded))
    assert all(len(row) >= 3 for row in narrow), "the beam looks past what is excluded"
