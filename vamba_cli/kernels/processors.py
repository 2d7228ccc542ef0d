"""What a device has: processors, among which work is shared out, their shared memory, and copies of tiles."""

from functools import cache

import torch
from triton.runtime import driver


@cache
def num_processors(device: torch.device) -> int:
    """Streaming multiprocessors of a CUDA device; 16, as it were, where kernels are interpreted on a CPU."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 16


def copies_tiles(device: torch.device) -> bool:
    """Whether hardware copies tiles of tensors, as Hopper and later do; so it is, as it were, on a CPU."""
    return device.type != "cuda" or torch.cuda.get_device_capability(device)[0] >= 9


@cache
def shared_bytes(device: torch.device) -> int:
    """Shared memory that one program may have: about 227 KiB on a Hopper, 99 KiB on cards of consumers."""
    if device.type != "cuda":
        return 1 << 30  # an interpreter has no such bound
    index = torch.cuda.current_device() if device.index is None else device.index
    return int(driver.active.utils.get_device_properties(index)["max_shared_mem"])
