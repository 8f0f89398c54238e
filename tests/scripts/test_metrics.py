"""Figures, checked by hand, and the baselines."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from halfling_train.baselines import ItemKnn, Popularity
from halfling_train.datasets import MAX_HISTORY, Dataset
from halfling_train.distributed import Workers
from halfling_train.evaluation import evaluate, judge
from halfling_train.metrics import MISS, summarize
from halfling_train.sasrec import SasRec


def test_figures_of_known_ranks() -> None:
    figures = summarize(np.array([0, 2, 7, MISS]))
    assert (figures["HR@1"], figures["HR@5"], figures["HR@10"]) == (0.25, 0.5, 0.75)
    assert figures["NDCG@5"] == pytest.approx((1 + 0.5) / 4, abs=1e-5)
    assert figures["NDCG@10"] == pytest.approx((1 + 0.5 + 1 / np.log2(9)) / 4, abs=1e-5)


def test_a_collision_counts_only_where_it_may(dataset: Dataset) -> None:
    figures = judge([[0, 7], [1, 0, 5]], np.array([1, 5]), dataset)  # 0 and 1 share a code
    assert figures["strict"]["HR@1"] == 0.0
    assert figures["collision"]["HR@1"] == 0.5
    # Two items of one code take one place among the codes, so the second target moves up.
    assert figures["collision"]["NDCG@5"] == pytest.approx((1 + 1 / np.log2(3)) / 2, abs=1e-5)


def test_models_see_the_last_items_and_may_recommend_no_earlier_one(dataset: Dataset) -> None:
    class Spy:
        def recommend(self, histories, count, excluded=None):  # noqa: ANN001, ANN202
            calls.append((histories, excluded))
            return [[0] for _ in histories]

    calls: list = []
    alone = Workers(0, 1, torch.device("cpu"))
    evaluate(Spy(), dataset, "test", alone, exclude_seen=False)
    evaluate(Spy(), dataset, "test", alone)
    assert all(excluded is None for _, excluded in calls[: len(calls) // 2])
    for histories, excluded in calls[len(calls) // 2 :]:
        for history, seen in zip(histories, excluded):
            assert history.tolist() == seen.tolist()[-MAX_HISTORY:]
    lengths = [len(seen) for _, excluded in calls if excluded for seen in excluded]
    assert sorted(lengths) == sorted(len(sequence) - 1 for sequence in dataset.sequences)


def test_what_is_excluded_is_not_recommended(dataset: Dataset) -> None:
    for model in (Popularity(dataset), ItemKnn(dataset), SasRec(dataset).eval()):
        row = model.recommend([np.array([3, 4, 5])], 10, [np.array([3, 4, 5, 20])])[0]
        assert len(set(row)) == 10 and not {3, 4, 5, 20} & set(row)
        everything = model.recommend([np.array([3, 4, 5])], 40)[0]
        assert sorted(everything) == list(range(40))


def test_lists_are_shorter_where_there_are_fewer_items(dataset: Dataset) -> None:
    barred = np.arange(25)
    for model in (Popularity(dataset), ItemKnn(dataset), SasRec(dataset).eval()):
        row = model.recommend([barred[-3:]], 20, [barred])[0]
        assert sorted(row) == list(range(25, 40))
        assert len(model.recommend([barred[-3:]], 50)[0]) == 40


def test_item_knn_follows_the_walk(dataset: Dataset) -> None:
    """Users step on by one or two items, so the nearest items lie beside the last."""
    row = ItemKnn(dataset).recommend([np.array([10])], 5)[0]
    assert all(min((item - 10) % 40, (10 - item) % 40) <= 6 for item in row)


def test_popularity_is_in_order(dataset: Dataset) -> None:
    row = Popularity(dataset).recommend([np.array([0])], 10)[0]
    counts = dataset.popularity[row]
    assert (counts[1:] <= counts[:-1]).all()
