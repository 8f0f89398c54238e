"""The tree of item codes as arrays: which codes may follow a prefix, which items a code names."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


class ItemTrie(nn.Module):
    """A module for its buffers to follow the model to its device; it has no parameters.

    Nodes are numbered per level; the nodes after the last level are the leaves (distinct codes).
    """

    def __init__(self, codes: np.ndarray, level_sizes: tuple[int, ...], popularity: np.ndarray):
        super().__init__()
        self.levels, self.level_sizes = codes.shape[1], level_sizes
        nodes = np.zeros(len(codes), dtype=np.int64)
        path = [nodes]
        for level, size in enumerate(level_sizes):
            count = int(nodes.max()) + 1
            edges, after = np.unique(nodes * size + codes[:, level], return_inverse=True)
            child = np.full(count * size, -1, dtype=np.int64)
            child[edges] = np.arange(len(edges))
            table = torch.from_numpy(child.reshape(count, size))
            self.register_buffer(f"child_{level}", table, persistent=False)
            self.register_buffer(f"branches_{level}", (table >= 0).sum(1), persistent=False)
            nodes = after.reshape(-1).astype(np.int64)
            path.append(nodes)
        # [items, levels + 1]: the node before each level, and the leaf
        self.register_buffer("path", torch.from_numpy(np.stack(path, 1)), persistent=False)
        self.leaves = int(nodes.max()) + 1
        self.leaf_items = self._rank_items(nodes, popularity)

    def _rank_items(self, leaf_of: np.ndarray, popularity: np.ndarray) -> list[list[int]]:
        """The items of each leaf, the more popular first."""
        items: list[list[int]] = [[] for _ in range(self.leaves)]
        for item in np.argsort(-popularity, kind="stable"):
            items[leaf_of[item]].append(int(item))
        return items

    def successors(self, level: int) -> Tensor:
        """[nodes, codes] the node that each code leads to, -1 where the catalogue has none."""
        return getattr(self, f"child_{level}")

    def branches(self, level: int) -> Tensor:
        """[nodes] how many codes may follow each node."""
        return getattr(self, f"branches_{level}")

    def alive(self, excluded: list[np.ndarray]) -> list[Tensor]:
        """Per depth [rows, nodes]: whether a node leads to an item that its row does not exclude.

        excluded: item numbers of each row. Depth 0 is the root, the last one the leaves.
        """
        device = self.path.device
        items = torch.ones(len(excluded), len(self.path), dtype=torch.bool)
        for row, numbers in zip(items, excluded):
            row[torch.from_numpy(numbers)] = False
        rows, kept = items.to(device).nonzero(as_tuple=True)
        depths = []
        for depth in range(self.levels + 1):
            nodes = self.path[:, depth]
            alive = torch.zeros(len(excluded), int(nodes.max()) + 1, dtype=torch.bool)
            alive = alive.to(device)
            alive[rows, nodes[kept]] = True
            depths.append(alive)
        return depths

    def log_probs(self, level: int, nodes: Tensor, logits: Tensor) -> Tensor:
        """Log-probabilities over the codes that may follow `nodes`; -inf for all others.

        Their sum over the levels is a distribution over the catalogue's codes.
        """
        allowed = self.successors(level)[nodes] >= 0
        return logits.float().masked_fill(~allowed, float("-inf")).log_softmax(-1)
