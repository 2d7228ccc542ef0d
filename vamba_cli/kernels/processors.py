"""How many processors a device has, which decides into how many parts work is cut."""

from functools import cache

import torch


@cache
def num_processors(device: torch.device) -> int:
    """Streaming multiprocessors of a CUDA device; 16, as it were, where kernels are interpreted on a CPU."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 16
