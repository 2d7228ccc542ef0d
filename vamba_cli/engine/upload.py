"""Frames to the device, and small results back, beside the work that goes on there."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def upload(frames: npt.NDArray[np.uint8], rows: npt.NDArray[np.intp], device: torch.device) -> Tensor:
    """Some rows of `frames` on the device; for a GPU through pinned memory, on a stream of its own."""
    if device.type != "cuda":
        return torch.from_numpy(frames[rows]).to(device)
    pinned = torch.empty((len(rows), *frames.shape[1:]), dtype=torch.uint8, pin_memory=True)
    np.take(frames, rows, axis=0, out=pinned.numpy(), mode="clip")  # the default mode would copy twice
    here = torch.cuda.current_stream(device)
    with torch.cuda.stream(_stream(device)):
        there = pinned.to(device, non_blocking=True)
    here.wait_stream(_stream(device))
    there.record_stream(here)
    return there


def upload_ids(ids: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """Token ids (batch, length) on the device; a GPU that is at work gets them without being waited for."""
    here = torch.tensor(ids)
    return here.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else here.to(device)


def download(values: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """Values on the CPU, and when they are there; None: they are there now."""
    if values.device.type != "cuda":
        return values.cpu(), None
    pinned = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    pinned.copy_(values, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record()
    return pinned, arrived


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)
