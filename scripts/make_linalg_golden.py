#!/usr/bin/env python3
"""Writes tests/golden/linalg.json: what numpy and scipy make of small random problems.

The compressor's linear algebra and its metrics are tested against these values:
  svd        singular values, and the error of the best approximation at each rank
  whitened   L of X X^T = L L^T, and the least ||(W - A B) X|| at each rank
  refit      argmin over A of ||W X - A B X'||, by numpy's least squares
  regression the least ||W X - A B X'|| over A and B at each rank
  metrics    HR@K, NDCG@K and scipy's bootstrap intervals of a list of ranks

The output depends on the seed alone.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
import scipy.stats

OUTPUT = Path(__file__).resolve().parent.parent / "tests" / "golden" / "linalg.json"
OUT_DIM, IN_DIM, TOKENS, RANK = 7, 10, 40, 3
CUTOFFS = (1, 5, 10)


def rows(matrix: np.ndarray) -> list[list[float]]:
    return [[float(value) for value in row] for row in np.atleast_2d(matrix)]


def correlated_inputs(rng: np.random.Generator) -> np.ndarray:
    """Activations [IN_DIM, TOKENS] whose dimensions differ in scale and depend on each other."""
    mixing = rng.normal(size=(IN_DIM, IN_DIM)) * np.geomspace(1.0, 0.05, IN_DIM)
    return mixing @ rng.normal(size=(IN_DIM, TOKENS))


def discarded(singular_values: np.ndarray) -> list[float]:
    """The error at rank 1, 2, …: the root of the sum of the squares left out."""
    squares = singular_values**2
    return [float(np.sqrt(squares[rank:].sum())) for rank in range(1, len(squares) + 1)]


def whitened_problem(weight: np.ndarray, inputs: np.ndarray) -> dict[str, Any]:
    lower = scipy.linalg.cholesky(inputs @ inputs.T, lower=True)
    # The singular values of W X itself: no Cholesky factor involved.
    singular_values = scipy.linalg.svd(weight @ inputs, compute_uv=False)
    return {"lower": rows(lower), "errors": discarded(singular_values)}


def refit_problem(
    rng: np.random.Generator, weight: np.ndarray, inputs: np.ndarray
) -> dict[str, Any]:
    drifted = inputs + 0.2 * rng.normal(size=inputs.shape)
    right = rng.normal(size=(RANK, IN_DIM))
    solution, *_ = np.linalg.lstsq((right @ drifted).T, (weight @ inputs).T, rcond=None)
    return {"drifted_inputs": rows(drifted), "right": rows(right), "left": rows(solution.T)}


def regression_problem(
    weight: np.ndarray, inputs: np.ndarray, drifted: np.ndarray
) -> dict[str, Any]:
    """Least squares, then the fitted outputs' own SVD: no covariance is formed."""
    goal = weight @ inputs
    solution, *_ = np.linalg.lstsq(drifted.T, goal.T, rcond=None)
    fitted = solution.T @ drifted
    left, singular_values, right = np.linalg.svd(fitted, full_matrices=False)
    ranks = range(1, len(singular_values) + 1)
    best = [(left[:, :rank] * singular_values[:rank]) @ right[:rank] for rank in ranks]
    return {"errors": [float(np.linalg.norm(goal - outputs)) for outputs in best]}


def metric_values(ranks: np.ndarray) -> dict[str, np.ndarray]:
    found = ranks > 0
    gain = np.where(found, 1 / np.log2(np.where(found, ranks, 1) + 1), 0.0)
    values = {f"hr@{k}": (found & (ranks <= k)).astype(float) for k in CUTOFFS}
    values |= {f"ndcg@{k}": np.where(found & (ranks <= k), gain, 0.0) for k in CUTOFFS[1:]}
    return values


def metrics_problem(rng: np.random.Generator) -> dict[str, Any]:
    ranks = rng.integers(0, 21, size=400)
    expected = {}
    for name, values in metric_values(ranks).items():
        interval = scipy.stats.bootstrap(
            (values,), np.mean, n_resamples=4000, method="percentile", random_state=rng
        ).confidence_interval
        expected[name] = {
            "mean": float(values.mean()),
            "low": float(interval.low),
            "high": float(interval.high),
        }
    return {"ranks": ranks.tolist(), "expected": expected}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--seed", type=int, default=20260105)
    arguments = parser.parse_args()

    rng = np.random.default_rng(arguments.seed)
    weight = rng.normal(size=(OUT_DIM, IN_DIM))
    inputs = correlated_inputs(rng)
    singular_values = scipy.linalg.svd(weight, compute_uv=False)
    refit = refit_problem(rng, weight, inputs)
    golden = {
        "made_by": "scripts/make_linalg_golden.py",
        "seed": arguments.seed,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "weight": rows(weight),
        "inputs": rows(inputs),
        "svd": {
            "singular_values": [float(value) for value in singular_values],
            "errors": discarded(singular_values),
        },
        "whitened": whitened_problem(weight, inputs),
        "refit": refit,
        "regression": regression_problem(weight, inputs, np.array(refit["drifted_inputs"])),
        "metrics": metrics_problem(rng),
    }
    arguments.output.write_text(json.dumps(golden, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"wrote {arguments.output}, {arguments.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
