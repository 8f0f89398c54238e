"""A pretrained language model that learns a catalogue's codes: how it starts, how it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer
from torch import Tensor

from .config_file import read_config
from .datasets import DataError, Dataset, code_word, read_json
from .description import write_description, write_json
from .llama_config import Dropout
from .prompt import Prompt
from .replacing import new_file
from .semantic_model import SemanticModel
from .weights import EMBEDDING, WEIGHTS, load_weights, matching

# At the known tokens' whole spread the model is sure of the wrong code: 36 nats an item on
# instruments before the first step, where chance has 9; at this one 15.
NEW_TOKENS_SPREAD = 0.3
TOKENIZER = "tokenizer.json"


def code_words(level_sizes: tuple[int, ...]) -> list[str]:
    """The codes as LC-Rec writes them: <a_0>, <a_1>, … <b_0>, …"""
    return [
        code_word(level, code) for level, size in enumerate(level_sizes) for code in range(size)
    ]


def read_tokenizer(folder: Path) -> Tokenizer:
    path = folder / TOKENIZER
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no narrower class
        raise DataError(f"{path}: not a tokenizer: {error}") from None


@dataclass
class Pretrained:
    """A Hugging Face directory of a Llama, Mistral, Qwen2 or Qwen3, and its tokenizer."""

    folder: Path
    config: dict
    weights: dict[str, Tensor]
    tokenizer: Tokenizer

    @staticmethod
    def read(folder: Path) -> Pretrained:
        """Raises DataError where a file is missing or the model is of another kind."""
        path = folder / "config.json"
        config = read_json(path)
        read_config(config, 1, path)  # which refuses what is of another kind
        return Pretrained(folder, config, load_weights(folder), read_tokenizer(folder))

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def end_token(self) -> int:
        """What ends a text; the first where there are several, as of Llama 3."""
        ends = self.config.get("eos_token_id")
        end = ends[0] if isinstance(ends, list) and ends else ends
        if not isinstance(end, int):
            path = self.folder / "config.json"
            raise DataError(f"{path}: eos_token_id is {ends}; expected a token, to end titles")
        return end

    def prompt(
        self,
        instruction: str,
        separator: str,
        level_sizes: tuple[int, ...],
        others: set[int] = frozenset(),
    ) -> Prompt:
        """Codes become new tokens after the tokenizer's own."""
        prefix = self.encode(instruction)
        if not prefix:
            raise DataError("the instruction is empty; expected at least one token")
        between, first = self.encode(separator), self.tokenizer.get_vocab_size()
        code_ids = range(first, first + sum(level_sizes))
        return Prompt.of_text(prefix, between, between, code_ids, others)

    def start(
        self,
        dataset: Dataset,
        prompt: Prompt,
        dropout: Dropout,
        label_smoothing: float,
        layers: int = 0,
        from_scratch: bool = False,
    ) -> SemanticModel:
        """The model before fine-tuning, of the first `layers` layers or of all (0).

        `from_scratch`: random weights throughout, to measure what the pretrained ones are worth.

        A new token starts as a draw from the normal distribution of the known ones, each dimension
        by itself, narrowed by NEW_TOKENS_SPREAD.
        """
        described = {**self.config, "num_hidden_layers": layers or self.config["num_hidden_layers"]}
        self._refuse_known_codes(dataset)
        if described["num_hidden_layers"] > self.config["num_hidden_layers"]:
            raise DataError(f"{self.folder}: has {self.config['num_hidden_layers']} layers only")
        size = prompt.vocabulary_size(dataset.level_sizes)
        longest = prompt.longest(len(dataset.level_sizes))
        config = read_config(described, size, self.folder / "config.json", longest)
        model = SemanticModel(dataset, config, dropout, label_smoothing, prompt=prompt)
        if from_scratch:
            return model
        weights = dict(self.weights)
        for name in model.llama.tables:
            if name in weights:
                known = weights[name].float()
                new = torch.randn(size - len(prompt.text), known.shape[1])
                spread = NEW_TOKENS_SPREAD * known.std(0)
                weights[name] = torch.cat([known[list(prompt.text)], known.mean(0) + spread * new])
        model.llama.load_state_dict(matching(weights, model.llama.state_dict(), self.folder))
        return model

    def save(self, model: SemanticModel, dataset: Dataset, output: Path) -> None:
        """A checkpoint directory with the whole vocabulary: the codes' tokens are added to it."""
        ids = torch.from_numpy(model.prompt.checkpoint_ids(dataset.level_sizes))
        trained = {name: p.detach().bfloat16().cpu() for name, p in model.llama.named_parameters()}
        tables = {
            name: with_rows(self.weights[name].bfloat16(), ids, trained[name])
            for name in model.llama.tables
        }
        contiguous = {name: value.contiguous() for name, value in {**trained, **tables}.items()}
        with new_file(output / WEIGHTS) as partial:
            save_file(contiguous, str(partial), metadata={"format": "pt"})
        layers = model.llama.config.num_hidden_layers
        kinds = self.config.get("layer_types")  # of each layer, as newer files have it
        config = {
            **self.config,
            **({"layer_types": kinds[:layers]} if kinds else {}),
            "num_hidden_layers": layers,
            "vocab_size": len(tables[EMBEDDING]),
            "torch_dtype": "bfloat16",
        }
        write_json(output / "config.json", config)
        self._save_tokenizer(dataset, output)
        write_description(output, dataset, model.prompt)

    def _refuse_known_codes(self, dataset: Dataset) -> None:
        for word in code_words(dataset.level_sizes):
            if self.tokenizer.token_to_id(word) is not None:
                path = self.folder / TOKENIZER
                raise DataError(f"{path}: has {word} already; expected a model without codes")

    def _save_tokenizer(self, dataset: Dataset, output: Path) -> None:
        tokenizer = Tokenizer.from_str(self.tokenizer.to_str())
        words = code_words(dataset.level_sizes)
        tokenizer.add_tokens([AddedToken(word, normalized=False) for word in words])
        with new_file(output / TOKENIZER) as partial:
            tokenizer.save(str(partial))
        settings = self.folder / "tokenizer_config.json"
        if settings.is_file():
            with new_file(output / settings.name) as partial:
                partial.write_bytes(settings.read_bytes())


def with_rows(table: Tensor, ids: Tensor, rows: Tensor) -> Tensor:
    """`table` [known, D] with `rows` at `ids`, and zeros between where ids lie beyond it."""
    whole = table.new_zeros(max(len(table), int(ids.max()) + 1), table.shape[1])
    whole[: len(table)] = table
    whole[ids] = rows
    return whole
