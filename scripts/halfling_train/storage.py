"""How a matrix lies in a model directory's safetensors: floats, int8 or int4 with their scales.

int8: a scale for each row. int4: two values a byte, each q + 8, and a scale for every 32 columns.
Everything here is torch on the matrix's own device; a file's bytes are read and written whole.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import Tensor, nn

from .datasets import DataError
from .weights import whole_safetensors

DTYPES = {
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
}
INT4_GROUP = 32  # columns that share a scale
INT7_STEPS = 63  # the largest integer of an int8 matrix that runs as int7
CLIPPED = (1.0, 0.95, 0.9, 0.85)  # shares of the largest value that a scale may reach


@dataclass(frozen=True)
class Place:
    """Where a tensor lies."""

    file: Path
    offset: int  # in the file
    dtype: torch.dtype
    shape: tuple[int, ...]

    def read(self) -> Tensor:
        length = torch.Size(self.shape).numel() * torch.empty(0, dtype=self.dtype).element_size()
        with self.file.open("rb") as file:
            file.seek(self.offset)
            data = file.read(length)
        if len(data) != length:
            raise DataError(f"{self.file}: ends within the tensor at byte {self.offset}")
        return torch.frombuffer(bytearray(data), dtype=self.dtype).view(self.shape)

    def write(self, folder: Path, values: Tensor) -> None:
        """Into the file of the same name in `folder`, at the same place."""
        if tuple(values.shape) != self.shape:
            raise ValueError(f"{tuple(values.shape)} values for a place of {self.shape}")
        stored = values.detach().cpu().to(self.dtype).contiguous().flatten()
        with (folder / self.file.name).open("r+b") as file:
            file.seek(self.offset)
            file.write(stored.view(torch.uint8).numpy().tobytes())


def read_header(path: Path) -> tuple[dict[str, str], dict[str, Place]]:
    """A safetensors file's metadata, and where each of its tensors lies.

    Raises DataError where the file is broken, or a tensor of a type that is not in DTYPES.
    """
    with whole_safetensors(path), safe_open(path, framework="pt") as tensors:
        metadata = tensors.metadata() or {}
    with path.open("rb") as file:  # the library, which has found it whole, tells no offsets
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    header.pop("__metadata__", None)
    places = {}
    for name, entry in header.items():
        if entry["dtype"] not in DTYPES:
            raise DataError(f"{path}: {name} is {entry['dtype']}, expected {', '.join(DTYPES)}")
        offset = 8 + size + entry["data_offsets"][0]
        places[name] = Place(path, offset, DTYPES[entry["dtype"]], tuple(entry["shape"]))
    return metadata, places


class _StraightThrough(torch.autograd.Function):
    """`rounded` in place of `values`; the gradient passes as if nothing had been rounded."""

    @staticmethod
    def forward(context: object, values: Tensor, rounded: Tensor) -> Tensor:
        return rounded

    @staticmethod
    def backward(context: object, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


class Quantizer(nn.Module):
    """Rounds a matrix [rows, cols] to what its file can hold; a parametrization of a weight.

    scales [rows, groups]: the file's, updated by `settle`. A group of `width` columns shares one.
    steps: the largest integer, 127, 63 or 7. dtype: of the scales in the file.
    """

    def __init__(self, scales: Tensor, width: int, steps: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.register_buffer("scales", scales, persistent=False)
        self.width, self.steps, self.dtype = width, steps, dtype

    def forward(self, matrix: Tensor) -> Tensor:
        """The values of the file (Bengio et al., 2013, for the gradient)."""
        with torch.no_grad():
            rounded = self.restore(*self.fit(matrix), matrix.shape[1])
        return _StraightThrough.apply(matrix, rounded)

    def fit(self, matrix: Tensor) -> tuple[Tensor, Tensor]:
        """Integers [rows, groups, width] and scales [rows, groups] of the least squared error.

        Of a few scales; the present ones are among them, so what a file held comes back as it was.
        """
        groups = self._grouped(matrix)
        even = groups.abs().amax(-1) / self.steps
        shares = torch.tensor(CLIPPED, device=even.device).view(-1, 1, 1)
        clipped = (shares * even).to(self.dtype).float()
        candidates = torch.cat([self.scales.unsqueeze(0), clipped])  # [candidates, rows, groups]
        errors = self._error(groups, self._integers(groups, candidates), candidates)
        scales = candidates.gather(0, errors.argmin(0, keepdim=True)).squeeze(0)
        return self._integers(groups, scales), scales

    def settle(self, matrix: Tensor) -> Tensor:
        """The rounded matrix, whose scales become the present ones."""
        integers, self.scales = self.fit(matrix)
        return self.restore(integers, self.scales, matrix.shape[1])

    @staticmethod
    def restore(integers: Tensor, scales: Tensor, cols: int) -> Tensor:
        return (integers * scales.unsqueeze(-1)).flatten(1)[:, :cols]

    def _grouped(self, matrix: Tensor) -> Tensor:
        padding = -matrix.shape[1] % self.width
        return F.pad(matrix.float(), (0, padding)).unflatten(1, (-1, self.width))

    def _integers(self, groups: Tensor, scales: Tensor) -> Tensor:
        scales = scales.unsqueeze(-1)
        quotients = torch.where(scales > 0, groups / scales, torch.zeros_like(groups))
        return quotients.round().clamp(-self.steps, self.steps)

    @staticmethod
    def _error(groups: Tensor, integers: Tensor, scales: Tensor) -> Tensor:
        return (integers * scales.unsqueeze(-1) - groups).pow(2).sum(-1)


def read_matrix(
    places: dict[str, Place], name: str, shape: tuple[int, int]
) -> tuple[Tensor, Quantizer | None]:
    """The values in f32, and what rounds them to the file's precision (None for floats)."""
    place = places[name]
    quantized = place.dtype in (torch.int8, torch.uint8)
    cols = (shape[1] + 1) // 2 if place.dtype == torch.uint8 else shape[1]
    if place.shape != (shape[0], cols):
        raise DataError(f"{place.file}: {name} is {place.shape}, expected {(shape[0], cols)}")
    if not quantized:
        return place.read().float(), None
    width, steps = (shape[1], 127) if place.dtype == torch.int8 else (INT4_GROUP, 7)
    scales = _read_scales(places, name, (shape[0], -(-shape[1] // width)))
    integers = place.read()
    if place.dtype == torch.uint8:
        integers = torch.stack([integers & 15, integers >> 4], -1).flatten(1).to(torch.int8) - 8
        if shape[1] % 2 and integers[:, -1].any():
            raise DataError(f"{place.file}: {name} has an odd row that does not end in 8")
        integers = integers[:, : shape[1]]
    if (integers < -steps).any():
        raise DataError(f"{place.file}: {name} has a value below {-steps}")
    if place.dtype == torch.int8 and not (integers.abs() > INT7_STEPS).any():
        steps = INT7_STEPS  # what the engine runs faster, stays so
    quantizer = Quantizer(scales, width, steps, places[name + "_scale"].dtype)
    grouped = quantizer._grouped(integers)
    if ((scales <= 0) & grouped.any(-1)).any():
        raise DataError(f"{place.file}: {name}_scale has a value that is not positive")
    return Quantizer.restore(grouped, scales, shape[1]), quantizer


def _read_scales(places: dict[str, Place], name: str, shape: tuple[int, int]) -> Tensor:
    place = places.get(name + "_scale")
    dtype, stored = torch.float32, shape[:1]
    if places[name].dtype == torch.uint8:
        dtype, stored = torch.float16, shape
    if place is None or place.dtype != dtype or place.shape != stored:
        found = "absent" if place is None else f"{place.dtype} {place.shape}"
        raise DataError(f"{places[name].file}: {name}_scale is {found}, expected {dtype} {stored}")
    scales = place.read().float().view(shape)
    if not torch.isfinite(scales).all():
        raise DataError(f"{place.file}: {name}_scale has a value that is not finite")
    return scales


def write_matrix(
    places: dict[str, Place],
    name: str,
    values: Tensor,
    quantizer: Quantizer | None,
    folder: Path,
    rows: Tensor | slice = slice(None),
) -> None:
    """Into the same files in `folder`; of the model's rows, the file has `rows`."""
    if quantizer is None:
        places[name].write(folder, values[rows])
        return
    integers, scales = quantizer.fit(values)
    integers, scales = integers.flatten(1)[rows, : values.shape[1]], scales[rows]
    if places[name].dtype == torch.uint8:
        integers = F.pad(integers, (0, values.shape[1] % 2)) + 8
        integers = integers[:, ::2] + 16 * integers[:, 1::2]
    places[name].write(folder, integers)
    scale_place = places[name + "_scale"]
    scale_place.write(folder, scales.view(scale_place.shape))
