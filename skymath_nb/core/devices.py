"""The machine under a model.

Which device there is, how much memory it has, whether it multiplies bfloat16.
"""

import os
from typing import NamedTuple


class Memory(NamedTuple):
    """Bytes of a device: in all, and not in use now."""

    total: int
    free: int


def choose(device: str = "auto", processes: int = 1) -> str:
    """Return "cpu" or "cuda" for "auto", "cpu" or "cuda".

    Args:
        processes: How many will train on the machine's GPUs, 0 where nothing is trained; a
            launcher's own processes (WORLD_SIZE is set) have one each.

    Raises:
        ValueError: If there is no such device, or if one process sees several GPUs.
    """
    import torch

    found = "cuda" if torch.cuda.is_available() else "cpu"
    device = found if device == "auto" else device
    if device not in ("cpu", found):
        raise ValueError(
            f'device={device!r} was asked for, but this machine gives {found}; use "auto".'
        )
    if (
        device == "cuda"
        and torch.cuda.device_count() > 1
        and processes == 1
        and "WORLD_SIZE" not in os.environ
    ):
        raise ValueError(
            f"{torch.cuda.device_count()} GPUs are visible to one process, which trains on one: "
            "set CUDA_VISIBLE_DEVICES=0 before the kernel starts, or name a launcher "
            "(params/accelerate/*.yaml)."
        )
    return device


def multiplies_bfloat16(device: str) -> bool:
    """True where mixed precision pays.

    A GPU of this decade, or a processor with bfloat16 instructions (a third faster there).
    """
    import torch

    found = torch.cpu.get_capabilities()
    if device == "cuda":
        return torch.cuda.is_bf16_supported()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def memory(device: str) -> Memory:
    """Return the memory of this process's GPU, or of the machine."""
    if device == "cuda":
        import torch

        free, total = torch.cuda.mem_get_info(int(os.environ.get("LOCAL_RANK", "0")))
        return Memory(total, free)
    import psutil

    found = psutil.virtual_memory()
    return Memory(found.total, found.available)
