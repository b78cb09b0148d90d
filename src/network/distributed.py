"""The processes that torchrun started to train one model together; alone, a team of one."""

import os
import sys
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Team:
    """rank: this process's number in [0, size). Rank 0 alone prints and writes."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def any(self, flag: bool) -> bool:
        """Whether any member says so; all get the same answer at the same step."""
        if self.size == 1:
            return flag
        flags = torch.tensor(float(flag), device=_device())
        dist.all_reduce(flags)
        return bool(flags.item())

    def gather(self, value) -> list:
        """Every member's value, by rank."""
        if self.size == 1:
            return [value]
        values = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        if self.size > 1:
            dist.barrier()

    def share_buffers(self, model: torch.nn.Module) -> None:
        """Give everybody rank 0's running statistics: each has seen other batches."""
        if self.size > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, 0)

    def leave(self) -> None:
        if self.size > 1:
            dist.destroy_process_group()


def join_team(wants_cuda: bool) -> Team:
    """The team that torchrun's environment describes, NCCL on GPUs and gloo on CPUs."""
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        return Team()
    if wants_cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if wants_cuda else "gloo")
    if dist.get_rank() > 0:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (for the life of the process)
    return Team(dist.get_rank(), size)


def _device() -> str:
    return "cuda" if dist.get_backend() == "nccl" else "cpu"
