"""The compressor's model directory: its weights as a model that can be trained, and back.

Only values change. Names, dtypes, shapes and places in the files stay, so headers are left alone.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from .config_file import read_config
from .datasets import DataError, Dataset, read_json
from .description import write_json
from .factors import LowRankLinear, PivotedLinear
from .prompt import Prompt
from .replacing import names_in, new_folder
from .rms_norm import RmsNorm
from .semantic_model import SemanticModel
from .storage import Place, Quantizer, read_header, read_matrix, write_matrix
from .weights import sha256_of

MANIFEST, FORMAT = "manifest.json", 1
VOCABULARY, CODES = "vocabulary.ids", "catalog.codes"
METADATA = ("config", "prompt")  # JSON objects in one shard's header
REPORT = "compression.json"  # of the compressor, beside the manifest but not listed in it


class ModelDirectory:
    """Reads a model directory of the compressor; raises DataError for one that it cannot train.

    Every file must be there, whole, with the bytes that the manifest lists.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
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
        self.prompt: dict = {}  # in tokens that the directory keeps
        for shard in self.shards:
            self._index(shard)

    def _index(self, shard: Path) -> None:
        metadata, places = read_header(shard)
        self.places |= places
        if "config" in metadata:
            self.config, self.prompt = (metadata_object(metadata, n, shard) for n in METADATA)

    def load(self, dataset: Dataset, prompt: Prompt = Prompt()) -> SemanticModel:
        """The model over the tokens of `prompt`, its matrices as parameters in f32.

        What the files hold in integers is rounded to them again wherever the model uses it.
        """
        rows = self._rows(dataset, prompt)
        self._check_prompt(prompt, rows)
        size, levels = prompt.vocabulary_size(dataset.level_sizes), len(dataset.level_sizes)
        config = read_config(self.config, size, self.folder, prompt.longest(levels))
        model = SemanticModel(dataset, config, prompt=prompt)
        for name, table in model.llama.tables.items():
            self._load_table(name, table, rows)
        for path, module in list(model.llama.model.named_modules(prefix="model")):
            if isinstance(module, nn.Linear):
                self._load_linear(model, path, module)
            elif isinstance(module, RmsNorm):
                module.weight.data = self._vector(f"{path}.weight", module.weight.shape)
        self._check_nothing_is_left_over(model)
        return model.eval()

    def _check_prompt(self, prompt: Prompt, rows: Tensor) -> None:
        kept = {int(token): row for row, token in enumerate(rows)}
        for name in ("prefix", "separator", "suffix"):
            wanted = [kept.get(token) for token in getattr(prompt, name)]
            if self.prompt.get(name) != wanted:
                raise DataError(f"{self.folder}: its prompt's {name} is not that of the original")
        if self.prompt.get("max_history") != prompt.max_history:
            raise DataError(
                f"{self.folder}: its prompt has {self.prompt.get('max_history')} items; expected "
                f"{prompt.max_history}, as the original's has"
            )

    def _load_table(self, name: str, table: nn.Module, rows: Tensor) -> None:
        tokens, width = table.weight.shape
        values, quantizer = self._matrix(name, (len(rows), width))
        table.weight.data = at_rows(values, rows, tokens)
        if quantizer:
            quantizer.scales = at_rows(quantizer.scales, rows, tokens)
            register_parametrization(table, "weight", quantizer)

    def _load_linear(self, model: SemanticModel, path: str, module: nn.Linear) -> None:
        rows, cols = module.weight.shape
        if module.bias is not None:
            module.bias.data = self._vector(f"{path}.bias", module.bias.shape)
        if f"{path}.right" not in self.places:
            values, quantizer = self._matrix(f"{path}.weight", (rows, cols))
            module.weight.data = values
            if quantizer:
                register_parametrization(module, "weight", quantizer)
            return
        rank = self.places[f"{path}.right"].shape[0]
        pivots = self._pivots(path, rank, rows)
        left_rows = rows if pivots is None else rows - rank
        right, right_quantizer = self._matrix(f"{path}.right", (rank, cols))
        left, left_quantizer = self._matrix(f"{path}.left", (left_rows, rank))
        bias = None if module.bias is None else module.bias.data
        factors = (
            LowRankLinear(left, right, bias)
            if pivots is None
            else PivotedLinear(left, right, pivots, bias)
        )
        for side, quantizer in (("left", left_quantizer), ("right", right_quantizer)):
            if quantizer:
                register_parametrization(factors, side, quantizer)
        parent, _, child = path.rpartition(".")
        setattr(model.llama.get_submodule(parent), child, factors)

    def _pivots(self, path: str, rank: int, rows: int) -> Tensor | None:
        place = self.places.get(f"{path}.pivots")
        if place is None:
            return None
        pivots = place.read().long()
        rising = pivots.dim() == 1 and (pivots[1:] > pivots[:-1]).all()
        if not rising or not rank == len(pivots) < rows or pivots[0] < 0 or pivots[-1] >= rows:
            raise DataError(
                f"{place.file}: {path}.pivots: expected {rank} rising row numbers below {rows}"
            )
        return pivots

    def _check_nothing_is_left_over(self, model: SemanticModel) -> None:
        used: set[str] = set()
        for name, _, quantizer in stored_weights(model):
            used |= {name, f"{name}_scale"} if quantizer else {name}
            used.add(name.rpartition(".")[0] + ".pivots")
        for name, place in self.places.items():
            if name not in used and not name.startswith(("catalog.", "vocabulary.")):
                raise DataError(f"{place.file}: {name} is no part of a model that can be healed")

    @torch.no_grad()
    def round(self, model: SemanticModel) -> None:
        """Makes the model what `save` will write, so that figures are those of the files."""
        for name, parameter, quantizer in stored_weights(model):
            dtype = self.places[name].dtype
            rounded = quantizer.settle(parameter) if quantizer else parameter.to(dtype).float()
            if not torch.isfinite(rounded).all():
                raise DataError(
                    f"{name}: has values beyond the range of {str(dtype).removeprefix('torch.')}"
                )
            parameter.copy_(rounded)

    def check_output(self, output: Path) -> None:
        """DataError where putting a model at `output` would delete more than a model."""
        names = names_in(output)
        if not names:
            return
        if output.samefile(self.folder):
            raise DataError(f"{output}: is the model to read; expected another folder")
        try:
            manifest = read_manifest(output)
        except DataError:
            raise DataError(
                f"{output}: holds files but no model of `halfling compress`; choose another "
                "folder or remove it"
            ) from None
        strange = names - {MANIFEST, REPORT, *(file["path"] for file in manifest["files"])}
        if strange:
            raise DataError(
                f"{output}: holds {min(strange)}, which is no part of the model there; replacing "
                "the model would delete it"
            )

    def save(self, model: SemanticModel, dataset: Dataset, output: Path, record: dict) -> None:
        """A copy at `output` with the model's values, `record` added to manifest.compression.

        The metrics of the old values are dropped. A model that stood at `output` is replaced at
        the end; DataError where something else stands there.
        """
        self.check_output(output)
        rows = self._rows(dataset, model.prompt)
        with new_folder(output) as partial:
            for file in self.manifest["files"]:
                shutil.copyfile(self.folder / file["path"], partial / file["path"])
            with torch.no_grad():
                for name, parameter, quantizer in stored_weights(model):
                    kept = rows.to(parameter.device) if name in model.llama.tables else slice(None)
                    write_matrix(self.places, name, parameter, quantizer, partial, kept)
            self._carry_report(partial)
            write_json(partial / MANIFEST, self._manifest(partial, record))

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

    def _carry_report(self, folder: Path) -> None:
        """The compressor's report, without the errors of the values before healing."""
        if not (self.folder / REPORT).exists():
            return
        report = read_json(self.folder / REPORT)
        for entry in (*report.get("matrices", ()), *report.get("layers", ())):
            entry["relative_error"] = None
        write_json(folder / REPORT, report)

    def _matrix(self, name: str, shape: tuple[int, int]) -> tuple[Tensor, Quantizer | None]:
        self._check_present(name)
        return read_matrix(self.places, name, shape)

    def _vector(self, name: str, shape: torch.Size) -> Tensor:
        self._check_present(name)
        place = self.places[name]
        if not place.dtype.is_floating_point or place.shape != shape:
            raise DataError(
                f"{place.file}: {name} is {place.dtype} {place.shape}, expected floats {shape}"
            )
        return place.read().float()

    def _check_present(self, name: str) -> None:
        if name not in self.places:
            raise DataError(f"{self.folder}: no tensor {name}")

    def _rows(self, dataset: Dataset, prompt: Prompt) -> Tensor:
        """Which of the model's tokens each row of the embedding is."""
        ids = prompt.checkpoint_ids(dataset.level_sizes)
        token_of = {int(number): token for token, number in enumerate(ids)}
        for name in (VOCABULARY, CODES):
            self._check_present(name)
        kept = self.places[VOCABULARY].read().tolist()
        unknown = [number for number in kept if number not in token_of]
        if unknown:
            raise DataError(
                f"{self.folder}: keeps token {unknown[0]}, which {dataset.name} has not"
            )
        rows = torch.tensor([token_of[number] for number in kept])
        codes = self.places[CODES].read().long()
        wanted = torch.from_numpy(prompt.token_table(dataset.codes, dataset.level_sizes))
        fits = codes.shape == wanted.shape and bool((codes < len(rows)).all())
        if not fits or not torch.equal(rows[codes], wanted):
            raise DataError(f"{self.folder}: its item codes are not those of {dataset.name}")
        return rows


def read_manifest(folder: Path) -> dict:
    """manifest.json; DataError that names the field where the compressor did not write it."""
    path = folder / MANIFEST
    manifest = read_json(path)
    if manifest.get("format") != FORMAT:
        raise DataError(f"{path}: format is {manifest.get('format')!r}; expected {FORMAT}")
    if not isinstance(manifest.get("version"), str):
        raise DataError(f"{path}: version: expected a text")
    if not isinstance(manifest.get("compression"), dict):
        raise DataError(f"{path}: compression: expected an object")
    files = manifest.get("files")
    if not isinstance(files, list) or not files or not all(map(is_listed_file, files)):
        raise DataError(f"{path}: files: expected objects with path and sha256, of files beside it")
    return manifest


def is_listed_file(entry: object) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str):
        return False
    name = entry.get("path")
    return isinstance(name, str) and Path(name).name == name


def metadata_object(metadata: dict[str, str], name: str, shard: Path) -> dict:
    try:
        value = json.loads(metadata.get(name, ""))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise DataError(f"{shard}: {name} of its metadata: expected a JSON object")
    return value


def at_rows(values: Tensor, rows: Tensor, count: int) -> Tensor:
    """[count, …]: `values` at `rows`, zeros elsewhere."""
    whole = torch.zeros(count, *values.shape[1:])
    whole[rows] = values
    return whole


def stored_weights(
    model: SemanticModel,
) -> Iterator[tuple[str, nn.Parameter, Quantizer | None]]:
    """Each weight by its name in the files, as it is trained, and what rounds it."""
    for name, parameter in model.llama.named_parameters():
        path = name.removesuffix(".original")
        quantizer = None if path == name else model.llama.get_submodule(path)[0]
        yield path.replace(".parametrizations.", "."), parameter, quantizer
