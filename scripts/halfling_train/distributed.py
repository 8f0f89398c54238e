"""One process or several: what torchrun's processes must exchange, and nothing else."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import torch
import torch.distributed as dist

from .datasets import DataError


@dataclass(frozen=True)
class Workers:
    rank: int
    count: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    @property
    def device_name(self) -> str:
        """Such as "NVIDIA H100 80GB HBM3", or "cpu"."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"

    @staticmethod
    def join(device_name: str) -> Workers:
        """Joins torchrun's group where there is one (nccl on CUDA, gloo on CPU).

        `device_name` is auto, cpu, or cuda with or without a number; DataError where it is none of
        them, or not here.
        """
        device = find_device(device_name)
        if "RANK" not in os.environ:
            return Workers(0, 1, device)
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return Workers(dist.get_rank(), dist.get_world_size(), device)

    @staticmethod
    def alone(device_name: str) -> Workers:
        """DataError under torchrun, for work that every process would do and print anew."""
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise DataError("expected one process; this work is not shared between several")
        return Workers(0, 1, find_device(device_name))

    def share(self, rows: list) -> list:
        """This worker's part of `rows`."""
        return rows[self.rank :: self.count]

    def unshare(self, part: list) -> list:
        """The whole of what `share` cut up, in order; on every worker."""
        if self.count == 1:
            return part
        parts: list = [None] * self.count
        dist.all_gather_object(parts, part)
        rows: list = [None] * sum(map(len, parts))
        for rank, rows_of_rank in enumerate(parts):
            rows[rank :: self.count] = rows_of_rank
        return rows

    def sum(self, values: list[float]) -> list[float]:
        """The sum of each over the workers, on every worker."""
        if self.count == 1:
            return values
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return total.tolist()

    def sum_gradients(self, parameters: list[torch.nn.Parameter]) -> None:
        if self.count == 1:
            return
        flat = torch.cat([parameter.grad.flatten() for parameter in parameters])
        dist.all_reduce(flat)
        parts = flat.split([parameter.numel() for parameter in parameters])
        for parameter, part in zip(parameters, parts):
            parameter.grad.copy_(part.view_as(parameter))

    def agree(self, value: float) -> float:
        """The main worker's value, on every worker."""
        if self.count == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values)
        return values[0]

    def leave(self) -> None:
        if self.count > 1:
            dist.destroy_process_group()


def find_device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise DataError(f"--device {name}: expected auto, cpu or cuda")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise DataError(f"--device {name}: not here; PyTorch finds {found} CUDA devices")
    return device
