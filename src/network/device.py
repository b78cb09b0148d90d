"""Which device computes, and in which arithmetic."""

import contextlib
import copy
import ctypes
import os
import time

import torch
from torch import nn

from utils.console import Failure

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def pick_device(name: str) -> torch.device:
    """The device called name; 'auto' takes CUDA, then MPS, then the CPU.

    Raises Failure for one that this machine does not have.
    """
    available = ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available()
    available.append("cpu")
    if name == "auto":
        return torch.device(available[0])
    with contextlib.suppress(RuntimeError):  # of a name that is none
        device = torch.device(name)
        count = torch.cuda.device_count() if device.type == "cuda" else 1
        if device.type in available and (device.index or 0) < count:
            return device
    have = ", ".join(available)
    raise Failure(f"device {name} is not available here: choose from {have}")


def describe_device(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} (CUDA {torch.version.cuda})"
    return f"{device.type} ({os.cpu_count()} cores)" if device.type == "cpu" else device.type


def place(model: nn.Module, device: torch.device) -> nn.Module:
    """Move to the device in channels_last order, in which depthwise convolutions are faster."""
    return model.to(device, memory_format=torch.channels_last)


def keep_freed_memory() -> bool:
    """Let the C library keep the memory that a training step frees for the next; say if it can.

    Otherwise glibc returns large blocks to the system, which clears their pages anew every step.
    """
    with contextlib.suppress(OSError, AttributeError):  # another system, another library
        libc = ctypes.CDLL("libc.so.6")
        return bool(libc.mallopt(M_MMAP_MAX, 0) and libc.mallopt(M_TRIM_THRESHOLD, -1))
    return False


def choose_precision(model: nn.Module, device: torch.device, size_px: int) -> str:
    """fp16 on CUDA; on other devices what a short trial of training steps finds faster.

    A rule would not do: bf16 pays where the CPU multiplies matrices in it, and else costs.
    """
    if device.type == "cuda":
        return "fp16"
    if device.type != "cpu":
        return "fp32"
    with torch.random.fork_rng(devices=[]):
        trial = copy.deepcopy(model).train()
        images = torch.randn(8, 3, size_px, size_px).contiguous(memory_format=torch.channels_last)
        seconds = {name: float("inf") for name in ("fp32", "bf16")}
        for _ in range(3):
            for name in seconds:
                start = time.perf_counter()
                with torch.autocast("cpu", DTYPES[name], enabled=name != "fp32"):
                    loss = trial(images).float().square().mean()
                loss.backward()
                seconds[name] = min(seconds[name], time.perf_counter() - start)
    return min(seconds, key=seconds.get)
