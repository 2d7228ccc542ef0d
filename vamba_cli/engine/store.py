"""The on-disk cache of video memories: encode once, ask on another day."""

import hashlib
import json
import os
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from vamba_cli.errors import VambaError
from vamba_cli.kernels.packed import DTYPES
from vamba_cli.model.memory import Looks, VideoMemory

FORMAT = "vamba-memory-4"
_SUFFIX = ".safetensors"
_PARTIAL = ".partial"
_ABANDONED_SECONDS = 3600.0  # nobody wrote to a partial file for so long: its process is dead
_DTYPES = {
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float32: "F32",
    torch.float64: "F64",
    torch.bool: "BOOL",
    torch.int8: "I8",
    torch.float8_e4m3fn: "F8_E4M3",
}


class DamagedMemoryError(VambaError):
    """A saved memory that cannot be read; the video must be encoded again."""


def save_memory(memory: VideoMemory, path: Path, notes: dict[str, str] | None = None) -> None:
    """Write a memory to one safetensors file, tensor by tensor, and rename it into place when it is complete.

    The library's own writer copies every tensor into one buffer first, which would double the memory of a long video.
    """
    tensors: list[tuple[str, Tensor]] = [(field.name, getattr(memory.looks, field.name)) for field in fields(Looks)]
    for layer in range(len(memory.keys)):
        keys, values = memory.rows(layer, 0, memory.num_pairs)
        tensors += [(f"keys.{layer}", keys), (f"values.{layer}", values)]
        if memory.key_scales:
            for name, scales in (("key_scales", memory.key_scales), ("value_scales", memory.value_scales)):
                tensors.append((f"{name}.{layer}", scales[layer][: memory.num_tokens]))
    header: dict[str, Any] = {
        "__metadata__": {
            "format": FORMAT,
            "tokens_per_pair": str(memory.tokens_per_pair),
            "end_seconds": repr(memory.end_seconds),
            "num_layers": str(len(memory.keys)),
            "warnings": json.dumps(memory.warnings),
            **(notes or {}),
        }
    }
    offset = 0
    for name, tensor in tensors:
        stop = offset + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, stop]}
        offset = stop
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}{_PARTIAL}")
    try:
        with partial.open("wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for _, tensor in tensors:
                file.write(tensor.contiguous().cpu().flatten().view(torch.uint8).numpy().data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load_memory(path: Path, device: torch.device) -> VideoMemory:
    """Read what `save_memory` wrote.

    Raises:
        DamagedMemoryError: the file is missing, cut off, or of another format.
    """
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            notes = file.metadata() or {}
            if notes.get("format") != FORMAT:
                raise DamagedMemoryError(f"{path} is not a saved video memory of this version")
            layers = range(int(notes["num_layers"]))

            def read(name: str) -> tuple[Tensor, ...]:
                return tuple(file.get_tensor(f"{name}.{layer}") for layer in layers)

            keys = read("keys")
            scaled = keys[0].dtype in DTYPES.values()
            return VideoMemory(
                keys=keys,
                values=read("values"),
                key_scales=read("key_scales") if scaled else (),
                value_scales=read("value_scales") if scaled else (),
                tokens_per_pair=int(notes["tokens_per_pair"]),
                looks_so_far=Looks(*(file.get_tensor(field.name).cpu() for field in fields(Looks))),
                end_seconds=float(notes["end_seconds"]),
                num_tokens=len(keys[0]),
                warnings=tuple(map(str, json.loads(notes["warnings"]))),
            )
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise DamagedMemoryError(f"{path} cannot be read: {error}") from error


def file_digest(path: Path) -> str:
    """Hash of a file's content: a renamed video keeps its memory, a changed one loses it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]


def memory_key(parts: Sequence[object]) -> str:
    """One name for everything that the memory depends on."""
    return hashlib.blake2b(json.dumps([str(part) for part in parts]).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class StoreEntry:
    """One saved memory; when it was made and used is in seconds since the epoch."""

    path: Path
    size_bytes: int
    video_path: str
    model: str
    created_seconds: float
    used_seconds: float
    span: tuple[float, float] | None  # seconds of the video from its first frame to its end; None if it does not say
    num_frames: int


class MemoryStore:
    """A folder of saved memories under a size limit; the one unused for longest goes first."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder, self.limit_bytes = folder, limit_bytes

    def load(self, key: str, device: torch.device) -> VideoMemory | None:
        """The memory saved under the key, or None; a damaged file is removed."""
        path = self.folder / f"{key}{_SUFFIX}"
        if not path.exists():
            return None
        try:
            memory = load_memory(path, device)
        except DamagedMemoryError:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            return None
        with suppress(OSError):  # a cache that may only be read serves all the same
            os.utime(path)
        return memory

    def save(self, key: str, memory: VideoMemory, video_path: str, model: str) -> bool:
        """Keep a memory; False if it alone is larger than the limit. Room is made before, not after."""
        size = memory.num_bytes + memory.looks.num_bytes
        if size > self.limit_bytes:
            return False
        self._make_room(size)
        notes = {"video_path": video_path, "model": model, "created_seconds": repr(time.time())}
        save_memory(memory, self.folder / f"{key}{_SUFFIX}", notes)
        return True

    def contains(self, key: str) -> bool:
        return (self.folder / f"{key}{_SUFFIX}").exists()

    def entries(self) -> list[StoreEntry]:
        """All saved memories, the most recently used first."""
        found = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            times = torch.zeros(0)
            try:
                stat = path.stat()
                with safe_open(path, framework="pt") as file:
                    notes = file.metadata() or {}
                    names = file.keys()
                    if "times_seconds" in names:
                        times = file.get_tensor("times_seconds")
            except (OSError, SafetensorError):
                notes = {"video_path": "(unreadable)"}
            created = float(notes.get("created_seconds", stat.st_ctime))
            video, model = notes.get("video_path", "?"), notes.get("model", "?")
            span = (float(times[0]), float(notes["end_seconds"])) if len(times) and "end_seconds" in notes else None
            found.append(StoreEntry(path, stat.st_size, video, model, created, stat.st_mtime, span, len(times)))
        return sorted(found, key=lambda entry: -entry.used_seconds)

    def clear(self, match: str | None = None) -> int:
        """Remove memories, all of them or those whose video path contains `match`; returns the bytes freed."""
        freed = 0
        self._sweep()
        for entry in self.entries():
            if match is None or match in entry.video_path:
                entry.path.unlink(missing_ok=True)
                freed += entry.size_bytes
        return freed

    def _sweep(self) -> None:
        """Remove what processes that were killed while saving left behind."""
        for path in self.folder.glob(f"*{_PARTIAL}"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    path.unlink()

    def _make_room(self, wanted_bytes: int) -> None:
        self._sweep()
        entries = self.entries()
        total = sum(entry.size_bytes for entry in entries)
        while entries and total + wanted_bytes > self.limit_bytes:
            oldest = entries.pop()
            oldest.path.unlink(missing_ok=True)
            total -= oldest.size_bytes
