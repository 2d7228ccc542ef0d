"""What a device has: how many processors, which decides into how many parts work is cut, and copies of tiles."""

from functools import cache

import torch


@cache
def num_processors(device: torch.device) -> int:
    """Streaming multiprocessors of a CUDA device; 16, as it were, where kernels are interpreted on a CPU."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 16


def copies_tiles(device: torch.device) -> bool:
    """Whether hardware copies tiles of tensors, as Hopper and later do; so it is, as it were, on a CPU."""
    return device.type != "cuda" or torch.cuda.get_device_capability(device)[0] >= 9
