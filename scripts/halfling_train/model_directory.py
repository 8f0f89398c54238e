"""The compressor's model directory: its weights as a model that can be trained, and back.

Only values change. Names, dtypes, shapes and places in the files stay, so headers are left alone.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .datasets import DataError, Dataset, read_json
from .description import token_table, write_json
from .llama_config import LlamaConfig
from .semantic_model import SemanticModel

DTYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "I32": np.dtype("<i4")}
VOCABULARY, CODES = "vocabulary.ids", "catalog.codes"
EMBEDDING = "model.embed_tokens.weight"


@dataclass(frozen=True)
class Place:
    """Where a tensor lies."""

    file: Path
    offset: int  # in the file
    dtype: np.dtype
    shape: tuple[int, ...]

    def read(self) -> np.ndarray:
        count = int(np.prod(self.shape))
        values = np.fromfile(self.file, self.dtype, count, offset=self.offset)
        return values.reshape(self.shape)


def sha256_of(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None


class LowRankLinear(nn.Module):
    """y = left (right x); left [out, rank], right [rank, in]."""

    def __init__(self, left: Tensor, right: Tensor) -> None:
        super().__init__()
        self.left, self.right = nn.Parameter(left), nn.Parameter(right)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.linear(x, self.right), self.left)


class ModelDirectory:
    """Reads a model directory of the compressor; raises DataError for one that it cannot train.

    Every file must be there, whole, with the bytes that the manifest lists.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_json(folder / "manifest.json")
        for file in self.manifest["files"]:
            if sha256_of(folder / file["path"]) != file["sha256"]:
                raise DataError(f"{folder / file['path']}: its sha256 is not the manifest's")
        self.shards = [
            folder / file["path"]
            for file in self.manifest["files"]
            if file["path"].endswith(".safetensors")
        ]
        self.places: dict[str, Place] = {}
        self.config: dict = {}
        for shard in self.shards:
            self._index(shard)

    def _index(self, shard: Path) -> None:
        with shard.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size))
        metadata = header.pop("__metadata__", {})
        if "config" in metadata:
            self.config = json.loads(metadata["config"])
        for name, entry in header.items():
            if entry["dtype"] not in DTYPES:
                raise DataError(
                    f"{shard}: {name} is {entry['dtype']}, expected {', '.join(DTYPES)}"
                )
            offset = 8 + size + entry["data_offsets"][0]
            shape = tuple(entry["shape"])
            self.places[name] = Place(shard, offset, DTYPES[entry["dtype"]], shape)

    def load(self, dataset: Dataset) -> SemanticModel:
        """The model over the dataset's whole vocabulary, in f32, its factors as parameters."""
        rows = self._rows(dataset)
        vocab_size = 1 + sum(dataset.level_sizes)
        described = {**self.config, "vocab_size": vocab_size}
        config = LlamaConfig(**{field.name: described[field.name] for field in fields(LlamaConfig)})
        model = SemanticModel(dataset, config)
        for name, module in list(model.llama.named_modules()):
            if f"{name}.left" in self.places:
                parent, _, child = name.rpartition(".")
                factors = (self._values(f"{name}.{side}") for side in ("left", "right"))
                setattr(model.llama.get_submodule(parent), child, LowRankLinear(*factors))
        state = {name: self._values(name) for name in model.llama.state_dict() if name != EMBEDDING}
        state[EMBEDDING] = torch.zeros(vocab_size, config.hidden_size)
        state[EMBEDDING][rows] = self._values(EMBEDDING)
        model.llama.load_state_dict(state)
        return model.eval()

    @torch.no_grad()
    def round(self, model: SemanticModel) -> None:
        """Makes the model what `save` will write, so that figures are those of the files."""
        for name, value in model.llama.state_dict().items():
            dtype = self.places[name].dtype
            with np.errstate(over="ignore"):  # becomes infinite, and is refused below
                rounded = torch.from_numpy(value.cpu().numpy().astype(dtype).astype(np.float32))
            if not torch.isfinite(rounded).all():
                raise DataError(f"{name}: has values beyond the range of {dtype}")
            value.copy_(rounded)

    def check_output(self, output: Path) -> None:
        if output.exists() and not (output / "manifest.json").is_file():
            raise DataError(f"{output}: exists and is no model directory; nothing was written")
        if output.exists() and output.samefile(self.folder):
            raise DataError(f"{output}: is the model to read; expected another folder")

    def save(self, model: SemanticModel, dataset: Dataset, output: Path, record: dict) -> None:
        """A copy at `output` with the model's values, `record` added to manifest.compression.

        The metrics of the old values are dropped. What stood at `output` is replaced at the end.
        """
        self.check_output(output)
        partial = output.with_name(f".{output.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for file in self.manifest["files"]:
            shutil.copyfile(self.folder / file["path"], partial / file["path"])
        rows = self._rows(dataset)
        for name, value in model.llama.state_dict().items():
            place = self.places[name]
            values = (value[rows] if name == EMBEDDING else value).detach().cpu().numpy()
            with (partial / place.file.name).open("r+b") as file:
                file.seek(place.offset)
                file.write(np.ascontiguousarray(values, place.dtype).tobytes())
        write_json(partial / "manifest.json", self._manifest(partial, record))
        shutil.rmtree(output, ignore_errors=True)
        partial.rename(output)

    def _manifest(self, folder: Path, record: dict) -> dict:
        files = [
            {**file, "sha256": sha256_of(folder / file["path"])} for file in self.manifest["files"]
        ]
        digits = "".join(file["sha256"] for file in files)
        manifest = {name: value for name, value in self.manifest.items() if name != "metrics"}
        return {
            **manifest,
            "version": hashlib.sha256(digits.encode()).hexdigest(),
            "files": files,
            "compression": {**manifest["compression"], **record},
        }

    def _values(self, name: str) -> Tensor:
        if name not in self.places:
            raise DataError(f"{self.folder}: no tensor {name}")
        return torch.from_numpy(self.places[name].read().astype(np.float32))

    def _rows(self, dataset: Dataset) -> np.ndarray:
        """Which token of the dataset each row of the embedding is."""
        rows = self.places[VOCABULARY].read()
        codes = self.places[CODES].read()
        wanted = token_table(dataset.codes, dataset.level_sizes)
        if codes.shape != wanted.shape or not np.array_equal(rows[codes], wanted):
            raise DataError(f"{self.folder}: its item codes are not those of {dataset.name}")
        return rows.astype(np.int64)
