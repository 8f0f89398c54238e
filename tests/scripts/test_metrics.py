"""Figures, checked by hand, and the baselines."""

from __future__ import annotations

import numpy as np
import pytest
from halfling_train.baselines import ItemKnn, Popularity
from halfling_train.datasets import Dataset
from halfling_train.evaluation import judge
from halfling_train.metrics import MISS, summarize


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


def test_unseen_figures_take_the_history_off_the_list(dataset: Dataset) -> None:
    figures = judge([[4, 6, 8, 9]], np.array([9]), dataset, [np.array([6, 4])])
    assert (figures["strict"]["HR@1"], figures["strict"]["HR@5"]) == (0.0, 1.0)
    assert figures["strict"]["NDCG@5"] == pytest.approx(1 / np.log2(5), abs=1e-5)
    assert figures["strict unseen"]["NDCG@5"] == pytest.approx(1 / np.log2(3), abs=1e-5)


def test_baselines_leave_out_the_history(dataset: Dataset) -> None:
    for baseline in (Popularity(dataset), ItemKnn(dataset)):
        row = baseline.recommend([np.array([3, 4, 5])], 10)[0]
        assert len(set(row)) == 10 and not {3, 4, 5} & set(row)


def test_item_knn_follows_the_walk(dataset: Dataset) -> None:
    """Users step on by one or two items, so the nearest items lie beside the last."""
    row = ItemKnn(dataset).recommend([np.array([10])], 5)[0]
    assert all(min((item - 10) % 40, (10 - item) % 40) <= 6 for item in row)


def test_popularity_is_in_order(dataset: Dataset) -> None:
    row = Popularity(dataset).recommend([np.array([0])], 10)[0]
    counts = dataset.popularity[row]
    assert (counts[1:] <= counts[:-1]).all()
