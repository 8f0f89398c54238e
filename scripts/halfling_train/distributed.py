"""One process or several: what torchrun's processes must exchange, and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist


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
        """Joins torchrun's group where there is one (nccl on CUDA, gloo on CPU)."""
        if device_name == "auto":
            device_name = "cuda" if torch.cuda.is_available() else "cpu"
        if "RANK" not in os.environ:
            return Workers(0, 1, torch.device(device_name))
        if device_name == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if device_name == "cuda" else "gloo")
        return Workers(dist.get_rank(), dist.get_world_size(), torch.device(device_name))

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
