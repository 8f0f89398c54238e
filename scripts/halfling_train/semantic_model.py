"""The generative recommender: a LLaMA over item codes, its loss and its beam search."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import Packing, PromptCache
from .datasets import DataError, Dataset
from .llama import LlamaForCausalLM
from .llama_config import Dropout, LlamaConfig
from .packing import PackedItems, order_by_length, pack_items
from .prompt import Prompt
from .trie import ItemTrie


class SemanticModel(nn.Module):
    """Predicts the next item's codes level by level, among the codes that the catalogue has.

    `config.vocab_size` is that of `prompt` over the dataset's codes. `softmax` says over what the
    loss normalizes: 'trie', the codes that may follow (what ranking does), 'level', all codes of
    the level, or 'full', the whole vocabulary.
    """

    def __init__(
        self,
        dataset: Dataset,
        config: LlamaConfig,
        dropout: Dropout = Dropout(),
        label_smoothing: float = 0.0,
        softmax: str = "trie",
        prompt: Prompt = Prompt(),
    ) -> None:
        super().__init__()
        self.prompt = prompt
        self.llama = LlamaForCausalLM(config, dropout)
        self.trie = ItemTrie(dataset.codes, dataset.level_sizes, dataset.popularity)
        table = prompt.token_table(dataset.codes, dataset.level_sizes)
        self.register_buffer("tokens", torch.from_numpy(table), persistent=False)
        # [vocabulary]: codes that no item has, and the checkpoint no row for.
        unknown = torch.from_numpy(prompt.checkpoint_ids(dataset.level_sizes) < 0)
        self.register_buffer("unknown", unknown, persistent=False)
        self.firsts = prompt.first_tokens(dataset.level_sizes).tolist()
        self.label_smoothing, self.softmax = label_smoothing, softmax
        self.full_softmax_scores = False  # rank by probabilities over the whole vocabulary

    @property
    def levels(self) -> int:
        return self.trie.levels

    def count(self, sequences: list[np.ndarray]) -> int:
        """How many items of these are predicted."""
        return sum(map(len, sequences)) if self.prompt.asks_throughout else len(sequences)

    def level_logits(self, level: int, hidden: Tensor) -> Tensor:
        return self.llama.logits(hidden, self.firsts[level], self.trie.level_sizes[level])

    def loss(self, sequences: list[np.ndarray]) -> tuple[Tensor, int]:
        """Sum of the negative log-likelihood of items' codes, and the number of items.

        All items where the prompt asks throughout, else the last of each sequence.
        """
        hidden, items = self._run(sequences)
        losses = [self._level_loss(level, hidden[:, level], items) for level in range(self.levels)]
        return torch.stack(losses).sum(), len(items)

    def code_log_probs(self, sequences: list[np.ndarray], only_last: bool = False) -> list[Tensor]:
        """Per level [rows, codes]: a row for each item whose code has an alternative there.

        Log-probabilities over the codes that may follow, -inf for the others; the rows' order
        depends on `sequences` alone. Of each sequence all items, or its last alone.
        """
        hidden, items = self._run(sequences)
        if only_last:
            last = self._last_items(sequences)
            hidden, items = hidden[last], items[last]
        return [
            self._trie_log_probs(level, hidden[:, level], items)[0] for level in range(self.levels)
        ]

    def code_targets(self, sequences: list[np.ndarray], only_last: bool = False) -> list[Tensor]:
        """Per level [rows] which of its codes the item has, for the rows of code_log_probs."""
        items = self._pack(sequences).items
        if only_last:
            items = items[self._last_items(sequences)]
        return [
            self.tokens[items[is_open], level] - self.firsts[level]
            for level, is_open in enumerate(self._open_rows(items))
        ]

    def open_rows(self, sequences: list[np.ndarray]) -> list[Tensor]:
        """Per level [sequences]: whether the last item has a row of code_log_probs; packed order."""
        return self._open_rows(self._pack(sequences).items[self._last_items(sequences)])

    def _open_rows(self, items: Tensor) -> list[Tensor]:
        """Per level [items]: whether several codes may follow there."""
        return [
            self.trie.branches(level)[self.trie.path[items, level]] > 1
            for level in range(self.levels)
        ]

    def block_outputs(self, sequences: list[np.ndarray]) -> list[Tensor]:
        """Each layer's output [tokens, D]; the tokens' order depends on `sequences` alone."""
        outputs: list[Tensor] = []
        self._run(sequences, outputs)
        return outputs

    def _run(
        self, sequences: list[np.ndarray], outputs: list[Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """The states [items, levels, D] that predict each item's codes, and the items."""
        batch = self._pack(sequences)
        hidden = self.llama(batch.tokens, batch.packing, outputs=outputs)
        predicting = hidden.index_select(0, batch.predictors.flatten())
        return predicting.unflatten(0, batch.predictors.shape), batch.items

    def _last_items(self, sequences: list[np.ndarray]) -> Tensor:
        """Where each sequence's last item stands among those that the batch predicts."""
        if not self.prompt.asks_throughout:
            return torch.arange(len(sequences), device=self.tokens.device)
        lengths = list(map(len, sequences))
        packed = torch.tensor([lengths[i] for i in order_by_length(lengths)])
        return packed.to(self.tokens.device).cumsum(0) - 1

    def _pack(self, sequences: list[np.ndarray]) -> PackedItems:
        return pack_items(sequences, self.tokens, self.prompt)

    def _trie_log_probs(
        self, level: int, hidden: Tensor, items: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Of the rows where several codes may follow: log-probabilities, nodes, and which rows."""
        nodes = self.trie.path[items, level]
        open_rows = self.trie.branches(level)[nodes] > 1  # elsewhere the only code is certain
        nodes = nodes[open_rows]
        logits = self.level_logits(level, hidden[open_rows])
        return self.trie.log_probs(level, nodes, logits), nodes, open_rows

    def _level_loss(self, level: int, hidden: Tensor, items: Tensor) -> Tensor:
        targets = self.tokens[items, level] - self.firsts[level]
        if self.softmax == "full":
            logits = self.llama.logits(hidden).float()
            return F.cross_entropy(
                logits,
                targets + self.firsts[level],
                reduction="sum",
                label_smoothing=self.label_smoothing,
            )
        if self.softmax == "level":
            logits = self.level_logits(level, hidden).float()
            return F.cross_entropy(
                logits, targets, reduction="sum", label_smoothing=self.label_smoothing
            )
        log_probs, nodes, open_rows = self._trie_log_probs(level, hidden, items)
        chosen = -log_probs.gather(1, targets[open_rows].unsqueeze(1)).sum()
        allowed = log_probs.masked_fill(log_probs == float("-inf"), 0.0)
        uniform = -(allowed.sum(1) / self.trie.branches(level)[nodes]).sum()
        return (1 - self.label_smoothing) * chosen + self.label_smoothing * uniform

    @torch.no_grad()
    def recommend(
        self, histories: list[np.ndarray], beams: int, excluded: list[np.ndarray] | None = None
    ) -> list[list[int]]:
        """For each history the items of its best `beams` codes, best first.

        `excluded` are items, for each history, that the search leaves out.
        """
        results: list[list[int]] = [[] for _ in histories]
        by_length: dict[int, list[int]] = {}
        for index, history in enumerate(histories):
            by_length.setdefault(len(history), []).append(index)
        for indices in by_length.values():
            left_out = [excluded[i] for i in indices] if excluded else None
            batch = np.stack([histories[i] for i in indices])
            leaves, _ = self.beam_search(batch, beams, left_out)
            for index, row in zip(indices, leaves.tolist()):
                items = [self.trie.leaf_items[leaf] for leaf in row if leaf >= 0]
                barred = set(excluded[index].tolist()) if excluded else set()
                results[index] = [item for group in items for item in group if item not in barred]
        return results

    @torch.no_grad()
    def beam_search(
        self, histories: np.ndarray, beams: int, excluded: list[np.ndarray] | None = None
    ) -> tuple[Tensor, Tensor]:
        """histories [B, items] -> leaves [B, beams], -1 where there are fewer, and their scores.

        Codes whose items are all `excluded` are not searched, which changes no other's score.
        DataError where a score is not a number: nothing can be ranked by it.
        """
        hidden, caches = self._prefill(histories)
        batch = len(histories)
        position = int(self.prompt.length(histories.shape[1], self.levels)) - 1
        nodes = torch.zeros(batch, 1, dtype=torch.long, device=hidden.device)
        scores = torch.zeros(batch, 1, device=hidden.device)
        hidden = hidden.unsqueeze(1)  # [B, 1, D]
        alive = self.trie.alive(excluded) if excluded else None
        for level in range(self.levels):
            nodes, scores, parents, codes = self._extend(
                level, nodes, scores, hidden, beams, alive[level + 1] if alive else None
            )
            if level + 1 < self.levels:
                for cache in caches:
                    cache.reorder(parents)
                position += 1
                hidden = self.llama.step(self.firsts[level] + codes, position, caches)
        if scores.isnan().any():
            raise DataError("the model gives scores that are not numbers: its weights are spoilt")
        return nodes.masked_fill(scores == float("-inf"), -1), scores

    def _prefill(self, histories: np.ndarray) -> tuple[Tensor, list[PromptCache]]:
        """The last hidden state [B, D] of the prompt and every layer's cache."""
        device = self.tokens.device
        asked = int(self.prompt.length(histories.shape[1], self.levels))
        # The question does not depend on what follows it: any item may stand for the next one.
        next_items = np.zeros((len(histories), 1), dtype=histories.dtype)
        sequences = list(np.concatenate([histories, next_items], axis=1))
        tokens = self._pack(sequences).tokens.unflatten(0, (len(sequences), -1))[:, :asked]
        batch, length = tokens.shape
        positions = torch.arange(length, device=device).repeat(batch)
        caches: list[PromptCache] = []
        packing = Packing(((0, batch, length),), positions)
        hidden = self.llama(tokens.reshape(-1), packing, caches)
        return hidden.unflatten(0, (batch, length))[:, -1], caches

    def _extend(
        self,
        level: int,
        nodes: Tensor,
        scores: Tensor,
        hidden: Tensor,
        beams: int,
        alive: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The best `beams` continuations: their nodes, scores, parents and codes, each [B, K].

        alive [B, nodes of the next level]: those that may be reached (default: all).
        """
        size = self.trie.level_sizes[level]
        logits = self.level_logits(level, hidden)
        log_probs = self.trie.log_probs(level, nodes, logits)
        if self.full_softmax_scores:
            every = self.llama.logits(hidden).float().masked_fill(self.unknown, float("-inf"))
            total = every.logsumexp(-1, keepdim=True)
            log_probs = (logits.float() - total).masked_fill(log_probs.isinf(), float("-inf"))
        # A dead beam (score -inf) stands on some node, so its children are finite; the sum is not.
        totals = (scores.unsqueeze(-1) + log_probs).flatten(1)  # [B, K * size]
        if alive is not None:
            children = self.trie.successors(level)[nodes].clamp(min=0).flatten(1)
            totals = totals.masked_fill(~alive.gather(1, children), float("-inf"))
        scores, best = totals.topk(min(beams, totals.shape[1]), dim=1)
        parents, codes = best // size, best % size
        next_nodes = self.trie.successors(level)[nodes.gather(1, parents), codes]
        return next_nodes.clamp(min=0), scores, parents, codes
